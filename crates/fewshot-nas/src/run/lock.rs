//! One run, one process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use super::error::{FileError, RunError};

/// Name of the lock file in a run folder. It stays when the run is closed: what counts is the
/// system's lock on it, which ends with the process however that ends.
pub(super) const LOCK_FILE: &str = ".lock";

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
        match file.try_lock() {
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
