//! When a training step is, and what it saw.

use crate::train::StepRecord;

/// Moment of a training step.
#[derive(Debug, Clone, Copy)]
pub struct At {
    /// Epoch, from 0.
    pub epoch: u64,
    /// Step in the epoch, from 0.
    pub step: u64,
    /// Learning rate of the weights.
    pub lr: f64,
}

/// What a step saw before its updates.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// On the training batch.
    pub train: StepRecord,
    /// On the validation batch, where the method reads it.
    pub val: Option<StepRecord>,
}

/// Multiply-adds of one forward pass of one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ForwardMacs {
    /// All options at once.
    pub mixed: f64,
    /// One architecture, the mean over uniform draws.
    pub path: f64,
}
