//! A data set on disk: found, checked, its training part read, its test part sealed.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::dataset::hexadecimal;
use crate::decode::Ground;
use crate::load::{self, Images, Loaded, Target, load};
use crate::plain;
use crate::readers::{self, Found, Part};
use crate::split::{counts, hold_out, stratified_subset};
use crate::{DataError, Dataset, Shape, Sizes};

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
    /// Red, green and blue of what transparent images are laid on. Default (`None`): their alpha channel is dropped.
    pub ground: Option<Ground>,
    /// Read only so many training images, a stratified choice; at least one a class. Default: all. The others are not
    /// decoded, and the test part is not affected.
    pub limit: Option<usize>,
    /// Seeds the choice of `limit`, the same as that of [`Splits::stratified`](crate::Splits::stratified). Default 0.
    pub limit_seed: u64,
    /// Seeds the held-out test part of a set without one (20 % of every class). Default 0. Independent of a run's seed,
    /// so that all runs share one test part.
    pub holdout_seed: u64,
    /// Parquet: the column of the labels. Default: see the reader.
    pub label_column: Option<String>,
    /// Parquet: the column of the images. Default: see the reader.
    pub image_column: Option<String>,
    /// Bytes that the pixels of one part may take. Default 16 GiB.
    pub max_bytes: u64,
}

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions {
            image_size: None,
            channels: None,
            ground: None,
            limit: None,
            limit_seed: 0,
            holdout_seed: 0,
            label_column: None,
            image_column: None,
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
    /// What the user should know, a line each: what was left out, taken for another, or looks wrong.
    pub notes: Vec<String>,
}

/// The test images of a data set, out of reach until [`open`](SealedTest::open).
///
/// A figure is only worth something if the test images had no part in finding what it measures. So they are not read
/// with the rest: code that does not call `open` cannot use them by accident. One place should call it, once, at the
/// end.
pub struct SealedTest {
    len: usize,
    fingerprint: String,
    check: Box<dyn Fn() -> Result<(), DataError> + Send + Sync>,
    load: Box<dyn Fn() -> Result<Dataset, DataError> + Send + Sync>,
}

impl SealedTest {
    /// Seals a test part of `len` images that `load` can read; `check` looks whether it could. `fingerprint` tells it from others.
    pub fn new(
        len: usize,
        fingerprint: impl Into<String>,
        check: impl Fn() -> Result<(), DataError> + Send + Sync + 'static,
        load: impl Fn() -> Result<Dataset, DataError> + Send + Sync + 'static,
    ) -> SealedTest {
        SealedTest { len, fingerprint: fingerprint.into(), check: Box::new(check), load: Box::new(load) }
    }

    /// Seals images that are in memory already.
    pub fn of(images: Dataset) -> SealedTest {
        let (len, fingerprint) = (images.len(), images.fingerprint().to_owned());
        SealedTest::new(len, fingerprint, || Ok(()), move || Ok(images.clone()))
    }

    /// Number of test images, without reading them.
    #[allow(clippy::len_without_is_empty)] // a test part is never empty
    pub fn len(&self) -> usize {
        self.len
    }

    /// SHA-256 (lower-case hexadecimal) over the labels of the test images and the names and lengths of their files, not
    /// over their pixels, which stay sealed: it changes where test images are added, removed or exchanged.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Decodes every test image once and drops it: a damaged one is told before hours are spent, and not after them.
    ///
    /// # Errors
    /// Whatever is wrong with the files.
    pub fn check(&self) -> Result<(), DataError> {
        (self.check)()
    }

    /// Breaks the seal: reads the test images, in the size and with the channels of the training images (colour is
    /// turned into grey if need be, and the other way round). Every call reads them anew.
    ///
    /// # Errors
    /// Whatever is wrong with the files: see [`check`](SealedTest::check).
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
/// [`readers()`](crate::readers()) lists the layouts; `docs/data.md` says for every layout, format and column what is
/// done with it. Where there is no test part, [`HOLDOUT`] of every class is held out. Images are grey (one channel) if
/// all training images are, else coloured.
///
/// # Errors
/// A [`DataError`] that names the file and record for everything that can be wrong with a data set: no such path,
/// unknown layout, missing or damaged files, wrong counts or labels, too much for the memory.
pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<DataSource, DataError> {
    let path = path.as_ref();
    let (reader, found) = find(path, options)?;
    assemble(reader, name_of(path), path, found, options)
}

/// Parts of a data set to look at with a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The test part; of a data set without one, the images that [`open`] holds out.
    Test,
    /// The training part, without what is held out of it.
    Train,
    /// All images.
    All,
}

