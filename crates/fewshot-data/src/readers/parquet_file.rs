//! Two kinds of leaf columns of a Parquet file: integers and byte arrays.

use std::fs::File;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArrayType, DataType};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::nonempty;
use crate::{DataError, Place};

/// A Parquet file whose footer was read and checked. Holds no open file: a data set may have a thousand shards.
pub(super) struct ParquetFile {
    path: Arc<Path>,
    metadata: Arc<ParquetMetaData>,
    /// Dotted paths of the leaf columns.
    columns: Vec<String>,
    /// The rows of each row group.
    groups: Vec<Range<u64>>,
}

/// Rows that are read at once.
const BATCH: usize = 256;

impl ParquetFile {
    pub fn open(path: PathBuf) -> Result<ParquetFile, DataError> {
        let length = nonempty(&path)?;
        let path: Arc<Path> = path.into();
        let reader = reader(&path)?;
        let metadata = Arc::new(reader.metadata().clone());
        let schema = metadata.file_metadata().schema_descr();
        let columns = schema.columns().iter().map(|column| column.path().string()).collect();
        let damaged = |reason: String| DataError::Damaged { path: path.to_path_buf(), reason };

        let (mut groups, mut rows) = (Vec::new(), 0_u64);
        for (index, group) in metadata.row_groups().iter().enumerate() {
            // The library takes these for granted and panics otherwise.
            for column in group.columns() {
                let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
                let inside = (|| {
                    let end = u64::try_from(start).ok()?.checked_add(u64::try_from(column.compressed_size()).ok()?)?;
                    Some(end <= length)
                })();
                if inside != Some(true) {
                    let column = column.column_path().string();
                    return Err(damaged(format!("row group {index}, column `{column}` lies outside of the file")));
                }
            }
            let end = u64::try_from(group.num_rows()).ok().and_then(|count| rows.checked_add(count));
            // Rows are indexed by u32 in the whole crate.
            let end = end.filter(|&end| end <= u64::from(u32::MAX));
            let end = end.ok_or_else(|| damaged(format!("row group {index} says it has {} rows", group.num_rows())))?;
            groups.push(rows..end);
            rows = end;
        }
        Ok(ParquetFile { path: Arc::clone(&path), columns, groups, metadata })
    }

    pub fn path(&self) -> Arc<Path> {
        Arc::clone(&self.path)
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.groups.last().map_or(0, |group| group.end)
    }

