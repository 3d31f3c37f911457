//! What a launcher is, and the one that needs no other process.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::super::error::RunError;
use super::super::folder::RunFolder;
use super::super::interrupt::Interrupt;
use super::super::plan::Plan;
use super::super::progress::Progress;

/// Takes the stages of a run to their end somewhere.
pub trait Launcher {
    /// Works on all stages of the run in the folder `path` that are not done, or has others work on them, and gives the run with the
    /// values of all stages. `held` is the run where this process has all of it already.
    ///
    /// # Errors
    /// As [`Plan::run`] and [`RunFolder::open`]; [`RunError::Spread`] where others work.
    fn launch(
        &self,
        plan: &Plan<'_>,
        path: &Path,
        held: Option<RunFolder>,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<(RunFolder, BTreeMap<String, Value>), RunError>;

    /// Whether other processes work on the stages.
    fn works_elsewhere(&self) -> bool {
        true
    }
}

/// In this process, one stage after the other.
#[derive(Debug, Clone, Copy, Default)]
pub struct InProcess;

impl Launcher for InProcess {
    fn launch(
        &self,
        plan: &Plan<'_>,
        path: &Path,
        held: Option<RunFolder>,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<(RunFolder, BTreeMap<String, Value>), RunError> {
        let run = held.map_or_else(|| RunFolder::open(path), Ok)?;
        let values = plan.run(&run, interrupt, progress)?;
        Ok((run, values))
    }

    fn works_elsewhere(&self) -> bool {
        false
    }
}
