//! What a gradient-based method is.

use fewshot_space::{Arch, Region};
use serde_json::Value;

use super::{At, Chosen, Feeds, ForwardMacs, GradientError, Judge, Labelled, Learner, Seen};
use crate::nets::{NamedValues, WeightsError};

/// One gradient-based method: what it does with a pair of batches, and what it chooses in the end.
pub trait GradientMethod: Send {
    /// One training step on a training batch and, at least where [`GradientMethod::reads_validation`], a validation batch.
    ///
    /// # Errors
    /// When the network cannot run what the method asks for, or the loss is no longer a number.
    fn step(
        &mut self,
        learner: &mut Learner,
        train: &Labelled,
        val: Option<&Labelled>,
        at: At,
    ) -> Result<Seen, GradientError>;

    /// What follows after the last step of an epoch.
    ///
    /// # Errors
    /// As [`GradientMethod::step`].
    fn end_epoch(&mut self, _: &mut Learner, _: &Feeds, _epoch: u64) -> Result<(), GradientError> {
        Ok(())
    }

    /// Whether the step that comes next, at `step` of `epoch`, reads a validation batch. It follows from these numbers and the
    /// method's state, so that a search that was cut reads the same ones.
    fn reads_validation(&self, _epoch: u64, _step: u64) -> bool {
        true
    }

    /// Per decision of the space, the probability that the method gives each option, 0 for those outside the region.
    fn beliefs(&self, epoch: u64) -> Vec<Vec<f64>>;

    /// The architecture that the method would choose now, where that needs no images.
    fn leaning(&self) -> Option<Arch> {
        None
    }

    /// The architecture that the method ends with, judged on held-out images.
    ///
    /// # Errors
    /// When nothing can be judged.
    fn choose(&mut self, learner: &mut Learner, judge: &Judge) -> Result<Chosen, GradientError>;

    /// Multiply-adds of one epoch over `images` training images.
    fn epoch_macs(&self, epoch: u64, images: f64, forward: &ForwardMacs) -> f64;

    /// All its tensors.
    ///
    /// # Errors
    /// When a tensor cannot be read back from the device.
    fn to_values(&self) -> Result<NamedValues, WeightsError>;

    /// What else it has to know to go on.
    fn state(&self) -> Value;

    /// Goes on from a stored state.
    ///
    /// # Errors
    /// When it belongs to another method or region.
    fn restore(&mut self, values: &NamedValues, state: &Value) -> Result<(), GradientError>;

    /// Takes over what the method learnt on a region `of` that encloses its own, whose tensors are among `values`, as far as it is
    /// of options that are left. What it steps with starts afresh: optimizers, baselines, counts.
    ///
    /// # Errors
    /// When the tensors belong to another method or region.
    fn inherit(&mut self, values: &NamedValues, of: &Region) -> Result<(), GradientError>;
}
