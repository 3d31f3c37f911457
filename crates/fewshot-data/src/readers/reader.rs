//! What a reader is, and what it finds.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::load::Images;
use crate::{DataError, OpenOptions};

/// A layout of data sets.
pub(crate) trait Reader: Sync {
    /// Short name, as it is shown to users.
    fn name(&self) -> &'static str;

    /// What a data set of this layout looks like, in one line.
    fn layout(&self) -> &'static str;

    /// Whether `path`, which exists, has this layout: a look at names (and at most a few first bytes), no more. An
    /// incomplete or damaged data set of this layout is still one, so that [`read`](Reader::read) can say what is
    /// wrong.
    fn detect(&self, path: &Path) -> bool;

    /// Whether images and labels are found by names that [`OpenOptions`] may give: columns, fields, extensions.
    fn has_columns(&self) -> bool {
        false
    }

    /// Finds the parts, their labels and classes. Decodes no image.
    fn read(&self, path: &Path, options: &OpenOptions) -> Result<Found, DataError>;
}

/// What a reader found.
pub(crate) struct Found {
    /// `None`: the data set has only other parts.
    pub train: Option<Part>,
    /// `None`: the data set has no test part, one is to be held out.
    pub test: Option<Part>,
    /// What the user should know: what was left out, or taken for another.
    pub notes: Vec<String>,
}

/// Training or test part.
pub(crate) struct Part {
    /// Where it lies, for messages.
    pub path: PathBuf,
    /// Names of its classes. Parts and files are brought together by these names, never by numbers; a class need not
    /// have an image.
    pub classes: Vec<String>,
    /// One label an image, each below the number of its classes.
    pub labels: Vec<u32>,
    pub images: Arc<dyn Images>,
}
