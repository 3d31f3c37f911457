//! What is given and not decided of networks.

use std::ops::RangeInclusive;

use fewshot_space::{SkeletonError, SpaceError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Settings of a family by name.
pub type Settings = Map<String, Value>;

/// What is given and not decided of the networks of a space: size of images and number of classes, and the family's settings. In
/// files it is one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skeleton {
    /// Height of an input image in pixels, 1 to 2048.
    pub image_height: usize,
    /// Width of an input image in pixels, 1 to 2048.
    pub image_width: usize,
    /// Channels of an input image, 1 to 1024.
    pub channels_in: usize,
    /// Number of classes, 2 to 1,000,000; of networks that make images, which tell none apart, 1 to as many.
    pub classes: usize,
    /// Settings of the family.
    #[serde(flatten)]
    pub settings: Settings,
}

/// A setting that is not what it should be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{key} = {value} is out of range: give {} to {}", range.start(), range.end())]
pub struct SettingError {
    key: &'static str,
    value: Value,
    range: RangeInclusive<usize>,
}

impl SettingError {
    /// As the error of opening `space`.
    pub fn of(&self, space: &str) -> SpaceError {
        SpaceError::Settings { space: space.into(), reason: self.to_string() }
    }
}

impl Skeleton {
    /// For images of `[height, width, channels]`, with the family's own settings.
    pub fn of_images([image_height, image_width, channels_in]: [usize; 3], classes: usize) -> Self {
        Self { image_height, image_width, channels_in, classes, settings: Settings::new() }
    }

    /// Height, width and channels of the images.
    pub fn image(&self) -> [usize; 3] {
        [self.image_height, self.image_width, self.channels_in]
    }

    /// The setting `key`, a whole number within `range`.
    ///
    /// # Errors
    /// [`SettingError`] when it is none, or out of the range.
    pub fn number(&self, key: &'static str, range: RangeInclusive<usize>) -> Result<usize, SettingError> {
        let value = self.settings.get(key).cloned().unwrap_or_default();
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        number.filter(|number| range.contains(number)).ok_or(SettingError { key, value, range })
    }

    /// Checks the shape of the data, of `least_classes` or more; settings are the family's to check.
    ///
    /// # Errors
    /// [`SkeletonError`] names the first number that is out of its range.
    pub fn check(&self, least_classes: usize) -> Result<(), SkeletonError> {
        SkeletonError::check(&[
            ("image_height", self.image_height, 1, 2048),
            ("image_width", self.image_width, 1, 2048),
            ("channels_in", self.channels_in, 1, 1024),
            ("classes", self.classes, least_classes, 1_000_000),
        ])
    }
}
