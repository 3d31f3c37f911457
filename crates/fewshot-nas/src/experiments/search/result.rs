//! What a search ends with.

use serde::{Deserialize, Serialize};

use super::finalists::Finalist;
use super::front::FrontNetwork;
use super::references::Reference;
use super::verdict::{MoreTime, Verdict};
use super::verify::Verified;
use crate::estimate::{Evaluation, Measure};
use crate::latency::NetworkLatency;

/// A random architecture, trained and tested as the found one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RandomNetwork {
    /// The architecture.
    pub arch: String,
    /// Top-1 accuracy on the test images, 0 to 1.
    pub test_accuracy: f64,
}

/// What a search ends with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchResult {
    /// The found architecture.
    pub arch: String,
    /// Its space.
    pub space: String,
    /// Its score, 0 to 1.
    pub score: f64,
    /// What a score is, in words: `accuracy`, `speed of 32 steps`.
    #[serde(default = "Measure::before_there_was_a_choice")]
    pub scored_by: String,
    /// Whether scores were made on the test images (the published protocol) and not on held-out training images: the test accuracies are
    /// no fresh ones then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_test: bool,
    /// The best-scored networks trained alone, best-scored first, of which the best on held-out images was taken;
    /// empty when the recipe asks for none.
    pub finalists: Vec<Finalist>,
    /// Top-1 accuracy on the test images of the found network, trained alone, 0 to 1.
    pub test_accuracy: f64,
    /// What it made of each class of the test images; absent where runs did not say so yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Evaluation>,
    /// Mean over random architectures trained the same way; absent when the recipe asks for none.
    pub random_test_accuracy_mean: Option<f64>,
    /// The random architectures.
    pub randoms: Vec<RandomNetwork>,
    /// Hand-made networks of the same limits; empty when the recipe asks for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
    /// The found network beside the best of these; absent without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// What a longer training would bring; absent where the held-out images were looked at too seldom to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_time: Option<MoreTime>,
    /// Epochs that the found network was trained, those as a finalist included; 0 in results that did not say so yet.
    #[serde(default)]
    pub epochs: u64,
    /// Multiply-adds per image of the found network.
    pub macs: u64,
    /// Its trainable parameters.
    pub params: u64,
    /// Its latency on this machine, one thread; absent unless that was limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<NetworkLatency>,
    /// The front of score against multiply-adds, cheapest first, the found network last; empty unless one was wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub front: Vec<FrontNetwork>,
    /// How the scores order networks trained alone; absent unless that was wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verified>,
    /// Architectures scored, repeats counted.
    pub evaluations: usize,
    /// Different architectures scored.
    pub distinct: usize,
    /// Sub-supernets that scored; 1 for one-shot.
    pub supernets: usize,
    /// Working time of all processes of the run.
    pub seconds: f64,
    /// The run's seed.
    pub seed: u64,
}

impl SearchResult {
    /// Whether a score is the plain accuracy.
    pub fn scored_by_accuracy(&self) -> bool {
        self.scored_by == Measure::Accuracy.after(0)
    }
}
