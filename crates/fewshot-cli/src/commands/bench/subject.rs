//! Networks whose steps are timed.

use burn::tensor::Tensor;
use fewshot_data::Batch;
use fewshot_nas::experiments::ExperimentError;
use fewshot_nas::gradient::GradientSearch;
use fewshot_nas::nets::Path;
use fewshot_nas::train::{Schedule, TrainConfig, Trainer};

use super::layers::Composed;
use crate::failure::Failure;

/// The learning rate of every benchmarked step.
const LR: f64 = 0.01;

/// A network whose steps can be timed.
pub enum Subject {
    /// One path of the engine's own networks, driven by the engine's own training loop.
    Engine { trainer: Box<Trainer>, path: Path },
    /// A search by gradients, driven by the engine's own loop.
    Search(Box<GradientSearch>),
    /// A network that only the benchmark has.
    Composed(Box<Composed>),
}

impl Subject {
    /// The loss of the batch, before the update; `images` are those of `batch` on the device.
    pub fn step(&mut self, batch: &Batch, images: Tensor<4>) -> Result<f64, Failure> {
        let labels = &batch.labels;
        let seen = match self {
            Subject::Engine { trainer, path } => {
                trainer.step_on(images, labels, path, LR).map_err(ExperimentError::from)?
            }
            Subject::Search(search) => return search_step(search, batch),
            Subject::Composed(network) => network.step(images, labels, LR),
        };
        Ok(seen.loss)
    }

    /// Trainable values that it holds.
    pub fn parameters(&self) -> u64 {
        match self {
            Subject::Engine { trainer, .. } => trainer.net().weights().count(),
            Subject::Search(search) => search.net().weights().count(),
            Subject::Composed(network) => network.parameters(),
        }
    }
}

/// What is timed, and how it is called in the report.
pub struct Named {
    /// It.
    pub subject: Subject,
    /// Its text.
    pub architecture: String,
    /// Channels of its first stage, where it has that setting here.
    pub width: Option<usize>,
    /// Its cells, likewise.
    pub cells: Option<usize>,
}

/// A step of architecture and weights, on the same images, and the mean loss of the weights' steps so far.
fn search_step(search: &mut GradientSearch, batch: &Batch) -> Result<f64, Failure> {
    search.step_on(batch.clone(), Some(batch.clone())).map_err(ExperimentError::from)?;
    Ok(search.loss())
}

/// The settings of every benchmarked step.
pub fn config(batch: usize) -> TrainConfig {
    TrainConfig {
        lr_min: LR,
        schedule: Schedule::Epoch,
        weight_decay: 5e-4,
        clip: 5.0,
        ..TrainConfig::sgd(1, batch, LR)
    }
}
