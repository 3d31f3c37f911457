//! Parquet files of images, as on the Hugging Face hub and as other tools write them.
//!
//! A row has an image (the bytes of an image file, in a struct with `bytes` or in a plain column, or the path of one) and
//! a label: an integer, whose class names are the `ClassLabel` of that column in the `huggingface` entry of the schema
//! metadata, or a text, which is the class name. [`shards`] says which files there are, [`columns`] which columns.
//!
//! Files of other splits (`extra*`) are left alone; if no file names a split, all are the training part.

mod columns;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::Sha256;

use super::folder::{begins_with, identify_files};
use super::labels::{self, Labels};
use super::parquet_file::ParquetFile;
use super::sharded::{self, Opened};
use super::shards::{self, Shard};
use super::{Found, Reader};
use crate::load::{Content, Images, Record, Run, Sink};
use crate::{ColumnError, DataError, OpenOptions, Place};
use columns::ImageColumn;

/// See the [module](self).
pub(super) struct HuggingFace;

const PARQUET: shards::Kind = shards::Kind {
    called: "Parquet files",
    extensions: &["parquet", "parq", "pq"],
    told_by: |file| begins_with(file, b"PAR1"),
};

impl Reader for HuggingFace {
    fn name(&self) -> &'static str {
        "hugging-face-parquet"
    }

    fn layout(&self) -> &'static str {
        "a Parquet file, or a folder of `train*.parquet` and `test*.parquet` (also `train/0000.parquet`, \
         `label=ant/part-0.parquet`), with a column of images and one of labels"
    }

    fn detect(&self, path: &Path) -> bool {
        !shards::find(path, &PARQUET).is_empty()
    }

    fn has_columns(&self) -> bool {
        true
    }

    fn read(&self, path: &Path, options: &OpenOptions) -> Result<Found, DataError> {
        let root = if path.is_file() { path.parent().unwrap_or(Path::new("")) } else { path };
        let together = |files| Arc::new(ParquetImages { files, root: root.to_owned() }) as Arc<dyn Images>;
        let mut found = sharded::read(path, &PARQUET, |shard| ImageFile::open(shard, options), together)?;
        found.notes.extend(found.train.as_ref().and_then(|train| labels::gap(&train.classes)));
        Ok(found)
    }
}

/// A Parquet file and its column of images.
struct ImageFile {
    file: ParquetFile,
    column: ImageColumn,
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

    fn runs(&self) -> Option<Vec<Run>> {
        let (mut runs, mut before) = (Vec::new(), 0);
        for ImageFile { file, column } in &self.files {
            for (rows, bytes) in file.groups(column.bytes.as_deref()) {
                let count = rows.end - rows.start;
                let pieces = bytes.div_ceil(RUN_BYTES).max(count.div_ceil(RUN_ROWS)).clamp(1, count.max(1));
                for piece in 0..pieces {
                    let at = |piece: u64| (before + rows.start + count * piece / pieces) as u32;
                    runs.push(Run { rows: at(piece)..at(piece + 1), bytes: bytes.div_ceil(pieces) });
                }
            }
            before += file.rows();
        }
        runs.retain(|run| !run.rows.is_empty());
        Some(runs)
    }
}

/// A group of rows is read in pieces of at most so many bytes and rows: a few pages each, so that what is read of pages
/// without being wanted is little.
const RUN_BYTES: u64 = 4 << 20;
const RUN_ROWS: u64 = 1024;

impl ImageFile {
    fn open(Shard { path, partitions, .. }: Shard, options: &OpenOptions) -> Result<Opened<ImageFile>, DataError> {
        let file = ParquetFile::open(path)?;
        let features = columns::features(&file)?;
        let column = columns::image_column(&file, &features, options)?;
        let label = columns::label_column(&file, &features, &partitions, options)?;
        let labels = match partitions.into_iter().find(|(key, _)| *key == label) {
            Some((_, value)) if !file.columns().contains(&label) => {
                Labels::Names(vec![value; usize::try_from(file.rows()).unwrap_or(usize::MAX)])
            }
            _ => Labels::read(&file, &label, columns::class_names(&features, &label))?,
        };
        Ok(Opened { path: file.path(), labels, images: ImageFile { file, column } })
    }

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
                _ => Err(ColumnError::Null { place: place(row), column: column.clone() }.into()),
            })?;
        } else {
            by_path.extend(rows);
        }
        let Some(column) = path.as_ref().filter(|_| !by_path.is_empty()) else { return Ok(()) };
        file.byte_arrays(column, &by_path, &mut |row, text| {
            let null = || ColumnError::Null { place: place(row), column: bytes.as_ref().unwrap_or(column).clone() };
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
