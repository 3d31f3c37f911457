//! The idx format of MNIST and its relatives (Fashion-MNIST, KMNIST, ..), plain or compressed with gzip.
//!
//! An image file begins with the bytes 0, 0, 8 (unsigned bytes), 3 (dimensions) and the number of images, rows and
//! columns as big-endian u32, and goes on with the pixels; a label file begins with 0, 0, 8, 1 and the number of
//! labels. Files are called `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
//! `t10k-labels-idx1-ubyte`, with or without `.gz`, some with a dot for the dash before `idx`, with `test` for `t10k`, or
//! with the name of the set before it (`emnist-letters-train-images-idx3-ubyte`); they lie in the folder, in its `raw`, or
//! each in a folder of its own name. Class names are the lines of `classes.txt` beside them (our addition), else the
//! label numbers.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::folder::{class_names, entries_or_none, identify_files, nonempty};
use super::numbered::{class_index, number_classes};
use super::{Found, Part, Reader};
use crate::decode::{Raster, hex};
use crate::load::{Content, Images, Record, Sink};
use crate::{DataError, OpenOptions, Place};

/// See the [module](self).
pub(super) struct Idx;

impl Reader for Idx {
    fn name(&self) -> &'static str {
        "idx"
    }

    fn layout(&self) -> &'static str {
        "a folder with `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the same with `t10k-`, plain or `.gz` \
         (MNIST)"
    }

    fn detect(&self, path: &Path) -> bool {
        folder(path).is_some()
    }

    fn read(&self, path: &Path, _: &OpenOptions) -> Result<Found, DataError> {
        let folder = folder(path).unwrap_or_else(|| path.to_owned());
        let find = |part: &str, kind: &str| find(&folder, &format!("{part}-{kind}-ubyte"));
        let need = |part: &str, kind: &str| {
            let name = format!("{part}-{kind}-ubyte");
            let wanted =
                || DataError::MissingFile { path: folder.clone(), wanted: format!("`{name}` (or `{name}.gz`)") };
            find(part, kind)?.map(Source::file).ok_or_else(wanted)
        };
        let train = (need("train", IMAGES)?, need("train", LABELS)?);
        let mut test = None;
        for part in ["t10k", "test"] {
            if test.is_none() && (find(part, IMAGES)?.is_some() || find(part, LABELS)?.is_some()) {
                test = Some((need(part, IMAGES)?, need(part, LABELS)?));
            }
        }
        let names_file = folder.join("classes.txt");
        let names = if names_file.exists() { Some(class_names(&names_file)?) } else { None };
        let transposed = train.0.path().file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"emnist"));
        let mut found = found(train, test, names)?;
        if transposed {
            found
                .notes
                .push("EMNIST stores its images transposed (rows are columns); they are used as they are".into());
        }
        Ok(found)
    }
}

const IMAGES: &str = "images-idx3";
const LABELS: &str = "labels-idx1";

/// The folder at or below `path` that holds the training files, if there is one: itself, its `raw` (or `gzip`), or that
/// of a folder in it, as `torchvision` makes them.
fn folder(path: &Path) -> Option<PathBuf> {
    let below = || entries_or_none(path).into_iter().filter(|entry| entry.is_folder).map(|entry| entry.path);
    let candidates = std::iter::once(path.to_owned())
        .chain(["raw", "gzip"].map(|name| path.join(name)))
        .chain(below().flat_map(|folder| [folder.join("raw"), folder]));
    let holds = |folder: &PathBuf| {
        [IMAGES, LABELS].iter().any(|kind| !candidates_for(folder, &format!("train-{kind}-ubyte")).is_empty())
    };
    candidates.into_iter().find(holds)
}

/// The files in `folder` that are called `name`, in any of the usual ways: the plain ones first.
fn candidates_for(folder: &Path, name: &str) -> Vec<PathBuf> {
    let called = |found: &str| {
        let found = found.to_ascii_lowercase().replace('.', "-");
        let plain = found.strip_suffix("-gz").unwrap_or(&found);
        plain.strip_suffix(name).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('-'))
    };
    let mut files = Vec::new();
    for entry in entries_or_none(folder).into_iter().filter(|entry| called(&entry.name)) {
        if entry.is_folder {
            let inside =
                entries_or_none(&entry.path).into_iter().filter(|entry| !entry.is_folder && called(&entry.name));
            files.extend(inside.map(|entry| (2, entry.path)));
        } else {
            let packed = entry.path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
            files.push((i32::from(packed), entry.path));
        }
    }
    files.sort();
    files.into_iter().map(|(_, path)| path).collect()
}

/// The file `name` in `folder`. Files of several sets in one folder are refused.
fn find(folder: &Path, name: &str) -> Result<Option<PathBuf>, DataError> {
    let files = candidates_for(folder, name);
    let prefix = |file: &PathBuf| {
        let file = file.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase().replace('.', "-");
        file.find(name).map(|at| file[..at].to_owned())
    };
    if files.iter().any(|file| prefix(file) != prefix(&files[0])) {
        let found = files.iter().map(|file| file.display().to_string()).collect();
        return Err(DataError::SeveralSets { path: folder.to_owned(), found });
    }
    Ok(files.into_iter().next())
}

