//! Beginning a round of work by several processes.

use super::super::atomic::create_folder;
use super::super::error::RunError;
use super::super::plan::Plan;
use super::super::reader::RunReader;
use super::claim::{Claim, Claimed, Standing};
use super::holder::Holder;
use super::layout::{ATTEMPTS, Attempts};
use super::stop::forget_stop;

/// Readies a run for several processes: keeps its plan, forgets that it was asked to stop, and lets stages that failed be tried
/// again. A second one meanwhile does no harm.
///
/// # Errors
/// When the run was begun with another plan, or its folder cannot be written.
pub fn begin_session(plan: &Plan<'_>, run: &RunReader) -> Result<(), RunError> {
    plan.bind(run)?;
    create_folder(&run.path().join(ATTEMPTS))?;
    forget_stop(run.path())?;
    for (number, name) in plan.numbered() {
        let attempts = Attempts::at(run.path(), run.stage_folder(number, name));
        let Some(latest) = attempts.latest_claim()?.filter(|_| !attempts.is_done()) else { continue };
        let is_failed = |claimed: Claimed| claimed.standing == Standing::Failed;
        if Claimed::read(&attempts.claim(latest))?.is_some_and(is_failed) {
            // If another was faster, that is as good.
            Claim::make(&attempts, latest + 1, Holder::here(None), Standing::Again)?;
        }
    }
    Ok(())
}
