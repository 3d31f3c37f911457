//! Some training steps of its own for each network before it is scored.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use fewshot_data::Batch;
use fewshot_space::Arch;

use super::scorer::different;
use super::{EstimateError, Measure, NormPolicy, ScoreSet};
use crate::nets::{Net, Path};
use crate::run::{Interrupt, in_lanes};
use crate::task::{Classification, Task};
use crate::train::{Sampling, Schedule, TrainConfig, TrainError, Trainer};

/// Fine-tuning: each network leaves the supernet with a copy of its weights, is trained for some steps alone, and only
/// then scored. Without a step that is the supernet's score, with very many the truth; a few undo most of what a network
/// owes to those it shares weights with.
///
/// All networks see the same images in the same order, so that they differ in nothing else.
#[derive(Debug, Clone)]
pub struct FineTune {
    batches: Vec<(Tensor<4>, Vec<u32>)>,
    config: TrainConfig,
    task: Arc<dyn Task>,
    interrupt: Interrupt,
}

impl FineTune {
    /// One step towards the right classes for each of `batches`, moved to `device` once and for all. The rate falls from
    /// `config.lr` to 0 along a cosine from the first step on, whatever `config` has of rises and holds; momentum, decay and
    /// clipping are those of `config`.
    pub fn new(batches: impl IntoIterator<Item = Batch>, config: TrainConfig, device: &Device) -> Self {
        let upload =
            |batch: Batch| (Tensor::from_data(TensorData::new(batch.images, batch.shape), device), batch.labels);
        let batches = batches.into_iter().map(upload).collect();
        // Paths are given, so none is drawn and no region listed.
        let sampling = Sampling::PerNetwork;
        // All of it is one epoch, so a rise that a supernet's training ends in its first would take all steps.
        let (warmup, hold) = (0.0, 0.0);
        let config = TrainConfig { lr_min: 0.0, epochs: 1, schedule: Schedule::Step, warmup, hold, sampling, ..config };
        let task = Arc::new(Classification { smoothing: config.label_smoothing });
        Self { batches, config, task, interrupt: Interrupt::new() }
    }

    /// The same for another task.
    #[must_use]
    pub fn for_task(self, task: Arc<dyn Task>) -> Self {
        Self { task, ..self }
    }

    /// The same, which stops when it is asked to.
    #[must_use]
    pub fn stopped_by(self, interrupt: &Interrupt) -> Self {
        Self { interrupt: interrupt.clone(), ..self }
    }

    /// Images that each network is trained on, counted as often as it sees them.
    pub fn images(&self) -> usize {
        self.batches.iter().map(|(_, labels)| labels.len()).sum()
    }

    /// Scores of `archs` on `set`, each after its own steps from `net`'s weights, which stay as they are. Several are
    /// trained side by side; those that compute the same are trained once.
    ///
    /// # Errors
    /// When an architecture lies outside the net's region, or a measure needs images and `set` has none. A network whose loss
    /// or answer is no longer a number scores as what is worth nothing: 0 of a classification.
    pub fn scores(
        &self,
        net: &Net,
        set: &ScoreSet,
        archs: &[Arch],
        policy: NormPolicy,
        measure: Measure,
    ) -> Result<Vec<f64>, EstimateError> {
        let different = different(net, archs)?;
        let mut scores = vec![0.0; archs.len()];
        let score = |equals: &Vec<usize>| self.score(net.clone(), set, &archs[equals[0]], policy, measure);
        in_lanes(&self.interrupt, &different, score, |at, score| {
            different[at].iter().for_each(|&index| scores[index] = score);
            Ok(())
        })?;
        Ok(scores)
    }

    fn score(
        &self,
        net: Net,
        set: &ScoreSet,
        arch: &Arch,
        policy: NormPolicy,
        measure: Measure,
    ) -> Result<f64, EstimateError> {
        let worst = set.task().metric().worst_score();
        let mut trainer = Trainer::for_task(self.task.clone(), net, self.config.clone(), 0)?;
        let path = Path::Shared(arch.clone());
        let mut losses = Vec::new();
        for (step, (images, labels)) in self.batches.iter().enumerate() {
            self.interrupt.check()?;
            let lr = self.config.lr_at(0, step, self.batches.len());
            match trainer.step_on(images.clone(), labels, &path, lr) {
                Ok(seen) => losses.push(seen.loss),
                // A network that cannot be trained at this rate is worth nothing, and no reason to stop with the others.
                Err(TrainError::Diverged { .. }) => return Ok(worst),
                Err(error) => return Err(error.into()),
            }
        }
        if measure == Measure::Speed && !losses.is_empty() {
            let second_half = &losses[losses.len() / 2..];
            return Ok((-second_half.iter().sum::<f64>() / second_half.len() as f64).exp());
        }
        match set.scores(&mut trainer.into_net(), std::slice::from_ref(arch), policy, measure) {
            Ok(scores) => Ok(scores[0]),
            // Its last step did it.
            Err(EstimateError::NotFinite(_)) => Ok(worst),
            Err(error) => Err(error),
        }
    }
}
