//! What a model file says of itself.

use fewshot_data::{Ground, Normalise};
use serde::{Deserialize, Serialize};

use crate::families::{Skeleton, least_classes};

/// Everything that is needed to use a trained network, apart from its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Version of this form.
    pub format: u32,
    /// Version of the program that wrote it.
    pub program: String,
    /// Name of the space.
    pub space: String,
    /// The architecture, in the text form of the space.
    pub arch: String,
    /// What is given and not decided: size and channels of its images, classes; the network around cells.
    pub skeleton: Skeleton,
    /// Names of the classes, in the order of the logits.
    pub classes: Vec<String>,
    /// Mean and standard deviation per channel, which pixels from 0 to 1 are normalised with.
    #[serde(flatten)]
    pub normalise: Normalise,
    /// How images of another size are brought to size.
    pub resize: Resize,
    /// Red, green and blue of what transparent images are laid on; absent: their alpha channel is dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ground: Option<Ground>,
    /// Top-1 accuracy on the test images of its data, 0 to 1; absent as long as they were not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_accuracy: Option<f64>,
    /// Whether scores on the same test images had a part in choosing the architecture (`scoring.on_test` of a recipe): that accuracy is
    /// no fresh one then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chosen_on_test: bool,
    /// Top-1 accuracy on images held out from its training, 0 to 1, when that was last looked at: before the last epochs, which
    /// may be on all training images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out_accuracy: Option<f64>,
    /// Epochs that it was trained; absent in files that did not say so yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
}

/// How images of another size are brought to size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resize {
    /// The largest centred part of the wanted aspect ratio is cut out, and resampled by a Lanczos-3 filter which is
    /// widened where it shrinks.
    CentreCropLanczos3,
}

impl Card {
    /// The newest form, which this program writes and reads.
    pub const FORMAT: u32 = 1;

    /// Height, width and channels of an image.
    pub fn image(&self) -> [usize; 3] {
        self.skeleton.image()
    }

    /// Whether all parts fit together; says which do not.
    pub(super) fn check(&self) -> Result<(), String> {
        let (classes, channels) = (self.skeleton.classes, self.skeleton.channels_in);
        self.skeleton.check(least_classes(&self.space)).map_err(|error| error.to_string())?;
        if self.classes.len() != classes {
            return Err(format!("it names {} classes for {classes} outputs", self.classes.len()));
        }
        let Normalise { mean, std } = &self.normalise;
        if mean.len() != channels || std.len() != channels {
            return Err(format!("mean and std of {} and {} channels for images of {channels}", mean.len(), std.len()));
        }
        if !mean.iter().all(|mean| mean.is_finite()) || !std.iter().all(|std| std.is_finite() && *std > 0.0) {
            return Err("its mean or std is no usable number".to_string());
        }
        if !matches!(channels, 1 | 3) {
            return Err(format!("images of {channels} channels; grey ones have 1, coloured ones 3"));
        }
        for (what, accuracy) in [("test", self.test_accuracy), ("held-out", self.held_out_accuracy)] {
            if let Some(accuracy) = accuracy.filter(|accuracy| !(0.0..=1.0).contains(accuracy)) {
                return Err(format!("a {what} accuracy of {accuracy}"));
            }
        }
        Ok(())
    }
}