/// Puts a data set together from (images, labels) of the training and the test part.
pub(crate) fn found(
    train: (Source, Source),
    test: Option<(Source, Source)>,
    names: Option<Vec<String>>,
) -> Result<Found, DataError> {
    let (train_images, train_labels) = open_part(train)?;
    let (first, classes) = match names {
        Some(names) => (0, names),
        None => {
            let labels: Vec<i64> = train_labels.values.iter().map(|&label| i64::from(label)).collect();
            let numbered = number_classes(&train_labels.path, &labels)?;
            (numbered.first, numbered.names)
        }
    };
    let part = |images: IdxImages, labels: Labels| {
        let index = |(row, &label): (u64, &u8)| {
            class_index(i64::from(label), first, classes.len()).ok_or_else(|| DataError::Label {
                place: Place::record(Arc::clone(&labels.path), row),
                label: i64::from(label),
                classes: classes.len(),
            })
        };
        let indices = (0..).zip(&labels.values).map(index).collect::<Result<_, _>>()?;
        let path = labels.path.to_path_buf();
        Ok::<_, DataError>(Part { path, classes: classes.clone(), labels: indices, images: Arc::new(images) })
    };
    let test = match test {
        Some(files) => {
            let (images, labels) = open_part(files)?;
            if (images.height, images.width) != (train_images.height, train_images.width) {
                return Err(DataError::SizeMismatch {
                    place: Place::file(images.source.path()),
                    found: (images.height, images.width),
                    expected: (train_images.height, train_images.width),
                });
            }
            Some(part(images, labels)?)
        }
        None => None,
    };
    Ok(Found { train: Some(part(train_images, train_labels)?), test, notes: Vec::new() })
}

/// Bytes of one idx file.
pub(crate) enum Source {
    /// On disk.
    File(Arc<Path>),
    /// In the program itself, under a name for messages.
    Embedded(&'static str, &'static [u8]),
}

impl Source {
    fn file(path: PathBuf) -> Source {
        Source::File(path.into())
    }

    fn path(&self) -> Arc<Path> {
        match self {
            Source::File(path) => Arc::clone(path),
            Source::Embedded(name, _) => Path::new(name).into(),
        }
    }

    /// The bytes, unpacked. gzip is recognised by its first bytes, whatever the name says.
    fn open(&self) -> Result<Box<dyn Read>, DataError> {
        let path = self.path();
        let raw: Box<dyn Read> = match self {
            Source::File(path) => {
                nonempty(path)?;
                Box::new(BufReader::with_capacity(1 << 20, File::open(path).map_err(DataError::io(path))?))
            }
            Source::Embedded(_, bytes) => Box::new(*bytes),
        };
        let (start, rest) = peek(raw, 2).map_err(DataError::io(&path))?;
        let raw = io::Cursor::new(start.clone()).chain(rest);
        Ok(if start == [0x1F, 0x8B] { Box::new(BufReader::new(MultiGzDecoder::new(raw))) } else { Box::new(raw) })
    }

    /// Reads the header: the bytes 0, 0, 8, `dimensions`, then as many sizes.
    fn header<const N: usize>(&self) -> Result<([u32; N], Box<dyn Read>), DataError> {
        let path = self.path();
        let mut reader = self.open()?;
        let mut header = vec![0; 4 + 4 * N];
        let there = fill(&mut reader, &mut header).map_err(|error| damaged(&path, &error))?;
        let magic = [0, 0, 8, N as u8];
        if header[..there.min(4)] != magic[..there.min(4)] {
            let format = if N == 3 { "idx3 image" } else { "idx1 label" };
            return Err(DataError::Magic { path: path.to_path_buf(), format, found: hex(&header[..there]) });
        }
        if there < header.len() {
            let (expected, found) = (header.len() as u64, there as u64);
            return Err(DataError::Truncated { place: Place::file(path), expected, found });
        }
        let sizes = header[4..].as_chunks::<4>().0;
        Ok((std::array::from_fn(|at| u32::from_be_bytes(sizes[at])), reader))
    }
}

/// The first `count` bytes of `reader` (fewer at its end), and the rest.
fn peek(mut reader: Box<dyn Read>, count: usize) -> io::Result<(Vec<u8>, Box<dyn Read>)> {
    let mut start = vec![0; count];
    let there = fill(&mut reader, &mut start)?;
    start.truncate(there);
    Ok((start, reader))
}

/// Reads until `buffer` is full or the end comes; returns the bytes read.
fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut there = 0;
    while there < buffer.len() {
        match reader.read(&mut buffer[there..]) {
            Ok(0) => break,
            Ok(count) => there += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // A gzip stream that stops in the middle is a file that is too short, like any other.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
    }
    Ok(there)
}

