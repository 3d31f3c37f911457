//! Reading one column of a CSV file.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};
use fewshot_space::{Space, suggest};

use super::{ARCH_COLUMN, CellProblem, Table, TableError};
use crate::run::FileError;

impl Table {
    /// Reads the architectures and the numbers of `column` from a CSV file. Blanks around cells
    /// are ignored, cells may be quoted, and every line must have as many cells as the header.
    /// Every row must have a number: a table with gaps is an error, not a shorter table.
    ///
    /// # Errors
    /// [`TableError`] names the file and, where there is one, the line and the column.
    pub fn read(path: &Path, space: &Arc<dyn Space>, column: &str) -> Result<Table, TableError> {
        let file = File::open(path).map_err(|error| FileError::new("read", path, error))?;
        Table::from_csv(file, path, space, column)
    }

    /// The same from text; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn parse(text: &str, name: &Path, space: &Arc<dyn Space>, column: &str) -> Result<Table, TableError> {
        Table::from_csv(text.as_bytes(), name, space, column)
    }

    fn from_csv(text: impl Read, path: &Path, space: &Arc<dyn Space>, column: &str) -> Result<Table, TableError> {
        let malformed = |error| malformed(path, error);
        let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(text);
        let header = reader.headers().map_err(malformed)?.clone();
        if header.iter().all(str::is_empty) {
            return Err(TableError::NoRows { path: path.into() });
        }
        let arch_at = find(path, &header, ARCH_COLUMN)?;
        let value_at = find(path, &header, column)?;

        let title = format!("column `{column}` of table `{}`", path.display());
        let mut table = Table::new(space.clone(), title);
        let mut lines = Vec::new();
        let mut record = StringRecord::new();
        while reader.read_record(&mut record).map_err(malformed)? {
            let line = record.position().map_or(0, |position| position.line());
            let refuse =
                |column: &str, problem| TableError::Cell { path: path.into(), line, column: column.into(), problem };
            let text = record.get(arch_at).unwrap_or_default();
            if text.is_empty() {
                return Err(refuse(ARCH_COLUMN, CellProblem::Empty));
            }
            let arch = (space.parse(text)).map_err(|error| refuse(ARCH_COLUMN, CellProblem::Arch(error.into())))?;
            let arch = space.canonical(&arch);
            if let Some(&earlier) = table.index.get(&arch) {
                let first = lines[earlier];
                return Err(refuse(ARCH_COLUMN, CellProblem::Duplicate { first }));
            }
            let value = number(record.get(value_at).unwrap_or_default()).map_err(|problem| refuse(column, problem))?;
            lines.push(line);
            table.push(arch, value);
        }
        if table.is_empty() {
            return Err(TableError::NoRows { path: path.into() });
        }
        Ok(table)
    }
}

/// The position of the one column of that name.
fn find(path: &Path, header: &StringRecord, column: &str) -> Result<usize, TableError> {
    let mut places = (header.iter().enumerate()).filter(|&(_, name)| name == column);
    match (places.next(), places.next()) {
        (Some((place, _)), None) => Ok(place),
        (Some(_), Some(_)) => Err(TableError::BadColumn {
            path: path.into(),
            column: column.into(),
            problem: "two columns have this name; rename one",
        }),
        (None, _) => Err(TableError::UnknownColumn {
            path: path.into(),
            column: column.into(),
            hint: suggest::hint(column, header.iter()),
        }),
    }
}

/// A finite number. Rust also reads `nan` and `inf`, which no table may hold.
fn number(text: &str) -> Result<f64, CellProblem> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ if text.is_empty() => Err(CellProblem::Empty),
        _ => Err(CellProblem::NotANumber(text.chars().take(40).collect())),
    }
}

/// The CSV reader's error with the file's name and the line.
fn malformed(path: &Path, error: csv::Error) -> TableError {
    let line = error.position().map_or(1, |position| position.line());
    let problem = match error.into_kind() {
        ErrorKind::Io(error) => return FileError::new("read", path, error).into(),
        ErrorKind::Utf8 { .. } => "not UTF-8 text: is it a CSV file?".to_owned(),
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} cells where the header has {expected_len}")
        }
        other => format!("not readable as CSV: {other:?}"),
    };
    TableError::Malformed { path: path.into(), line, problem }
}
