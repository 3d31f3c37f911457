//! The list of readers, and which of them reads a path.

use std::path::Path;

use super::folder::entries;
use super::{Reader, cifar, class_folders, hugging_face, idx, web_dataset};
use crate::{DataError, unread};

/// All readers. The first that recognises a path reads it, so the least specific comes last.
static READERS: [&dyn Reader; 5] =
    [&hugging_face::HuggingFace, &cifar::Cifar, &idx::Idx, &web_dataset::WebDataset, &class_folders::ClassFolders];

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
