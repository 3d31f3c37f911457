//! The data set that is part of the program.

use std::path::Path;

use crate::readers::Found;
use crate::readers::idx::{self, Source};
use crate::source::{assemble, known_parts, without_columns};
use crate::{DataError, DataSource, Dataset, OpenOptions, Which};

/// Name of the data set.
const NAME: &str = "fashion-mnist-sample";

/// How its layout is called.
const READER: &str = "embedded";

/// Names of Fashion-MNIST's classes, one a line, in the order of its labels.
const CLASSES: &str = include_str!("../../../data/fashion-mnist-sample/classes.txt");

/// One file of the sample.
macro_rules! embedded {
    ($name:literal) => {
        Source::Embedded(
            concat!("fashion-mnist-sample/", $name),
            include_bytes!(concat!("../../../data/fashion-mnist-sample/", $name)),
        )
    };
}

/// The embedded sample: 10,000 training and 2,000 test images of Fashion-MNIST (1,000 and 200 a class), 28x28, grey.
///
/// `data/README.md` says how it was made. The test part is sealed like that of any other data set.
///
/// Fashion-MNIST: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
/// Learning Algorithms", 2017; MIT licence, (c) 2017 Zalando SE.
///
/// # Errors
/// None with the files of this repository; a [`DataError`] if they were replaced by damaged ones when the program was
/// built.
pub fn sample() -> Result<DataSource, DataError> {
    sample_with(&OpenOptions::default())
}

/// The same, with images brought to the size that `options` ask for.
///
/// # Errors
/// As [`sample`].
pub fn sample_with(options: &OpenOptions) -> Result<DataSource, DataError> {
    assemble(READER, NAME.to_owned(), Path::new(NAME), found(options)?, options)
}

/// The images of `which` part, as [`open_part`](crate::open_part) reads them.
///
/// # Errors
/// As [`open_part`](crate::open_part).
pub fn sample_part(
    classes: &[String],
    which: Which,
    options: &OpenOptions,
) -> Result<(Vec<Dataset>, Vec<String>), DataError> {
    known_parts(NAME.to_owned(), Path::new(NAME), found(options)?, classes, which, options)
}

fn found(options: &OpenOptions) -> Result<Found, DataError> {
    let train = (embedded!("train-images-idx3-ubyte.gz"), embedded!("train-labels-idx1-ubyte.gz"));
    let test = (embedded!("t10k-images-idx3-ubyte.gz"), embedded!("t10k-labels-idx1-ubyte.gz"));
    let mut found = idx::found(train, Some(test), Some(CLASSES.lines().map(str::to_owned).collect()))?;
    found.notes.extend(without_columns(READER, options));
    Ok(found)
}
