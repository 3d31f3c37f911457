//! What can be wrong with a column of a table of images.

use std::path::PathBuf;

use crate::Place;
use crate::listed::list;

/// A column that cannot be what is wanted of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ColumnError {
    /// Several columns could be meant.
    #[error(
        "`{}`: the {what} could be {}: say which with `{flag} NAME`", path.display(), list(columns)
    )]
    Ambiguous {
        /// The Parquet file.
        path: PathBuf,
        /// What the column holds.
        what: &'static str,
        /// The columns that could be meant.
        columns: Vec<String>,
        /// The flag that names one.
        flag: &'static str,
    },
    /// A column is missing.
    #[error("`{}` has no {wanted}; its columns are {}: say which with `{flag} NAME`", path.display(), list(columns))]
    Missing {
        /// The Parquet file.
        path: PathBuf,
        /// What was looked for.
        wanted: String,
        /// The flag that names the column.
        flag: &'static str,
        /// The leaf columns that exist.
        columns: Vec<String>,
    },
    /// A column has a type that cannot hold what is wanted of it.
    #[error("`{}`: column `{column}` is {found}, not {wanted}", path.display())]
    Type {
        /// The Parquet file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// The types that are read.
        wanted: &'static str,
    },
    /// A column holds several values a row, or several things.
    #[error(
        "`{}`: column `{column}` {}: name {} with `{flag} NAME`; there {}",
        path.display(),
        match is_list {
            true => format!("holds lists, and rows with several {what}s are not read"),
            false => "is a struct".to_owned(),
        },
        if *is_list { "a column with one value a row" } else { "one of its fields" },
        if others.is_empty() { "is none".to_owned() } else { format!("are {}", list(others)) }
    )]
    Nested {
        /// The Parquet file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What it should hold.
        what: &'static str,
        /// Whether it holds several values a row; else it is a struct.
        is_list: bool,
        /// What could be meant instead.
        others: Vec<String>,
        /// The flag that names the column.
        flag: &'static str,
    },
    /// A row has no value in a column that needs one.
    #[error("{place}: column `{column}` is null")]
    Null {
        /// The file and row.
        place: Place,
        /// The column.
        column: String,
    },
}
