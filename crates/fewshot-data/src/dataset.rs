//! Labelled images in memory.

use std::fmt;
use std::fmt::Write as _;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::resample::{Filter, Resampler};
use crate::{DataError, Shape};

/// Labelled images of one size, decoded, as bytes.
///
/// Pixels are `u8`, image after image, each `[height, width, channels]` row by row (NHWC without the N): a million
/// 64x64 colour images take 12 GB this way and would take 49 GB as `f32`. Batches are made into floats on the fly
/// (see [`TrainLoader`](crate::TrainLoader)).
#[derive(Clone)]
pub struct Dataset {
    name: String,
    shape: Shape,
    pixels: Vec<u8>,
    labels: Vec<u32>,
    classes: Vec<String>,
    fingerprint: OnceLock<String>,
}

impl Dataset {
    /// Puts a data set together from its parts, for images that no reader of this crate reads.
    ///
    /// `pixels` holds `labels.len()` images of `shape`, one after the other.
    ///
    /// # Errors
    /// [`DataError::Inconsistent`] if there is no image, a side is 0, `channels` is not 1 or 3, `pixels` has another
    /// length than the labels and the shape say, or a label is not below `classes.len()`.
    pub fn new(
        name: impl Into<String>,
        shape: Shape,
        pixels: Vec<u8>,
        labels: Vec<u32>,
        classes: Vec<String>,
    ) -> Result<Dataset, DataError> {
        let name = name.into();
        let expected = shape
            .height
            .checked_mul(shape.width)
            .and_then(|area| area.checked_mul(shape.channels))
            .and_then(|bytes| bytes.checked_mul(labels.len()));
        let outside = labels.iter().position(|&label| label as usize >= classes.len());
        let reason = if labels.is_empty() {
            "there is no image".to_owned()
        } else if shape.height == 0 || shape.width == 0 || !matches!(shape.channels, 1 | 3) {
            format!("images of {shape} (height x width x channels): sides must not be 0, channels must be 1 or 3")
        } else if u32::try_from(labels.len()).is_err() {
            format!("{} images: at most {} can be indexed", labels.len(), u32::MAX)
        } else if expected != Some(pixels.len()) {
            format!("{} bytes of pixels for {} images of {shape}", pixels.len(), labels.len())
        } else if let Some(index) = outside {
            format!("image {index} has label {}, but there are {} classes", labels[index], classes.len())
        } else {
            return Ok(Dataset { name, shape, pixels, labels, classes, fingerprint: OnceLock::new() });
        };
        Err(DataError::Inconsistent { name, reason })
    }

    /// The same images at another size, resampled as Pillow's `resize` does it.
    ///
    /// # Errors
    /// [`DataError::Inconsistent`] if a side is 0.
    pub fn resized(&self, (height, width): (usize, usize), filter: Filter) -> Result<Dataset, DataError> {
        let shape = Shape { height, width, ..self.shape };
        let mut resampler = Resampler::default();
        let mut pixels = Vec::with_capacity(shape.bytes().saturating_mul(self.len()));
        // Without sides there are no pixels, and what is put together below says so.
        for index in (0..self.len()).take_while(|_| height > 0 && width > 0) {
            pixels.extend(resampler.resize(self.image(index), self.shape, (height, width), filter));
        }
        Dataset::new(self.name.clone(), shape, pixels, self.labels.clone(), self.classes.clone())
    }

    /// Name of the data set: that of its folder or file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of images, at least 1.
    #[allow(clippy::len_without_is_empty)] // a data set is never empty
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Size of every image.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Rows of an image.
    pub fn height(&self) -> usize {
        self.shape.height
    }

    /// Pixels a row.
    pub fn width(&self) -> usize {
        self.shape.width
    }

    /// Channels of an image: 1 (greyscale) or 3 (red, green, blue).
    pub fn channels(&self) -> usize {
        self.shape.channels
    }

    /// Names of the classes; a label is an index into them.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Pixels of image `index`: `[height, width, channels]`, row by row.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Dataset::len).
    pub fn image(&self, index: usize) -> &[u8] {
        let bytes = self.shape.bytes();
        &self.pixels[index * bytes..][..bytes]
    }

