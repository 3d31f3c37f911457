//! Writing statistics.

use std::io::{self, Cursor, Write};
use std::path::Path;

use fewshot_run::{FileError, write_output};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::entries::{MU, SIGMA};
use crate::{FidError, Gaussian};

/// Where the numbers of an `.npy` file begin: at a multiple of this, for programs that map the file.
const ALIGNMENT: usize = 64;

/// Writes mean and covariance to `path`, whole or not at all (as [`fewshot_run::write_output`]). numpy.load, pytorch-fid
/// and [`super::read`] get the same bits back.
///
/// # Errors
/// [`FidError::File`].
pub fn write(path: &Path, gaussian: &Gaussian) -> Result<(), FidError> {
    let bytes = to_bytes(gaussian).map_err(|source| FileError::new("write", path, source))?;
    Ok(write_output(path, &bytes, &[])?)
}

/// The bytes of the file that [`write()`] writes: the same for the same numbers.
///
/// # Errors
/// What the archive's writer refuses; nothing that is known.
pub fn to_bytes(gaussian: &Gaussian) -> io::Result<Vec<u8>> {
    let d = gaussian.features();
    // No time stamp, since `zip` is built without clocks. Numbers hardly get smaller by compression.
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file(MU, options)?;
    write_array(&mut archive, &format!("({d},)"), gaussian.mean())?;
    archive.start_file(SIGMA, options)?;
    write_array(&mut archive, &format!("({d}, {d})"), gaussian.covariance())?;
    Ok(archive.finish()?.into_inner())
}

/// Version 1 of the `.npy` format: magic, version, length of the header, header, numbers.
fn write_array(out: &mut impl Write, shape: &str, numbers: &[f64]) -> io::Result<()> {
    let start = b"\x93NUMPY\x01\x00";
    let dictionary = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
    // With the two bytes of its length, and the line break that ends it.
    let length = (start.len() + 2 + dictionary.len() + 1).next_multiple_of(ALIGNMENT) - start.len() - 2;
    let length_bytes = u16::try_from(length).map_err(io::Error::other)?.to_le_bytes();
    out.write_all(start)?;
    out.write_all(&length_bytes)?;
    writeln!(out, "{dictionary:width$}", width = length - 1)?;
    let mut buffer = Vec::with_capacity(8 * 1024);
    for chunk in numbers.chunks(1024) {
        buffer.clear();
        buffer.extend(chunk.iter().flat_map(|number| number.to_le_bytes()));
        out.write_all(&buffer)?;
    }
    Ok(())
}
