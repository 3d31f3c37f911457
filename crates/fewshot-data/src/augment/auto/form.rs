//! The forms in which the policy was published.

use std::fmt;

use serde::{Deserialize, Serialize};

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
