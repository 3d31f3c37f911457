//! Reading one column of a CSV file.

use std::path::Path;
use std::sync::Arc;

use csv::StringRecord;
use fewshot_space::Space;

use super::entries::{ARCH_COLUMN, Table};
use super::error::{CellProblem, TableError};
use super::number::Numbers;
use super::sheet::{Sheet, same_name};
use fewshot_guard::{printable, read_file};
use fewshot_run::FileError;

/// Names under which the architectures are found where no column is named as this program names it.
const ARCH_NAMES: [&str; 6] = [ARCH_COLUMN, "architecture", "arch_str", "arch_string", "genotype", "network"];

impl Table {
    /// Reads the architectures and the numbers of `column` from a file of separated values, as this program, a script or a
    /// spreadsheet writes them: cells are separated by commas, semicolons or tabs, may be quoted and have blanks around them;
    /// numbers may have a decimal comma or a percent sign; rows and columns at the end may be empty. What of that was found is in
    /// [`Table::notes`]. Every other row must have a number: a table with gaps is an error, not a shorter table.
    ///
    /// # Errors
    /// [`TableError`] names the file and, where there is one, the line and the column.
    pub fn read(path: &Path, space: &Arc<dyn Space>, column: &str) -> Result<Table, TableError> {
        let bytes = read_file(path).map_err(|error| FileError::new("read", path, error))?;
        Table::from_bytes(&bytes, path, space, column)
    }

    /// The same from text; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn parse(text: &str, name: &Path, space: &Arc<dyn Space>, column: &str) -> Result<Table, TableError> {
        Table::from_bytes(text.as_bytes(), name, space, column)
    }

    fn from_bytes(bytes: &[u8], path: &Path, space: &Arc<dyn Space>, column: &str) -> Result<Table, TableError> {
        let Sheet { header, rows, mut notes, separator } = Sheet::read(bytes, path, |header| {
            position(header, &[column]).is_some() && position(header, &ARCH_NAMES).is_some()
        })?;
        let arch_at = find(path, &header, &ARCH_NAMES)?;
        let value_at = find(path, &header, &[column])?;
        for (at, wanted) in [(arch_at, ARCH_COLUMN), (value_at, column)] {
            if header[at] != *wanted {
                notes.push(format!("column `{}` was taken for `{wanted}`", printable::line(&header[at])));
            }
        }
        let refuse = |line: u64, column: &str, problem| TableError::Cell {
            path: path.into(),
            line,
            column: column.into(),
            problem,
        };
        let cells = rows.iter().map(|(line, row)| (*line, row.get(value_at).unwrap_or_default()));
        let numbers = Numbers::of(cells.clone(), separator).map_err(|(line, problem)| refuse(line, column, problem))?;
        notes.extend(numbers.notes());

        let title = format!("column `{column}` of table `{}`", path.display());
        let mut table = Table::new(space.clone(), title);
        let mut lines = Vec::new();
        for ((line, row), (_, value)) in rows.iter().zip(cells) {
            let text = row.get(arch_at).unwrap_or_default();
            if text.is_empty() {
                return Err(refuse(*line, &header[arch_at], CellProblem::Empty));
            }
            let wrong = |problem| refuse(*line, &header[arch_at], problem);
            let arch = space.parse(text).map_err(|error| wrong(CellProblem::Arch(error.into())))?;
            let arch = space.canonical(&arch);
            if let Some(&earlier) = table.index.get(&arch) {
                let first = lines[earlier];
                return Err(wrong(CellProblem::Duplicate { first }));
            }
            let value = numbers.read(value).map_err(|problem| refuse(*line, column, problem))?;
            lines.push(*line);
            table.push(arch, value);
        }
        if table.is_empty() {
            return Err(TableError::NoRows { path: path.into() });
        }
        table.notes = notes;
        Ok(table)
    }
}

/// The position of the column of one of these names: as written, or else but for case, blanks, `-` and `_`.
fn position(header: &StringRecord, names: &[&str]) -> Option<usize> {
    places(header, names).first().copied()
}

/// All columns that may be meant.
fn places(header: &StringRecord, names: &[&str]) -> Vec<usize> {
    let by = |is_it: &dyn Fn(&str) -> bool| -> Vec<usize> {
        header.iter().enumerate().filter(|(_, title)| is_it(title)).map(|(place, _)| place).collect()
    };
    for name in names {
        for found in [by(&|title| title == *name), by(&|title| same_name(title, name))] {
            if !found.is_empty() {
                return found;
            }
        }
    }
    Vec::new()
}

/// The position of the one column of such a name.
fn find(path: &Path, header: &StringRecord, names: &[&str]) -> Result<usize, TableError> {
    let column = names[0];
    match places(header, names)[..] {
        [place] => Ok(place),
        [] => Err(TableError::UnknownColumn {
            path: path.into(),
            column: column.into(),
            hint: fewshot_space::suggest::hint(column, header.iter()),
        }),
        _ => Err(TableError::BadColumn {
            path: path.into(),
            column: column.into(),
            problem: "two columns have this name; rename one",
        }),
    }
}
