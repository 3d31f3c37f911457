//! The errors of runs that several processes share.

use std::path::Path;

use super::super::file_error::FileError;
use super::super::interrupt::Interrupted;

/// Work on a run that others work on too could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum SpreadError {
    /// A file of an attempt could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Stages failed, and what is left waits for them.
    #[error("stage `{stage}` failed: {note}{}; {}mend that and run `fewshot resume {run}`", at(log), besides(*others))]
    Failed {
        /// The first that failed.
        stage: String,
        /// What it said.
        note: String,
        /// The file that its process said more in.
        log: Option<String>,
        /// How many others failed too.
        others: usize,
        /// The run.
        run: String,
    },
    /// Processes that worked for this one ended again and again without any work being kept.
    #[error("workers of `{run}` were ended {times} times without getting further ({last}): see `{log}`")]
    Dying {
        /// The run.
        run: String,
        /// How often.
        times: usize,
        /// How the last one ended.
        last: String,
        /// Where the workers' logs are.
        log: String,
    },
    /// The run was asked to stop by somebody else.
    #[error("`{run}` was asked to stop (`fewshot cancel`): what is done is saved, go on with `fewshot resume {run}`")]
    Cancelled {
        /// The run.
        run: String,
        /// Whoever was asked to stop was interrupted, by whatever way ([`super::super::is_interrupted`]).
        source: Interrupted,
    },
    /// A worker was started on a run that nobody has launched.
    #[error(
        "no processes share `{run}`: launch it first (`fewshot resume {run} --launch local`, or `--launch slurm`), or go on with it in one \
         process (`fewshot resume {run}`)"
    )]
    NotLaunched {
        /// The run.
        run: String,
    },
    /// The cluster did not take what was submitted.
    #[error(
        "`{program}` refused the jobs: {said}; see what the cluster wants (--sbatch-args) and run `fewshot resume` again"
    )]
    Refused {
        /// The program.
        program: String,
        /// What it said.
        said: String,
    },
    /// What a user says to `sbatch` cannot be.
    #[error("--sbatch-args `{argument}`: {problem}")]
    Argument {
        /// What was said.
        argument: String,
        /// Why not, and what else.
        problem: String,
    },
    /// Machines that share a run compute with different instructions.
    #[error(
        "the machines that share `{run}` compute with the instructions `{began}`, this one with `{found}`, whose numbers differ in \
         their last digits: keep to machines of one kind (for Slurm by --sbatch-args \"--constraint=..\")"
    )]
    OtherInstructions {
        /// The run.
        run: String,
        /// Of the others.
        began: String,
        /// Of this machine.
        found: String,
    },
    /// A worker could not be started.
    #[error("cannot start `{program}`: {source}")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl SpreadError {
    /// The stop of this run that somebody else asked for.
    pub(in super::super) fn cancelled(run: &Path) -> Self {
        Self::Cancelled { run: run.display().to_string(), source: Interrupted }
    }
}

fn besides(others: usize) -> String {
    if others > 0 { format!("{others} more failed; ") } else { String::new() }
}

fn at(log: &Option<String>) -> String {
    log.as_ref().map(|log| format!(" (more in `{log}`)")).unwrap_or_default()
}
