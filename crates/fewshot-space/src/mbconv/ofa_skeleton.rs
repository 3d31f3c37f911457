//! What is given and not decided of the networks of `ofa-mbv3`.

use serde::{Deserialize, Serialize};

use super::frame::{Frame, check_ranges};
use super::layout::{self, Layout, MbScale};
use crate::error::SpaceError;
use crate::option_set::OptionSet;

/// The space's name.
pub const NAME: &str = "ofa-mbv3";

/// What is given and not decided: images in, classes out, and how wide the networks are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfaMbv3Skeleton {
    /// Which stages there are.
    pub scale: MbScale,
    /// Multiplier of all widths, 0.1 to 4; published are 1.0 and 1.2.
    pub width: f64,
    /// Channels of an input image, 1 to 1024.
    pub channels_in: usize,
    /// Number of classes, 2 to 1,000,000.
    pub classes: usize,
    /// The sides that a (square) input image may have, in pixels: 1 to 64 numbers, ascending, each 1 to 2048.
    pub resolutions: Vec<usize>,
    /// Stride of the stem, 1 or 2. Published is 2; with 1, images of 32 pixels keep a map of 2x2 up to the head.
    pub stem_stride: usize,
    /// Stride of the first stage, 1 or 2. Published is 2; with 1 here too, images of 32 pixels keep 4x4.
    pub first_stride: usize,
}

impl OfaMbv3Skeleton {
    /// The published network for ImageNet, at width 1.0, searched over four resolutions.
    pub fn imagenet() -> OfaMbv3Skeleton {
        OfaMbv3Skeleton {
            scale: MbScale::Full,
            width: 1.0,
            channels_in: 3,
            classes: 1000,
            resolutions: vec![128, 160, 192, 224],
            stem_stride: 2,
            first_stride: 2,
        }
    }

    /// Three stages of one to three blocks for ten classes of images of 32 pixels.
    pub fn tiny() -> OfaMbv3Skeleton {
        OfaMbv3Skeleton {
            scale: MbScale::Tiny,
            classes: 10,
            resolutions: vec![24, 28, 32],
            stem_stride: 1,
            ..OfaMbv3Skeleton::imagenet()
        }
    }

    /// Checks that every field is in its range.
    ///
    /// # Errors
    /// [`SpaceError`] names the first field that is not.
    pub fn check(&self) -> Result<(), SpaceError> {
        self.frame().check(NAME)?;
        check_ranges(NAME, &[("number of resolutions", self.resolutions.len(), 1, OptionSet::CAPACITY)])?;
        for &side in &self.resolutions {
            check_ranges(NAME, &[("resolution", side, 1, 2048)])?;
        }
        if let Some(pair) = self.resolutions.windows(2).find(|pair| pair[0] >= pair[1]) {
            let reason = format!("resolution {} comes before {}: list each once, ascending", pair[0], pair[1]);
            return Err(SpaceError::Settings { space: NAME.into(), reason });
        }
        Ok(())
    }

    pub(super) fn frame(&self) -> Frame {
        Frame {
            layout: self.layout(),
            width: self.width,
            channels_in: self.channels_in,
            classes: self.classes,
            stem_stride: self.stem_stride,
            first_stride: self.first_stride,
        }
    }

    fn layout(&self) -> &'static Layout {
        match self.scale {
            MbScale::Full => &layout::OFA,
            MbScale::Tiny => &layout::OFA_TINY,
        }
    }
}
