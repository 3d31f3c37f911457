//! A folder of class folders of images.
//!
//! ```text
//! flowers/train/daisy/001.jpg        or   flowers/daisy/001.jpg        or   flowers/daisy/train/001.jpg
//! flowers/train/roses/17.png              flowers/roses/wild/17.png         flowers/daisy/test/002.jpg
//! flowers/test/daisy/002.jpg
//! ```
//!
//! Classes are the folder names in bytewise order, images their files in the order of their paths, at any depth. How the
//! parts are found: [`parts`].

mod mistaken;
mod parts;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::folder::entries_or_none;
use super::{Found, Part, Reader};
use crate::files::Tree;
use crate::load::{Content, Images, Record, Run, Sink};
use crate::{DataError, OpenOptions, Place};
pub use parts::UNLABELLED;
use parts::{Classes, Parts};

/// See the [module](self).
pub(super) struct ClassFolders;

impl Reader for ClassFolders {
    fn name(&self) -> &'static str {
        "class-folders"
    }

    fn layout(&self) -> &'static str {
        "a folder with one folder of images (JPEG, PNG, WebP, BMP, GIF, TIFF) a class, or with `train` and `test` (or \
         `val`) that hold such folders"
    }

    fn detect(&self, path: &Path) -> bool {
        entries_or_none(path).iter().any(|entry| entry.is_folder)
    }

    fn read(&self, path: &Path, _: &OpenOptions) -> Result<Found, DataError> {
        let (tree, left_out) = Tree::read(path)?;
        let mut notes = left_out.notes(path);
        let Parts { train, test } = parts::find(&tree, &mut notes)?;
        let part = |classes: Classes| part(path, classes);
        Ok(Found { train: train.map(part), test: test.map(part), notes })
    }
}

/// What such a data set is said to be read as.
pub(crate) const WITHOUT_CLASSES: &str = "images without classes";

/// The images of a folder without class folders, all of one class; `None` where it has none.
pub(crate) fn unlabelled(path: &Path) -> Result<Option<Found>, DataError> {
    if !path.is_dir() {
        return Ok(None);
    }
    let (tree, left_out) = Tree::read(path)?;
    let mut notes = left_out.notes(path);
    let Parts { train, test } = parts::loose(&tree, &mut notes);
    let part = |classes: Classes| part(path, classes);
    Ok(train.map(|train| Found { train: Some(part(train)), test: test.map(part), notes }))
}

fn part(root: &Path, classes: Classes) -> Part {
    let (mut names, mut labels, mut files) = (Vec::new(), Vec::new(), Vec::new());
    for (label, (name, images)) in (0..).zip(classes) {
        names.push(name);
        labels.extend(images.iter().map(|_| label));
        files.extend(images);
    }
    let images = Arc::new(Files { root: root.to_owned(), files });
    Part { path: root.to_owned(), classes: names, labels, images }
}

/// One image a file.
struct Files {
    /// The data set, below which they lie.
    root: PathBuf,
    files: Vec<PathBuf>,
}

impl Images for Files {
    fn size(&self) -> Option<(usize, usize)> {
        None
    }

    fn visit(&self, rows: &[u32], sink: &mut Sink<'_>) -> Result<(), DataError> {
        rows.iter().try_for_each(|&row| {
            let place = Place::file(self.files[row as usize].as_path());
            sink(Record { place, content: Content::File })
        })
    }

    fn identify(&self, rows: &[u32], hash: &mut Sha256) -> Result<(), DataError> {
        for &row in rows {
            let file = &self.files[row as usize];
            let length = std::fs::metadata(file).map_err(DataError::io(file))?.len();
            // Relative, and the same on every system.
            for step in file.strip_prefix(&self.root).unwrap_or(file) {
                hash.update(step.as_encoded_bytes());
                hash.update([b'/']);
            }
            hash.update(length.to_le_bytes());
        }
        Ok(())
    }

    fn runs(&self) -> Option<Vec<Run>> {
        let one = |(row, _): (u32, &PathBuf)| Run { rows: row..row + 1, bytes: 0 };
        Some((0..).zip(&self.files).map(one).collect())
    }
}
