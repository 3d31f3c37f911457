//! Writing a table, whole or not at all.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use fewshot_space::{Arch, Space};

use super::entries::ARCH_COLUMN;
use super::error::{CellProblem, TableError};
use fewshot_run::{FileError, write_atomic};

/// Writes a CSV file: `arch` with the space's text form, then the named columns with one number
/// for each architecture, in the given order. Numbers are written in the shortest decimal form
/// that reads back to the same bits, whole ones without a point.
///
/// The file appears under its name only when it is complete and on disk ([`write_atomic`]), so a
/// cut run leaves the old file or the new one.
///
/// # Errors
/// [`TableError`] when a column has no name, the name of another or too few or many values, when
/// an architecture is not of the space or is listed twice, when a number is NaN or infinite, or
/// when the file cannot be written.
pub fn write(path: &Path, space: &dyn Space, archs: &[Arch], columns: &[(&str, &[f64])]) -> Result<(), TableError> {
    check_columns(path, archs.len(), columns)?;
    // Writing to memory cannot fail for rows of one length; were it to, the error is passed on.
    let failed = |error: io::Error| FileError::new("write", path, error);
    let mut text = csv::Writer::from_writer(Vec::new());
    let header = [ARCH_COLUMN].into_iter().chain(columns.iter().map(|(name, _)| *name));
    text.write_record(header).map_err(|error| failed(error.into()))?;
    let mut seen = BTreeSet::new();
    for (row, arch) in archs.iter().enumerate() {
        let refuse = |column: &str, problem| TableError::Cell {
            path: path.into(),
            line: row as u64 + 2,
            column: column.into(),
            problem,
        };
        (space.validate(arch)).map_err(|error| refuse(ARCH_COLUMN, CellProblem::Invalid(error.into())))?;
        if !seen.insert(space.canonical(arch)) {
            return Err(refuse(ARCH_COLUMN, CellProblem::Repeated));
        }
        let mut record = vec![space.format(arch)];
        for (name, values) in columns {
            let value = values[row];
            if !value.is_finite() {
                return Err(refuse(name, CellProblem::NotANumber(value.to_string())));
            }
            record.push(value.to_string());
        }
        text.write_record(&record).map_err(|error| failed(error.into()))?;
    }
    let text = text.into_inner().map_err(|error| failed(error.into_error()))?;
    Ok(write_atomic(path, &text)?)
}

/// Names unlike each other and `arch`, as readers need; as many values as architectures.
fn check_columns(path: &Path, expected: usize, columns: &[(&str, &[f64])]) -> Result<(), TableError> {
    let mut names = BTreeSet::from([ARCH_COLUMN]);
    for &(name, values) in columns {
        let bad = |problem| TableError::BadColumn { path: path.into(), column: name.into(), problem };
        if name.is_empty() || name != name.trim() {
            return Err(bad("a name must not be empty, begin or end with a blank"));
        }
        if !names.insert(name) {
            return Err(bad("two columns have this name; rename one"));
        }
        if values.len() != expected {
            return Err(TableError::Length { path: path.into(), column: name.into(), expected, found: values.len() });
        }
    }
    Ok(())
}
