//! Parquet files of images, as on the Hugging Face hub and as other tools write them.
//!
//! A row has an image (the bytes of an image file, in a struct with `bytes` or in a plain column, or the path of one) and
//! a label: an integer, whose class names are the `ClassLabel` of that column in the `huggingface` entry of the schema
//! metadata, or a text, which is the class name. [`layout`] says which files there are, [`columns`] which columns.
//!
//! Files of other splits (`extra*`) are left alone; if no file names a split, all are the training part.

mod columns;
mod labels;
mod layout;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::Sha256;

use super::parquet_file::ParquetFile;
use super::{Found, Part, Reader, identify_files};
use crate::load::{Content, Images, Record, Sink};
use crate::{DataError, OpenOptions, Place};
use columns::ImageColumn;
use labels::{Classed, Labels};
use layout::{Shard, Split};

/// See the [module](self).
pub(super) struct HuggingFace;

impl Reader for HuggingFace {
    fn name(&self) -> &'static str {
        "hugging-face-parquet"
    }

    fn layout(&self) -> &'static str {
        "a Parquet file, or a folder of `train*.parquet` and `test*.parquet` (also `train/0000.parquet`, \
         `label=ant/part-0.parquet`), with a column of images and one of labels"
    }

    fn detect(&self, path: &Path) -> bool {
        !layout::find(path).is_empty()
    }

    fn read(&self, path: &Path, options: &OpenOptions) -> Result<Found, DataError> {
        let shards = layout::one_set(path, layout::find(path))?;
        let of =
            |split: Split| -> Vec<Shard> { shards.iter().filter(|shard| shard.part == Some(split)).cloned().collect() };
        let (mut train, mut tests) = (of(Split::Train), vec![of(Split::Test), of(Split::Validation)]);
        let mut notes = Vec::new();
        if path.is_file() || (train.is_empty() && tests.iter().all(Vec::is_empty)) {
            (train, tests) = (shards, Vec::new());
        } else {
            let other: Vec<&Shard> = shards.iter().filter(|shard| shard.part.is_none()).collect();
            if let Some(first) = other.first() {
                let name = first.path.file_name().unwrap_or_default().to_string_lossy();
                notes.push(format!("{} Parquet files of no known part are not used, e.g. `{name}`", other.len()));
            }
            layout::all_there(&train)?;
            tests.iter().try_for_each(|test| layout::all_there(test))?;
        }

        let root = if path.is_file() { path.parent().unwrap_or(Path::new("")) } else { path };
        let train = Files::open(train, root, options)?;
        let mut test: Option<Files> = None;
        for (name, shards) in ["test", "validation"].iter().zip(tests) {
            if shards.is_empty() {
                continue;
            }
            if test.is_some() {
                notes.push(format!("the {name} part is not used: there is a test part"));
                continue;
            }
            let files = Files::open(shards, root, options)?;
            if files.labels.iter().all(|(_, labels)| labels.are_withheld()) {
                notes.push(format!("the {name} part has no labels (all are -1) and is not used"));
            } else {
                test = Some(files);
            }
        }
        let known = train.names().or_else(|| test.as_ref().and_then(Files::names));
        let part = |files: Files| if files.labels.is_empty() { Ok(None) } else { files.part(known.as_ref()).map(Some) };
        let train = part(train)?;
        let test = test.map(part).transpose()?.flatten();
        notes.extend(train.as_ref().and_then(|train| labels::gap(&train.classes)));
        Ok(Found { train, test, notes })
    }
}

/// The files of one part, with their labels.
struct Files {
    files: Vec<ImageFile>,
    labels: Vec<(Arc<Path>, Labels)>,
    /// Where the paths in the files may lead from.
    root: PathBuf,
}

/// A Parquet file and its column of images.
struct ImageFile {
    file: ParquetFile,
    column: ImageColumn,
}