/// Reads the images of `which` part at `path` for a network that knows `classes`: their labels are indices into these.
/// Parts that are not asked for are not read, and need not exist. Also what the user should know of them.
///
/// # Errors
/// As [`open`]; [`DataError::UnknownClass`] for images of a class that is none of `classes`.
pub fn open_part(
    path: impl AsRef<Path>,
    classes: &[String],
    which: Which,
    options: &OpenOptions,
) -> Result<(Vec<Dataset>, Vec<String>), DataError> {
    let path = path.as_ref();
    check_options(options)?;
    let (_, found) = find(path, options)?;
    known_parts(name_of(path), path, found, classes, which, options)
}

pub(crate) fn known_parts(
    name: String,
    path: &Path,
    found: Found,
    classes: &[String],
    which: Which,
    options: &OpenOptions,
) -> Result<(Vec<Dataset>, Vec<String>), DataError> {
    let Found { train, test, notes } = found;
    let no_images = || DataError::NoImages { path: path.to_owned() };
    let mut chosen: Vec<(Part, Vec<u32>)> = Vec::new();
    match (train, test, which) {
        (_, Some(test), Which::Test) => chosen.push(whole(test)),
        (Some(train), None, Which::Test) => {
            let (_, held) = held_out(&train, path, options)?;
            chosen.push((train, held));
        }
        (Some(train), None, Which::Train) => {
            let (kept, _) = held_out(&train, path, options)?;
            chosen.push((train, kept));
        }
        (Some(train), Some(_), Which::Train) => chosen.push(whole(train)),
        (None, _, Which::Train) => return Err(DataError::NoTraining { path: path.to_owned() }),
        (train, test, Which::All) => chosen.extend(train.into_iter().chain(test).map(whole)),
        (None, None, Which::Test) => return Err(no_images()),
    }
    if chosen.iter().all(|(_, rows)| rows.is_empty()) {
        return Err(no_images());
    }
    let mut datasets = Vec::new();
    for (part, rows) in chosen {
        let labels = pick(&labels_known(&part, classes)?, &rows);
        let Loaded { shape, pixels, .. } = load(part.images.as_ref(), &rows, &Target::of(options))?;
        datasets.push(Dataset::new(name.clone(), shape, pixels, labels, classes.to_vec())?);
    }
    Ok((datasets, notes))
}

fn whole(part: Part) -> (Part, Vec<u32>) {
    let rows = all_rows(&part);
    (part, rows)
}

fn all_rows(part: &Part) -> Vec<u32> {
    (0..).zip(&part.labels).map(|(row, _)| row).collect()
}

fn check_options(options: &OpenOptions) -> Result<(), DataError> {
    if let Some((height, width)) = options.image_size
        && !((1..=4096).contains(&height) && (1..=4096).contains(&width))
    {
        return Err(DataError::setting("the image size", format!("{height}x{width}"), "1 to 4096 a side"));
    }
    if let Some(channels) = options.channels.filter(|channels| !matches!(channels, 1 | 3)) {
        return Err(DataError::setting("the number of channels", channels, "1 or 3"));
    }
    Ok(())
}

pub(crate) fn find(path: &Path, options: &OpenOptions) -> Result<(&'static str, Found), DataError> {
    check_options(options)?;
    let reader = readers::detect(path)?;
    Ok((reader.name(), reader.read(path, options)?))
}

