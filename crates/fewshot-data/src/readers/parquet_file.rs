//! Leaf columns of a Parquet file as they are needed here: labels (numbers or text), and byte arrays.

use std::fs::File;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::folder::nonempty;
use crate::{ColumnError, DataError, Place};

/// A Parquet file whose footer was read and checked. Holds no open file: a data set may have a thousand shards.
pub(super) struct ParquetFile {
    path: Arc<Path>,
    metadata: Arc<ParquetMetaData>,
    /// Dotted paths of the leaf columns.
    columns: Vec<String>,
    /// The rows of each row group.
    groups: Vec<Range<u64>>,
}

/// Rows of labels that are read at once.
const BATCH: usize = 4096;
/// Rows of images that are read at once: their bytes are shared with the page they lie in, which is in memory anyway.
const IMAGES: usize = 16;

/// The values of a column; `None` where a row has none.
pub(super) enum Values {
    Integers(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
}

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

    /// The rows of each row group, and the bytes that the leaf column `column` has in it, not compressed; 0 without one.
    pub fn groups(&self, column: Option<&str>) -> impl Iterator<Item = (Range<u64>, u64)> + '_ {
        let leaf = column.and_then(|column| self.leaf(column)).map(|(index, _)| index);
        let bytes = move |group: &parquet::file::metadata::RowGroupMetaData| {
            let size = leaf.and_then(|leaf| group.columns().get(leaf)).map_or(0, |column| column.uncompressed_size());
            u64::try_from(size).unwrap_or(0)
        };
        self.groups.iter().cloned().zip(self.metadata.row_groups().iter().map(bytes))
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

    /// The leaf columns below the column `name`, and whether rows have several values in one of them; `None` where there are none.
    pub fn below(&self, name: &str) -> Option<(Vec<&str>, bool)> {
        let is_below = |leaf: &&str| leaf.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        let leaves: Vec<&str> = self.columns.iter().map(String::as_str).filter(is_below).collect();
        let is_list = leaves.iter().any(|leaf| self.leaf(leaf).is_some_and(|(_, leaf)| leaf.max_rep_level() > 0));
        (!leaves.is_empty()).then_some((leaves, is_list))
    }

    /// The leaf columns of which each row has one value at most.
    pub fn single(&self) -> Vec<String> {
        let is_single = |column: &&String| self.leaf(column).is_some_and(|(_, leaf)| leaf.max_rep_level() == 0);
        self.columns.iter().filter(is_single).cloned().collect()
    }

    /// Whether the leaf column `column` has bytes, of text or not, once a row.
    pub fn is_bytes(&self, column: &str) -> bool {
        self.leaf(column).is_some_and(|(_, leaf)| leaf.max_rep_level() == 0 && leaf.physical_type() == Type::BYTE_ARRAY)
    }

    /// Whether the leaf column `column` says that it has text.
    pub fn is_text(&self, column: &str) -> bool {
        self.leaf(column).is_some_and(|(_, leaf)| {
            let text =
                matches!(leaf.logical_type_ref(), Some(LogicalType::String | LogicalType::Enum | LogicalType::Json));
            text || matches!(leaf.converted_type(), ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON)
        })
    }

    /// All values of `column`: integers (whole numbers of other types too), or text (`false` and `true` of bools).
    pub fn values(&self, column: &str) -> Result<Values, DataError> {
        let reader = reader(&self.path)?;
        let (mut integers, mut text) = (Vec::new(), Vec::new());
        let wrong = |row: u64, found: String| DataError::LabelValue { place: Place::record(self.path(), row), found };
        let whole = |row: u64, value: f64| {
            // Numbers beyond this are not whole for sure.
            let fits = value.fract() == 0.0 && value.abs() < 9e15;
            if fits { Ok(value as i64) } else { Err(wrong(row, value.to_string())) }
        };
        for group in 0..self.groups.len() {
            use ColumnReader as Of;
            match self.column(&reader, group, column)? {
                Of::Int64ColumnReader(reader) => {
                    self.all(reader, group, column, &mut integers, |_, value| Ok(value))?
                }
                Of::Int32ColumnReader(reader) => {
                    self.all(reader, group, column, &mut integers, |_, value| Ok(i64::from(value)))?;
                }
                Of::DoubleColumnReader(reader) => self.all(reader, group, column, &mut integers, whole)?,
                Of::FloatColumnReader(reader) => {
                    self.all(reader, group, column, &mut integers, |row, value| whole(row, value.into()))?;
                }
                Of::BoolColumnReader(reader) => {
                    self.all(reader, group, column, &mut text, |_, value| Ok(value.to_string()))?;
                }
                Of::ByteArrayColumnReader(reader) => self.all(reader, group, column, &mut text, |row, value| {
                    let word = String::from_utf8(value.data().to_vec());
                    word.map_err(|_| wrong(row, "bytes that are no text".into()))
                })?,
                _ => return Err(self.wrong_type(column, "whole numbers or text")),
            }
        }
        Ok(if text.is_empty() { Values::Integers(integers) } else { Values::Text(text) })
    }

