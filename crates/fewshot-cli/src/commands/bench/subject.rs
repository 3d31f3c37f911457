//! Networks whose steps are timed.

use fewshot_nas::experiments::ExperimentError;
use fewshot_nas::gradient::{GradientSearch, Labelled};
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
    /// The loss of the batch, before the update of the weights.
    pub fn step(&mut self, batch: &Labelled) -> Result<f64, Failure> {
        let Labelled { images, labels } = batch;
        let seen = match self {
            Subject::Engine { trainer, path } => {
                trainer.step_on(images.clone(), labels, path, LR).map_err(ExperimentError::from)?
            }
            // Architecture and weights on the same images.
            Subject::Search(search) => search.step_on(batch, Some(batch)).map_err(ExperimentError::from)?.train,
            Subject::Composed(network) => network.step(images.clone(), labels, LR),
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
