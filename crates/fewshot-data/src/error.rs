//! What can be wrong with a data set or with what is asked of one.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::Place;
use crate::column_error::ColumnError;
use crate::listed::list;

/// Everything that this crate refuses. The message of each names the file, the record and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The path does not exist.
    #[error("no data at `{}`: no such file or folder", path.display())]
    NotFound {
        /// The path as it was given.
        path: PathBuf,
    },
    /// A symbolic link to what is not there.
    #[error("`{}` is a broken link: it leads to `{}`, where nothing is; repair or remove it", path.display(), target.display())]
    BrokenLink {
        /// The link.
        path: PathBuf,
        /// Where it leads to, as it is written in the link.
        target: PathBuf,
    },
    /// The operating system could not open or read a file.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file has no bytes at all.
    #[error("`{}` is empty (0 bytes): copy or download it again", path.display())]
    EmptyFile {
        /// The file.
        path: PathBuf,
    },
    /// A folder has nothing in it (hidden files aside).
    #[error("the folder `{}` is empty", path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
    /// No reader knows this layout.
    #[error("no reader knows the layout of `{}`{advice}; supported are {supported}", path.display())]
    Unsupported {
        /// The path as it was given.
        path: PathBuf,
        /// The supported layouts.
        supported: String,
        /// What to do with data in this form; empty, or words that begin with a colon.
        advice: String,
    },
    /// A folder holds several data sets.
    #[error("`{}` holds {} data sets: choose one of {}", path.display(), found.len(), list(found))]
    SeveralSets {
        /// The folder.
        path: PathBuf,
        /// Their folders.
        found: Vec<String>,
    },
    /// A column of a table is not what is wanted of it.
    #[error(transparent)]
    Column(#[from] ColumnError),
    /// A row names an image file that is not there.
    #[error(
        "{place}: the row holds no image, but the path `{image}`, where no file is: copy the images there, or write \
         Parquet files that hold them, `load_dataset(\"imagefolder\", data_dir=FOLDER)[\"train\"].to_parquet(\"train.parquet\")`"
    )]
    ImagePath {
        /// The file and row.
        place: Place,
        /// The path as it is written there.
        image: String,
    },
    /// The data set lacks a file that must be there.
    #[error("`{}` lacks {wanted}", path.display())]
    MissingFile {
        /// The folder.
        path: PathBuf,
        /// The file that was looked for.
        wanted: String,
    },
    /// A file begins with other bytes than its format prescribes.
    #[error("`{}` is no {format} file: it begins with {found}", path.display())]
    Magic {
        /// The file.
        path: PathBuf,
        /// The format that its name promises.
        format: &'static str,
        /// The first bytes, in hexadecimal.
        found: String,
    },
    /// A file ends before its last record.
    #[error("{place} is cut off: {expected} bytes were expected, {found} are there; copy or download it again")]
    Truncated {
        /// The file, and the first record that is not whole.
        place: Place,
        /// Bytes that the header (or whole records) need; of the record where one is named, else of the file.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// A file goes on after its last record.
    #[error("`{}` goes on after the {records} records that its header announces", path.display())]
    TrailingBytes {
        /// The file.
        path: PathBuf,
        /// Records announced.
        records: u64,
    },
    /// A container (Parquet, gzip) is damaged in a way that only its decoder can describe.
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The decoder's words.
        reason: String,
    },
    /// An image cannot be decoded.
    #[error("{place}: the image cannot be decoded: {reason}; repair or remove it")]
    Image {
        /// The file and record.
        place: Place,
        /// The decoder's words.
        reason: String,
    },
    /// Images and labels are not equally many.
    #[error(
        "`{}` holds {images} images, but `{}` {labels} labels: they do not belong together",
        images_file.display(), labels_file.display()
    )]
    CountMismatch {
        /// The file of the images.
        images_file: PathBuf,
        /// Images there.
        images: u64,
        /// The file of the labels.
        labels_file: PathBuf,
        /// Labels there.
        labels: u64,
    },
    /// A label names no class.
    #[error(
        "{place}: label {label} is out of range: there are {classes} classes, 0 to {}{}", classes.saturating_sub(1),
        if *label == -1 { " (-1 marks an unlabelled split: remove that file)" } else { "" }
    )]
    Label {
        /// The file and record.
        place: Place,
        /// The label found.
        label: i64,
        /// Number of classes.
        classes: usize,
    },
    /// A label without a name is negative.
    #[error("{place}: label {label} is negative: where no names are given, labels count from 0")]
    NegativeLabel {
        /// The file and row.
        place: Place,
        /// The label found.
        label: i64,
    },
    /// A label is neither a whole number nor text.
    #[error("{place}: the label is {found}, no whole number and no text: labels are classes")]
    LabelValue {
        /// The file and row.
        place: Place,
        /// What is there.
        found: String,
    },
    /// Labels without names must be consecutive numbers, so that a damaged label cannot found a class of its own.
    #[error("`{}`: the labels are not consecutive numbers: after {before} comes {after}", path.display())]
    LabelGap {
        /// The file.
        path: PathBuf,
        /// The last label before the gap.
        before: i64,
        /// The next label that occurs.
        after: i64,
    },
    /// The test part has a class that the training part lacks.
    #[error("`{}`: class `{class}` is not among the training classes {}", path.display(), list(classes))]
    UnknownClass {
        /// The file or folder.
        path: PathBuf,
        /// The class.
        class: String,
        /// The training classes.
        classes: Vec<String>,
    },
    /// The folder of a class is empty.
    #[error("`{}`: class `{class}` has no image; add some or remove the class", path.display())]
    EmptyClass {
        /// The data set.
        path: PathBuf,
        /// The class.
        class: String,
    },
    /// There are only parts that networks are not trained on.
    #[error("`{}` has a test part, but no training part (a file or folder called `train`)", path.display())]
    NoTraining {
        /// The data set.
        path: PathBuf,
    },
    /// Images lie in no class folder.
    #[error(
        "`{}` holds {images} images, but no class folders: the class of an image is the name of the folder it lies in",
        path.display()
    )]
    NoClassFolders {
        /// The folder.
        path: PathBuf,
        /// Images directly in it.
        images: usize,
    },
    /// Folders that would be taken for classes are parts of a data set.
    #[error(
        "`{}`: the folders {} are called as parts of a data set, not as classes{}: bring the parts together as `train` and `test` \
         (or `val`), each with one folder a class, or give one of them alone",
        path.display(), list(parts),
        if classes.is_empty() { String::new() } else { format!(", which seem to be {} below each of them", list(classes)) }
    )]
    PartsAsClasses {
        /// The folder that they lie in.
        path: PathBuf,
        /// Their names.
        parts: Vec<String>,
        /// The folders that all of them hold; empty where they hold different ones.
        classes: Vec<String>,
    },
    /// Fewer than two classes, or so many that the labels are hardly classes.
    #[error("`{}` has {}; 2 to {most} can be told apart{advice}", path.display(), fewshot_guard::counted(found, "class"))]
    ClassCount {
        /// The data set.
        path: PathBuf,
        /// Classes found.
        found: usize,
        /// The most that are accepted.
        most: usize,
        /// What to do where that can be guessed from the names of its files: `: ` and words.
        advice: String,
    },
    /// The data set has no image.
    #[error("`{}` holds no image", path.display())]
    NoImages {
        /// The data set or part.
        path: PathBuf,
    },
    /// Images differ in size where the format has one size for all.
    #[error(
        "{place}: images are {}x{} (height x width), those of the training part {}x{}",
        found.0, found.1, expected.0, expected.1
    )]
    SizeMismatch {
        /// The file.
        place: Place,
        /// Height and width found, in pixels.
        found: (usize, usize),
        /// Height and width of the training part, in pixels.
        expected: (usize, usize),
    },
    /// The decoded images would not fit into the memory that they may take.
    #[error(
        "{images} images of {height}x{width} with {} take {bytes} bytes, more than the {limit} allowed: choose a smaller image size or a \
         limit on the number of images, or raise the allowance",
        fewshot_guard::counted(channels, "channel")
    )]
    TooLarge {
        /// Number of images.
        images: usize,
        /// Height in pixels.
        height: usize,
        /// Width in pixels.
        width: usize,
        /// Channels, 1 or 3.
        channels: usize,
        /// Bytes needed.
        bytes: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// Pixels, labels and classes handed to [`Dataset::new`](crate::Dataset::new) do not fit together.
    #[error("data set `{name}`: {reason}")]
    Inconsistent {
        /// Name of the data set.
        name: String,
        /// What does not fit.
        reason: String,
    },
    /// The images of a layout are only read all together.
    #[error(
        "`{}`: images of the layout {reader} are not streamed, but read into memory at once; to stream them, write them as \
         Parquet files, archives or image files in class folders", path.display()
    )]
    NotStreamed {
        /// The data set.
        path: PathBuf,
        /// The reader that recognised its layout.
        reader: &'static str,
    },
    /// The system has no thread left to read or decode images with.
    #[error("no thread can be started to read images: {source}; end other programs, or raise the limit on processes")]
    NoThread {
        /// What the operating system said.
        source: io::Error,
    },
    /// Nobody waits for the images any more. Who reads batches never sees this.
    #[error("reading was stopped")]
    Stopped,
    /// A setting is out of its range.
    #[error("{name} is {value}, but must be {wanted}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// The allowed values.
        wanted: String,
    },
}

impl DataError {
    /// Wraps an error of the operating system with the path it is about.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> DataError + '_ {
        move |source| match source.kind() {
            io::ErrorKind::NotFound => match std::fs::read_link(path) {
                Ok(target) => DataError::BrokenLink { path: path.to_owned(), target },
                Err(_) => DataError::NotFound { path: path.to_owned() },
            },
            _ => DataError::Io { path: path.to_owned(), source },
        }
    }

    /// A setting that is out of range.
    pub(crate) fn setting(name: &'static str, value: impl fmt::Display, wanted: impl Into<String>) -> DataError {
        DataError::Setting { name, value: value.to_string(), wanted: wanted.into() }
    }
}
