//! Benchmark tables: CSV files that give numbers for architectures.
//!
//! A table has a header line, one column named `arch` with any text form that the space reads,
//! and columns of numbers chosen by name; other columns may hold anything. It may be as a spreadsheet writes it. [`Table::read`] takes
//! one column, [`write()`] makes a file of several, [`Table::join`] pairs two tables by
//! architecture.

mod entries;
mod error;
mod join;
mod number;
mod read;
mod sheet;
mod write;

#[cfg(test)]
mod tests;

pub use entries::{ARCH_COLUMN, Table, embedded};
pub use error::{CellProblem, TableError};
pub use join::Joined;
pub use write::write;
