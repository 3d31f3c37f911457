//! Arbitrary bytes in place of, or within, the files of a data set: an answer or an error, never a panic.

mod support;

use std::cell::Cell;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use support::{GREY, Parquet, Tiny, files, layouts, open_all};

/// What happens to one file.
#[derive(Debug, Clone)]
enum Damage {
    /// All bytes are others.
    Replace(Vec<u8>),
    /// The rest is missing.
    Truncate(Index),
    /// Some bytes change.
    Change(Vec<(Index, u8)>),
    /// Bytes follow.
    Append(Vec<u8>),
    /// A part is missing.
    Remove(Index, Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..300);
    prop_oneof![
        1 => bytes().prop_map(Damage::Replace),
        2 => any::<Index>().prop_map(Damage::Truncate),
        5 => prop::collection::vec(any::<(Index, u8)>(), 1..4).prop_map(Damage::Change),
        1 => bytes().prop_map(Damage::Append),
        1 => any::<(Index, Index)>().prop_map(|(from, to)| Damage::Remove(from, to)),
    ]
}

impl Damage {
    fn apply(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Damage::Replace(others) => return others.clone(),
            Damage::Truncate(at) => bytes.truncate(at.index(bytes.len())),
            Damage::Change(changes) => {
                for (at, value) in changes {
                    let at = at.index(bytes.len());
                    bytes[at] = *value;
                }
            }
            Damage::Append(more) => bytes.extend(more),
            Damage::Remove(from, to) => {
                let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
                bytes.drain(from.min(to)..from.max(to));
            }
        }
        bytes
    }
}

#[test]
fn damaged_files_never_panic() {
    for layout in layouts() {
        let (folder, _) = layout.make();
        let originals: Vec<_> = files(folder.path()).into_iter().map(|file| (fs::read(&file).unwrap(), file)).collect();
        let refused = Cell::new(0);
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(250));
        runner
            .run(&(any::<Index>(), damage()), |(which, damage)| {
                let (bytes, file) = which.get(&originals);
                replace(file, &damage.apply(bytes.clone()));
                if let Err(error) = open_all(folder.path()).and_then(|source| source.test.open()) {
                    refused.set(refused.get() + 1);
                    prop_assert!(error.to_string().len() > 10);
                }
                replace(file, bytes);
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{}: {error}", layout.name));
        // The damage is real: it is noticed wherever it hits more than pixels that have no checksum.
        assert!(refused.get() > 20, "{}: {} of 250 refused", layout.name, refused.get());
    }
}

/// Each byte of a Parquet file inverted: its footer, page headers and levels are refused or harmless, all of them.
#[test]
fn every_byte_of_a_parquet_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("train.parquet");
    let tiny = Tiny::new(GREY);
    Parquet { rows_per_group: 6, ..Parquet::of(&tiny.train[6..18], tiny.shape) }.write(&file);
    let mut bytes = fs::read(&file).unwrap();
    let mut refused = 0;
    for at in 0..bytes.len() {
        bytes[at] ^= 0xFF;
        replace(&file, &bytes);
        bytes[at] ^= 0xFF;
        if let Err(error) = open_all(&file) {
            refused += 1;
            assert!(error.to_string().contains("train.parquet"), "byte {at}: {error}");
        }
    }
    assert!(refused > bytes.len() / 2, "{refused} of {} refused", bytes.len());
}

/// Removes the file first: some file systems flush a file that is cut to nothing and written again, which takes
/// milliseconds.
fn replace(file: &Path, bytes: &[u8]) {
    fs::remove_file(file).unwrap();
    fs::write(file, bytes).unwrap();
}