/// An error while unpacking: the operating system's, or damaged gzip data.
fn damaged(path: &Path, error: &io::Error) -> DataError {
    match error.raw_os_error() {
        Some(code) => DataError::Io { path: path.to_owned(), source: io::Error::from_raw_os_error(code) },
        None => DataError::Damaged { path: path.to_owned(), reason: error.to_string() },
    }
}

/// Refuses bytes after the last of `records` records. Of a gzip stream this also checks its checksum, at its very end.
fn at_end(path: &Path, reader: &mut dyn Read, records: u64) -> Result<(), DataError> {
    match reader.read(&mut [0]).map_err(|error| damaged(path, &error))? {
        0 => Ok(()),
        _ => Err(DataError::TrailingBytes { path: path.to_owned(), records }),
    }
}

struct Labels {
    path: Arc<Path>,
    values: Vec<u8>,
}

/// Opens an image file and reads the label file that belongs to it.
fn open_part((images, labels): (Source, Source)) -> Result<(IdxImages, Labels), DataError> {
    let ([count, height, width], _) = images.header::<3>()?;
    let path = images.path();
    let images = IdxImages { source: images, count, height: height as usize, width: width as usize };
    images.check_length()?;

    let label_path = labels.path();
    let ([label_count], mut reader) = labels.header::<1>()?;
    let mut values = Vec::new();
    // Grows with what is there, so that a header with a wrong count cannot ask for gigabytes.
    let read = reader.by_ref().take(u64::from(label_count)).read_to_end(&mut values);
    if let Err(error) = read
        && error.kind() != ErrorKind::UnexpectedEof
    {
        return Err(damaged(&label_path, &error));
    }
    if values.len() < label_count as usize {
        let place = Place::record(label_path, values.len() as u64);
        return Err(DataError::Truncated {
            place,
            expected: u64::from(label_count) + 8,
            found: values.len() as u64 + 8,
        });
    }
    at_end(&label_path, &mut reader, u64::from(label_count))?;
    if count != label_count {
        return Err(DataError::CountMismatch {
            images_file: path.to_path_buf(),
            images: u64::from(count),
            labels_file: label_path.to_path_buf(),
            labels: u64::from(label_count),
        });
    }
    Ok((images, Labels { path: label_path, values }))
}

/// An idx3 file.
struct IdxImages {
    source: Source,
    count: u32,
    height: usize,
    width: usize,
}

/// Longest side: more is a damaged header.
const MAX_SIDE: usize = 4096;

impl IdxImages {
    /// Compares sizes and, of an unpacked file, the length with the header.
    fn check_length(&self) -> Result<(), DataError> {
        let path = self.source.path();
        let IdxImages { count, height, width, .. } = *self;
        if height == 0 || width == 0 || height > MAX_SIDE || width > MAX_SIDE {
            let reason = format!("its header says images of {height}x{width}; 1 to {MAX_SIDE} a side are read");
            return Err(DataError::Damaged { path: path.to_path_buf(), reason });
        }
        let Source::File(file) = &self.source else { return Ok(()) };
        let start = File::open(file).and_then(|file| peek(Box::new(file), 2)).map_err(DataError::io(file))?.0;
        if start == [0x1F, 0x8B] {
            return Ok(()); // only unpacking tells; done while reading
        }
        let image = (height * width) as u64;
        let (expected, found) = (16 + u64::from(count) * image, nonempty(file)?);
        if found < expected {
            return Err(DataError::Truncated {
                place: Place::record(path, found.saturating_sub(16) / image),
                expected,
                found,
            });
        }
        if found > expected {
            return Err(DataError::TrailingBytes { path: path.to_path_buf(), records: u64::from(count) });
        }
        Ok(())
    }
}

impl Images for IdxImages {
    fn size(&self) -> Option<(usize, usize)> {
        Some((self.height, self.width))
    }

    fn visit(&self, rows: &[u32], sink: &mut Sink<'_>) -> Result<(), DataError> {
        let path = self.source.path();
        let (_, mut reader) = self.source.header::<3>()?;
        let mut wanted = rows.iter().copied().peekable();
        let mut pixels = vec![0; self.height * self.width];
        for row in 0..self.count {
            let place = || Place::record(Arc::clone(&path), u64::from(row));
            let there = fill(&mut reader, &mut pixels).map_err(|error| damaged(&path, &error))?;
            if there < pixels.len() {
                let (expected, found) = (pixels.len() as u64, there as u64);
                return Err(DataError::Truncated { place: place(), expected, found });
            }
            if wanted.next_if_eq(&row).is_some() {
                let raster = Raster { height: self.height, width: self.width, channels: 1, pixels: pixels.clone() };
                sink(Record { place: place(), content: Content::Raw(raster) })?;
            }
        }
        at_end(&path, &mut reader, u64::from(self.count))
    }

    fn identify(&self, _: &[u32], hash: &mut Sha256) -> Result<(), DataError> {
        match &self.source {
            Source::File(path) => identify_files([path.as_ref()], hash),
            Source::Embedded(name, bytes) => {
                hash.update(name);
                hash.update((bytes.len() as u64).to_le_bytes());
                Ok(())
            }
        }
    }
}