    /// The values of the byte-array column `column` in `rows` (ascending), each with its row. Pages without such rows are
    /// passed over.
    pub fn byte_arrays(
        &self,
        column: &str,
        rows: &[u64],
        take: &mut dyn FnMut(u64, Option<Vec<u8>>) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        if rows.is_empty() {
            return Ok(());
        }
        let reader = reader(&self.path)?;
        let mut rows = rows;
        for (group, range) in self.groups.iter().enumerate() {
            let (here, later) = rows.split_at(rows.partition_point(|&row| row < range.end));
            rows = later;
            if here.is_empty() {
                continue;
            }
            let ColumnReader::ByteArrayColumnReader(mut reader) = self.column(&reader, group, column)? else {
                return Err(self.wrong_type(column, "a byte array"));
            };
            let mut next = range.start;
            for together in here.chunk_by(|row, after| after - row < IMAGES as u64) {
                let (Some(&first), Some(&last)) = (together.first(), together.last()) else { continue };
                let before = (first - next) as usize;
                let skipped = guarded(&self.path, || reader.skip_records(before))?;
                if skipped < before {
                    return Err(self.too_few(group, column, next - range.start + skipped as u64));
                }
                let mut wanted = together.iter().copied().peekable();
                let mut take_wanted = |row, value: Option<ByteArray>| match wanted.next_if_eq(&row) {
                    Some(_) => take(row, value.map(|value| value.data().to_vec())),
                    None => Ok(()),
                };
                self.each(&mut reader, group, column, first..last + 1, IMAGES, &mut take_wanted)?;
                next = last + 1;
            }
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
        ColumnError::Type { path: self.path.to_path_buf(), column: column.to_owned(), found, wanted }.into()
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

    /// Adds all values of one column of one row group to `values`, each as `convert` makes it of its row and value.
    fn all<T: DataType, V>(
        &self,
        mut reader: ColumnReaderImpl<T>,
        group: usize,
        column: &str,
        values: &mut Vec<Option<V>>,
        convert: impl Fn(u64, T::T) -> Result<V, DataError>,
    ) -> Result<(), DataError> {
        self.each(&mut reader, group, column, self.groups[group].clone(), BATCH, &mut |row, value| {
            values.push(value.map(|value| convert(row, value)).transpose()?);
            Ok(())
        })
    }

    /// Calls `take` with each value of one column in `rows` of one row group, at the first of which `reader` stands, and
    /// its row; missing rows are errors.
    fn each<T: DataType>(
        &self,
        reader: &mut ColumnReaderImpl<T>,
        group: usize,
        column: &str,
        rows: Range<u64>,
        batch: usize,
        take: &mut dyn FnMut(u64, Option<T::T>) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        // The definition level of a null is lower than that of a value.
        let full = self.leaf(column).map_or(0, |(_, leaf)| leaf.max_def_level());
        let (mut row, mut levels, mut values) = (rows.start, Vec::new(), Vec::new());
        while row < rows.end {
            levels.clear();
            values.clear();
            let wanted = batch.min((rows.end - row) as usize);
            let (read, _, _) =
                guarded(&self.path, || reader.read_records(wanted, Some(&mut levels), None, &mut values))?;
            if read == 0 {
                return Err(self.too_few(group, column, row - self.groups[group].start));
            }
            let mut present = values.drain(..);
            for at in 0..read {
                let is_there = full == 0 || levels.get(at) == Some(&full);
                take(row, if is_there { present.next() } else { None })?;
                row += 1;
            }
        }
        Ok(())
    }

    fn too_few(&self, group: usize, column: &str, found: u64) -> DataError {
        let announced = self.groups[group].end - self.groups[group].start;
        let reason = format!("row group {group} announces {announced} rows, but its column `{column}` has {found}");
        DataError::Damaged { path: self.path.to_path_buf(), reason }
    }
}

fn reader(path: &Path) -> Result<SerializedFileReader<File>, DataError> {
    let file = crate::files::open(path)?;
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
