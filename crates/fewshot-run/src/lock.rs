//! One run, one process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use super::error::RunError;
use super::file_error::FileError;

/// Name of the lock file in a run folder. It stays when the run is closed: what counts is the
/// system's lock on it, which ends with the process however that ends.
pub(super) const LOCK_FILE: &str = ".lock";

/// How often a lock is tried, and how long to wait between. A process that the holder is just starting has a copy of the lock
/// for an instant, so that a run may look used a little longer than it is.
const TRIES: u32 = 10;
const WAIT: Duration = Duration::from_millis(20);

/// Holds a run until dropped.
#[derive(Debug)]
pub(super) struct RunLock {
    // Never read: the lock lives as long as the file is open.
    _file: File,
}

impl RunLock {
    /// Holds the run in `folder` together with others who do the same, and not while one process has all of it. Where the file
    /// system has no locks, claims on stages are what keeps processes apart.
    pub(super) fn share(folder: &Path) -> Result<Self, RunError> {
        let path = folder.join(LOCK_FILE);
        let mut file = open(&path)?;
        match patiently(|| file.try_lock_shared()) {
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(in_use(folder, &mut file)),
        }
    }

    /// Takes the lock of the run in `folder`, or says who has it.
    pub(super) fn acquire(folder: &Path) -> Result<Self, RunError> {
        let path = folder.join(LOCK_FILE);
        let mut file = open(&path)?;
        match patiently(|| file.try_lock()) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(folder, &mut file)),
            Err(TryLockError::Error(e)) => {
                return Err(FileError::new("lock (does this disk support locks?)", &path, e).into());
            }
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|e| FileError::new("write", &path, e))?;
        Ok(Self { _file: file })
    }
}

fn open(path: &Path) -> Result<File, FileError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).map_err(|e| FileError::new("open the lock", path, e))
}

fn in_use(folder: &Path, file: &mut File) -> RunError {
    let mut text = String::new();
    // Some systems let nobody else read a locked file: then the id stays unknown. Who share a run write none.
    let _ = file.read_to_string(&mut text);
    let pid = text.trim().parse().ok();
    let holder = match pid {
        Some(pid) => format!("process {pid}"),
        None => String::from("another process"),
    };
    RunError::InUse { path: folder.display().to_string(), pid, holder }
}

fn patiently(mut lock: impl FnMut() -> Result<(), TryLockError>) -> Result<(), TryLockError> {
    for _ in 1..TRIES {
        match lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(WAIT),
            other => return other,
        }
    }
    lock()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How a lock ends that is held for so many tries, and how often it was tried.
    fn held_for(tries: u32) -> (Result<(), TryLockError>, u32) {
        let mut tried = 0;
        let end = patiently(|| {
            tried += 1;
            if tried > tries { Ok(()) } else { Err(TryLockError::WouldBlock) }
        });
        (end, tried)
    }

    #[test]
    fn a_lock_that_is_let_go_in_a_moment_is_waited_for() {
        assert!(matches!(held_for(0), (Ok(()), 1)));
        assert!(matches!(held_for(3), (Ok(()), 4)));
    }

    #[test]
    fn a_lock_that_is_kept_is_not_waited_for_without_end() {
        assert!(matches!(held_for(u32::MAX), (Err(TryLockError::WouldBlock), TRIES)));
        let dir = tempfile::tempdir().unwrap();
        let _held = RunLock::acquire(dir.path()).unwrap();
        assert!(matches!(RunLock::acquire(dir.path()), Err(RunError::InUse { .. })));
    }

    #[test]
    fn other_errors_are_told_at_once() {
        let mut tried = 0;
        let end = patiently(|| {
            tried += 1;
            Err(TryLockError::Error(std::io::Error::other("no locks here")))
        });
        assert!(matches!(end, Err(TryLockError::Error(_))));
        assert_eq!(tried, 1);
    }
}
