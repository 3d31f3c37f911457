//! The weights' side of a gradient-based search: a network, its optimizer, and the losses of batches.

use std::sync::Arc;

use burn::tensor::{Gradients, Tensor, TensorData};
use fewshot_data::Batch;
use fewshot_space::Arch;

use super::{At, GradientError};
use crate::estimate::EstimateError;
use crate::nets::optim::{Optimizer, Sgd};
use crate::nets::{Mix, Moment, Net, NormMode, Path, Trained, to_vec};
use crate::task::{Classification, Task};
use crate::train::{Objective, StepRecord, TrainConfig, descend};

/// Settings of a training of weights that the steps of gradient-based searches do not read: each method draws its own paths, and
/// judges the weights as they are.
pub const UNREAD: [&str; 7] =
    ["ema", "precise_norms", "auxiliary", "distill", "paths", "sampling", "freeze_split_edge"];

/// Images on the device, with their labels.
#[derive(Debug, Clone)]
pub struct Labelled {
    /// `[batch, height, width, channels]`.
    pub images: Tensor<4>,
    /// One per image.
    pub labels: Vec<u32>,
}

/// A supernet in training, by paths or by mixes.
#[derive(Debug)]
pub struct Learner {
    /// The network.
    pub net: Net,
    /// Its optimizer.
    pub optimizer: Optimizer<Sgd>,
    /// Training of the weights.
    pub config: TrainConfig,
    /// What they are trained for.
    pub task: Arc<dyn Task>,
    /// Statistics of batch norms while paths are scored between training steps.
    pub mode: NormMode,
}

/// Gradients of the loss of one batch.
pub struct Slopes {
    /// The loss, and what the images were measured by.
    pub seen: StepRecord,
    /// By the weights; empty where they were not asked for, `None` for those that the mix did not use.
    pub weights: Vec<Option<Tensor<1>>>,
    /// By the architecture's numbers.
    pub arch: Vec<Tensor<1>>,
}

impl Learner {
    /// A fresh optimizer on `net`, to tell classes apart.
    pub fn new(net: Net, config: TrainConfig, mode: NormMode) -> Self {
        let optimizer = Optimizer::new(net.weights(), config.rule(), config.limits());
        let task = Arc::new(Classification { smoothing: config.label_smoothing });
        Self { net, optimizer, config, task, mode }
    }

    /// Moves a batch to the network's device.
    pub fn upload(&self, batch: Batch) -> Labelled {
        let images = Tensor::from_data(TensorData::new(batch.images, batch.shape), self.net.weights().device());
        Labelled { images, labels: batch.labels }
    }

    /// One step of the weights along one architecture.
    ///
    /// # Errors
    /// When it lies outside the region, or the loss is no longer a number.
    pub fn descend_path(&mut self, batch: &Labelled, arch: Arch, at: At) -> Result<StepRecord, GradientError> {
        let trained = self.net.train_at(batch.images.clone(), &Path::Shared(arch), Moment::default())?;
        self.descend(trained, batch, at)
    }

    /// One step of the weights under a mix without anything tracked in it.
    ///
    /// # Errors
    /// When the mix does not fit, or the loss is no longer a number.
    pub fn descend_mixed(&mut self, batch: &Labelled, mix: &Mix, at: At) -> Result<StepRecord, GradientError> {
        let (logits, leaves) = self.net.train_mixed(batch.images.clone(), mix, true)?;
        self.descend(Trained { logits, auxiliary: Vec::new(), leaves }, batch, at)
    }

    fn descend(&mut self, trained: Trained, batch: &Labelled, at: At) -> Result<StepRecord, GradientError> {
        let Self { net, optimizer, task, .. } = self;
        let objective = Objective::labels(task.as_ref(), &batch.labels);
        finite(descend(optimizer, net.weights_mut(), trained, &objective, at.lr), at)
    }

    /// The gradients of a batch's loss by `arch`, the tracked tensors that `mix` is made from, and by the weights if
    /// `weights` is set. One graph, dropped before this returns.
    ///
    /// # Errors
    /// When the mix does not fit, or the loss is no longer a number.
    pub fn slopes(
        &mut self,
        batch: &Labelled,
        mix: &Mix,
        arch: &[Tensor<1>],
        weights: bool,
        at: At,
    ) -> Result<Slopes, GradientError> {
        let (logits, leaves) = self.net.train_mixed(batch.images.clone(), mix, weights)?;
        let device = self.net.weights().device();
        let (loss, seen) = Objective::labels(self.task.as_ref(), &batch.labels).loss(logits, device);
        let seen = finite(seen, at)?;
        if !loss.is_tracked() {
            // Nothing tracked is on a path to the loss: a region without a choice.
            let arch = arch.iter().map(|leaf| leaf.clone().inner().zeros_like()).collect();
            return Ok(Slopes { seen, weights: Vec::new(), arch });
        }
        let mut gradients = loss.backward();
        let weights = leaves.into_iter().map(|leaf| leaf?.grad_remove(&mut gradients)).collect();
        let arch = taken(arch, &mut gradients);
        Ok(Slopes { seen, weights, arch })
    }

    /// The sum over a batch's images of what the task's metric is the mean of, for one architecture: how many it gets right.
    ///
    /// # Errors
    /// When it lies outside the region.
    pub fn measure(&mut self, batch: &Labelled, arch: Arch) -> Result<f64, GradientError> {
        let name = self.net.region().space().format(&arch);
        let logits = self.net.score(batch.images.clone(), &Path::Shared(arch), self.mode, None)?;
        let values = to_vec(&logits);
        if !values.iter().all(|value| value.is_finite()) {
            return Err(EstimateError::NotFinite(name).into());
        }
        Ok(self.task.measure(&values, &batch.labels))
    }
}

/// The gradient of each leaf, 0 where it had no part in the loss.
pub(super) fn taken(leaves: &[Tensor<1>], gradients: &mut Gradients) -> Vec<Tensor<1>> {
    let mut of = |leaf: &Tensor<1>| leaf.grad_remove(gradients).unwrap_or_else(|| leaf.clone().inner().zeros_like());
    leaves.iter().map(&mut of).collect()
}

fn finite(seen: StepRecord, at: At) -> Result<StepRecord, GradientError> {
    let (loss, epoch, step) = (seen.loss, at.epoch, at.step);
    if loss.is_finite() { Ok(seen) } else { Err(GradientError::Diverged { loss, epoch, step }) }
}
