//! What went wrong, and the exit code that says so.

use std::process::ExitCode;

use fewshot_nas::experiments::ExperimentError;
use fewshot_nas::run::{INTERRUPTED_EXIT_CODE, RunError, is_interrupted};
use fewshot_nas::search::SearchError;

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line asks for something that does not exist.
    #[error("{0}")]
    Usage(String),
    /// A run could not be begun or ended.
    #[error(transparent)]
    Pipeline(#[from] ExperimentError),
    /// Images.
    #[error(transparent)]
    Data(#[from] fewshot_data::DataError),
    /// A trained network.
    #[error(transparent)]
    Model(#[from] fewshot_nas::model::ModelError),
    /// A trained network for others.
    #[error(transparent)]
    Export(#[from] fewshot_nas::export::ExportError),
    /// Some images were not read; each was named before.
    #[error("{failed} of {all} images (or folders without any) could not be read")]
    Images {
        /// How many.
        failed: usize,
        /// Of how many.
        all: usize,
    },
    /// A table.
    #[error(transparent)]
    Table(#[from] fewshot_nas::table::TableError),
    /// Rank metrics.
    #[error(transparent)]
    Rank(#[from] fewshot_nas::rank::RankError),
    /// A run folder.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The system gives no threads.
    #[error(transparent)]
    Threads(#[from] fewshot_nas::run::NoThreads),
    /// Output.
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
    /// Output as JSON.
    #[error("cannot write the output as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Failure {
    /// 1 failed, 2 usage, 130 interrupted.
    pub fn exit_code(&self) -> ExitCode {
        let code = match self {
            Failure::Usage(_)
            | Failure::Pipeline(
                ExperimentError::Recipe(_)
                | ExperimentError::Space(_)
                | ExperimentError::Arch(_)
                | ExperimentError::Search(SearchError::UnknownStrategy { .. })
                | ExperimentError::TooTight { .. }
                | ExperimentError::Split(_),
            ) => 2,
            error if is_interrupted(error) => INTERRUPTED_EXIT_CODE as u8,
            _ => 1,
        };
        ExitCode::from(code)
    }
}
