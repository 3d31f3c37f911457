//! What can be wrong with features, probabilities and statistics.

use std::path::PathBuf;

use fewshot_run::FileError;
use thiserror::Error;

use super::limits::MOST_FEATURES;

/// Why a metric cannot be computed, or its statistics not be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FidError {
    /// No features, or more than a covariance is made for.
    #[error("{features} features per image: give 1 to {MOST_FEATURES}")]
    Features {
        /// How many were asked for.
        features: usize,
    },
    /// The numbers are not whole rows.
    #[error("{length} numbers are no whole rows of {width}: give {width} for each image")]
    Rows {
        /// How many numbers there are.
        length: usize,
        /// How many belong to a row.
        width: usize,
    },
    /// A NaN or an infinity.
    #[error(
        "image {row}, number {column} (both counted from 0) is {value}: look for the first layer of the network that gives \
         such values"
    )]
    NotFinite {
        /// The image, counted from 0 over all that was pushed.
        row: u64,
        /// The feature, class or logit.
        column: usize,
        /// What stands there.
        value: f64,
    },
    /// One image has no covariance.
    #[error("{count} images have no covariance: give the features of at least 2")]
    TooFewImages {
        /// How many there are.
        count: u64,
    },
    /// Features of different networks.
    #[error("{left} features cannot be compared with {right}: take both statistics from one layer of one network")]
    DifferentFeatures {
        /// Features on the left.
        left: usize,
        /// Features on the right.
        right: usize,
    },
    /// The mean and the matrix are not those of a distribution.
    #[error("no mean and covariance of images: {problem}; compute the statistics again")]
    NotStatistics {
        /// What is wrong.
        problem: String,
    },
    /// Finite numbers whose squares are not.
    #[error("the features are too large for their covariance: scale them down")]
    Overflow,
    /// The system has no more memory.
    #[error("no memory for {what}, which needs {bytes} bytes: use fewer features, or a machine with more memory")]
    Memory {
        /// What it was for.
        what: &'static str,
        /// How much it would be.
        bytes: usize,
    },
    /// The decomposition of a matrix did not end, or its result does not give the matrix back.
    #[error("the {what} of a {rows} x {columns} matrix failed: report this with the two statistics files")]
    Decomposition {
        /// Which one.
        what: &'static str,
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        columns: usize,
    },
    /// Probabilities of nothing.
    #[error("no classes: give the probabilities of at least one")]
    NoClasses,
    /// A row that is no distribution over classes.
    #[error("image {row} (counted from 0) has no class probabilities: {problem}")]
    NotProbabilities {
        /// The image.
        row: u64,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Parts of the Inception Score that hold no image, or no parts.
    #[error("{images} images cannot be split into {parts} parts: give 1 to {images} parts, or more images")]
    Parts {
        /// How many images there are.
        images: usize,
        /// How many parts were asked for.
        parts: usize,
    },
    /// Fewer or more images than were announced.
    #[error("{found} images came where {expected} were announced: give all of them, and no more")]
    Count {
        /// How many were announced.
        expected: usize,
        /// How many came.
        found: usize,
    },
    /// A file cannot be opened or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file holds no statistics that can be read.
    #[error("statistics `{}`{}: {problem}", .path.display(), in_entry(.entry))]
    Statistics {
        /// The file.
        path: PathBuf,
        /// The array in it, where the fault is in one.
        entry: Option<&'static str>,
        /// What is wrong, and what to do.
        problem: String,
    },
}

fn in_entry(entry: &Option<&'static str>) -> String {
    entry.map(|name| format!(", entry `{name}`")).unwrap_or_default()
}
