//! Where in a data set something is.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where in a data set something was found: a file and, in files that hold many images, the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<Path>,
    /// The record, counted from 0: the row of a Parquet file, the image of a CIFAR or idx file. `None` where the file
    /// is one image.
    pub record: Option<u64>,
}

impl Place {
    /// A whole file.
    pub fn file(path: impl Into<Arc<Path>>) -> Place {
        Place { file: path.into(), record: None }
    }

    /// Record `record`, counted from 0, of a file.
    pub fn record(path: impl Into<Arc<Path>>, record: u64) -> Place {
        Place { file: path.into(), record: Some(record) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.file.display())?;
        match self.record {
            Some(record) => write!(f, ", record {record} (counted from 0)"),
            None => Ok(()),
        }
    }
}
