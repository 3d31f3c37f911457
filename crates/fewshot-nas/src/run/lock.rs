//! One run, one process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use super::error::{FileError, RunError};

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
    /// Takes the lock of the run in `folder`, or says who has it.
    pub(super) fn acquire(folder: &Path) -> Result<Self, RunError> {
        let path = folder.join(LOCK_FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|e| FileError::new("open the lock", &path, e))?;
        match patiently(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Some systems let nobody else read a locked file: then the id stays unknown.
                let _ = file.read_to_string(&mut text);
                let pid = text.trim().parse().ok();
                return Err(RunError::InUse {
                    path: folder.display().to_string(),
                    pid,
                    holder: match pid {
                        Some(pid) => format!("process {pid}"),
                        None => String::from("another process"),
                    },
                });
            }
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

fn patiently(file: &File) -> Result<(), TryLockError> {
    for _ in 1..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(WAIT),
            other => return other,
        }
    }
    file.try_lock()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_let_go_in_a_moment_is_waited_for_and_a_kept_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let held = RunLock::acquire(dir.path()).unwrap();
        assert!(matches!(RunLock::acquire(dir.path()), Err(RunError::InUse { .. })));
        let other = std::thread::spawn(move || {
            std::thread::sleep(2 * WAIT);
            drop(held);
        });
        RunLock::acquire(dir.path()).unwrap();
        other.join().unwrap();
    }
}