    /// Label of image `index`, below `classes().len()`.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Dataset::len).
    pub fn label(&self, index: usize) -> u32 {
        self.labels[index]
    }

    /// All labels, in the order of the images.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Number of images of each class.
    pub fn counts(&self) -> Vec<usize> {
        crate::split::counts(&self.labels, self.classes.len())
    }

    /// Bytes that pixels and labels take in memory.
    pub fn bytes(&self) -> u64 {
        (self.pixels.len() + self.labels.len() * size_of::<u32>()) as u64
    }

    /// SHA-256 (lower-case hexadecimal) over shape, labels, pixels and class names, not over the name or the path.
    ///
    /// Two runs with the same fingerprint saw the same images in the same order. Computed at the first call, then
    /// kept. The hashed bytes are, all numbers little-endian: `fewshot-data 1\0`; number of images, height, width,
    /// channels and number of classes as u64; of each class name its length as u64 and its UTF-8 bytes; the labels as
    /// u32; the pixels. They are decoded pixels: of JPEG images, another decoder (or another version of ours) may give
    /// values that differ by a grey level or two, and then another fingerprint.
    pub fn fingerprint(&self) -> &str {
        self.fingerprint.get_or_init(|| {
            let mut hash = Sha256::new();
            hash.update(b"fewshot-data 1\0");
            let Shape { height, width, channels } = self.shape;
            for number in [self.len(), height, width, channels, self.classes.len()] {
                hash.update((number as u64).to_le_bytes());
            }
            for class in &self.classes {
                hash.update((class.len() as u64).to_le_bytes());
                hash.update(class);
            }
            for label in &self.labels {
                hash.update(label.to_le_bytes());
            }
            hash.update(&self.pixels);
            hexadecimal(&hash.finalize())
        })
    }
}

/// A checksum as text, in lower case.
pub(crate) fn hexadecimal(checksum: &[u8]) -> String {
    checksum.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a String cannot fail
        text
    })
}

impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dataset")
            .field("name", &self.name)
            .field("images", &self.labels.len())
            .field("shape", &self.shape)
            .field("classes", &self.classes.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_classes() -> Vec<String> {
        vec!["a".into(), "b".into()]
    }

    #[test]
    fn inconsistent_parts_are_refused() {
        let shape = Shape { height: 2, width: 1, channels: 1 };
        let new = |shape, pixels, labels| Dataset::new("d", shape, pixels, labels, two_classes());
        assert!(new(shape, vec![0; 4], vec![0, 1]).is_ok());
        for (case, words) in [
            (new(shape, vec![0; 5], vec![0, 1]), "5 bytes of pixels for 2 images"),
            (new(shape, vec![0; 4], vec![0, 2]), "image 1 has label 2, but there are 2 classes"),
            (new(shape, vec![], vec![]), "no image"),
            (new(Shape { height: 0, ..shape }, vec![], vec![0]), "sides must not be 0"),
            (new(Shape { channels: 2, ..shape }, vec![0; 8], vec![0, 1]), "channels must be 1 or 3"),
            (new(Shape { height: usize::MAX, ..shape }, vec![0; 8], vec![0, 1]), "8 bytes of pixels"),
        ] {
            let message = case.expect_err(words).to_string();
            assert!(message.contains(words), "{message}");
        }
    }

    /// The hash is part of recorded runs, so its value is fixed: computed once with `sha256sum` over the documented
    /// bytes.
    #[test]
    fn fingerprint_is_the_documented_hash() {
        let shape = Shape { height: 1, width: 2, channels: 1 };
        let data = |name: &str, pixels| Dataset::new(name, shape, pixels, vec![1, 0], two_classes()).unwrap();
        let one = data("one", vec![1, 2, 3, 4]);
        assert_eq!(one.fingerprint(), "8a1170e24ce98e71f5815a94fc398d39ddb9fca017b517b676aaa0c17158b360");
        assert_eq!(one.fingerprint(), data("other name", vec![1, 2, 3, 4]).fingerprint());
        assert_ne!(one.fingerprint(), data("one", vec![1, 2, 3, 5]).fingerprint());
    }
}
