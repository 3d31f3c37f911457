//! A data set on disk: found, checked, its training part read, its test part sealed.

use std::path::Path;
use std::sync::Arc;

use crate::divide::{Chosen, Divided, all_rows, divide, held_out, identity, labels_known, pick};
use crate::load::{self, Loaded, Target, load};
use crate::plain;
use crate::readers::{self, Found, Part};
use crate::{DataError, Dataset, OpenOptions, SealedTest, Shape, Sizes};

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

/// Opens the data set at `path`: recognises its layout, reads the training images, seals the test images.
///
/// [`readers()`](crate::readers()) lists the layouts; `docs/data.md` says for every layout, format and column what is
/// done with it. Where there is no test part, [`HOLDOUT`](crate::HOLDOUT) of every class is held out. Images are grey (one channel) if
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
    options.check()?;
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
    let Found { train, test, mut notes } = found;
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
        let Loaded { shape, pixels, depth, .. } = load(part.images.as_ref(), &rows, &Target::of(options))?;
        notes.extend(depth.note());
        datasets.push(Dataset::new(name.clone(), shape, pixels, labels, classes.to_vec())?);
    }
    Ok((datasets, notes))
}

fn whole(part: Part) -> (Part, Vec<u32>) {
    let rows = all_rows(&part);
    (part, rows)
}

pub(crate) fn find(path: &Path, options: &OpenOptions) -> Result<(&'static str, Found), DataError> {
    options.check()?;
    let read = || -> Result<_, DataError> {
        let reader = readers::detect(path)?;
        let mut found = reader.read(path, options)?;
        if !reader.has_columns() {
            found.notes.extend(without_columns(reader.name(), options));
        }
        Ok((reader.name(), found))
    };
    match read() {
        Err(error @ (DataError::NoClassFolders { .. } | DataError::Unsupported { .. })) if options.unlabelled => {
            readers::unlabelled(path)?.map(|found| (readers::WITHOUT_CLASSES, found)).ok_or(error)
        }
        other => other,
    }
}

/// What to say of columns that were named for data of a layout without any.
pub(crate) fn without_columns(reader: &str, options: &OpenOptions) -> Vec<String> {
    let named = [("--label-column", &options.label_column), ("--image-column", &options.image_column)];
    let note = |(flag, name): (&str, &Option<String>)| {
        let name = name.as_ref()?;
        Some(format!("{flag} {name} changed nothing: the data is read as {reader}, which has no columns"))
    };
    named.into_iter().filter_map(note).collect()
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
    let Loaded { shape, pixels, sizes, transparency, depth, plain: of_one_colour } =
        load(images.as_ref(), &rows, &Target::of(options))?;
    notes.extend(transparency.note());
    notes.extend(depth.note());
    let sizes = sizes.ok_or_else(|| DataError::NoImages { path: path.to_owned() })?;
    let train = Dataset::new(name.clone(), shape, pixels, labels, classes.clone())?;
    notes.extend(plain::notes(&train, &of_one_colour));
    let test = seal(format!("{name} (test)"), classes, test, shape, options)?;
    Ok(DataSource { train, test, reader, sizes, notes })
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

/// The last part of the path, as people call the data set.
pub(crate) fn name_of(path: &Path) -> String {
    // `.` and `..` have no name of their own.
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    whole.file_name().map_or_else(|| whole.display().to_string(), |name| name.to_string_lossy().into_owned())
}
