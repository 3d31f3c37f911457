//! Random changes of an image's colours.

use rand::RngExt;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::key::Key;
use super::operation::Operation;
use crate::DataError;

/// Random changes of bytes in brightness, contrast, saturation and hue, in random order: torchvision's `ColorJitter` on
/// images of Pillow, the same pixels to the bit for the same factors. All 0 by default, which changes nothing.
///
/// In grey images, saturation and hue are not changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Jitter {
    /// The factor is uniform in `1 - brightness` to `1 + brightness`; 0 to 1. 0: none.
    pub brightness: f64,
    /// Likewise.
    pub contrast: f64,
    /// Likewise.
    pub saturation: f64,
    /// Colours are turned by up to this share of the circle either way, 0 to 0.5. 0: none.
    pub hue: f64,
}

impl Jitter {
    /// Brightness 32/255 and saturation 0.5: that of Once-for-All (H. Cai et al., ICLR 2020; its `distort_color = "tf"`).
    pub const MILD: Jitter = Jitter { brightness: 32.0 / 255.0, contrast: 0.0, saturation: 0.5, hue: 0.0 };
    /// Brightness, contrast and saturation 0.4, hue 0.1: that of ProxylessNAS (H. Cai et al., ICLR 2019).
    pub const STRONG: Jitter = Jitter { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 };

    pub(super) fn is_off(&self) -> bool {
        *self == Jitter::default()
    }

    pub(super) fn check(&self) -> Result<(), DataError> {
        for (name, value, most) in [
            ("`jitter.brightness`", self.brightness, 1.0),
            ("`jitter.contrast`", self.contrast, 1.0),
            ("`jitter.saturation`", self.saturation, 1.0),
            ("`jitter.hue`", self.hue, 0.5),
        ] {
            if !(0.0..=most).contains(&value) {
                return Err(DataError::setting(name, value, format!("0 to {most}")));
            }
        }
        Ok(())
    }

    /// The operations for the image of `key`. The same numbers are drawn whatever is off.
    pub(super) fn draw(&self, key: Key) -> [Option<Operation>; 4] {
        if self.is_off() {
            return [None; 4];
        }
        let mut random = key.stream("data/jitter");
        let mut around = |centre: f64, reach: f64| centre + reach * (2.0 * random.random::<f64>() - 1.0);
        let factors = [self.brightness, self.contrast, self.saturation].map(|reach| around(1.0, reach) as f32);
        let [brightness, contrast, saturation] = factors;
        // Cut off towards 0, and a turn to the left is the rest of the circle to the right.
        let turn = (around(0.0, self.hue) * 255.0) as i32 as u8;
        let mut operations = [
            (self.brightness > 0.0).then_some(Operation::Brightness(brightness)),
            (self.contrast > 0.0).then_some(Operation::Contrast(contrast)),
            (self.saturation > 0.0).then_some(Operation::Color(saturation)),
            (self.hue > 0.0).then_some(Operation::Hue(turn)),
        ];
        operations.shuffle(&mut random);
        operations
    }
}
