use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::entries::{MU, SIGMA};
use super::read::read_from;
use super::*;
use crate::Gaussian;

/// What NumPy wrote: the mean and covariance of four rows of three features.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(name)
}

fn expected() -> Gaussian {
    let mut moments = crate::Moments::new(3).unwrap();
    moments.push(&[0.25, 1.5, -2.0, 1.0, 0.5, 3.0, -0.75, 2.25, 1.0, 4.0, -1.0, 0.5]).unwrap();
    moments.gaussian().unwrap()
}

fn close(left: &Gaussian, right: &Gaussian, tolerance: f64) -> bool {
    let pairs = left.mean().iter().zip(right.mean()).chain(left.covariance().iter().zip(right.covariance()));
    left.features() == right.features() && pairs.into_iter().all(|(a, b)| (a - b).abs() <= tolerance)
}

/// An archive of entries by name.
fn archive(entries: &[(&str, Vec<u8>)], compression: CompressionMethod) -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(compression);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn npy(shape: &str, numbers: &[f64]) -> Vec<u8> {
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    bytes
}

fn read_bytes(bytes: &[u8]) -> Result<Statistics, crate::FidError> {
    read_from(Cursor::new(bytes), Path::new("given.npz"))
}

#[test]
fn files_of_numpy_are_read() {
    for name in ["stored.npz", "compressed.npz", "fortran-big-endian.npz"] {
        let found = read(&file(name)).unwrap();
        assert!(close(&found.gaussian, &expected(), 1e-15), "{name}: {found:?}");
        assert!(found.notes.is_empty());
    }
    let single = read(&file("single.npz")).unwrap();
    assert!(close(&single.gaussian, &expected(), 1e-6));
    assert!(single.notes[0].contains("single.npz") && single.notes[0].contains("single precision"));
}

#[test]
fn what_is_written_is_read_as_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.npz");
    let one = Gaussian::new(vec![-0.0], vec![f64::MIN_POSITIVE]).unwrap();
    let many = Gaussian::new(vec![0.1; 300], vec![0.3; 300 * 300]).unwrap();
    for gaussian in [one, expected(), many] {
        write(&path, &gaussian).unwrap();
        assert_eq!(read(&path).unwrap(), Statistics { gaussian: gaussian.clone(), notes: vec![] });
        assert_eq!(fs::read(&path).unwrap(), to_bytes(&gaussian).unwrap());
    }
}

#[test]
fn numbers_begin_where_numpy_has_them() {
    let bytes = to_bytes(&expected()).unwrap();
    let start = bytes.windows(6).position(|window| window == b"\x93NUMPY").unwrap();
    let header = &bytes[start + 10..start + 128];
    assert_eq!(bytes[start + 8..start + 10], 118_u16.to_le_bytes());
    assert_eq!(header.trim_ascii_end(), b"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }");
    assert_eq!(header[117], b'\n');
}

#[test]
fn one_feature_may_have_a_number_as_covariance() {
    for shape in ["()", "(1, 1)"] {
        let bytes = archive(&[(MU, npy("(1,)", &[2.0])), (SIGMA, npy(shape, &[3.0]))], CompressionMethod::Stored);
        assert_eq!(read_bytes(&bytes).unwrap().gaussian, Gaussian::new(vec![2.0], vec![3.0]).unwrap());
    }
}

#[test]
fn what_holds_no_statistics_is_refused_with_file_entry_and_advice() {
    let mu = || (MU, npy("(2,)", &[1.0, 2.0]));
    let sigma = |shape, numbers: &[f64]| (SIGMA, npy(shape, numbers));
    let right = [1.0, 0.0, 0.0, 1.0];
    let long: Vec<f64> = [right.as_slice(), &[5.0]].concat();
    for (entries, reason) in [
        (vec![], "entry `mu.npy`: it is not there (nothing is)"),
        (vec![mu()], "entry `sigma.npy`: it is not there (`mu.npy` is)"),
        (vec![(MU, npy("(2, 1)", &[1.0, 2.0]))], "shape is [2, 1]"),
        (vec![(MU, npy("(0,)", &[]))], "shape is [0]"),
        (vec![(MU, npy("(8193,)", &[]))], "1 to 8192 means"),
        (vec![(MU, npy("(8192,)", &[]))], "needs 65536 bytes, which are not there"),
        (vec![(MU, b"PK".to_vec())], "header cannot be read"),
        (vec![(MU, b"no array at all".to_vec())], "no .npy array"),
        (vec![mu(), sigma("(2,)", &[1.0, 1.0])], "shape is [2], but `mu` has 2 numbers"),
        (vec![mu(), sigma("(3, 3)", &[0.0; 9])], "numpy.cov(features, rowvar=False)"),
        (vec![mu(), sigma("(2, 2)", &right[..3])], "numbers cannot be read"),
        (vec![mu(), sigma("(2, 2)", &long)], "goes on after its numbers"),
        (vec![mu(), sigma("(2, 2)", &[1.0, f64::NAN, 0.0, 1.0])], "features 0 and 1 is NaN"),
        (vec![mu(), sigma("(2, 2)", &[1.0, 0.5, 0.0, 1.0])], "features 1 and 0 is 0, that of 0 and 1 is 0.5"),
        (vec![mu(), sigma("(2, 2)", &[-1.0, 0.0, 0.0, 1.0])], "variance of feature 0 is -1"),
    ] {
        for compression in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let error = read_bytes(&archive(&entries, compression)).unwrap_err().to_string();
            let is_stored = compression == CompressionMethod::Stored;
            assert!(error.contains("given.npz") && (!is_stored || error.contains(reason)), "{reason}: {error}");
        }
    }
    let error = read_bytes(b"\x93NUMPY, but no archive").unwrap_err().to_string();
    assert!(error.contains("given.npz") && error.contains("numpy.savez"), "{error}");
    let error = read(Path::new("not/there.npz")).unwrap_err().to_string();
    assert!(error.contains("there.npz"), "{error}");
}

/// Whatever happens to a file, it is refused, or what is read is what was written: the checksums see to that.
#[test]
fn damage_is_told_at_every_byte() {
    for name in ["stored.npz", "compressed.npz", "fortran-big-endian.npz", "single.npz"] {
        let whole = fs::read(file(name)).unwrap();
        let undamaged = read(&file(name)).unwrap().gaussian;
        let mut refused = 0;
        let mut check = |bytes: &[u8], what: &dyn Fn() -> String| match read_bytes(bytes) {
            Ok(found) => assert_eq!(found.gaussian, undamaged, "{name}, {}", what()),
            Err(error) => {
                refused += 1;
                assert!(error.to_string().contains("given.npz"), "{name}, {}: {error}", what());
            }
        };
        for length in 0..whole.len() {
            check(&whole[..length], &|| format!("cut to {length}"));
        }
        for at in 0..whole.len() {
            for change in [0x01, 0x80, 0xff, whole[at], !whole[at], b'9' ^ whole[at]] {
                let mut damaged = whole.clone();
                damaged[at] ^= change;
                check(&damaged, &|| format!("byte {at} changed by {change:#x}"));
            }
        }
        assert!(refused > whole.len() * 4, "{name}: {refused} of {} cases were refused", whole.len() * 7);
    }
}
