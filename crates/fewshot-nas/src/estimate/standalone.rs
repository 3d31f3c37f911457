//! Vanilla NAS: train each architecture alone.

use std::sync::Arc;

use burn::tensor::Device;
use fewshot_data::TrainLoader;
use fewshot_space::Arch;

use super::{EstimateError, Estimator, NormPolicy, ScoreSet};
use crate::nets::{Blueprint, Net};
use crate::train::{TrainConfig, Trainer};

/// Trains each architecture from scratch and scores it with its running statistics.
///
/// Right, and slow: the score of one architecture costs a whole training.
pub struct Standalone {
    blueprint: Arc<dyn Blueprint>,
    config: TrainConfig,
    loader: TrainLoader,
    set: Arc<ScoreSet>,
    device: Device,
    seed: u64,
}

impl Standalone {
    /// Trains with `config` on the images of `loader` and scores on `set`. All architectures share `seed`.
    pub fn new(
        blueprint: Arc<dyn Blueprint>,
        config: TrainConfig,
        loader: TrainLoader,
        set: Arc<ScoreSet>,
        device: Device,
        seed: u64,
    ) -> Self {
        Self { blueprint, config, loader, set, device, seed }
    }

    fn score(&self, arch: &Arch) -> Result<f64, EstimateError> {
        let net = Net::standalone(self.blueprint.clone(), arch, &self.device, self.seed)?;
        let mut trainer = Trainer::new(net, self.config.clone(), self.seed)?;
        trainer.run(&self.loader, &mut ())?;
        let value = self.set.metric(&mut trainer.judged(&self.loader)?, arch, NormPolicy::Running)?;
        Ok(self.set.task().metric().score(value))
    }
}

impl Estimator for Standalone {
    fn estimate(&mut self, archs: &[Arch]) -> Result<Vec<f64>, EstimateError> {
        archs.iter().map(|arch| self.score(arch)).collect()
    }
}
