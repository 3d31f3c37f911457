//! Beginning a round of work by several processes, and asking all of them to stop.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::super::atomic::{create_folder, write_atomic};
use super::super::error::{FileError, RunError};
use super::super::plan::Plan;
use super::super::reader::RunReader;
use super::attempt::is_done;
use super::claim::{Claim, Claimed, Standing};
use super::holder::Holder;
use super::layout::{ATTEMPTS, Attempts};

/// Asks all to stop.
const STOP: &str = "stop";

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
        let Some(latest) = attempts.latest_claim()?.filter(|_| !is_done(&attempts)) else { continue };
        let is_failed = |claimed: Claimed| claimed.standing == Standing::Failed;
        if Claimed::read(&attempts.claim(latest))?.is_some_and(is_failed) {
            // If another was faster, that is as good.
            Claim::make(&attempts, latest + 1, Holder::here(None), Standing::Again)?;
        }
    }
    Ok(())
}

/// Asks all who work on the run in the folder `run`, on whatever machine, to save and stop. They see it within
/// [`super::Patience::beat`].
///
/// # Errors
/// [`FileError`] if the folder cannot be written.
pub fn ask_to_stop(run: &Path) -> Result<(), FileError> {
    create_folder(&run.join(ATTEMPTS))?;
    write_atomic(&stop(run), b"")
}

/// Whether they were asked to.
pub fn is_asked_to_stop(run: &Path) -> bool {
    stop(run).exists()
}

pub(super) fn forget_stop(run: &Path) -> Result<(), FileError> {
    match fs::remove_file(stop(run)) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(FileError::new("remove", stop(run), e)),
        _ => Ok(()),
    }
}

fn stop(run: &Path) -> PathBuf {
    run.join(ATTEMPTS).join(STOP)
}
