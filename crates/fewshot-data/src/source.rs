//! A data set on disk: found, checked, its training part read, its test part sealed.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::load::{Loaded, Target, load};
use crate::readers::{self, Found, Part};
use crate::split::{counts, hold_out, stratified_subset};
use crate::{DataError, Dataset, Sizes};

/// Share of the images that is held out as test part where a data set has none.
pub const HOLDOUT: f64 = 0.2;

/// Most classes that are accepted: more are rather numbers to regress or identifiers.
const MAX_CLASSES: usize = 10_000;

/// How to open a data set. The default reads all of it.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Height and width, in pixels, that every image gets (each 1 to 4096). Default (`None`): images of one size keep
    /// it; mixed ones become squares with a side of 64 pixels, or of their median shorter side where that is smaller.
    /// Images are cropped to the aspect ratio around their centre, never distorted.
    pub image_size: Option<(usize, usize)>,
    /// Channels that every image gets: 1 (grey) or 3 (colour). Default (`None`): 1 if all training images are grey, else 3.
    pub channels: Option<usize>,
    /// Read only so many training images, a stratified choice; at least one a class. Default: all. The test part is
    /// not affected.
    pub limit: Option<usize>,
    /// Seeds the choices made while opening: the held-out test part of a set without one (20 % of every class), and the
    /// images that `limit` keeps. Default 0. Independent of a run's seed, so that all runs share one test part.
    pub holdout_seed: u64,
    /// Parquet: the column of the labels. Default: `label`, else `labels`, else `fine_label`.
    pub label_column: Option<String>,
    /// Bytes that the pixels of one part may take. Default 16 GiB.
    pub max_bytes: u64,
}

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions {
            image_size: None,
            channels: None,
            limit: None,
            holdout_seed: 0,
            label_column: None,
            max_bytes: 16 << 30,
        }
    }
}

/// A data set whose training part is in memory and whose test part is sealed.
#[derive(Debug)]
pub struct DataSource {
    /// The training images. Search splits these further, see [`Splits`](crate::Splits).
    pub train: Dataset,
    /// The test images, not read yet.
    pub test: SealedTest,
    /// Name of the reader that recognised the layout.
    pub reader: &'static str,
    /// The sizes that the training images have on disk, and what they became.
    pub sizes: Sizes,
}

/// The test images of a data set, out of reach until [`open`](SealedTest::open).
///
/// A figure is only worth something if the test images had no part in finding what it measures. So they are not read
/// with the rest: code that does not call `open` cannot use them by accident. One place should call it, once, at the
/// end.
pub struct SealedTest {
    len: usize,
    load: Box<dyn Fn() -> Result<Dataset, DataError> + Send + Sync>,
}

impl SealedTest {
    /// Seals a test part of `len` images that `load` can read.
    pub fn new(len: usize, load: impl Fn() -> Result<Dataset, DataError> + Send + Sync + 'static) -> SealedTest {
        SealedTest { len, load: Box::new(load) }
    }

    /// Number of test images, without reading them.
    #[allow(clippy::len_without_is_empty)] // a test part is never empty
    pub fn len(&self) -> usize {
        self.len
    }

    /// Breaks the seal: reads the test images, in the size and with the channels of the training images (colour is
    /// turned into grey if need be, and the other way round). Every call reads them anew.
    ///
    /// # Errors
    /// Whatever is wrong with the files. Their presence, headers and labels were checked when the data set was opened;
    /// the pixels were not.
    pub fn open(&self) -> Result<Dataset, DataError> {
        (self.load)()
    }
}

