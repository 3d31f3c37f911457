//! Asking all who work on a run to stop.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::super::atomic::{create_folder, write_atomic};
use super::super::file_error::FileError;
use super::layout::ATTEMPTS;

/// Asks all to stop.
const STOP: &str = "stop";

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

/// Forgets it.
pub(super) fn forget_stop(run: &Path) -> Result<(), FileError> {
    match fs::remove_file(stop(run)) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(FileError::new("remove", stop(run), e)),
        _ => Ok(()),
    }
}

fn stop(run: &Path) -> PathBuf {
    run.join(ATTEMPTS).join(STOP)
}
