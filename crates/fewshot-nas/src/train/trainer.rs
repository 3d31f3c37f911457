//! The training loop, resumable at any step.

use burn::tensor::{Tensor, TensorData};
use fewshot_data::{Batch, TrainLoader};
use fewshot_kernels as kernels;
use fewshot_space::{RegionError, random};
use serde::{Deserialize, Serialize};

use super::average::Average;
use super::config::{ConfigError, TrainConfig};
use super::loss::{StepRecord, Targets, descend};
use super::sampler::Sampler;
use crate::nets::optim::{Optimizer, Sgd};
use crate::nets::{Moment, NamedValues, Net, NetError, Param, Path, WeightsError};
use crate::run::{CheckpointError, Interrupted};

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
    /// Images of the epoch classified rightly so far, in training mode, before each update.
    pub correct: u64,
    /// Images of the epoch seen so far.
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
    /// Training accuracy, 0 to 1, on the paths that were drawn.
    pub accuracy: f64,
    /// Accuracy on held-out images at its end, 0 to 1, where it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<f64>,
}

/// Why a training ended early.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A setting is out of range.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The network cannot run what it was given.
    #[error(transparent)]
    Net(#[from] NetError),
    /// No architecture could be drawn.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// The sampling lists the region, and the region is too large for that.
    #[error("this sampling lists the region, and {size} architectures are too many: use \"per_network\"")]
    Unlisted {
        /// Architectures in the region.
        size: u128,
    },
    /// The stored state belongs to another network.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The loss is no longer a number.
    #[error("the loss became {loss} in epoch {epoch}, step {step}: lower the learning rate or set `clip`")]
    Diverged {
        /// The loss.
        loss: f64,
        /// Epoch, from 0.
        epoch: u64,
        /// Step in the epoch, from 0.
        step: usize,
    },
    /// Someone asked to stop; the state is that of a whole step.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The observer could not write a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// Looks on after each step: draws progress, writes checkpoints, asks to stop.
pub trait Observer {
    /// Called when a step is whole.
    ///
    /// # Errors
    /// [`TrainError::Interrupted`] to stop here, or the observer's own failure.
    fn step_done(&mut self, trainer: &Trainer, steps_per_epoch: usize) -> Result<(), TrainError>;
}

impl Observer for () {
    fn step_done(&mut self, _: &Trainer, _: usize) -> Result<(), TrainError> {
        Ok(())
    }
}

/// A network in training.
#[derive(Debug)]
pub struct Trainer {
    net: Net,
    optimizer: Optimizer<Sgd>,
    average: Option<Average>,
    config: TrainConfig,
    seed: u64,
    progress: Progress,
    sampler: Sampler,
    /// Per parameter, whether it is left as it is.
    frozen: Vec<bool>,
}

impl Trainer {
    /// Starts at step 0 with a fresh optimizer.
    ///
    /// # Errors
    /// When a setting is out of range, or the region is too large for the sampling.
    pub fn new(net: Net, config: TrainConfig, seed: u64) -> Result<Self, TrainError> {
        config.check()?;
        let optimizer = Optimizer::new(net.weights(), config.rule(), config.limits());
        let average = (config.ema > 0.0).then(|| Average::of(net.weights()));
        let sampler = Sampler::new(net.region().clone(), config.sampling)?;
        let frozen =
            net.weights().params().iter().map(|param| config.freeze_split_edge && is_split(&net, param)).collect();
        Ok(Self { net, optimizer, average, config, seed, progress: Progress::default(), sampler, frozen })
    }

    /// The network, as trained so far.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// The network by which the training is judged: with the moving average of its weights and statistics, where the settings
    /// want one.
    pub fn averaged(&self) -> Net {
        let mut net = self.net.clone();
        if let Some(average) = &self.average {
            average.put_into(net.weights_mut());
        }
        net
    }

    /// Ends the training with [`Trainer::averaged`].
    pub fn into_net(self) -> Net {
        self.averaged()
    }

    /// Where it stands.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The settings.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// All tensors of the state: weights, running statistics, velocities.
    ///
    /// # Errors
    /// When a tensor cannot be read back from the device in full.
    pub fn to_values(&self) -> Result<NamedValues, WeightsError> {
        let mut values = self.net.weights().to_values()?;
        values.extend(self.optimizer.to_values(self.net.weights())?);
        if let Some(average) = &self.average {
            values.extend(average.to_values(self.net.weights())?);
        }
        Ok(values)
    }

    /// Continues from a stored state.
    ///
    /// # Errors
    /// When the tensors do not fit the network.
    pub fn restore(&mut self, values: &NamedValues, progress: Progress) -> Result<(), TrainError> {
        self.net.weights_mut().load_values(values)?;
        self.optimizer.restore(self.net.weights(), values, progress.steps)?;
        if let Some(average) = &mut self.average {
            *average = Average::from_values(self.net.weights(), values, progress.steps)?;
        }
        self.progress = progress;
        Ok(())
    }

    /// Trains to the last epoch, from wherever the state stands.
    ///
    /// # Errors
    /// See [`TrainError`]; the state is whole after any of them but `Diverged`.
    pub fn run(&mut self, loader: &TrainLoader, observer: &mut dyn Observer) -> Result<(), TrainError> {
        self.run_until(self.config.epochs, loader, observer)
    }

    /// Trains until so many epochs are done, from wherever the state stands. Epochs may come from different loaders.
    ///
    /// # Errors
    /// As [`Trainer::run`].
    pub fn run_until(
        &mut self,
        epochs: u64,
        loader: &TrainLoader,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let steps = loader.steps_per_epoch();
        while self.progress.epoch < epochs.min(self.config.epochs) {
            let epoch = self.progress.epoch;
            for batch in loader.epoch(epoch, self.progress.step) {
                self.step(batch, steps)?;
                if self.progress.step == steps {
                    self.finish_epoch(steps);
                }
                observer.step_done(self, steps)?;
            }
            if self.progress.epoch == epoch {
                // An epoch without a single batch: nothing to learn from, but the loop must end.
                self.finish_epoch(steps);
            }
        }
        Ok(())
    }

    fn step(&mut self, mut batch: Batch, steps: usize) -> Result<(), TrainError> {
        let Progress { epoch, step, .. } = self.progress;
        let path = self.draw_path(epoch, step)?;
        let input = Tensor::from_data(
            TensorData::new(std::mem::take(&mut batch.images), batch.shape),
            self.net.weights().device(),
        );
        let lr = self.config.lr_at(epoch, step, steps);
        let mixed = (!batch.mixed.is_empty()).then_some(&batch);
        let targets = Targets { labels: &batch.labels, mixed, ..self.targets() };
        let seen = self.step_towards(input, &targets, &path, lr)?;
        let images = batch.labels.len() as u64;
        self.progress.step += 1;
        self.progress.steps += 1;
        if let Some(average) = &mut self.average {
            average.follow(self.net.weights(), self.config.ema * (self.config.epochs as f64) * steps as f64);
        }
        self.progress.loss_sum += seen.loss * images as f64;
        self.progress.correct += seen.correct;
        self.progress.seen += images;
        Ok(())
    }

    /// One step on given images `[batch, height, width, channels]` along a given path: what [`Trainer::run`] does
    /// for each batch, without moving [`Trainer::progress`].
    ///
    /// # Errors
    /// When the path leaves the network's region, or the loss is no longer a number.
    pub fn step_on(
        &mut self,
        images: Tensor<4>,
        labels: &[u32],
        path: &Path,
        lr: f64,
    ) -> Result<StepRecord, TrainError> {
        let targets = Targets { labels, ..self.targets() };
        self.step_towards(images, &targets, path, lr)
    }

    /// What all steps have in common.
    fn targets(&self) -> Targets<'static> {
        let TrainConfig { label_smoothing, auxiliary, .. } = self.config;
        Targets { labels: &[], mixed: None, smoothing: label_smoothing, auxiliary }
    }

    fn step_towards(
        &mut self,
        images: Tensor<4>,
        targets: &Targets<'_>,
        path: &Path,
        lr: f64,
    ) -> Result<StepRecord, TrainError> {
        let Progress { epoch, step, steps, .. } = self.progress;
        let progress = epoch as f64 / self.config.epochs.max(1) as f64;
        let moment = Moment { seed: self.seed, step: steps, progress };
        let Self { net, optimizer, frozen, .. } = self;
        let seen = kernels::on_kernel_threads(|| {
            let mut trained = net.train_at(images, path, moment)?;
            let frozen = trained.leaves.iter_mut().zip(frozen).filter(|(_, frozen)| **frozen);
            frozen.for_each(|(leaf, _)| *leaf = None);
            Ok::<_, TrainError>(descend(optimizer, net.weights_mut(), trained, targets, lr))
        })?;
        if seen.loss.is_finite() { Ok(seen) } else { Err(TrainError::Diverged { loss: seen.loss, epoch, step }) }
    }

    /// Checks that all weights, statistics and averages are numbers.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] where one is none.
    pub fn check_finite(&self) -> Result<(), TrainError> {
        let Progress { epoch, step, .. } = self.progress;
        let finite = self.to_values()?.values().all(|tensor| tensor.data().iter().all(|value| value.is_finite()));
        if finite { Ok(()) } else { Err(TrainError::Diverged { loss: f64::NAN, epoch, step }) }
    }

    /// Keeps the accuracy on held-out images, 0 to 1, with the last epoch.
    pub fn note_held_out(&mut self, accuracy: f64) {
        if let Some(last) = self.progress.history.last_mut() {
            last.held_out = Some(accuracy);
        }
    }

    fn finish_epoch(&mut self, steps: usize) {
        let progress = &mut self.progress;
        let seen = progress.seen.max(1) as f64;
        progress.history.push(EpochRecord {
            epoch: progress.epoch,
            lr: self.config.lr_at(progress.epoch, 0, steps),
            loss: progress.loss_sum / seen,
            accuracy: progress.correct as f64 / seen,
            held_out: None,
        });
        progress.epoch += 1;
        (progress.step, progress.loss_sum, progress.correct, progress.seen) = (0, 0.0, 0, 0);
    }

    pub(super) fn draw_path(&self, epoch: u64, step: usize) -> Result<Path, TrainError> {
        let mut rng = random::stream(self.seed, "path", epoch, step as u64);
        self.sampler.draw(self.net.cells(), &mut rng)
    }
}

/// Whether the parameter belongs to a decision that the net's region leaves no choice.
fn is_split(net: &Net, param: &Param) -> bool {
    param.decision.is_some_and(|decision| net.region().allowed(decision).len() == 1)
}
