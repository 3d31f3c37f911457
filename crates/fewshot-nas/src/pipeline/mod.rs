//! Whole runs: from a recipe to a result, as a plan of resumable stages.

mod budget;
mod finalists;
mod front;
mod gradient;
mod hand_made;
mod images;
mod kept;
mod lab;
mod moved;
mod ranking;
mod region;
mod search;
mod stages;
mod standalone;
mod strategies;
mod truth;
mod verdict;
mod verify;

pub use finalists::Finalist;
pub use front::FrontNetwork;
pub use gradient::{Flag, GradientResult, GradientRow, PartRow, RandomRow};
pub use hand_made::Reference;
pub use kept::UNSEEN;
pub use lab::Lab;
pub use moved::Moved;
pub use ranking::{COLUMNS, FreeRow, InPart, MeanSpread, RankingResult, RankingRow, RegionRow};
pub use search::{HistoryEntry, RandomNetwork, SearchResult};
pub use stages::Trained;
pub use standalone::TrainResult;
pub use strategies::{CurvePoint, Quantiles, StrategiesResult, StrategyRow};
pub use truth::{Spread, Truth, TruthResult};
pub use verdict::{MoreTime, Verdict};
pub use verify::{Verified, VerifiedNetwork};

use std::path::Path;
use std::time::Duration;

use burn::tensor::Device;
use fewshot_kernels::simd;
use serde::Serialize;

