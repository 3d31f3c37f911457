//! The layouts of data sets that are read, one file each.
//!
//! A new layout is one file here that implements `Reader`, and one entry in `READERS`.
//! The contract suite (`tests/contract.rs`) then runs it through the same checks as the others.

mod cifar;
mod class_folders;
mod hugging_face;
pub(crate) mod idx;
mod labels;
mod parquet_file;
mod sharded;
mod shards;
mod unread;
mod web_dataset;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::load::Images;
use crate::{DataError, OpenOptions};

/// A layout of data sets.
pub(crate) trait Reader: Sync {
    /// Short name, as it is shown to users.
    fn name(&self) -> &'static str;

    /// What a data set of this layout looks like, in one line.
    fn layout(&self) -> &'static str;

    /// Whether `path`, which exists, has this layout: a look at names (and at most a few first bytes), no more. An
    /// incomplete or damaged data set of this layout is still one, so that [`read`](Reader::read) can say what is
    /// wrong.
    fn detect(&self, path: &Path) -> bool;

    /// Finds the parts, their labels and classes. Decodes no image.
    fn read(&self, path: &Path, options: &OpenOptions) -> Result<Found, DataError>;
}

/// All readers. The first that recognises a path reads it, so the least specific comes last.
static READERS: [&dyn Reader; 5] =
    [&hugging_face::HuggingFace, &cifar::Cifar, &idx::Idx, &web_dataset::WebDataset, &class_folders::ClassFolders];

/// What a reader found.
pub(crate) struct Found {
    /// `None`: the data set has only other parts.
    pub train: Option<Part>,
    /// `None`: the data set has no test part, one is to be held out.
    pub test: Option<Part>,
    /// What the user should know: what was left out, or taken for another.
    pub notes: Vec<String>,
}

/// Training or test part.
pub(crate) struct Part {
    /// Where it lies, for messages.
    pub path: PathBuf,
    /// Names of its classes. Parts and files are brought together by these names, never by numbers; a class need not
    /// have an image.
    pub classes: Vec<String>,
    /// One label an image, each below the number of its classes.
    pub labels: Vec<u32>,
    pub images: Arc<dyn Images>,
}

/// Name and layout of every reader, in the order in which they are tried.
pub fn readers() -> impl Iterator<Item = (&'static str, &'static str)> {
    READERS.iter().map(|reader| (reader.name(), reader.layout()))
}

/// The reader for `path`.
pub(crate) fn detect(path: &Path) -> Result<&'static dyn Reader, DataError> {
    let metadata = std::fs::metadata(path).map_err(DataError::io(path))?;
    if metadata.is_file() && metadata.len() == 0 {
        return Err(DataError::EmptyFile { path: path.to_owned() });
    }
    if !metadata.is_file() && !metadata.is_dir() {
        crate::files::open(path)?;
    }
    if metadata.is_dir() && entries(path)?.is_empty() {
        return Err(DataError::EmptyFolder { path: path.to_owned() });
    }
    READERS.into_iter().find(|reader| reader.detect(path)).ok_or_else(|| {
        let known: Vec<String> = readers().map(|(name, layout)| format!("{name}: {layout}")).collect();
        DataError::Unsupported { path: path.to_owned(), supported: known.join("; "), advice: unread::advice(path) }
    })
}

/// Adds the names and lengths of files to the hash that tells parts of data sets apart.
fn identify_files<'a>(files: impl IntoIterator<Item = &'a Path>, hash: &mut Sha256) -> Result<(), DataError> {
    for file in files {
        let length = std::fs::metadata(file).map_err(DataError::io(file))?.len();
        hash.update(file.file_name().unwrap_or_default().as_encoded_bytes());
        hash.update([0]);
        hash.update(length.to_le_bytes());
    }
    Ok(())
}

/// Whether the file begins with these bytes; one that cannot be read does not.
fn begins_with(file: &Path, magic: &[u8]) -> bool {
    use std::io::Read as _;
    let mut start = vec![0; magic.len()];
    crate::files::open(file).ok().and_then(|mut file| file.read_exact(&mut start).ok()).is_some() && start == magic
}

/// A visible entry of a folder.
struct Entry {
    name: String,
    path: PathBuf,
    is_folder: bool,
}

/// The entries of a folder by name (bytewise, so the same on every machine). Hidden ones (`.DS_Store`, `.git`) are left
/// out.
fn entries(folder: &Path) -> Result<Vec<Entry>, DataError> {
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
fn entries_or_none(folder: &Path) -> Vec<Entry> {
    entries(folder).unwrap_or_default()
}

/// Length of a file in bytes; a file without any is refused.
fn nonempty(path: &Path) -> Result<u64, DataError> {
    match std::fs::metadata(path).map_err(DataError::io(path))?.len() {
        0 => Err(DataError::EmptyFile { path: path.to_owned() }),
        length => Ok(length),
    }
}

/// The non-blank lines of a text file of class names.
fn class_names(path: &Path) -> Result<Vec<String>, DataError> {
    nonempty(path)?;
    let text = std::fs::read_to_string(path).map_err(DataError::io(path))?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// Classes for labels that have no names.
struct Numbered {
    /// Label of class 0.
    first: i64,
    /// The numbers as names.
    names: Vec<String>,
}

/// Labels without names must be consecutive numbers (0 to 9, or 1 to 26): they become the names. A gap is refused,
/// because it is how a damaged label shows itself.
fn number_classes(path: &Path, labels: &[i64]) -> Result<Numbered, DataError> {
    let mut distinct = labels.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    for pair in distinct.windows(2) {
        if pair[1].checked_sub(pair[0]) != Some(1) {
            return Err(DataError::LabelGap { path: path.to_owned(), before: pair[0], after: pair[1] });
        }
    }
    let first = distinct.first().copied().unwrap_or(0);
    Ok(Numbered { first, names: distinct.iter().map(i64::to_string).collect() })
}

/// The class index of a label of `classes` classes, the first of which has the label `first`.
fn class_index(label: i64, first: i64, classes: usize) -> Option<u32> {
    let index = label.checked_sub(first)?;
    u32::try_from(index).ok().filter(|&index| (index as usize) < classes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_classes() {
        let path = Path::new("labels");
        let classes = number_classes(path, &[3, 1, 2, 2, 1]).unwrap();
        assert_eq!((classes.first, classes.names), (1, vec!["1".into(), "2".into(), "3".into()]));
        let message = number_classes(path, &[0, 1, 200]).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains("after 1 comes 200"), "{message}");
        assert!(number_classes(path, &[i64::MIN, i64::MAX]).is_err());
    }

    #[test]
    fn class_indices() {
        assert_eq!(class_index(3, 1, 3), Some(2));
        assert_eq!(class_index(4, 1, 3), None);
        assert_eq!(class_index(0, 1, 3), None);
        assert_eq!(class_index(i64::MIN, 1, 3), None);
    }
}
