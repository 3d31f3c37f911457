//! What there is to say about a data set.

use serde::Serialize;

use crate::load::READING_BYTES;
use crate::{DataError, DataSource, Normalise, Sizes};

/// A summary of a data set; of the test part just its size, so that it stays sealed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Info {
    /// Name of the data set.
    pub name: String,
    /// The reader that recognised its layout.
    pub reader: String,
    /// Rows of an image.
    pub height: usize,
    /// Pixels a row.
    pub width: usize,
    /// 1 (greyscale) or 3 (red, green, blue).
    pub channels: usize,
    /// The sizes that the training images have on disk, and what they became.
    pub sizes: Sizes,
    /// Training images.
    pub train_images: usize,
    /// Test images.
    pub test_images: usize,
    /// The classes, in the order of their labels.
    pub classes: Vec<ClassInfo>,
    /// Mean of each channel over all training images, on the scale 0 to 1.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel, likewise.
    pub std: Vec<f32>,
    /// [`Dataset::fingerprint`](crate::Dataset::fingerprint) of the training part.
    pub fingerprint: String,
    /// Bytes that the training part takes in memory.
    pub bytes: u64,
    /// Bytes that reading takes at most beside these, apart from an image or a page of a Parquet file that is larger.
    pub reading_bytes: u64,
    /// What the user should know, a line each.
    pub notes: Vec<String>,
}

/// A class of a data set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassInfo {
    /// Its name.
    pub name: String,
    /// Its training images.
    pub train_images: usize,
}

impl DataSource {
    /// Sums the data set up. Reads all training images (mean, standard deviation, fingerprint), and no test image.
    ///
    /// # Errors
    /// None for a data set that could be opened.
    pub fn info(&self) -> Result<Info, DataError> {
        let train = &self.train;
        let everything: Vec<u32> = (0..).zip(train.labels()).map(|(index, _)| index).collect();
        let Normalise { mean, std } = Normalise::measure(train, &everything)?;
        let classes = train.classes().iter().zip(train.counts());
        Ok(Info {
            name: train.name().to_owned(),
            reader: self.reader.to_owned(),
            height: train.height(),
            width: train.width(),
            channels: train.channels(),
            sizes: self.sizes.clone(),
            train_images: train.len(),
            test_images: self.test.len(),
            classes: classes.map(|(name, count)| ClassInfo { name: name.clone(), train_images: count }).collect(),
            mean,
            std,
            fingerprint: train.fingerprint().to_owned(),
            bytes: train.bytes(),
            reading_bytes: READING_BYTES,
            notes: self.notes.clone(),
        })
    }
}