/// Makes a [`DataSource`] of what a reader found.
pub(crate) fn assemble(
    reader: &'static str,
    name: String,
    path: &Path,
    found: Found,
    options: &OpenOptions,
) -> Result<DataSource, DataError> {
    let Divided { classes, train, test, mut notes } = divide(path, found, options)?;
    let Chosen { images, rows, labels } = train;
    let Loaded { shape, pixels, sizes, transparency, plain: of_one_colour } =
        load(images.as_ref(), &rows, &Target::of(options))?;
    notes.extend(transparency.note());
    let sizes = sizes.ok_or_else(|| DataError::NoImages { path: path.to_owned() })?;
    let train = Dataset::new(name.clone(), shape, pixels, labels, classes.clone())?;
    notes.extend(plain::notes(&train, &of_one_colour));
    let test = seal(format!("{name} (test)"), classes, test, shape, options)?;
    Ok(DataSource { train, test, reader, sizes, notes })
}

/// Some images of a part, of which none is read yet.
pub(crate) struct Chosen {
    pub images: Arc<dyn Images>,
    /// Which of them, ascending.
    pub rows: Vec<u32>,
    /// One label a row, an index into the classes of the training part.
    pub labels: Vec<u32>,
}

/// What is trained on and what is sealed.
pub(crate) struct Divided {
    pub classes: Vec<String>,
    pub train: Chosen,
    pub test: Chosen,
    pub notes: Vec<String>,
}

/// Tells the training images from the test images, of what a reader `found`: classes by name, a test part held out where there
/// is none, a choice where there is a limit.
pub(crate) fn divide(path: &Path, found: Found, options: &OpenOptions) -> Result<Divided, DataError> {
    let Found { train, test, mut notes } = found;
    let mut train = train.ok_or_else(|| DataError::NoTraining { path: path.to_owned() })?;
    for part in [Some(&train), test.as_ref()].into_iter().flatten() {
        if part.labels.is_empty() {
            return Err(DataError::NoImages { path: part.path.clone() });
        }
    }
    notes.extend(drop_unused_classes(&mut train));
    let classes = std::mem::take(&mut train.classes);
    if !(2..=MAX_CLASSES).contains(&classes.len()) {
        return Err(DataError::ClassCount { path: path.to_owned(), found: classes.len(), most: MAX_CLASSES });
    }
    let test_labels = test.as_ref().map(|test| labels_among(test, &classes)).transpose()?;
    let (mut rows, test) = match test.zip(test_labels) {
        Some((test, labels)) => (all_rows(&train), Chosen { rows: all_rows(&test), images: test.images, labels }),
        None => {
            let (kept, rows) = held_out(&train, path, options)?;
            let labels = pick(&train.labels, &rows);
            (kept, Chosen { images: Arc::clone(&train.images), rows, labels })
        }
    };
    if let Some(limit) = options.limit {
        let labels = pick(&train.labels, &rows);
        let chosen = stratified_subset(&labels, limit, options.limit_seed)?;
        rows = chosen.into_iter().map(|at| rows[at as usize]).collect();
    }
    let labels = pick(&train.labels, &rows);
    Ok(Divided { classes, train: Chosen { images: train.images, rows, labels }, test, notes })
}

/// Puts the test images out of reach.
fn seal(
    name: String,
    classes: Vec<String>,
    test: Chosen,
    shape: Shape,
    options: &OpenOptions,
) -> Result<SealedTest, DataError> {
    let Chosen { images, rows, labels } = test;
    let fingerprint = identity(&classes, images.as_ref(), &rows, &labels)?;
    let Shape { height, width, channels } = shape;
    let options = OpenOptions { image_size: Some((height, width)), channels: Some(channels), ..options.clone() };
    let (checked_images, checked_rows) = (Arc::clone(&images), rows.clone());
    let check = move || load::check(checked_images.as_ref(), &checked_rows);
    Ok(SealedTest::new(rows.len(), fingerprint, check, move || {
        let Loaded { shape, pixels, .. } = load(images.as_ref(), &rows, &Target::of(&options))?;
        Dataset::new(name.clone(), shape, pixels, labels.clone(), classes.clone())
    }))
}

