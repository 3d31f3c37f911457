//! A folder of class folders of JPEG and PNG files.
//!
//! ```text
//! flowers/train/daisy/001.jpg        or   flowers/daisy/001.jpg
//! flowers/train/roses/17.png              flowers/roses/17.png
//! flowers/test/daisy/002.jpg
//! ```
//!
//! Classes are the folder names in bytewise order, images their files in bytewise order; only the files directly in a
//! class folder count. Without a `train` folder, the folders are the classes and a part is held out as test set. The
//! test folder may be called `test`, else `val`, `valid` or `validation` (the first of these that exists is read, no
//! other); it need not have every class, but no class of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Entry, Found, Part, Reader, entries, entries_or_none, nonempty};
use crate::load::{Content, Images, Record, Sink};
use crate::{DataError, OpenOptions, Place};

/// See the [module](self).
pub(super) struct ClassFolders;

/// Names that mark the test part, the first that exists counts.
const TEST_FOLDERS: [&str; 4] = ["test", "val", "valid", "validation"];
const IMAGES: [&str; 3] = ["jpg", "jpeg", "png"];
/// Image files that must not be passed over in silence. Other files (notes, licences, thumbnail caches) may be.
const OTHER_IMAGES: [&str; 10] = ["webp", "gif", "bmp", "tif", "tiff", "heic", "heif", "avif", "jp2", "ppm"];

impl Reader for ClassFolders {
    fn name(&self) -> &'static str {
        "class-folders"
    }

    fn layout(&self) -> &'static str {
        "a folder with one folder of JPEG or PNG files a class, or with `train` and `test` (or `val`) that hold such \
         folders"
    }

    fn detect(&self, path: &Path) -> bool {
        entries_or_none(path).iter().any(|entry| entry.is_folder)
    }

    fn read(&self, path: &Path, _: &OpenOptions) -> Result<Found, DataError> {
        let folders = folders(path)?;
        let named = |name: &str| folders.iter().find(|folder| folder.name.eq_ignore_ascii_case(name));
        let Some(train) = named("train") else {
            let classes: Vec<String> = folders.iter().map(|folder| folder.name.clone()).collect();
            return Ok(Found { train: part(&folders, &classes)?, classes, test: None });
        };
        let train = self::folders(&train.path)?;
        let classes: Vec<String> = train.iter().map(|folder| folder.name.clone()).collect();
        let test = match TEST_FOLDERS.iter().find_map(|name| named(name)) {
            Some(test) => Some(part(&self::folders(&test.path)?, &classes)?),
            None => None,
        };
        Ok(Found { train: part(&train, &classes)?, classes, test })
    }
}

/// The folders in `path`, of which there must be one.
fn folders(path: &Path) -> Result<Vec<Entry>, DataError> {
    let folders: Vec<Entry> = entries(path)?.into_iter().filter(|entry| entry.is_folder).collect();
    match folders.is_empty() {
        true => Err(DataError::MissingFile { path: path.to_owned(), wanted: "class folders".into() }),
        false => Ok(folders),
    }
}

/// The images in the class folders `folders`, labelled by `classes`.
fn part(folders: &[Entry], classes: &[String]) -> Result<Part, DataError> {
    let (mut files, mut labels) = (Vec::new(), Vec::new());
    for folder in folders {
        // `classes` is sorted bytewise, as the entries it was made from.
        let label = classes.binary_search(&folder.name).map_err(|_| DataError::UnknownClass {
            path: folder.path.clone(),
            class: folder.name.clone(),
            classes: classes.to_vec(),
        })? as u32;
        for entry in entries(&folder.path)?.into_iter().filter(|entry| !entry.is_folder) {
            let extension = entry.path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
            if IMAGES.contains(&extension.as_str()) {
                nonempty(&entry.path)?;
                files.push(entry.path);
                labels.push(label);
            } else if OTHER_IMAGES.contains(&extension.as_str()) {
                return Err(DataError::ImageFormat { path: entry.path });
            }
        }
    }
    Ok(Part { labels, images: Arc::new(Files { files }) })
}

/// One image a file.
struct Files {
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
}
