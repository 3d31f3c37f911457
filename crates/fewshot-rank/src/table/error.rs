//! What can be wrong with a table.

use std::path::PathBuf;

use fewshot_space::{ArchError, ParseArchError};
use thiserror::Error;

use fewshot_run::FileError;

/// Why a table cannot be read, used or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TableError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is no CSV text of one shape.
    #[error("table `{}`, line {line}: {problem}", .path.display())]
    Malformed {
        /// The table.
        path: PathBuf,
        /// Line of the record, 1 for the header.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// The file has no lines below its header, or is empty.
    #[error("table `{}` has no rows: expected a header line and one line per architecture", .path.display())]
    NoRows {
        /// The table.
        path: PathBuf,
    },
    /// The header does not have the column.
    #[error("table `{}` has no column `{column}`; {hint}", .path.display())]
    UnknownColumn {
        /// The table.
        path: PathBuf,
        /// The column asked for.
        column: String,
        /// A near name, or all of them.
        hint: String,
    },
    /// Two columns have the name, or the name is none that a column may have.
    #[error("table `{}` cannot have column `{column}`: {problem}", .path.display())]
    BadColumn {
        /// The table.
        path: PathBuf,
        /// The column's name.
        column: String,
        /// What is wrong, and what to do.
        problem: &'static str,
    },
    /// A cell of a file does not hold what it should.
    #[error("table `{}`, line {line}, column `{column}`: {problem}", .path.display())]
    Cell {
        /// The table.
        path: PathBuf,
        /// Line of the cell, 1 for the header.
        line: u64,
        /// Name of the column.
        column: String,
        /// What is wrong.
        problem: CellProblem,
    },
    /// An entry that a table cannot take.
    #[error("{table} cannot take architecture `{arch}`: {problem}")]
    Entry {
        /// Title of the table.
        table: String,
        /// Text of the architecture, or its option indices when it is not of the space.
        arch: String,
        /// What is wrong.
        problem: CellProblem,
    },
    /// An architecture that the table does not have.
    #[error(
        "architecture `{arch}` is not among the {len} of {table}: \
         search a region that the table covers, or give a table that has it"
    )]
    Unknown {
        /// Text of the architecture, or its option indices when it is not of the space.
        arch: String,
        /// Title of the table.
        table: String,
        /// Number of architectures in the table.
        len: usize,
    },
    /// Two tables of different spaces.
    #[error("{left} is about space {left_space}, {right} about {right_space}: join tables of one space")]
    Spaces {
        /// Title of the first table.
        left: String,
        /// Its space.
        left_space: String,
        /// Title of the second table.
        right: String,
        /// Its space.
        right_space: String,
    },
    /// Two tables without a common architecture.
    #[error("{left} and {right} have no architecture in common: nothing can be compared")]
    Disjoint {
        /// Title of the first table.
        left: String,
        /// Title of the second table.
        right: String,
    },
    /// A column to write that is not as long as the list of architectures.
    #[error("table `{}`: column `{column}` has {found} values for {expected} architectures", .path.display())]
    Length {
        /// The table.
        path: PathBuf,
        /// Name of the column.
        column: String,
        /// Number of architectures.
        expected: usize,
        /// Number of values.
        found: usize,
    },
}

/// What can be wrong with one value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CellProblem {
    /// Nothing is there.
    #[error("the cell is empty: choose a column that is filled, or leave the row out")]
    Empty,
    /// Not a finite number.
    #[error("`{0}` is no finite number")]
    NotANumber(String),
    /// A number with a comma that may be the decimal sign or stand between thousands.
    #[error("`{0}` can be read in two ways: write the decimal sign as a point, and nothing between thousands")]
    Ambiguous(String),
    /// A number among others in per cent.
    #[error("`{0}` has no percent sign, others of the column have one: write all of them alike")]
    SomePercent(String),
    /// Not an architecture's text.
    #[error(transparent)]
    Arch(Box<ParseArchError>),
    /// Not an architecture of the space.
    #[error(transparent)]
    Invalid(Box<ArchError>),
    /// The same architecture, possibly in another text form, stood on an earlier line.
    #[error("the same architecture stands on line {first}: keep one of the two")]
    Duplicate {
        /// The earlier line.
        first: u64,
    },
    /// The same architecture is in the table already.
    #[error("it is there already")]
    Repeated,
}