/// See [`SealedTest::fingerprint`].
pub(crate) fn identity(
    classes: &[String],
    images: &dyn Images,
    rows: &[u32],
    labels: &[u32],
) -> Result<String, DataError> {
    let mut hash = Sha256::new();
    hash.update(b"fewshot-data test 1\0");
    for class in classes {
        hash.update((class.len() as u64).to_le_bytes());
        hash.update(class);
    }
    for number in rows.iter().chain(labels) {
        hash.update(number.to_le_bytes());
    }
    images.identify(rows, &mut hash)?;
    Ok(hexadecimal(&hash.finalize()))
}

/// Rows of a training part that are kept, and those that are held out for lack of a test part.
fn held_out(train: &Part, path: &Path, options: &OpenOptions) -> Result<(Vec<u32>, Vec<u32>), DataError> {
    let everything = all_rows(train);
    if everything.is_empty() {
        return Err(DataError::NoImages { path: path.to_owned() });
    }
    let (kept, held) = hold_out(&train.labels, &everything, HOLDOUT, "data/holdout", options.holdout_seed);
    if held.is_empty() {
        let wanted = "such that a class can spare one as test image (there is no test part)";
        return Err(DataError::setting("the number of images", kept.len(), wanted));
    }
    Ok((kept, held))
}

/// Takes the classes without images out of the training part, and says which they were.
fn drop_unused_classes(train: &mut Part) -> Option<String> {
    const NAMED: usize = 5;
    let counts = counts(&train.labels, train.classes.len());
    if counts.iter().all(|&count| count > 0) {
        return None;
    }
    let all = train.classes.len();
    let mut index = vec![u32::MAX; all];
    let (mut used, mut unused) = (Vec::new(), Vec::new());
    for (class, name) in std::mem::take(&mut train.classes).into_iter().enumerate() {
        if counts[class] > 0 {
            index[class] = used.len() as u32;
            used.push(name);
        } else {
            unused.push(name);
        }
    }
    train.classes = used;
    train.labels.iter_mut().for_each(|label| *label = index[*label as usize]);
    let mut named: Vec<&str> = unused.iter().take(NAMED).map(String::as_str).collect();
    if unused.len() > NAMED {
        named.push("..");
    }
    Some(format!(
        "{} of {all} named classes have no training image and are left out: {}",
        unused.len(),
        named.join(", ")
    ))
}

/// The labels of a part as indices into `classes`; classes of the part that no image has do not matter.
fn labels_among(part: &Part, classes: &[String]) -> Result<Vec<u32>, DataError> {
    let place: std::collections::HashMap<&str, u32> =
        (0..).zip(classes).map(|(index, name)| (name.as_str(), index)).collect();
    let index: Vec<Option<u32>> = part.classes.iter().map(|name| place.get(name.as_str()).copied()).collect();
    let label = |&label: &u32| {
        index[label as usize].ok_or_else(|| DataError::UnknownClass {
            path: part.path.clone(),
            class: part.classes[label as usize].clone(),
            classes: classes.to_vec(),
        })
    };
    part.labels.iter().map(label).collect()
}

/// The same for a network's classes: where either side has only numbers for names, by their order.
fn labels_known(part: &Part, classes: &[String]) -> Result<Vec<u32>, DataError> {
    let number = |name: &String| name.parse::<u32>().ok();
    let numbered = |names: &[String]| names.iter().all(|name| number(name).is_some());
    if part.classes.len() == classes.len() && (numbered(&part.classes) || numbered(classes)) {
        return Ok(part.labels.clone());
    }
    let values: Vec<u32> = part.classes.iter().filter_map(number).collect();
    let are_indices =
        values.len() == part.classes.len() && values.iter().all(|&value| (value as usize) < classes.len());
    if are_indices && !numbered(classes) {
        return Ok(part.labels.iter().map(|&label| values[label as usize]).collect());
    }
    labels_among(part, classes)
}

fn pick(labels: &[u32], rows: &[u32]) -> Vec<u32> {
    rows.iter().map(|&row| labels[row as usize]).collect()
}

/// The last part of the path, as people call the data set.
pub(crate) fn name_of(path: &Path) -> String {
    // `.` and `..` have no name of their own.
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    whole.file_name().map_or_else(|| whole.display().to_string(), |name| name.to_string_lossy().into_owned())
}
