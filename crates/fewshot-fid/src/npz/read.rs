//! Reading statistics that anybody may have made.

use std::io::{BufReader, Read, Seek};
use std::path::Path;

use fewshot_guard::open_file;
use fewshot_run::FileError;
use zip::read::ZipFile;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::entries::{MU, SIGMA};
use super::header::{Numbers, read_header};
use crate::{FidError, Gaussian, MOST_FEATURES};

/// Deflate makes no byte of more than this many (RFC 1951: 258 bytes for two codes of one bit each).
const MOST_INFLATED: u64 = 1032;
/// Names that an error lists.
const SHOWN_NAMES: usize = 8;

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// Mean and covariance.
    pub gaussian: Gaussian,
    /// What people should know of them, one line each: that they are in single precision.
    pub notes: Vec<String>,
}

/// Reads the statistics at `path`. No memory is asked for before the file is known to have the bytes for it.
///
/// # Errors
/// [`FidError::File`] if it cannot be opened, or is no regular file; [`FidError::Statistics`] names file, array and fault.
pub fn read(path: &Path) -> Result<Statistics, FidError> {
    let file = open_file(path).map_err(|source| FileError::new("read", path, source))?;
    read_from(BufReader::new(file), path)
}

/// [`read`] from what was opened at `path`, by which errors and notes name it.
pub(super) fn read_from(file: impl Read + Seek, path: &Path) -> Result<Statistics, FidError> {
    let fail = |entry, problem| FidError::Statistics { path: path.to_path_buf(), entry, problem };
    let mut archive = ZipArchive::new(file).map_err(|error| fail(None, archive_problem(&error)))?;

    let (mean, mean_bytes) = read_array(&mut archive, MU, mean_size).map_err(|problem| fail(Some(MU), problem))?;
    let features = mean.len();
    let (covariance, covariance_bytes) = read_array(&mut archive, SIGMA, |shape| covariance_size(shape, features))
        .map_err(|problem| fail(Some(SIGMA), problem))?;
    let gaussian = Gaussian::new(mean, covariance).map_err(|error| fail(None, error.to_string()))?;
    let mut notes = Vec::new();
    if mean_bytes.min(covariance_bytes) < 8 {
        notes.push(format!(
            "statistics `{}` are in single precision: distances from them are off, by 0.01 or more where images are fewer \
             than features",
            path.display()
        ));
    }
    Ok(Statistics { gaussian, notes })
}

fn archive_problem(error: &ZipError) -> String {
    format!(
        "it is no .npz archive, or damaged ({error}): write it with numpy.savez(path, mu=mu, sigma=sigma), or copy it again"
    )
}

/// How many numbers a mean has.
fn mean_size(shape: &[usize]) -> Result<usize, String> {
    match *shape {
        [features] if (1..=MOST_FEATURES).contains(&features) => Ok(features),
        _ => Err(format!(
            "its shape is {shape:?}, not that of 1 to {MOST_FEATURES} means: save the mean over images, axis=0"
        )),
    }
}

/// How many numbers the covariance of `features` features has.
fn covariance_size(shape: &[usize], features: usize) -> Result<usize, String> {
    // numpy.cov makes a number, not a matrix, of one feature.
    let fits = *shape == [features, features] || (shape.is_empty() && features == 1);
    if fits {
        return Ok(features * features);
    }
    Err(format!(
        "its shape is {shape:?}, but `mu` has {features} numbers: save the covariance, numpy.cov(features, rowvar=False)"
    ))
}

/// The numbers of an entry, and how many bytes each had. `size` says how many belong to a shape.
fn read_array(
    archive: &mut ZipArchive<impl Read + Seek>,
    name: &str,
    size: impl Fn(&[usize]) -> Result<usize, String>,
) -> Result<(Vec<f64>, usize), String> {
    if archive.index_for_name(name).is_none() {
        let names: Vec<_> = archive.file_names().flatten().take(SHOWN_NAMES).map(|name| format!("`{name}`")).collect();
        let found = if names.is_empty() { "nothing".to_string() } else { names.join(", ") };
        return Err(format!("it is not there ({found} is): write it with numpy.savez(path, mu=mu, sigma=sigma)"));
    }
    let mut entry = archive.by_name(name).map_err(|error| archive_problem(&error))?;
    if !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
        return Err(format!("it is compressed by {}: write it with numpy.savez", entry.compression()));
    }
    let header = read_header(&mut entry)?;
    let count = size(&header.shape)?;
    check_bytes(&entry, count * header.numbers.bytes)?;
    let numbers = read_numbers(&mut entry, count, header.numbers)?;
    // The checksum is looked at where the entry ends.
    match entry.read(&mut [0]) {
        Ok(0) => Ok((numbers, header.numbers.bytes)),
        Ok(_) => Err("it goes on after its numbers: it is damaged, copy it again".to_string()),
        Err(error) => Err(damaged(&error)),
    }
}

/// Whether an entry can have so many bytes.
fn check_bytes<R: Read>(entry: &ZipFile<'_, R>, wanted: usize) -> Result<(), String> {
    let most = match entry.compression() {
        CompressionMethod::Stored => entry.compressed_size(),
        _ => entry.compressed_size().saturating_mul(MOST_INFLATED),
    };
    if wanted as u64 > most.min(entry.size()) {
        return Err(format!("its shape needs {wanted} bytes, which are not there: it is damaged, copy it again"));
    }
    Ok(())
}

fn read_numbers(entry: &mut impl Read, count: usize, kind: Numbers) -> Result<Vec<f64>, String> {
    let mut numbers = Vec::new();
    numbers
        .try_reserve_exact(count)
        .map_err(|_| format!("there is no memory for its {count} numbers: use a machine with more"))?;
    let mut buffer = [0; 8 * 1024];
    while numbers.len() < count {
        let bytes = buffer.len().min((count - numbers.len()) * kind.bytes);
        let chunk = &mut buffer[..bytes];
        entry.read_exact(chunk).map_err(|error| damaged(&error))?;
        numbers.extend(chunk.chunks_exact(kind.bytes).map(|bytes| number(bytes, kind)));
    }
    Ok(numbers)
}

fn number(bytes: &[u8], kind: Numbers) -> f64 {
    let mut ordered = [0; 8];
    let ordered = &mut ordered[..kind.bytes];
    ordered.copy_from_slice(bytes);
    if kind.big_endian {
        ordered.reverse();
    }
    match *ordered {
        [a, b, c, d] => f64::from(f32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => unreachable!("numbers have 4 or 8 bytes"),
    }
}

fn damaged(error: &std::io::Error) -> String {
    format!("its numbers cannot be read ({error}): it is damaged, copy it again")
}
