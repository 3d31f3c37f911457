//! The binary version of CIFAR-10 and CIFAR-100.
//!
//! A record is one label byte (CIFAR-100: the coarse label, then the fine one, which is used) and 3,072 pixel bytes: 32
//! rows of 32 red values, then the green, then the blue ones. Files hold records and nothing else. Class names are the
//! lines of `batches.meta.txt` or `fine_label_names.txt` beside them; without that file the label numbers are the
//! names.
//!
//! A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::Sha256;

use super::folder::{Entry, class_names, entries_or_none, identify_files, nonempty};
use super::numbered::{class_index, number_classes};
use super::{Found, Part, Reader};
use crate::decode::Raster;
use crate::load::{Content, Images, Record, Sink};
use crate::{DataError, OpenOptions, Place};

/// See the [module](self).
pub(super) struct Cifar;

const SIDE: usize = 32;
const PIXELS: usize = SIDE * SIDE;

/// One of the two data sets.
struct Variant {
    label_bytes: usize,
    /// Labels are below this where no names say otherwise.
    classes: usize,
    names: &'static str,
    test: &'static str,
}

const CIFAR10: Variant = Variant { label_bytes: 1, classes: 10, names: "batches.meta.txt", test: "test_batch.bin" };
const CIFAR100: Variant = Variant { label_bytes: 2, classes: 100, names: "fine_label_names.txt", test: "test.bin" };

impl Reader for Cifar {
    fn name(&self) -> &'static str {
        "cifar-binary"
    }

    fn layout(&self) -> &'static str {
        "a folder with `data_batch_1.bin`.. and `test_batch.bin` (CIFAR-10), or `train.bin` and `test.bin` (CIFAR-100)"
    }

    fn detect(&self, path: &Path) -> bool {
        find(&folder(path)).is_some()
    }

    fn read(&self, path: &Path, _: &OpenOptions) -> Result<Found, DataError> {
        let path = &folder(path);
        let Some((variant, train_files)) = find(path) else {
            return Err(DataError::MissingFile {
                path: path.to_owned(),
                wanted: "`data_batch_1.bin` or `train.bin`".into(),
            });
        };
        for (number, file) in (1..).zip(&train_files) {
            if batch_number(&file.name).is_some_and(|found| found != number) {
                return Err(DataError::MissingFile {
                    path: path.to_owned(),
                    wanted: format!("`data_batch_{number}.bin`"),
                });
            }
        }
        let names_file = path.join(variant.names);
        let names = if names_file.exists() { Some(class_names(&names_file)?) } else { None };
        let known = names.as_ref().map_or(variant.classes, Vec::len);

        let train = Batches::open(&variant, train_files.into_iter().map(|file| file.path))?;
        let train_labels = train.labels(&variant, known)?;
        let (first, classes) = match names {
            Some(names) => (0, names),
            None => {
                let numbered = number_classes(path, &train_labels)?;
                (numbered.first, numbered.names)
            }
        };
        let part = |batches: Batches, labels: Vec<i64>| {
            // A test label can still be one that no training image has.
            let index = |label| {
                class_index(label, first, classes.len()).ok_or_else(|| DataError::UnknownClass {
                    path: path.join(variant.test),
                    class: label.to_string(),
                    classes: classes.clone(),
                })
            };
            let labels = labels.into_iter().map(index).collect::<Result<_, _>>()?;
            let path = batches.files[0].0.to_path_buf();
            Ok::<_, DataError>(Part { path, classes: classes.clone(), labels, images: Arc::new(batches) })
        };
        let train = part(train, train_labels)?;
        let test_file = path.join(variant.test);
        let test = if test_file.exists() {
            let test = Batches::open(&variant, [test_file])?;
            let labels = test.labels(&variant, known)?;
            Some(part(test, labels)?)
        } else {
            None
        };
        Ok(Found { train: Some(train), test, notes: Vec::new() })
    }
}

/// `path`, or the folder in it that the official archives unpack to.
fn folder(path: &Path) -> PathBuf {
    let unpacked = ["cifar-10-batches-bin", "cifar-100-binary"].map(|name| path.join(name));
    unpacked.into_iter().find(|folder| find(path).is_none() && folder.is_dir()).unwrap_or_else(|| path.to_owned())
}

