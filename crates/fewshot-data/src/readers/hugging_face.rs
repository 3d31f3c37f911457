//! Parquet files in the image layout of the Hugging Face hub.
//!
//! A row has an image (`img`, `image`, or the first struct with `bytes`: the bytes of a JPEG or PNG file) and an
//! integer label (`label`, `labels` or `fine_label`). Class names are the `ClassLabel` of that column in the
//! `huggingface` entry of the schema metadata; without it the label numbers are the names.
//!
//! One file, or a folder (or its only folder with such files, or its `data` folder) of files `train*`, and perhaps
//! `test*`, else `validation*`, each in one or several shards (`train-00000-of-00002.parquet`), read in the order of
//! their names. Files of other splits (`extra*`) are left alone; if no file names a split, all are the training part.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::parquet_file::ParquetFile;
use super::{Found, Part, Reader, class_index, entries_or_none, number_classes};
use crate::load::{Content, Images, Record, Sink};
use crate::{DataError, OpenOptions, Place};

/// See the [module](self).
pub(super) struct HuggingFace;

/// Names of the label column, the first that exists counts. CIFAR-100 has `fine_label`.
const LABELS: [&str; 3] = ["label", "labels", "fine_label"];

impl Reader for HuggingFace {
    fn name(&self) -> &'static str {
        "hugging-face-parquet"
    }

    fn layout(&self) -> &'static str {
        "a Parquet file, or a folder of `train*.parquet` and `test*.parquet`, with an image column (struct with \
         `bytes`) and an integer `label`"
    }

    fn detect(&self, path: &Path) -> bool {
        !find(path).is_empty()
    }

    fn read(&self, path: &Path, options: &OpenOptions) -> Result<Found, DataError> {
        let files = find(path);
        let of = |split: Split| -> Vec<PathBuf> {
            files.iter().filter(|file| split_of(file) == Some(split)).cloned().collect()
        };
        let (mut train, mut test) = (of(Split::Train), of(Split::Test));
        if test.is_empty() {
            test = of(Split::Validation);
        }
        if path.is_file() || (train.is_empty() && test.is_empty()) {
            (train, test) = (files, Vec::new());
        }
        if train.is_empty() {
            return Err(DataError::MissingFile { path: path.to_owned(), wanted: "`train*.parquet`".into() });
        }
        if !path.is_file() {
            all_shards(&train)?;
            all_shards(&test)?;
        }

        let train = Shards::open(train, options)?;
        let (first, classes) = match train.names.clone() {
            Some(names) => (0, names),
            None => {
                let numbered = number_classes(path, &train.labels)?;
                (numbered.first, numbered.names)
            }
        };
        let test = match test.is_empty() {
            true => None,
            false => {
                let test = Shards::open(test, options)?;
                if let Some(names) = test.names.as_ref().filter(|&names| *names != classes) {
                    let (path, found) = (test.files[0].path().to_path_buf(), names.clone());
                    return Err(DataError::ClassNames { path, found, classes });
                }
                Some(test.part(first, classes.len())?)
            }
        };
        Ok(Found { train: train.part(first, classes.len())?, classes, test })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Split {
    Train,
    Test,
    Validation,
}

/// The split that a word of the file name names.
fn split_of(file: &Path) -> Option<Split> {
    let stem = file.file_stem()?.to_string_lossy().to_ascii_lowercase();
    stem.split(|letter: char| !letter.is_ascii_alphanumeric()).find_map(|word| match word {
        "train" | "training" => Some(Split::Train),
        "test" => Some(Split::Test),
        "validation" | "valid" | "val" => Some(Split::Validation),
        _ => None,
    })
}

/// The Parquet files of the data set at `path`; empty if it is none.
fn find(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return if is_parquet(path) { vec![path.to_owned()] } else { Vec::new() };
    }
    let in_folder = |folder: &Path| -> Vec<PathBuf> {
        let files = entries_or_none(folder).into_iter().filter(|entry| !entry.is_folder).map(|entry| entry.path);
        files.filter(|file| file.extension().is_some_and(|extension| extension == "parquet")).collect()
    };
    let files = in_folder(path);
    if !files.is_empty() {
        return files;
    }
    let data = in_folder(&path.join("data"));
    if !data.is_empty() {
        return data;
    }
    let below = entries_or_none(path).into_iter().filter(|entry| entry.is_folder).map(|entry| in_folder(&entry.path));
    let mut below: Vec<_> = below.filter(|files| !files.is_empty()).collect();
    if below.len() == 1 { below.remove(0) } else { Vec::new() }
}

/// By its name or, if it has another one, by its first bytes.
fn is_parquet(file: &Path) -> bool {
    let magic = || -> std::io::Result<bool> {
        let mut start = [0; 4];
        File::open(file)?.read_exact(&mut start)?;
        Ok(&start == b"PAR1")
    };
    file.extension().is_some_and(|extension| extension == "parquet") || magic().unwrap_or(false)
}

