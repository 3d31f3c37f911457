//! Files that the user names, which may be links, devices, or files that a run needs.

use std::fs::{self, File, FileType};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::atomic::{folder_of, write_atomic_alone};
use super::file_error::FileError;
use super::reader::RUN_TOML;

/// Links that are followed before they count as a circle, as the system does.
const MOST_LINKS: usize = 40;
/// Names at the top of a run's folder that are the run's own, whether or not they are there yet; so is all in [`FOLDERS`].
const OWN: [&str; 6] = [RUN_TOML, "plan.json", "events.jsonl", "history.jsonl", "result.json", ".lock"];
const FOLDERS: [&str; 3] = ["stages", "logs", "jobs"];

/// Writes `bytes` where the user wants them.
///
/// - A regular file, or a name that is free, gets them whole or not at all (as by [`super::write_atomic_alone`]).
/// - A link is followed, and stays.
/// - A device, and what `/dev/stdout` leads to, is written to; it is never replaced. Other pipes and sockets are refused.
/// - In the folder of a run, a file that is there with another content is refused, except those at `replaceable` (paths that
///   end in one of these), which the caller makes there; and what a run needs is refused whether it is there or not.
///
/// # Errors
/// [`FileError`] naming `path`.
pub fn write_output(path: &Path, bytes: &[u8], replaceable: &[&str]) -> Result<(), FileError> {
    let fail = |source| FileError::new("write", path, source);
    let target = followed(path).map_err(fail)?;
    match fs::metadata(&target) {
        Ok(found) if found.is_dir() => Err(fail(io::Error::other("it is a folder; name a file"))),
        Ok(found) if !found.is_file() => write_in_place(&target, found.file_type(), bytes).map_err(fail),
        // A file that is open, but that no name leads to any more.
        Ok(_) if fs::symlink_metadata(&target).is_ok_and(|found| found.is_symlink()) => File::options()
            .write(true)
            .truncate(true)
            .open(&target)
            .and_then(|mut file| file.write_all(bytes))
            .map_err(fail),
        found => match owner(&target, found.is_ok(), replaceable) {
            Some(_) if fs::read(&target).is_ok_and(|found| found == bytes) => Ok(()),
            Some(run) => {
                let reason = format!("it belongs to the run `{}`; choose another name", run.display());
                Err(fail(io::Error::other(reason)))
            }
            None => write_atomic_alone(&target, bytes),
        },
    }
}

/// Where the links at `path` lead to; a link whose end has no name (as that of `/dev/stdout` when it is a pipe) itself.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match fs::symlink_metadata(&target) {
            Ok(found) if found.is_symlink() => {
                let next = folder_of(&target).join(fs::read_link(&target)?);
                if fs::symlink_metadata(&next).is_err() && fs::metadata(&target).is_ok() {
                    return Ok(target);
                }
                target = next;
            }
            _ => return Ok(target),
        }
    }
    Err(io::Error::other("its links lead in a circle"))
}

/// Writes to what is no regular file, as far as that ends.
fn write_in_place(target: &Path, kind: FileType, bytes: &[u8]) -> io::Result<()> {
    let is_link = fs::symlink_metadata(target).is_ok_and(|found| found.is_symlink());
    // A pipe with a name waits for a reader, perhaps for ever; behind such a link is one that is open already.
    if !(is_character_device(kind) || is_link) {
        return Err(io::Error::other("it is no regular file (a pipe, socket or disk); name a file"));
    }
    File::options().write(true).open(target)?.write_all(bytes)
}

#[cfg(unix)]
fn is_character_device(kind: FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_char_device(&kind)
}

#[cfg(not(unix))]
fn is_character_device(_: FileType) -> bool {
    true
}