/// The training files in `path` in the order of their numbers, if there are any.
fn find(path: &Path) -> Option<(Variant, Vec<Entry>)> {
    let (mut batches, mut train): (Vec<Entry>, Vec<Entry>) = (Vec::new(), Vec::new());
    for entry in entries_or_none(path).into_iter().filter(|entry| !entry.is_folder) {
        if batch_number(&entry.name).is_some() {
            batches.push(entry);
        } else if entry.name == "train.bin" {
            train.push(entry);
        }
    }
    batches.sort_by_key(|entry| batch_number(&entry.name)); // 10 after 9
    match (batches.is_empty(), train.is_empty()) {
        (false, _) => Some((CIFAR10, batches)),
        (_, false) => Some((CIFAR100, train)),
        _ => None,
    }
}

fn batch_number(name: &str) -> Option<u32> {
    name.strip_prefix("data_batch_")?.strip_suffix(".bin")?.parse().ok()
}

/// Files of records.
struct Batches {
    /// Each with its number of records.
    files: Vec<(Arc<Path>, u64)>,
    label_bytes: usize,
}

impl Batches {
    fn open(variant: &Variant, paths: impl IntoIterator<Item = PathBuf>) -> Result<Batches, DataError> {
        let record = (variant.label_bytes + 3 * PIXELS) as u64;
        let mut files = Vec::new();
        for path in paths {
            let bytes = nonempty(&path)?;
            if bytes % record != 0 {
                let place = Place::record(path, bytes / record);
                return Err(DataError::Truncated { place, expected: record, found: bytes % record });
            }
            files.push((path.into(), bytes / record));
        }
        Ok(Batches { files, label_bytes: variant.label_bytes })
    }

    /// The labels, each checked to be below `classes`.
    fn labels(&self, variant: &Variant, classes: usize) -> Result<Vec<i64>, DataError> {
        let mut labels = Vec::new();
        self.each(|place, record| {
            let label = i64::from(record[variant.label_bytes - 1]);
            if label as usize >= classes {
                return Err(DataError::Label { place, label, classes });
            }
            labels.push(label);
            Ok(())
        })?;
        Ok(labels)
    }

    /// Calls `take` with every record.
    fn each(&self, mut take: impl FnMut(Place, &[u8]) -> Result<(), DataError>) -> Result<(), DataError> {
        let mut record = vec![0; self.label_bytes + 3 * PIXELS];
        for (path, records) in &self.files {
            let mut file = BufReader::with_capacity(1 << 20, File::open(path).map_err(DataError::io(path))?);
            for index in 0..*records {
                let place = Place::record(Arc::clone(path), index);
                file.read_exact(&mut record).map_err(|error| match error.kind() {
                    // The length was right when the set was opened: the file was changed since.
                    ErrorKind::UnexpectedEof => {
                        DataError::Truncated { place: place.clone(), expected: record.len() as u64, found: 0 }
                    }
                    _ => DataError::io(path)(error),
                })?;
                take(place, &record)?;
            }
        }
        Ok(())
    }
}

impl Images for Batches {
    fn size(&self) -> Option<(usize, usize)> {
        Some((SIDE, SIDE))
    }

    fn visit(&self, rows: &[u32], sink: &mut Sink<'_>) -> Result<(), DataError> {
        let mut wanted = rows.iter().copied().peekable();
        let mut row = 0;
        self.each(|place, record| {
            if wanted.next_if_eq(&row).is_some() {
                sink(Record { place, content: Content::Raw(interleave(&record[self.label_bytes..])) })?;
            }
            row += 1;
            Ok(())
        })
    }

    fn identify(&self, _: &[u32], hash: &mut Sha256) -> Result<(), DataError> {
        identify_files(self.files.iter().map(|(path, _)| path.as_ref()), hash)
    }
}

/// Three planes to red, green, blue pixels.
fn interleave(planes: &[u8]) -> Raster {
    let pixels = (0..PIXELS).flat_map(|at| [planes[at], planes[PIXELS + at], planes[2 * PIXELS + at]]).collect();
    Raster { height: SIDE, width: SIDE, channels: 3, pixels }
}
