//! Where a training stands, and what its epochs looked like.

use serde::{Deserialize, Serialize};

use super::descent::whole_if_possible;

/// Where a training stands. With the weights and velocities this is the whole state: everything random is drawn from
/// streams keyed by (seed, purpose, epoch, step).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Epochs done.
    pub epoch: u64,
    /// Steps done in the epoch under way.
    pub step: usize,
    /// Sum of the losses of the epoch's images so far.
    pub loss_sum: f64,
    /// Sum over these images of what the task's metric is the mean of, in training mode, before each update.
    #[serde(rename = "correct", serialize_with = "whole_if_possible")]
    pub measured: f64,
    /// Images of the epoch seen so far, once for each sub-network that saw them.
    pub seen: u64,
    /// Steps done in all.
    #[serde(default)]
    pub steps: u64,
    /// One record per epoch done.
    pub history: Vec<EpochRecord>,
}

/// What one epoch looked like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Epoch, from 0.
    pub epoch: u64,
    /// Learning rate of its first step.
    pub lr: f64,
    /// Mean loss over its images.
    pub loss: f64,
    /// The task's metric on its images, on the paths that were drawn; of a classification the accuracy, 0 to 1.
    pub accuracy: f64,
    /// The task's metric on held-out images at its end, where it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<f64>,
    /// The same of the weights themselves, where `held_out` is that of their moving average and both were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out_last: Option<f64>,
}
