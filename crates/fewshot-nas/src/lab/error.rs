//! Why an experiment could not be begun or ended.

use crate::recipe::{RecipeError, SplitError};
use crate::run::{PlanError, RunError};
use fewshot_space::SpaceError;

/// Why a run could not be begun or ended.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    /// The images.
    #[error(transparent)]
    Data(#[from] fewshot_data::DataError),
    /// The recipe.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The space.
    #[error("{0}{hint}", hint = flag_of(.0))]
    Space(#[from] SpaceError),
    /// An architecture's text.
    #[error(transparent)]
    Arch(#[from] fewshot_space::ParseArchError),
    /// The region to search.
    #[error(transparent)]
    Region(#[from] fewshot_space::RegionError),
    /// The parts of the region.
    #[error(transparent)]
    Split(#[from] SplitError),
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
    /// Generators, and how they are judged.
    #[error(transparent)]
    Gan(#[from] crate::adversarial::GanError),
    /// Statistics of images.
    #[error(transparent)]
    Fid(#[from] fewshot_fid::FidError),
    /// The strategy.
    #[error(transparent)]
    Search(#[from] crate::search::SearchError),
    /// Rank metrics.
    #[error(transparent)]
    Rank(#[from] crate::rank::RankError),
    /// The run folder.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Processes that share a run are different programs.
    #[error("`{run}` began with {other}, whose numbers may differ: let all who share the run be one program")]
    OtherProgram {
        /// The run.
        run: String,
        /// Both, in words.
        other: String,
    },
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
    /// A ranking asks for more networks within its limits, or beyond them, than were drawn.
    #[error(
        "ranking.within = {within} of ranking.networks = {wanted} are to keep {limits} and the others are not, and only {found} and \
         {beyond} such networks were found: change the limits or these numbers"
    )]
    TooFewNetworks {
        /// Networks that keep the limits.
        within: usize,
        /// All that are compared.
        wanted: usize,
        /// How many were found that keep them.
        found: usize,
        /// And how many that do not.
        beyond: usize,
        /// The limits.
        limits: String,
    },
    /// Data is not where it was.
    #[error("{source}; if it has moved, say where it is: `fewshot {command} {run} {flag}`")]
    Gone {
        /// What could not be read.
        source: Box<ExperimentError>,
        /// The command that reads it.
        command: &'static str,
        /// The run.
        run: String,
        /// The flag to say it by.
        flag: &'static str,
    },
    /// The system gives no threads.
    #[error(transparent)]
    Threads(#[from] crate::run::NoThreads),
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
    #[error("the search scored no architecture: raise `search.budget` (--budget)")]
    NothingScored,
}

/// The flag behind a number of images that a space refuses, where there is one.
fn flag_of(error: &SpaceError) -> &'static str {
    match error {
        SpaceError::Skeleton { error, .. } => match error.field {
            "image_height" | "image_width" => " (`--image-size`)",
            "channels_in" => " (`--channels`)",
            _ => "",
        },
        _ => "",
    }
}
