//! What a training ends with.

use serde::{Deserialize, Serialize};

use crate::estimate::Evaluation;

/// What a run of kind `train` ends with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainResult {
    /// The architecture.
    pub arch: String,
    /// Its space.
    pub space: String,
    /// Top-1 accuracy on the test images, 0 to 1; absent unless they were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_accuracy: Option<f64>,
    /// Whether scores on the test images had a part in choosing the architecture, as the recipe of the search that found it says: the
    /// test accuracy is no fresh one then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_test: bool,
    /// What it made of each class of the test images; absent where runs did not say so yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Evaluation>,
    /// Accuracy on images held out from the training, 0 to 1, when it was last looked at; absent where none were held out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out_accuracy: Option<f64>,
    /// Epochs of the training; 0 in results that did not say so yet.
    #[serde(default)]
    pub epochs: u64,
    /// Multiply-adds per image.
    pub macs: u64,
    /// Trainable parameters.
    pub params: u64,
    /// Working time of all processes of the run.
    pub seconds: f64,
    /// The run's seed.
    pub seed: u64,
}
