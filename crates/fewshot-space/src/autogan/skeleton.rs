//! What is given and not decided of a generator.

use serde::{Deserialize, Serialize};

use super::layout::CELLS;
use crate::error::{SkeletonError, SpaceError};

/// The space's name.
pub const NAME: &str = "autogan";

/// What is given and not decided of a generator.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoGanSkeleton {
    /// How many cells there are: level + 1, 0 to 2. A search goes through the levels; the network proper is level 2.
    pub level: usize,
    /// Numbers that the generator is fed, 1 to 65,536.
    pub latent: usize,
    /// Channels of all cells, 1 to 2048.
    pub channels: usize,
    /// Side of the first map in pixels, 1 to 256. The image has `2^(level + 1)` times this side.
    pub bottom: usize,
    /// Channels of an image, 1 to 1024.
    pub channels_out: usize,
}

impl AutoGanSkeleton {
    /// The network that is trained in the end: 256 channels, images of 32 pixels.
    pub fn cifar10() -> AutoGanSkeleton {
        AutoGanSkeleton { level: 2, latent: 128, channels: 256, bottom: 4, channels_out: 3 }
    }

    /// The network of the search: half as wide.
    pub fn search() -> AutoGanSkeleton {
        AutoGanSkeleton { channels: 128, ..AutoGanSkeleton::cifar10() }
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.level + 1
    }

    /// Side of the images in pixels.
    pub fn image_side(&self) -> usize {
        self.bottom << self.cells()
    }

    /// Checks that every field is in its range.
    ///
    /// # Errors
    /// [`SpaceError`] names the first field that is not.
    pub fn check(&self) -> Result<(), SpaceError> {
        SkeletonError::check(&[
            ("level", self.level, 0, CELLS - 1),
            ("latent", self.latent, 1, 1 << 16),
            ("channels", self.channels, 1, 2048),
            ("bottom", self.bottom, 1, 256),
            ("channels_out", self.channels_out, 1, 1024),
        ])
        .map_err(|error| SpaceError::Skeleton { space: NAME.into(), error })
    }
}