impl Files {
    fn open(shards: Vec<Shard>, root: &Path, options: &OpenOptions) -> Result<Files, DataError> {
        let (mut files, mut labels) = (Vec::new(), Vec::new());
        for Shard { path, partitions, .. } in shards {
            let file = ParquetFile::open(path)?;
            let features = columns::features(&file)?;
            let column = columns::image_column(&file, &features, options)?;
            let label = columns::label_column(&file, &features, &partitions, options)?;
            let of_file = match partitions.into_iter().find(|(key, _)| *key == label) {
                Some((_, value)) if !file.columns().contains(&label) => {
                    Labels::Names(vec![value; usize::try_from(file.rows()).unwrap_or(usize::MAX)])
                }
                _ => Labels::read(&file, &label, columns::class_names(&features, &label))?,
            };
            labels.push((file.path(), of_file));
            files.push(ImageFile { file, column });
        }
        Ok(Files { files, labels, root: root.to_owned() })
    }

    /// Class names of the first file that has any.
    fn names(&self) -> Option<Vec<String>> {
        self.labels.iter().find_map(|(_, labels)| labels.names()).cloned()
    }

    fn part(self, known: Option<&Vec<String>>) -> Result<Part, DataError> {
        let Files { files, labels, root } = self;
        let path = labels.first().map_or_else(|| root.clone(), |(path, _)| path.to_path_buf());
        let Classed { classes, labels } = labels::together(&labels, known)?;
        Ok(Part { path, classes, labels, images: Arc::new(ParquetImages { files, root }) })
    }
}

/// The images of one part.
struct ParquetImages {
    files: Vec<ImageFile>,
    root: PathBuf,
}

impl Images for ParquetImages {
    fn size(&self) -> Option<(usize, usize)> {
        None
    }

    fn visit(&self, rows: &[u32], sink: &mut Sink<'_>) -> Result<(), DataError> {
        let (mut rest, mut before) = (rows, 0);
        for image_file in &self.files {
            let end = before + image_file.file.rows();
            let (here, later) = rest.split_at(rest.partition_point(|&row| u64::from(row) < end));
            let here: Vec<u64> = here.iter().map(|&row| u64::from(row) - before).collect();
            image_file.visit(&self.root, &here, sink)?;
            (rest, before) = (later, end);
        }
        Ok(())
    }

    fn identify(&self, _: &[u32], hash: &mut Sha256) -> Result<(), DataError> {
        let paths: Vec<Arc<Path>> = self.files.iter().map(|image_file| image_file.file.path()).collect();
        identify_files(paths.iter().map(AsRef::as_ref), hash)
    }
}

impl ImageFile {
    /// Hands the images in `rows` to `sink`: their bytes or, where there are none, the file that the row names.
    fn visit(&self, root: &Path, rows: &[u64], sink: &mut Sink<'_>) -> Result<(), DataError> {
        let ImageFile { file, column: ImageColumn { bytes, path } } = self;
        let place = |row: u64| Place::record(file.path(), row);
        let mut by_path = Vec::new();
        if let Some(column) = bytes {
            // Rows must come in their order, so those by path can only be mixed in where none has bytes.
            let mut handed = false;
            file.byte_arrays(column, rows, &mut |row, bytes| match bytes {
                Some(bytes) if by_path.is_empty() => {
                    handed = true;
                    sink(Record { place: place(row), content: Content::Encoded(bytes) })
                }
                None if !handed && path.is_some() => {
                    by_path.push(row);
                    Ok(())
                }
                _ => Err(DataError::Null { place: place(row), column: column.clone() }),
            })?;
        } else {
            by_path.extend(rows);
        }
        let Some(column) = path.as_ref().filter(|_| !by_path.is_empty()) else { return Ok(()) };
        file.byte_arrays(column, &by_path, &mut |row, text| {
            let null = || DataError::Null { place: place(row), column: bytes.as_ref().unwrap_or(column).clone() };
            let text = String::from_utf8_lossy(&text.ok_or_else(null)?).into_owned();
            match self.image_at(root, &text) {
                Some(image) => sink(Record { place: Place::file(image), content: Content::File }),
                None => Err(DataError::ImagePath { place: place(row), image: text }),
            }
        })
    }

    /// The file that `text` names: from the folder of the Parquet file, or from that of the data set.
    fn image_at(&self, root: &Path, text: &str) -> Option<PathBuf> {
        let beside = self.file.path().parent().map(|folder| folder.join(text));
        [beside, Some(root.join(text))].into_iter().flatten().find(|path| path.is_file())
    }
}
