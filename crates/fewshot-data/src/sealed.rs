//! Test images that are out of reach.

use std::fmt;

use crate::{DataError, Dataset};

/// The test images of a data set, out of reach until [`open`](SealedTest::open).
///
/// A figure is only worth something if the test images had no part in finding what it measures. So they are not read
/// with the rest: code that does not call `open` cannot use them by accident. One place should call it, once, at the
/// end.
pub struct SealedTest {
    len: usize,
    fingerprint: String,
    check: Box<dyn Fn() -> Result<(), DataError> + Send + Sync>,
    load: Box<dyn Fn() -> Result<Dataset, DataError> + Send + Sync>,
}

impl SealedTest {
    /// Seals a test part of `len` images that `load` can read; `check` looks whether it could. `fingerprint` tells it from others.
    pub fn new(
        len: usize,
        fingerprint: impl Into<String>,
        check: impl Fn() -> Result<(), DataError> + Send + Sync + 'static,
        load: impl Fn() -> Result<Dataset, DataError> + Send + Sync + 'static,
    ) -> SealedTest {
        SealedTest { len, fingerprint: fingerprint.into(), check: Box::new(check), load: Box::new(load) }
    }

    /// Seals images that are in memory already.
    pub fn of(images: Dataset) -> SealedTest {
        let (len, fingerprint) = (images.len(), images.fingerprint().to_owned());
        SealedTest::new(len, fingerprint, || Ok(()), move || Ok(images.clone()))
    }

    /// Number of test images, without reading them.
    #[allow(clippy::len_without_is_empty)] // a test part is never empty
    pub fn len(&self) -> usize {
        self.len
    }

    /// SHA-256 (lower-case hexadecimal) over the labels of the test images and the names and lengths of their files, not
    /// over their pixels, which stay sealed: it changes where test images are added, removed or exchanged.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Decodes every test image once and drops it: a damaged one is told before hours are spent, and not after them.
    ///
    /// # Errors
    /// Whatever is wrong with the files.
    pub fn check(&self) -> Result<(), DataError> {
        (self.check)()
    }

    /// Breaks the seal: reads the test images, in the size and with the channels of the training images (colour is
    /// turned into grey if need be, and the other way round). Every call reads them anew.
    ///
    /// # Errors
    /// Whatever is wrong with the files: see [`check`](SealedTest::check).
    pub fn open(&self) -> Result<Dataset, DataError> {
        (self.load)()
    }
}

impl fmt::Debug for SealedTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedTest").field("len", &self.len).finish_non_exhaustive()
    }
}
