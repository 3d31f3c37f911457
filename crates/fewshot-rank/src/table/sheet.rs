//! The text of a table as rows of cells, whatever program wrote it.

use std::borrow::Cow;
use std::path::Path;

use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};
use fewshot_guard::counted;

use super::TableError;

/// What may stand between cells.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// A header, and the rows below it that are not empty, with their lines.
pub struct Sheet {
    pub header: StringRecord,
    pub rows: Vec<(u64, StringRecord)>,
    /// What was found that not every table has.
    pub notes: Vec<String>,
    /// What stands between cells.
    pub separator: u8,
}

impl Sheet {
    /// Reads a table. What separates its cells is what gives a header that `fits`, or else the most columns.
    pub fn read(bytes: &[u8], path: &Path, fits: impl Fn(&StringRecord) -> bool) -> Result<Self, TableError> {
        let mut notes = Vec::new();
        let text = decode(bytes, path, &mut notes)?;
        // A line by which spreadsheets are told the separator.
        let (given, text) = match text.strip_prefix("sep=").and_then(|rest| Some((rest.chars().next()?, rest))) {
            Some((separator, rest)) if separator.is_ascii() && rest[1..].starts_with(['\r', '\n']) => {
                (Some(separator as u8), &rest[1..])
            }
            _ => (None, text.as_ref()),
        };
        let skipped = u64::from(given.is_some());
        let separator = given.unwrap_or_else(|| separator(text, fits));
        match separator {
            b',' => {}
            b'\t' => notes.push("cells are separated by tabs".to_string()),
            other => notes.push(format!("cells are separated by `{}`", char::from(other))),
        }
        let mut reader = reader(text, separator);
        let mut rows = Vec::new();
        let mut header: Option<StringRecord> = None;
        let mut record = StringRecord::new();
        let mut empty = 0;
        while reader.read_record(&mut record).map_err(|error| malformed(path, error))? {
            let line = record.position().map_or(0, |position| position.line()) + skipped;
            if record.iter().all(str::is_empty) {
                empty += 1;
                continue;
            }
            let Some(header) = &header else {
                let columns = filled(&record);
                header = Some(record.iter().take(columns).collect());
                continue;
            };
            let cells = filled(&record);
            if cells > header.len() || record.len() < header.len() {
                let cells = if cells > header.len() { cells } else { record.len() };
                let problem = format!("{cells} cells where the header has {}", header.len());
                return Err(TableError::Malformed { path: path.into(), line, problem });
            }
            rows.push((line, record.clone()));
        }
        if empty > 0 {
            notes.push(format!("{} left out", counted(empty, "empty row")));
        }
        let header = header.ok_or_else(|| TableError::NoRows { path: path.into() })?;
        Ok(Self { header, rows, notes, separator })
    }
}

/// Cells up to the last one that holds something.
fn filled(record: &StringRecord) -> usize {
    record.iter().enumerate().filter(|(_, cell)| !cell.is_empty()).last().map_or(0, |(place, _)| place + 1)
}

fn reader(text: &str, separator: u8) -> csv::Reader<&[u8]> {
    let mut builder = ReaderBuilder::new();
    builder.trim(Trim::All).delimiter(separator).has_headers(false).flexible(true).from_reader(text.as_bytes())
}

/// What stands between the cells of the first row that has any.
fn separator(text: &str, fits: impl Fn(&StringRecord) -> bool) -> u8 {
    let header = |separator: u8| {
        let mut rows = reader(text, separator).into_records();
        rows.find_map(|row| row.ok().filter(|row| row.iter().any(|cell| !cell.is_empty()))).unwrap_or_default()
    };
    let fitting = SEPARATORS.into_iter().find(|separator| fits(&header(*separator)));
    let widest = || SEPARATORS.into_iter().rev().max_by_key(|separator| header(*separator).len()).unwrap_or(b',');
    fitting.unwrap_or_else(widest)
}

/// The text of a file: UTF-8 with or without a mark, UTF-16 with one, or the one-byte letters of western Europe.
fn decode<'t>(bytes: &'t [u8], path: &Path, notes: &mut Vec<String>) -> Result<Cow<'t, str>, TableError> {
    let refuse = |line, problem: &str| TableError::Malformed { path: path.into(), line, problem: problem.to_owned() };
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(refuse(1, "a spreadsheet's own file (xlsx, ods): save it as CSV"));
    }
    let units = |rest: &[u8], of: fn([u8; 2]) -> u16| {
        let (units, _) = rest.as_chunks::<2>();
        String::from_utf16(&units.iter().map(|unit| of(*unit)).collect::<Vec<_>>())
    };
    let utf16 = match bytes {
        [0xff, 0xfe, rest @ ..] => Some(units(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => Some(units(rest, u16::from_be_bytes)),
        _ => None,
    };
    if let Some(text) = utf16 {
        notes.push("read as UTF-16".to_string());
        return Ok(Cow::Owned(text.map_err(|_| refuse(1, "not UTF-16 text: save it as CSV in UTF-8"))?));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(error) => {
            // Other than letters, such text has no bytes that UTF-8 has not.
            let is_letter = |byte: u8| byte >= 0xa0 || (0x20..0x7f).contains(&byte) || b"\t\r\n".contains(&byte);
            if !bytes.iter().all(|byte| is_letter(*byte)) {
                let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
                return Err(refuse(line as u64, "not UTF-8 text: is it a CSV file?"));
            }
            notes.push("not UTF-8: read as ISO 8859-1".to_string());
            Ok(Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()))
        }
    }
}

/// Whether two names are the same but for case, blanks, `-` and `_`.
pub fn same_name(one: &str, other: &str) -> bool {
    let plain = |name: &str| -> String {
        name.chars().filter(|c| !(c.is_whitespace() || matches!(c, '-' | '_'))).flat_map(char::to_lowercase).collect()
    };
    plain(one) == plain(other)
}

/// The CSV reader's error with the file's name and the line.
fn malformed(path: &Path, error: csv::Error) -> TableError {
    let line = error.position().map_or(1, |position| position.line());
    let problem = match error.into_kind() {
        ErrorKind::Utf8 { .. } => "not UTF-8 text: is it a CSV file?".to_owned(),
        other => format!("not readable as CSV: {other:?}"),
    };
    TableError::Malformed { path: path.into(), line, problem }
}