    /// Dotted paths of the leaf columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The value of `key` in the schema metadata.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        let entries = self.metadata.file_metadata().key_value_metadata()?;
        entries.iter().find(|entry| entry.key == key)?.value.as_deref()
    }

    /// All values of the integer column `column`.
    pub fn integers(&self, column: &str) -> Result<Vec<i64>, DataError> {
        let reader = reader(&self.path)?;
        let mut values = Vec::new();
        for group in 0..self.groups.len() {
            let values = &mut values;
            match self.column(&reader, group, column)? {
                ColumnReader::Int64ColumnReader(reader) => self.each(reader, group, column, |_, value| {
                    values.push(value);
                    Ok(())
                })?,
                ColumnReader::Int32ColumnReader(reader) => self.each(reader, group, column, |_, value| {
                    values.push(i64::from(value));
                    Ok(())
                })?,
                _ => return Err(self.wrong_type(column, "an integer")),
            }
        }
        Ok(values)
    }

    /// The values of the byte-array column `column` in `rows` (ascending), each with its row.
    pub fn byte_arrays(
        &self,
        column: &str,
        rows: &[u64],
        take: &mut dyn FnMut(u64, Vec<u8>) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        if rows.is_empty() {
            return Ok(());
        }
        let reader = reader(&self.path)?;
        let mut rows = rows.iter().copied().peekable();
        for (group, range) in self.groups.iter().enumerate() {
            if !rows.peek().is_some_and(|row| range.contains(row)) {
                continue;
            }
            let ColumnReader::ByteArrayColumnReader(reader) = self.column(&reader, group, column)? else {
                return Err(self.wrong_type(column, "a byte array"));
            };
            self.each::<ByteArrayType>(reader, group, column, |row, value| match rows.next_if_eq(&row) {
                Some(_) => take(row, value.data().to_vec()),
                None => Ok(()),
            })?;
        }
        Ok(())
    }

    /// Index and description of a leaf column.
    fn leaf(&self, column: &str) -> Option<(usize, &ColumnDescriptor)> {
        let index = self.columns.iter().position(|name| name == column)?;
        Some((index, self.metadata.file_metadata().schema_descr().columns().get(index)?))
    }

    fn wrong_type(&self, column: &str, wanted: &'static str) -> DataError {
        let found = self.leaf(column).map_or_else(String::new, |(_, leaf)| match leaf.max_rep_level() {
            0 => leaf.physical_type().to_string(),
            _ => format!("a list of {}", leaf.physical_type()),
        });
        DataError::ColumnType { path: self.path.to_path_buf(), column: column.to_owned(), found, wanted }
    }

    fn column(
        &self,
        reader: &SerializedFileReader<File>,
        group: usize,
        column: &str,
    ) -> Result<ColumnReader, DataError> {
        match self.leaf(column) {
            Some((index, leaf)) if leaf.max_rep_level() == 0 => {
                guarded(&self.path, || reader.get_row_group(group)?.get_column_reader(index))
            }
            _ => Err(self.wrong_type(column, "one value a row")),
        }
    }

    /// Calls `take` with each value of one column of one row group and its row; nulls and missing rows are errors.
    fn each<T: DataType>(
        &self,
        mut reader: ColumnReaderImpl<T>,
        group: usize,
        column: &str,
        mut take: impl FnMut(u64, T::T) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let range = self.groups[group].clone();
        let (mut row, mut levels, mut values) = (range.start, Vec::new(), Vec::new());
        loop {
            levels.clear();
            values.clear();
            let (read, present, _) =
                guarded(&self.path, || reader.read_records(BATCH, Some(&mut levels), None, &mut values))?;
            if read == 0 {
                break;
            }
            if present < read {
                // The definition level of a null is lower than that of a value.
                let full = self.leaf(column).map_or(0, |(_, leaf)| leaf.max_def_level());
                let first = levels.iter().position(|&level| level < full).unwrap_or(0);
                let place = Place::record(self.path(), row + first as u64);
                return Err(DataError::Null { place, column: column.to_owned() });
            }
            for value in values.drain(..) {
                if row == range.end {
                    break;
                }
                take(row, value)?;
                row += 1;
            }
        }
        if row == range.end {
            return Ok(());
        }
        let (announced, found) = (range.end - range.start, row - range.start);
        let reason = format!("row group {group} announces {announced} rows, but its column `{column}` has {found}");
        Err(DataError::Damaged { path: self.path.to_path_buf(), reason })
    }
}

fn reader(path: &Path) -> Result<SerializedFileReader<File>, DataError> {
    let file = File::open(path).map_err(DataError::io(path))?;
    guarded(path, || SerializedFileReader::new(file))
}

/// Runs a call into the Parquet library. It panics on some damaged files (found by flipping random bytes: a missing
/// dictionary, a page shorter than it says), and a damaged file must be an error like any other.
fn guarded<T>(path: &Path, call: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, DataError> {
    let damaged = |reason| DataError::Damaged { path: path.to_owned(), reason };
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| damaged(error.to_string())),
        Err(_) => Err(damaged("its pages contradict its footer".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_library_is_an_error_that_names_the_file() {
        let path = Path::new("train.parquet");
        let result: Result<(), DataError> = guarded(path, || panic!("page header"));
        let message = result.unwrap_err().to_string();
        assert!(message.contains("`train.parquet` is damaged"), "{message}");
        assert_eq!(guarded(path, || Ok(1)).unwrap(), 1);
    }
}
