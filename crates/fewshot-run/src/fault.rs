//! Points at which tests cut the process, to prove that every state between two file operations
//! can be resumed from. Outside of tests these are the bare operations.

use std::fs::File;
use std::io::{self, Write};

/// The state on disk changes right after this point.
#[cfg(not(test))]
#[inline(always)]
pub(super) fn point() {}

/// Writes all of `bytes`, in one system call where the system takes them at once.
#[cfg(not(test))]
pub(super) fn write(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)
}

/// Flushes a file or folder to the disk.
#[cfg(not(test))]
pub(super) fn sync(file: &File) -> io::Result<()> {
    file.sync_all()
}

/// Flushes nothing: a killed process loses no byte that it wrote, only a power cut does, and the
/// tests here make no power cut but thousands of files.
#[cfg(test)]
pub(super) fn sync(_file: &File) -> io::Result<()> {
    Ok(())
}

/// Environment variable: the number of the point (from 1) at which the process ends.
#[cfg(test)]
pub(crate) const CUT_AT: &str = "FEWSHOT_TEST_CUT_AT";

/// Exit code of a process that ended at its point.
#[cfg(test)]
pub(crate) const CUT_EXIT_CODE: i32 = 99;

#[cfg(test)]
pub(super) fn point() {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    static CUT: OnceLock<Option<u64>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let cut = CUT.get_or_init(|| std::env::var(CUT_AT).ok().and_then(|at| at.parse().ok()));
    if let Some(cut) = cut
        && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *cut
    {
        // No destructor runs: for the files this is a `kill -9`.
        std::process::exit(CUT_EXIT_CODE);
    }
}

/// Writes the bytes in two halves with a point between, so that torn writes are tested too.
#[cfg(test)]
pub(super) fn write(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    file.write_all(first)?;
    point();
    file.write_all(second)
}
