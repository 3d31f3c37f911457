//! AutoAugment: one of 25 pairs of operations for each image, found by search on CIFAR-10.

pub(super) mod levels;
pub(super) mod policy;

use std::fmt;

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::key::Key;
use super::operation::Operation;
use crate::Shape;

/// Operations on bytes after flip and crop, drawn from the policy that was found for CIFAR-10 (E. D. Cubuk et al.,
/// "AutoAugment: Learning Augmentation Strategies from Data", CVPR 2019).
///
/// Each image gets one of 25 sub-policies, all equally likely, and each of its two operations with a probability of its own.
/// Images of any size and of 1 or 3 channels can be changed; in grey ones the saturation of colours is not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AutoAugment {
    /// Whose magnitudes, filling and interpolation. Default [`AutoForm::Pil`].
    pub form: AutoForm,
}

/// What the levels 0 to 9 of AutoAugment's policy mean: published code disagrees. In all forms the arithmetic of colours is
/// that of Pillow, which all of that code calls.
///
/// | operation | `pil` | `tensorflow` | `lanet` |
/// |---|---|---|---|
/// | shear | ±k/30 | ±0.03k | -0.3..0.3 |
/// | translate, share of the side | ±150/331 k/9 | ±k/32 | ±150/331 |
/// | rotate, degrees | ±30k/9 | ±3k | -30..30 |
/// | color, contrast, brightness, sharpness: factor | 1 ± 0.1k | 0.1 + 0.18k | 0.1..1.9 |
/// | solarize from | 255 - 255k/9 | 256 - ⌊25.6k⌋ | 0..256 |
/// | posterize to bits | 8 - round(4k/9) | 4 - ⌊0.4k⌋ | 4..8 |
/// | pixels come from | the nearest | the nearest | a cubic spline |
/// | what is left empty | black | mean colour | black |
///
/// ± is a random sign. Ranges of `lanet` are cut into ten parts, and the magnitude is uniform in part k: level 2 of rotate is
/// -18 to -12 degrees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AutoForm {
    /// torchvision's `AutoAugment(CIFAR10)` on images of Pillow, the same pixels to the bit.
    #[default]
    #[serde(alias = "torchvision")]
    Pil,
    /// That of the paper's authors (`tensorflow/models`, `research/autoaugment`): what is left empty is 0 after normalising,
    /// unless an operation after it reads it as black. Shifts of ±k pixels are for a side of 32; others get their share.
    TensorFlow,
    /// That of LaNet (`facebookresearch/LaMCTS`): no random sign, and a shear or rotation turns around a point one pixel
    /// below and to the right of the centre. Its ShearX moves columns, up and down.
    LaNet,
}

impl fmt::Display for AutoForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AutoForm::Pil => "pil",
            AutoForm::TensorFlow => "tensorflow",
            AutoForm::LaNet => "lanet",
        })
    }
}

/// What was drawn for one operation, before its level is a magnitude.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chance {
    /// Whether a magnitude that has a sign is below 0.
    pub negative: bool,
    /// Where in the part of a range, 0 to 1.
    pub within: f64,
}

impl AutoAugment {
    /// The operations for the image of `key`, of `shape`.
    ///
    /// For each step the same numbers are drawn whatever the form is and whether it is applied.
    pub(super) fn draw(&self, shape: Shape, key: Key) -> [Option<Operation>; 2] {
        let mut random = key.stream("data/auto-augment");
        let sub_policy = policy::CIFAR10[random.random_range(0..policy::CIFAR10.len())];
        sub_policy.map(|step| {
            let applied = random.random_range(0..10) < step.tenths;
            let chance = Chance { negative: random.next_u32() & 1 == 1, within: random.random() };
            applied.then(|| levels::operation(self.form, step.kind, step.level, chance, shape))
        })
    }
}
