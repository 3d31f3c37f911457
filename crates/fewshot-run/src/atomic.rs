//! Whole files or none: a reader sees the old file or the new one, never a part.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::fault;
use super::file_error::FileError;

/// Names of files being written begin so; [`clean_leftovers`] removes them.
pub(super) const TEMPORARY: &str = ".tmp-";

/// Numbers the temporary files of this process.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// Writes `bytes` to `path` so that, whatever happens meanwhile, `path` afterwards holds either all
/// of them or what it held before.
///
/// The bytes go to a temporary file in the same folder, which is flushed to the disk and renamed;
/// then the folder is flushed, so that the new name survives a power cut as well. On failure the
/// temporary file is removed; if the process was killed, [`clean_leftovers`] removes it.
///
/// # Errors
/// [`FileError`] naming `path`; on a full disk it says so, and the old file is still whole.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let folder = folder_of(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = WRITES.fetch_add(1, Ordering::Relaxed);
    let temporary = folder.join(format!("{TEMPORARY}{}-{number}-{name}", std::process::id()));
    let written = fill(&temporary, bytes).and_then(|()| {
        fault::point();
        fs::rename(&temporary, path)
    });
    if let Err(source) = written {
        // The first error is the one to report; a leftover is removed at the next start anyway.
        let _ = fs::remove_file(&temporary);
        return Err(FileError::new("write", path, source));
    }
    sync_folder(&folder)
}

/// [`write_atomic`] to a path that no other process writes: first removes what writers of the same file left when they were
/// killed.
///
/// # Errors
/// As [`write_atomic`].
pub fn write_atomic_alone(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A folder that cannot be listed may still be written to; if not, the writer says so.
    for entry in fs::read_dir(folder_of(path)).into_iter().flatten().flatten() {
        let found = entry.file_name().to_string_lossy().into_owned();
        // After process and number comes the name.
        let target = found.strip_prefix(TEMPORARY).and_then(|rest| rest.splitn(3, '-').nth(2));
        if target == Some(&*name) {
            fault::point();
            fs::remove_file(entry.path()).map_err(|e| FileError::new("remove", entry.path(), e))?;
        }
    }
    write_atomic(path, bytes)
}

/// [`write_atomic`] of `value` as indented JSON with a final newline.
///
/// # Errors
/// [`FileError`] naming `path`, also where `value` has no JSON form (a map whose keys are no strings).
pub fn write_json<T: Serialize + ?Sized>(path: &Path, value: &T) -> Result<(), FileError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|e| FileError::new("write", path, e.into()))?;
    bytes.push(b'\n');
    write_atomic(path, &bytes)
}

fn fill(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    fault::point();
    let mut file = File::create(path)?;
    fault::write(&mut file, bytes)?;
    fault::point();
    fault::sync(&file)
}

/// Makes a folder, and those above it, that are not there yet; each new name is flushed to the disk.
///
/// # Errors
/// [`FileError`] naming the folder that could not be made.
pub fn create_folder(path: &Path) -> Result<(), FileError> {
    if path.is_dir() {
        return Ok(());
    }
    let above = folder_of(path);
    if above != path {
        create_folder(&above)?;
    }
    fault::point();
    match fs::create_dir(path) {
        Ok(()) => sync_folder(&above),
        // Somebody else made it meanwhile.
        Err(_) if path.is_dir() => Ok(()),
        Err(source) => Err(FileError::new("make the folder", path, source)),
    }
}

/// Removes what writers that were killed left in `folder` (not in folders below it).
///
/// Only the owner of the folder may call it: it would take a file from under a living writer.
///
/// # Errors
/// [`FileError`] if the folder cannot be listed or a leftover cannot be removed.
pub fn clean_leftovers(folder: &Path) -> Result<(), FileError> {
    let entries = fs::read_dir(folder).map_err(|e| FileError::new("list", folder, e))?;
    for entry in entries {
        let entry = entry.map_err(|e| FileError::new("list", folder, e))?;
        if is_temporary(&entry.file_name()) {
            fault::point();
            fs::remove_file(entry.path()).map_err(|e| FileError::new("remove", entry.path(), e))?;
        }
    }
    Ok(())
}

/// Whether a file name is that of a file being written.
pub(super) fn is_temporary(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().starts_with(TEMPORARY)
}

/// The folder that a path lies in; `.` for a bare name.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
        Some(folder) => folder.to_path_buf(),
        None => path.to_path_buf(),
    }
}

/// Flushes the names in a folder to the disk. Only Unix can open a folder for that.
pub(super) fn sync_folder(folder: &Path) -> Result<(), FileError> {
    fault::point();
    if cfg!(unix) {
        File::open(folder).and_then(|folder| fault::sync(&folder)).map_err(|e| FileError::new("flush", folder, e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_replaces() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no leftovers");
    }

    #[test]
    fn a_failed_write_keeps_the_old_file_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        // The target is a folder: the rename fails after the temporary file was written.
        let path = dir.path().join("target");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), b"kept").unwrap();
        let error = write_atomic(&path, b"new").unwrap_err();
        assert_eq!(error.path(), path);
        assert!(error.to_string().contains("target"), "{error}");
        assert_eq!(fs::read(path.join("inside")).unwrap(), b"kept");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_where_a_folder_should_be_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, b"x").unwrap();
        let error = create_folder(&file.join("below")).unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
        let error = write_atomic(&file.join("below"), b"x").unwrap_err();
        assert!(error.to_string().contains("below"), "{error}");
    }

    #[test]
    fn leftovers_of_killed_writers_are_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".tmp-17-0-weights.safetensors"), b"half").unwrap();
        fs::write(dir.path().join("weights.safetensors"), b"whole").unwrap();
        clean_leftovers(dir.path()).unwrap();
        let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["weights.safetensors"]);
    }

    #[test]
    fn a_writer_alone_removes_what_was_left_of_its_file_and_of_no_other() {
        let dir = tempfile::tempdir().unwrap();
        for name in [".tmp-17-0-model.py", ".tmp-17-0-old-model.py", ".tmp-17-1-model.onnx"] {
            fs::write(dir.path().join(name), b"half").unwrap();
        }
        write_atomic_alone(&dir.path().join("model.py"), b"whole").unwrap();
        let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".tmp-17-0-old-model.py", ".tmp-17-1-model.onnx", "model.py"]);
    }

    #[test]
    fn a_bare_name_lies_in_the_working_folder() {
        assert_eq!(folder_of(Path::new("run.toml")), Path::new("."));
        assert_eq!(folder_of(Path::new("a/run.toml")), Path::new("a"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_told_as_such() {
        // Every write to this device fails as on a full disk.
        let source = File::options()
            .write(true)
            .open("/dev/full")
            .and_then(|mut file| fault::write(&mut file, b"bytes"))
            .unwrap_err();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stages/01-train/checkpoint.safetensors");
        let error = FileError::new("write", &path, source);
        assert!(error.is_disk_full());
        assert!(error.to_string().ends_with("free space and try again"), "{error}");
        fs::write(dir.path().join("run.toml"), "").unwrap();
        let expected = format!("free space and run `fewshot resume {}`", dir.path().display());
        assert!(error.to_string().ends_with(&expected), "{error}");
    }
}
