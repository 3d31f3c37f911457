//! What the system says of a file, with what to do.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A file or folder could not be read or written.
///
/// Prints the path, what was tried, what the system said, and, where something is known to help,
/// what to do.
#[derive(Debug)]
pub struct FileError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    /// `action` is the verb in "cannot `action` `path`".
    pub fn new(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self { action, path: path.into(), source }
    }

    /// The file or folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the system said.
    pub fn io_error(&self) -> &io::Error {
        &self.source
    }

    /// The disk, or the user's share of it, is full.
    pub fn is_disk_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    /// The run that the path lies in, if it lies in one: for the advice how to go on.
    fn run(&self) -> Option<&Path> {
        let mut folders = self.path.ancestors();
        folders.find(|folder| !folder.as_os_str().is_empty() && folder.join("run.toml").is_file())
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        if self.is_disk_full() {
            write!(f, "no space left on the disk to {} `{path}`: free space and ", self.action)?;
            return match self.run() {
                Some(run) => write!(f, "run `fewshot resume {}`", run.display()),
                None => write!(f, "try again"),
            };
        }
        write!(f, "cannot {} `{path}`: {}", self.action, self.source)?;
        match self.source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                write!(f, "; allow writing there or choose another folder")
            }
            io::ErrorKind::FileTooLarge => {
                write!(f, "; raise this user's limit on the size of files (`ulimit -f`)")?;
                match self.run() {
                    Some(run) => write!(f, " and run `fewshot resume {}`", run.display()),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

impl Error for FileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}
