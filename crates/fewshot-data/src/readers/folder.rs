//! Folders and files as readers look at them.

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::DataError;

/// Adds the names and lengths of files to the hash that tells parts of data sets apart.
pub(super) fn identify_files<'a>(
    files: impl IntoIterator<Item = &'a Path>,
    hash: &mut Sha256,
) -> Result<(), DataError> {
    for file in files {
        let length = std::fs::metadata(file).map_err(DataError::io(file))?.len();
        hash.update(file.file_name().unwrap_or_default().as_encoded_bytes());
        hash.update([0]);
        hash.update(length.to_le_bytes());
    }
    Ok(())
}

/// Whether the file begins with these bytes; one that cannot be read does not.
pub(super) fn begins_with(file: &Path, magic: &[u8]) -> bool {
    use std::io::Read as _;
    let mut start = vec![0; magic.len()];
    crate::files::open(file).ok().and_then(|mut file| file.read_exact(&mut start).ok()).is_some() && start == magic
}

/// A visible entry of a folder.
pub(super) struct Entry {
    pub name: String,
    pub path: PathBuf,
    pub is_folder: bool,
}

/// The entries of a folder by name (bytewise, so the same on every machine). Hidden ones (`.DS_Store`, `.git`) are left
/// out.
pub(super) fn entries(folder: &Path) -> Result<Vec<Entry>, DataError> {
    let read = || -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !name.starts_with('.') {
                // Follows links: data sets are often put together from links. A dangling one is no folder.
                let is_folder = kind.is_dir() || (kind.is_symlink() && path.is_dir());
                entries.push(Entry { name, path, is_folder });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    };
    read().map_err(DataError::io(folder))
}

/// Entries of `folder` where detecting a layout: a folder that cannot be read has none.
pub(super) fn entries_or_none(folder: &Path) -> Vec<Entry> {
    entries(folder).unwrap_or_default()
}

/// Length of a file in bytes; a file without any is refused.
pub(super) fn nonempty(path: &Path) -> Result<u64, DataError> {
    match std::fs::metadata(path).map_err(DataError::io(path))?.len() {
        0 => Err(DataError::EmptyFile { path: path.to_owned() }),
        length => Ok(length),
    }
}

/// The non-blank lines of a text file of class names.
pub(super) fn class_names(path: &Path) -> Result<Vec<String>, DataError> {
    nonempty(path)?;
    let text = std::fs::read_to_string(path).map_err(DataError::io(path))?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}
