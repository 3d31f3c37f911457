//! Whole runs: from a recipe to a result, as a plan of resumable stages.

mod finalists;
mod gradient;
mod lab;
mod ranking;
mod search;
mod stages;
mod standalone;
mod truth;

pub use finalists::Finalist;
pub use gradient::{Flag, GradientResult, GradientRow, PartRow, RandomRow};
pub use lab::Lab;
pub use ranking::{COLUMNS, FreeRow, MeanSpread, RankingResult, RankingRow, RegionRow};
pub use search::{HistoryEntry, RandomNetwork, SearchResult};
pub use stages::Trained;
pub use standalone::TrainResult;
pub use truth::{Spread, Truth, TruthResult};

use std::path::Path;

use burn::tensor::Device;
use serde::Serialize;

use crate::recipe::{Kind, Recipe, RecipeError};
use crate::run::{Interrupt, Plan, PlanError, Progress, RunError, RunFolder, Stage};

/// Why a run could not be begun or ended.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The images.
    #[error(transparent)]
    Data(#[from] fewshot_data::DataError),
    /// The recipe.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The space.
    #[error(transparent)]
    Space(#[from] fewshot_space::SpaceError),
    /// An architecture's text.
    #[error(transparent)]
    Arch(#[from] fewshot_space::ParseArchError),
    /// The region to search.
    #[error(transparent)]
    Region(#[from] fewshot_space::RegionError),
    /// The parts of the region.
    #[error(transparent)]
    Partition(#[from] fewshot_space::PartitionError),
    /// A network.
    #[error(transparent)]
    Net(#[from] crate::nets::NetError),
    /// Scoring.
    #[error(transparent)]
    Estimate(#[from] crate::estimate::EstimateError),
    /// Training.
    #[error(transparent)]
    Train(#[from] crate::train::TrainError),
    /// A gradient-based search.
    #[error(transparent)]
    Gradient(#[from] crate::gradient::GradientError),
    /// The strategy.
    #[error(transparent)]
    Search(#[from] crate::search::SearchError),
    /// Rank metrics.
    #[error(transparent)]
    Rank(#[from] crate::rank::RankError),
    /// The run folder.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The trained network.
    #[error(transparent)]
    Model(#[from] crate::model::ModelError),
    /// The trained network as ONNX.
    #[error(transparent)]
    Export(#[from] crate::export::ExportError),
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] crate::run::CheckpointError),
    /// A file of the run.
    #[error(transparent)]
    File(#[from] crate::run::FileError),
    /// A log of the run.
    #[error(transparent)]
    Log(#[from] crate::run::LogError),
    /// Asked to stop.
    #[error(transparent)]
    Interrupted(#[from] crate::run::Interrupted),
    /// The split names a feature that does not exist.
    #[error("split: {0}")]
    Feature(#[from] fewshot_space::UnknownFeature),
    /// A table of truths.
    #[error(transparent)]
    Table(#[from] crate::table::TableError),
    /// A ranking without a truth.
    #[error(
        "a ranking compares with a truth: set `ranking.truth` (--truth) to a CSV file and `ranking.columns` to its \
         columns; `fewshot reproduce cell1296-truth` makes such a file"
    )]
    NoTruth,
    /// The system gives no threads.
    #[error("cannot start worker threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// The split names a decision that the space lacks.
    #[error("the space {space} has no decision `{name}` to split on; it has {known}")]
    UnknownDecision {
        /// What was asked for.
        name: String,
        /// The space.
        space: String,
        /// All decisions.
        known: String,
    },
    /// A stage's value cannot be written as JSON.
    #[error("a result cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Images whose sides cannot be halved together.
    #[error("images of {height}x{width} pixels halve unevenly: resize them to a square with `--image-size`, e.g. 32")]
    Shape {
        /// Height in pixels.
        height: usize,
        /// Width in pixels.
        width: usize,
    },
    /// No network is within the limits.
    #[error(
        "no network of the space is within {limits}: the smallest has {macs} multiply-adds and {params} parameters; \
         raise the limits, or make networks narrower (`--alone-width`)"
    )]
    TooTight {
        /// The limits.
        limits: String,
        /// Fewest multiply-adds of any network.
        macs: u64,
        /// Fewest parameters of any network.
        params: u64,
    },
    /// A stored state is not what the program wrote.
    #[error("`{path}` is damaged ({reason}): delete the folder that it lies in to repeat the stage")]
    State {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The search ended without a single score.
    #[error("the search scored no architecture: raise `search.budget`")]
    NothingScored,
}

/// What a run ended with; the same object is in `result.json`.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    /// Of a search.
    Search(SearchResult),
    /// Of one architecture trained alone.
    Train(TrainResult),
    /// Of a comparison of scores with the truth.
    Ranking(RankingResult),
    /// Of networks trained alone to be compared with.
    Truth(TruthResult),
    /// Of gradient-based searches.
    Gradient(GradientResult),
}

/// What a run needs besides its recipe.
pub struct Session<'a> {
    /// Where tensors live.
    pub device: Device,
    /// Checked between steps.
    pub interrupt: &'a Interrupt,
    /// Told how the work goes.
    pub progress: &'a dyn Progress,
}

/// Begins a run in the new folder `out` and takes it to its end.
///
/// # Errors
/// When the folder is in use, or a stage fails or is interrupted; [`resume`] goes on from there.
pub fn start(recipe: Recipe, out: &Path, session: &Session<'_>) -> Result<Outcome, PipelineError> {
    let lab = Lab::open(recipe, session.device.clone())?;
    let plan = plan(&lab)?;
    let run = RunFolder::create(out, lab.recipe(), lab.images().fingerprint())?;
    finish(&lab, &plan, &run, session)
}

/// Goes on with the run in `path`. A run that has ended gives its result again.
///
/// # Errors
/// As [`start`]; also when the folder holds no run, or the images have changed.
pub fn resume(path: &Path, session: &Session<'_>) -> Result<Outcome, PipelineError> {
    let run = RunFolder::open(path)?;
    let lab = Lab::open(run.recipe::<Recipe>()?, session.device.clone())?;
    run.check_data(lab.images().fingerprint())?;
    let plan = plan(&lab)?;
    finish(&lab, &plan, &run, session)
}

fn plan(lab: &Lab) -> Result<Plan<'_>, PipelineError> {
    let stages: Vec<Stage<'_>> = match lab.recipe().kind {
        Kind::Search => search::stages(lab),
        Kind::Train => standalone::stages(lab),
        Kind::Ranking => ranking::stages(lab)?,
        Kind::Truth => truth::stages(lab),
        Kind::Gradient => gradient::stages(lab)?,
    };
    Ok(Plan::new(stages)?)
}

fn finish(lab: &Lab, plan: &Plan<'_>, run: &RunFolder, session: &Session<'_>) -> Result<Outcome, PipelineError> {
    let values = plan.run(run, session.interrupt, session.progress)?;
    let outcome = match lab.recipe().kind {
        Kind::Search => Outcome::Search(search::result(lab, run, &values)?),
        Kind::Train => Outcome::Train(standalone::result(lab, run, &values)?),
        Kind::Ranking => Outcome::Ranking(ranking::result(lab, run, &values)?),
        Kind::Truth => Outcome::Truth(truth::result(lab, run, &values)?),
        Kind::Gradient => Outcome::Gradient(gradient::result(run, &values)?),
    };
    run.write_result(&outcome)?;
    Ok(outcome)
}