/// The run that `target` must be left to, if there is one.
fn owner(target: &Path, is_there: bool, replaceable: &[&str]) -> Option<PathBuf> {
    // The folder may not be there yet; then there is no run in it either.
    let folder = fs::canonicalize(folder_of(target)).ok()?;
    let run = folder.ancestors().find(|folder| folder.join(RUN_TOML).is_file())?;
    let target = folder.join(target.file_name()?);
    let within = target.strip_prefix(run).ok()?;
    let is_own =
        FOLDERS.iter().any(|folder| within.starts_with(folder)) || OWN.iter().any(|name| within == Path::new(name));
    let is_replaceable = replaceable.iter().any(|name| target.ends_with(name));
    (is_own || is_there && !is_replaceable).then(|| run.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_made_and_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        for bytes in ["one", "two"] {
            write_output(&path, bytes.as_bytes(), &[]).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), bytes);
        }
        assert!(write_output(dir.path(), b"", &[]).unwrap_err().to_string().contains("it is a folder"));
    }

    #[test]
    #[cfg(unix)]
    fn links_are_followed_and_stay() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second, target) =
            (dir.path().join("first"), dir.path().join("second"), dir.path().join("b/target"));
        fs::create_dir(dir.path().join("b")).unwrap();
        std::os::unix::fs::symlink("second", &first).unwrap();
        std::os::unix::fs::symlink("b/target", &second).unwrap();
        // First to a name that is free, then to a file.
        for bytes in ["one", "two"] {
            write_output(&first, bytes.as_bytes(), &[]).unwrap();
            assert_eq!(fs::read_to_string(&target).unwrap(), bytes);
        }
        assert!([&first, &second].iter().all(|link| fs::symlink_metadata(link).unwrap().is_symlink()));
        std::os::unix::fs::symlink("circle", dir.path().join("circle")).unwrap();
        let error = write_output(&dir.path().join("circle"), b"", &[]).unwrap_err();
        assert!(error.to_string().contains("circle"), "{error}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_no_file_is_written_to_or_refused_but_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        write_output(Path::new("/dev/null"), b"bytes", &[]).unwrap();
        assert!(is_character_device(fs::metadata("/dev/null").unwrap().file_type()));
        // By a link of our own, as `/dev/stdout` is one.
        let link = dir.path().join("null");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        write_output(&link, b"bytes", &[]).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let socket = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let error = write_output(&socket, b"bytes", &[]).unwrap_err();
        assert!(error.to_string().contains("no regular file"), "{error}");
        // A pipe that is open and has no name.
        let (mut reader, writer) = io::pipe().unwrap();
        let open = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&writer));
        write_output(Path::new(&open), b"bytes", &[]).unwrap();
        drop(writer);
        let mut read = String::new();
        io::Read::read_to_string(&mut reader, &mut read).unwrap();
        assert_eq!(read, "bytes");
    }

    #[test]
    fn what_belongs_to_a_run_is_left_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run");
        fs::create_dir_all(run.join("stages/01-a")).unwrap();
        for name in ["run.toml", "model.safetensors", "model.onnx", "curves.csv", "stages/01-a/done.json"] {
            fs::write(run.join(name), name).unwrap();
        }
        let write = |name: &str, bytes: &[u8]| write_output(&run.join(name), bytes, &["model.onnx", "py/model.py"]);
        for name in
            ["run.toml", "model.safetensors", "curves.csv", "stages/01-a/done.json", "stages/new", "result.json"]
        {
            let error = write(name, b"other").unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("belongs to the run"), "{error}");
        }
        fs::create_dir(run.join("py")).unwrap();
        // What was made there before, what is free, and what has these bytes already.
        for (name, bytes) in [("model.onnx", "x"), ("mine.onnx", "x"), ("py/model.py", "x"), ("run.toml", "run.toml")] {
            write(name, bytes.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(run.join(name)).unwrap(), bytes);
        }
        #[cfg(unix)]
        {
            let link = dir.path().join("link");
            std::os::unix::fs::symlink(run.join("run.toml"), &link).unwrap();
            assert!(write_output(&link, b"other", &[]).is_err());
        }
    }
}