use self::strategies::Comparison;
use crate::recipe::{CheckedRecipe, Kind, Recipe, RecipeError};
use crate::run::{Fingerprint, Interrupt, Origin, Plan, PlanError, Progress, RunError, RunFolder, Stage};

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
    /// Something that only networks of cells can.
    #[error("gradient-based methods need a space of cells, and {0} is none: choose another (`fewshot spaces`)")]
    NotCells(String),
    /// More networks than can be compared one by one.
    #[error("the space {space} has {size} networks, over the limit of {limit} for a comparison of all: {advice}")]
    TooMany {
        /// The space.
        space: String,
        /// Its size.
        size: u128,
        /// How many can be listed.
        limit: u128,
        /// What to do.
        advice: &'static str,
    },
    /// A table of truths.
    #[error(transparent)]
    Table(#[from] crate::table::TableError),
    /// A comparison without a truth.
    #[error(
        "this comparison needs a truth: set `ranking.truth` (--truth) to a CSV file and `ranking.columns` to its \
         columns; `fewshot reproduce cell1296-truth` makes such a file"
    )]
    NoTruth,
    /// The table of truths is another than when the run began.
    #[error(
        "the table `{table}` changed since the run began (its networks or its column(s) {columns}), and what is done so far \
         followed the old one: bring that back, or begin a new run"
    )]
    TruthChanged {
        /// The table.
        table: String,
        /// The columns that the run reads.
        columns: String,
    },
    /// A table of truths about networks that the limits leave out.
    #[error("none of the {networks} networks of the truth is within {limits}: raise the limits")]
    TruthOutside {
        /// Networks of the table.
        networks: usize,
        /// The limits.
        limits: String,
    },
    /// Data is not where it was.
    #[error("{source}; if it has moved, say where it is: `fewshot resume {run} {flag}`")]
    Gone {
        /// What could not be read.
        source: Box<PipelineError>,
        /// The run.
        run: String,
        /// The flag to say it by.
        flag: &'static str,
    },
    /// The system gives no threads.
    #[error(transparent)]
    Threads(#[from] crate::run::NoThreads),
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
    /// No network is within the limits.
    #[error(
        "no network of the space is within {limits}: the smallest has {macs} multiply-adds and {params} parameters{latency}; \
         raise the limits, or make networks narrower (`--alone-width`)"
    )]
    TooTight {
        /// The limits.
        limits: String,
        /// Fewest multiply-adds of any network.
        macs: u64,
        /// Fewest parameters of any network.
        params: u64,
        /// What the fastest takes, where latency is limited.
        latency: String,
    },
    /// Blocks were fast, whole networks are not.
    #[error(
        "every network found was predicted to take at most {limit} ms and took longer when it was timed as a whole: the \
         machine is busier now than when its blocks were timed, or the limit is below what can be told; raise it"
    )]
    TooSlow {
        /// Milliseconds.
        limit: f64,
    },
    /// Latency.
    #[error(transparent)]
    Latency(#[from] crate::latency::LatencyError),
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
    Search(Box<SearchResult>),
    /// Of one architecture trained alone.
    Train(TrainResult),
    /// Of a comparison of scores with the truth.
    Ranking(RankingResult),
    /// Of networks trained alone to be compared with.
    Truth(TruthResult),
    /// Of gradient-based searches.
    Gradient(GradientResult),
    /// Of a comparison of search strategies.
    Strategies(StrategiesResult),
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

/// What the stages of a run read and none changes.
enum Bench {
    /// Images and networks.
    Lab(Box<Lab>),
    /// Tables alone.
    Tables(Box<Comparison>),
}

/// Begins a run in the new folder `out` and takes it to its end.
///
/// # Errors
/// When the folder is in use, or a stage fails or is interrupted; [`resume`] goes on from there.
pub fn start(recipe: CheckedRecipe, out: &Path, session: &Session<'_>) -> Result<Outcome, PipelineError> {
    // Reading images and measuring blocks may take minutes.
    RunFolder::check_free(out)?;
    // Where the recipe is that of an earlier run, this one may have another table.
    let mut recipe = recipe.into_inner();
    recipe.ranking.truth_digest.clear();
    let bench = Bench::open(recipe, session)?;
    // What is wrong with the settings is said before there is a folder.
    bench.plan()?;
    let mut run = RunFolder::create(out, bench.recipe(), &bench.origin())?;
    let bench = run.prepare(session.interrupt, |run| {
        let bench = bench.settled(run)?;
        bench.announce(session.progress)?;
        Ok::<_, PipelineError>(bench)
    })?;
    let plan = bench.plan()?;
    bench.finish(&plan, &run, session)
}

/// Goes on with the run in `path`. A run that has ended gives its result again, and needs no data for that; what it left and
/// what is lost or damaged since is made again.
///
/// Data that lies elsewhere by now is read where `moved` says, and looked for there from then on.
///
/// # Errors
/// As [`start`]; also when the folder holds no run, or the data has changed.
pub fn resume(path: &Path, moved: &Moved, session: &Session<'_>) -> Result<Outcome, PipelineError> {
    let mut run = RunFolder::open(path)?;
    if let Some(other) = run.other_version(Some(simd::level().name())) {
        session.progress.line(&format!("the run began with {other}: numbers may differ in their last digits"));
    }
    let mut recipe = run.recipe::<Recipe>()?.checked()?.into_inner();
    let is_moved = *moved != Moved::default();
    if !is_moved && let Some(outcome) = Outcome::of_ended(recipe.kind, &run)? {
        session.progress.line("nothing is left to do: the run has ended, and all that it left is there");
        return Ok(outcome);
    }
    let moved = moved.clone().or(run.moved()?.unwrap_or_default());
    moved.apply(&mut recipe);
    let bench = Bench::open(recipe.clone(), session).map_err(|error| moved::explained(error, &recipe, path))?;
    run.check_data(&bench.fingerprint())?;
    if is_moved {
        run.note_moved(&moved)?;
    }
    run.ready(Some(simd::level().name()))?;
    let bench = run.prepare(session.interrupt, |run| bench.settled(run))?;
    let plan = bench.plan()?;
    bench.finish(&plan, &run, session)
}

impl Outcome {
    /// What a run ended with of which nothing is left to do.
    fn of_ended(kind: Kind, run: &RunFolder) -> Result<Option<Self>, RunError> {
        Ok(match kind {
            Kind::Search => run.ended()?.map(|result| Outcome::Search(Box::new(result))),
            Kind::Train => run.ended()?.map(Outcome::Train),
            Kind::Ranking => run.ended()?.map(Outcome::Ranking),
            Kind::Truth => run.ended()?.map(Outcome::Truth),
            Kind::Gradient => run.ended()?.map(Outcome::Gradient),
            Kind::Strategies => run.ended()?.map(Outcome::Strategies),
        })
    }
}

impl Bench {
    fn open(recipe: Recipe, session: &Session<'_>) -> Result<Bench, PipelineError> {
        match recipe.kind {
            Kind::Strategies => Ok(Bench::Tables(Box::new(Comparison::open(recipe)?))),
            _ => Ok(Bench::Lab(Box::new(Lab::open(recipe, session.device.clone())?.stopped_by(session.interrupt)))),
        }
    }

    /// Shares the budget, where that has not been done, and keeps how in the run: whoever goes on with it does as it says.
    fn settled(self, run: &mut RunFolder) -> Result<Bench, PipelineError> {
        let Bench::Lab(lab) = self else { return Ok(self) };
        let Some(planned) = lab.planned(run.seconds()?)? else { return Ok(Bench::Lab(lab)) };
        run.settle(planned.recipe())?;
        Ok(Bench::Lab(Box::new(planned)))
    }

    /// Tells what the run will do with its time.
    fn announce(&self, progress: &dyn Progress) -> Result<(), PipelineError> {
        if let Bench::Lab(lab) = self {
            lab.told().iter().for_each(|line| progress.line(line));
            if lab.recipe().kind == Kind::Ranking
                && let left_out @ 1.. = ranking::left_out(lab)?
            {
                let limits = lab.partition().whole().label();
                progress.line(&format!("{left_out} networks of the truth are not within {limits} and left out"));
            }
            budget::announcement(lab)?.iter().for_each(|line| progress.line(line));
        }
        Ok(())
    }

    /// Tells how long the run will still take, where that is planned.
    fn tell_time_left(&self, run: &RunFolder, progress: &dyn Progress) -> Result<(), PipelineError> {
        let budget = &self.recipe().budget;
        if let Some(plan) = &budget.plan {
            let left = budget.seconds() + plan.beside - plan.measuring - run.seconds()?;
            progress.time_left(Duration::from_secs_f64(left.max(0.0)));
        }
        Ok(())
    }

    fn recipe(&self) -> &Recipe {
        match self {
            Bench::Lab(lab) => lab.recipe(),
            Bench::Tables(comparison) => comparison.recipe(),
        }
    }

    /// What the run begins with.
    fn origin(&self) -> Origin {
        Origin { data: self.fingerprint(), instructions: Some(simd::level().name().to_owned()) }
    }

    /// Names the data that the run depends on.
    fn fingerprint(&self) -> Fingerprint {
        match self {
            Bench::Lab(lab) => Fingerprint {
                training: lab.images().fingerprint().to_string(),
                test: Some(lab.test_fingerprint().to_string()),
            },
            Bench::Tables(comparison) => Fingerprint { training: comparison.fingerprint(), test: None },
        }
    }

    fn plan(&self) -> Result<Plan<'_>, PipelineError> {
        let stages: Vec<Stage<'_>> = match self {
            Bench::Tables(comparison) => comparison.stages(),
            Bench::Lab(lab) => match lab.recipe().kind {
                Kind::Train => standalone::stages(lab),
                Kind::Ranking => ranking::stages(lab)?,
                Kind::Truth => truth::stages(lab),
                Kind::Gradient => gradient::stages(lab)?,
                // Strategies are compared without a lab.
                Kind::Search | Kind::Strategies => search::stages(lab)?,
            },
        };
        Ok(Plan::new(stages)?)
    }

    fn finish(&self, plan: &Plan<'_>, run: &RunFolder, session: &Session<'_>) -> Result<Outcome, PipelineError> {
        self.tell_time_left(run, session.progress)?;
        let values = plan.run(run, session.interrupt, session.progress)?;
        let outcome = match self {
            Bench::Tables(_) => Outcome::Strategies(strategies::result(run, &values)?),
            Bench::Lab(lab) => match lab.recipe().kind {
                Kind::Train => Outcome::Train(standalone::result(lab, run, &values)?),
                Kind::Ranking => Outcome::Ranking(ranking::result(lab, run, &values)?),
                Kind::Truth => Outcome::Truth(truth::result(lab, run, &values)?),
                Kind::Gradient => Outcome::Gradient(gradient::result(run, &values)?),
                Kind::Search | Kind::Strategies => Outcome::Search(Box::new(search::result(lab, run, &values)?)),
            },
        };
        run.write_result(&outcome)?;
        Ok(outcome)
    }
}
