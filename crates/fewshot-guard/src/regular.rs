//! Opening what a user names as a file.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Opens a file to read it. What is no file is refused and not waited for: to open a pipe blocks until somebody writes to it, and
/// some devices never end.
///
/// # Errors
/// The system's error, or that it is no regular file.
pub fn open_file(path: &Path) -> io::Result<File> {
    let kind = fs::metadata(path)?.file_type();
    if kind.is_file() {
        return File::open(path);
    }
    let what = if kind.is_dir() { "a folder" } else { "a pipe or device" };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}, not a file: give a regular file")))
}

/// All bytes of a file; [`open_file`] says what is refused.
///
/// # Errors
/// As [`open_file`]; the system's error.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open_file(path)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX))?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_and_nothing_else_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, b"text").unwrap();
        assert_eq!(read_file(&path).unwrap(), b"text");
        assert_eq!(read_file(&dir.path().join("b")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(read_file(dir.path()).unwrap_err().to_string().contains("it is a folder"));
        #[cfg(unix)]
        {
            let pipe = dir.path().join("pipe");
            assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            for path in [pipe.as_path(), Path::new("/dev/zero")] {
                assert!(read_file(path).unwrap_err().to_string().contains("a pipe or device"), "{path:?}");
            }
        }
    }
}
