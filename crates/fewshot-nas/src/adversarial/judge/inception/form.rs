//! The two networks of that name that people have.

use serde::{Deserialize, Serialize};

/// Which Inception v3 weights are of. They differ in what they see and in how they pool, not in their shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// The graph `inception-2015-12-05` that published scores look through, ported to PyTorch as `pt_inception-2015-12-05`: 1008
    /// classes. Means leave out what lies beyond the image, and the last block takes the largest pixel.
    Tensorflow,
    /// That of torchvision: 1000 classes. Its scores are not the published ones.
    Torchvision,
}

impl Form {
    /// What its score and its distance are called.
    pub fn names(self) -> [&'static str; 2] {
        match self {
            Self::Tensorflow => ["IS", "FID"],
            Self::Torchvision => ["torchvision-IS", "torchvision-FID"],
        }
    }

    /// Where pixel `index` of the enlarged image lies in the source, whose pixels are `step` as many: TensorFlow 1 let the corners of
    /// both meet and forgot that pixels have centres.
    pub(super) fn source(self, index: f32, step: f32) -> f32 {
        match self {
            Self::Tensorflow => index * step,
            Self::Torchvision => ((index + 0.5) * step - 0.5).max(0.0),
        }
    }

    /// A value from 0 to 255 as the network takes it.
    pub(super) fn normalised(self, value: f32) -> f32 {
        match self {
            Self::Tensorflow => (value - 128.0) / 128.0,
            Self::Torchvision => value / 127.5 - 1.0,
        }
    }

    /// Whether the bias of the last layer counts in the probabilities: the published score leaves it out.
    pub(super) fn has_bias(self) -> bool {
        self == Self::Torchvision
    }
}