impl fmt::Debug for SealedTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedTest").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Opens the data set at `path`: recognises its layout, reads the training images, seals the test images.
///
/// - `hugging-face-parquet`: a Parquet file, or a folder (or one with a single such folder, or with `data`) of
///   `train*.parquet` and `test*.parquet`, else `validation*.parquet`, in one or several shards. Columns: `img` or
///   `image` (or the first struct with `bytes`), and `label`, `labels` or `fine_label`. Class names: the `ClassLabel`
///   in the `huggingface` metadata, else the label numbers.
/// - `cifar-binary`: a folder with `data_batch_1.bin`.. and `test_batch.bin`, or `train.bin` and `test.bin`. Class
///   names: `batches.meta.txt` or `fine_label_names.txt`, else the label numbers.
/// - `idx`: a folder with `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the same with `t10k-`, plain or
///   `.gz`. Class names: `classes.txt`, one a line, else the label numbers.
/// - `class-folders`: a folder of class folders of JPEG and PNG files, or with `train` and `test` (else `val`, `valid`,
///   `validation`) that hold such folders. Class names: those of the folders.
///
/// Where there is no test part, [`HOLDOUT`] of every class is held out. Images are grey (one channel) if all training
/// images are, else coloured.
///
/// # Errors
/// A [`DataError`] that names the file and record for everything that can be wrong with a data set: no such path,
/// unknown layout, missing or damaged files, wrong counts or labels, classes without images, too much for the memory.
pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<DataSource, DataError> {
    let path = path.as_ref();
    if let Some((height, width)) = options.image_size
        && !((1..=4096).contains(&height) && (1..=4096).contains(&width))
    {
        return Err(DataError::setting("the image size", format!("{height}x{width}"), "1 to 4096 a side"));
    }
    if let Some(channels) = options.channels.filter(|channels| !matches!(channels, 1 | 3)) {
        return Err(DataError::setting("the number of channels", channels, "1 or 3"));
    }
    let reader = readers::detect(path)?;
    let found = reader.read(path, options)?;
    assemble(reader.name(), name_of(path), path, found, options)
}

/// Makes a [`DataSource`] of what a reader found.
pub(crate) fn assemble(
    reader: &'static str,
    name: String,
    path: &Path,
    found: Found,
    options: &OpenOptions,
) -> Result<DataSource, DataError> {
    let Found { classes, train, test } = found;
    if !(2..=MAX_CLASSES).contains(&classes.len()) {
        return Err(DataError::ClassCount { path: path.to_owned(), found: classes.len(), most: MAX_CLASSES });
    }
    for part in [Some(&train), test.as_ref()].into_iter().flatten() {
        if part.labels.is_empty() {
            return Err(DataError::NoImages { path: path.to_owned() });
        }
    }
    if let Some(empty) = counts(&train.labels, classes.len()).iter().position(|&count| count == 0) {
        return Err(DataError::EmptyClass { path: path.to_owned(), class: classes[empty].clone() });
    }

    let everything: Vec<u32> = (0..).zip(&train.labels).map(|(row, _)| row).collect();
    let Part { labels: train_labels, images: train_images } = train;
    let (mut rows, test_rows, test_labels, test_images) = match test {
        Some(Part { labels, images }) => {
            let rows = (0..).zip(&labels).map(|(row, _)| row).collect();
            (everything, rows, labels, images)
        }
        None => {
            let (kept, held) = hold_out(&train_labels, &everything, HOLDOUT, "data/holdout", options.holdout_seed);
            if held.is_empty() {
                let wanted = "such that a class can spare one as test image (there is no test part)";
                return Err(DataError::setting("the number of images", kept.len(), wanted));
            }
            (kept, held, train_labels.clone(), Arc::clone(&train_images))
        }
    };
    if let Some(limit) = options.limit {
        let labels = pick(&train_labels, &rows);
        let chosen = stratified_subset(&labels, limit, options.holdout_seed)?;
        rows = chosen.into_iter().map(|at| rows[at as usize]).collect();
    }

    let target = Target { size: options.image_size, channels: options.channels, max_bytes: options.max_bytes };
    let Loaded { shape, pixels, sizes } = load(train_images.as_ref(), &rows, &target)?;
    let sizes = sizes.ok_or_else(|| DataError::NoImages { path: path.to_owned() })?;
    let train = Dataset::new(name.clone(), shape, pixels, pick(&train_labels, &rows), classes.clone())?;

    let test_labels = pick(&test_labels, &test_rows);
    let max_bytes = options.max_bytes;
    let test = SealedTest::new(test_rows.len(), move || {
        let target = Target { size: Some((shape.height, shape.width)), channels: Some(shape.channels), max_bytes };
        let Loaded { shape, pixels, .. } = load(test_images.as_ref(), &test_rows, &target)?;
        Dataset::new(format!("{name} (test)"), shape, pixels, test_labels.clone(), classes.clone())
    });
    Ok(DataSource { train, test, reader, sizes })
}

fn pick(labels: &[u32], rows: &[u32]) -> Vec<u32> {
    rows.iter().map(|&row| labels[row as usize]).collect()
}

/// The last part of the path, as people call the data set.
fn name_of(path: &Path) -> String {
    // `.` and `..` have no name of their own.
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    whole.file_name().map_or_else(|| whole.display().to_string(), |name| name.to_string_lossy().into_owned())
}
