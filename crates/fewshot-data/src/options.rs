//! How a data set is opened.

use crate::DataError;
use crate::decode::Ground;

/// How to open a data set. The default reads all of it.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Height and width, in pixels, that every image gets (each 1 to 4096). Default (`None`): images of one size keep
    /// it; mixed ones become squares with a side of 64 pixels, or of their median shorter side where that is smaller.
    /// Images are cropped to the aspect ratio around their centre, never distorted.
    pub image_size: Option<(usize, usize)>,
    /// Channels that every image gets: 1 (grey) or 3 (colour). Default (`None`): 1 if all training images are grey, else 3.
    pub channels: Option<usize>,
    /// Red, green and blue of what transparent images are laid on. Default (`None`): their alpha channel is dropped.
    pub ground: Option<Ground>,
    /// Read only so many training images, a stratified choice; at least one a class. Default: all. The others are not
    /// decoded, and the test part is not affected.
    pub limit: Option<usize>,
    /// Seeds the choice of `limit`, the same as that of [`Splits::stratified`](crate::Splits::stratified). Default 0.
    pub limit_seed: u64,
    /// Seeds the held-out test part of a set without one (20 % of every class). Default 0. Independent of a run's seed,
    /// so that all runs share one test part.
    pub holdout_seed: u64,
    /// Parquet: the column of the labels; archives: their extension, or their field in descriptions. Data of other layouts has none,
    /// which is told. Default: see the reader.
    pub label_column: Option<String>,
    /// Parquet: the column of the images; archives: their extension, likewise. Default: see the reader.
    pub image_column: Option<String>,
    /// Whether a folder of images without class folders is read too, as images of one class ([`UNLABELLED`](crate::UNLABELLED)). Default:
    /// no, it is refused.
    pub unlabelled: bool,
    /// Bytes that the pixels of one part may take. Default 16 GiB.
    pub max_bytes: u64,
}

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions {
            image_size: None,
            channels: None,
            ground: None,
            limit: None,
            limit_seed: 0,
            holdout_seed: 0,
            label_column: None,
            image_column: None,
            unlabelled: false,
            max_bytes: 16 << 30,
        }
    }
}

impl OpenOptions {
    /// Refuses sizes and channels that no image can get.
    pub(crate) fn check(&self) -> Result<(), DataError> {
        if let Some((height, width)) = self.image_size
            && !((1..=4096).contains(&height) && (1..=4096).contains(&width))
        {
            return Err(DataError::setting("the image size", format!("{height}x{width}"), "1 to 4096 a side"));
        }
        if let Some(channels) = self.channels.filter(|channels| !matches!(channels, 1 | 3)) {
            return Err(DataError::setting("the number of channels", channels, "1 or 3"));
        }
        Ok(())
    }
}