/// Where the names count shards (`train-00001-of-00003`), none may be missing: a partial download would pass for a
/// small set.
fn all_shards(files: &[PathBuf]) -> Result<(), DataError> {
    let Some(first) = files.first() else { return Ok(()) };
    let stem = first.file_stem().unwrap_or_default().to_string_lossy();
    let Some((start, number, total)) = shard(&stem) else { return Ok(()) };
    let Ok(count) = total.parse::<usize>() else { return Ok(()) };
    for (index, file) in (0..count).zip(files.iter().map(Some).chain(std::iter::repeat(None))) {
        let name = format!("{start}-{index:0width$}-of-{total}.parquet", width = number.len());
        // The files come sorted by name, so shard by shard.
        if file.and_then(|file| file.file_name()).is_none_or(|found| found != name.as_str()) {
            let folder = first.parent().unwrap_or(Path::new("")).to_owned();
            return Err(DataError::MissingFile { path: folder, wanted: format!("`{name}`") });
        }
    }
    Ok(())
}

/// `train-00001-of-00003` in its parts: `train`, `00001`, `00003`.
fn shard(stem: &str) -> Option<(&str, &str, &str)> {
    let (start, total) = stem.rsplit_once("-of-")?;
    let (start, number) = start.rsplit_once('-')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(number) && digits(total)).then_some((start, number, total))
}

/// The files of one part, with their labels.
struct Shards {
    files: Vec<ParquetFile>,
    /// Labels as they are in the files.
    labels: Vec<i64>,
    /// Names of the classes, if the first file has them.
    names: Option<Vec<String>>,
}

impl Shards {
    fn open(paths: Vec<PathBuf>, options: &OpenOptions) -> Result<Shards, DataError> {
        let (mut files, mut labels, mut names) = (Vec::new(), Vec::new(), None);
        for path in paths {
            let file = ParquetFile::open(path)?;
            image_column(&file)?;
            let column = label_column(&file, options)?;
            if files.is_empty() {
                names = class_names(&file, &column)?;
            }
            labels.extend(file.integers(&column)?);
            files.push(file);
        }
        Ok(Shards { files, labels, names })
    }

    /// Turns the labels into class indices.
    fn part(self, first: i64, classes: usize) -> Result<Part, DataError> {
        let mut labels = Vec::with_capacity(self.labels.len());
        let rows = self.files.iter().flat_map(|file| (0..file.rows()).map(move |row| (file, row)));
        for (&label, (file, row)) in self.labels.iter().zip(rows) {
            let index = class_index(label, first, classes).ok_or_else(|| DataError::Label {
                place: Place::record(file.path(), row),
                label,
                classes,
            })?;
            labels.push(index);
        }
        Ok(Part { labels, images: Arc::new(ParquetImages { files: self.files }) })
    }
}

/// Name of the label column: the one asked for, or the first of [`LABELS`].
fn label_column(file: &ParquetFile, options: &OpenOptions) -> Result<String, DataError> {
    let wanted: Vec<&str> = match &options.label_column {
        Some(name) => vec![name],
        None => LABELS.to_vec(),
    };
    let found = wanted.iter().find(|&&name| file.columns().iter().any(|column| column == name));
    found.map(|&name| name.to_owned()).ok_or_else(|| DataError::MissingColumn {
        path: file.path().to_path_buf(),
        wanted: format!("label column (`{}`)", wanted.join("`, `")),
        columns: file.columns().to_vec(),
    })
}

/// The leaf column of the image bytes: `img.bytes`, `image.bytes`, or the first `*.bytes`.
fn image_column(file: &ParquetFile) -> Result<String, DataError> {
    let columns = file.columns();
    let known = ["img.bytes", "image.bytes"].into_iter().find(|&name| columns.iter().any(|column| column == name));
    let first = || columns.iter().map(String::as_str).find(|column| column.split('.').skip(1).eq(["bytes"]));
    known.or_else(first).map(str::to_owned).ok_or_else(|| DataError::MissingColumn {
        path: file.path().to_path_buf(),
        wanted: "image column (a struct with `bytes`)".into(),
        columns: columns.to_vec(),
    })
}

/// `info.features.<column>.names` of the `huggingface` metadata.
fn class_names(file: &ParquetFile, column: &str) -> Result<Option<Vec<String>>, DataError> {
    let Some(text) = file.metadata("huggingface") else { return Ok(None) };
    let json: serde_json::Value = serde_json::from_str(text).map_err(|error| DataError::Damaged {
        path: file.path().to_path_buf(),
        reason: format!("its `huggingface` metadata is no JSON: {error}"),
    })?;
    let names = json["info"]["features"][column]["names"].as_array().filter(|names| !names.is_empty());
    Ok(names.and_then(|names| names.iter().map(|name| name.as_str().map(str::to_owned)).collect()))
}

/// The images of one part.
struct ParquetImages {
    files: Vec<ParquetFile>,
}

impl Images for ParquetImages {
    fn size(&self) -> Option<(usize, usize)> {
        None
    }

    fn visit(&self, rows: &[u32], sink: &mut Sink<'_>) -> Result<(), DataError> {
        let (mut rest, mut before) = (rows, 0);
        for file in &self.files {
            let end = before + file.rows();
            let (here, later) = rest.split_at(rest.partition_point(|&row| u64::from(row) < end));
            let here: Vec<u64> = here.iter().map(|&row| u64::from(row) - before).collect();
            file.byte_arrays(&image_column(file)?, &here, &mut |row, bytes| {
                sink(Record { place: Place::record(file.path(), row), content: Content::Encoded(bytes) })
            })?;
            (rest, before) = (later, end);
        }
        Ok(())
    }
}
