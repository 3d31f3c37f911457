//! The training loop, resumable at any step.

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use fewshot_data::{Batch, TrainLoader};
use fewshot_kernels as kernels;
use fewshot_space::{Region, random};

use super::average::Average;
use super::config::TrainConfig;
use super::descent::{Objective, Slopes, StepRecord, add};
use super::error::TrainError;
use super::progress::{EpochRecord, Progress};
use super::sampler::Sampler;
use super::teacher::Teacher;
use crate::nets::optim::{Optimizer, Sgd};
use crate::nets::{Moment, NamedValues, Net, Param, Path, WeightsError};
use crate::task::{Classification, Targets, Task};

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
    task: Arc<dyn Task>,
    net: Net,
    optimizer: Optimizer<Sgd>,
    average: Option<Average>,
    config: TrainConfig,
    seed: u64,
    progress: Progress,
    sampler: Sampler,
    teacher: Option<Teacher>,
    /// Per parameter, whether it is left as it is.
    frozen: Vec<bool>,
}

impl Trainer {
    /// Starts at step 0 with a fresh optimizer, to tell classes apart.
    ///
    /// # Errors
    /// When a setting is out of range, or the region is too large for the sampling.
    pub fn new(net: Net, config: TrainConfig, seed: u64) -> Result<Self, TrainError> {
        let task = Classification { smoothing: config.label_smoothing };
        Self::for_task(Arc::new(task), net, config, seed)
    }

    /// The same for any task. Label smoothing is a classification's own.
    ///
    /// # Errors
    /// As [`Trainer::new`].
    pub fn for_task(task: Arc<dyn Task>, net: Net, config: TrainConfig, seed: u64) -> Result<Self, TrainError> {
        config.check()?;
        let optimizer = Optimizer::new(net.weights(), config.rule(), config.limits());
        let average = (config.ema > 0.0).then(|| Average::of(net.weights()));
        let sampler = Sampler::new(net.region().clone(), config.sampling)?;
        let frozen =
            net.weights().params().iter().map(|param| config.freeze_split_edge && is_split(&net, param)).collect();
        let progress = Progress::default();
        Ok(Self { task, net, optimizer, average, config, seed, progress, sampler, teacher: None, frozen })
    }

    /// What the network is trained for.
    pub fn task(&self) -> &dyn Task {
        self.task.as_ref()
    }

    /// Learns from a teacher too, from now on, as much as [`TrainConfig::distill`] says. Who goes on with the training gives the
    /// same again.
    #[must_use]
    pub fn taught_by(self, teacher: Option<Teacher>) -> Self {
        Self { teacher, ..self }
    }

    /// Draws from `region` from now on, which may be smaller than what the network holds. Who goes on with the training says so
    /// again.
    ///
    /// # Errors
    /// When the region is too large for the sampling, or of options that the network does not hold.
    pub fn draw_from(&mut self, region: &Region) -> Result<(), TrainError> {
        let held = self.net.region();
        let is_held = |decision: usize| region.allowed(decision).is_subset(held.allowed(decision));
        if !(0..held.space().decisions().len()).all(is_held) {
            return Err(TrainError::NotHeld { region: region.label(), held: held.label() });
        }
        if self.sampler.region() != region {
            self.sampler = Sampler::new(region.clone(), self.config.sampling)?;
        }
        Ok(())
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

    /// The same with running statistics measured on images of `loader`, as [`TrainConfig::precise_norms`] says.
    ///
    /// # Errors
    /// When no path can be drawn.
    pub fn judged(&self, loader: &TrainLoader) -> Result<Net, TrainError> {
        let mut net = self.averaged();
        let count = self.config.precise_norms;
        if count > 0 {
            let path = self.draw_path(0, 0, 0)?;
            let device = net.weights().device().clone();
            let images = loader.unchanged().epoch(0, 0).take(count).map(|batch| {
                let Batch { images, shape, .. } = batch;
                Tensor::from_data(TensorData::new(images, shape), &device)
            });
            kernels::on_kernel_threads(|| net.measure_norms(images, &path))?;
        }
        Ok(net)
    }

    /// Leaves the network by which the training is judged with the running statistics of [`Trainer::judged`].
    ///
    /// # Errors
    /// When no path can be drawn.
    pub fn settle(&mut self, loader: &TrainLoader) -> Result<(), TrainError> {
        let judged = self.judged(loader)?;
        match &mut self.average {
            Some(average) => average.take_stats(judged.weights()),
            None => self.net = judged,
        }
        Ok(())
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
        let paths = (0..self.config.paths).map(|place| self.draw_path(epoch, step, place));
        let mut paths = paths.collect::<Result<Vec<_>, _>>()?;
        if let Some((first, others)) = paths.split_first_mut() {
            others.iter_mut().for_each(|other| *other = self.net.in_step_with(other, first));
        }
        let input = Tensor::from_data(
            TensorData::new(std::mem::take(&mut batch.images), batch.shape),
            self.net.weights().device(),
        );
        let lr = self.config.lr_at(epoch, step, steps);
        let seen = self.step_towards(input, Targets::of(&batch), &paths, lr)?;
        let images = batch.labels.len() as u64;
        self.progress.step += 1;
        self.progress.steps += 1;
        if let Some(average) = &mut self.average {
            average.follow(self.net.weights(), self.config.ema * (self.config.epochs as f64) * steps as f64);
        }
        for seen in seen {
            self.progress.loss_sum += seen.loss * images as f64;
            self.progress.measured += seen.measured;
            self.progress.seen += images;
        }
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
        let seen = self.step_towards(images, Targets::labels(labels), std::slice::from_ref(path), lr)?;
        Ok(seen[0])
    }

    /// One update by the gradients of all paths; what each of them saw.
    fn step_towards(
        &mut self,
        images: Tensor<4>,
        targets: Targets<'_>,
        paths: &[Path],
        lr: f64,
    ) -> Result<Vec<StepRecord>, TrainError> {
        let Progress { epoch, step, steps, .. } = self.progress;
        let progress = epoch as f64 / self.config.epochs.max(1) as f64;
        let moment = Moment { seed: self.seed, step: steps, progress };
        let Self { task, net, optimizer, teacher, config, frozen, .. } = self;
        let device = net.weights().device().clone();
        let seen = kernels::on_kernel_threads(|| {
            let teacher = teacher.as_mut().filter(|_| config.distill > 0.0);
            let taught = teacher.map(|teacher| teacher.answers(images.clone(), &paths[0])).transpose()?;
            let lesson = taught.as_ref().map(|taught| (taught, config.distill));
            let objective = Objective { task: task.as_ref(), targets, auxiliary: config.auxiliary, lesson };
            let (mut seen, mut sums): (Vec<StepRecord>, Option<Slopes>) = (Vec::with_capacity(paths.len()), None);
            for path in paths {
                let mut trained = net.train_at(images.clone(), path, moment)?;
                let frozen = trained.leaves.iter_mut().zip(frozen.iter()).filter(|(_, frozen)| **frozen);
                frozen.for_each(|(leaf, _)| *leaf = None);
                let (of_path, gradients) = objective.gradients(trained, &device);
                seen.push(of_path);
                // A loss that is no number changes nothing.
                let Some(gradients) = gradients else { return Ok(seen) };
                match &mut sums {
                    None => sums = Some(gradients),
                    Some(sums) => add(sums, gradients),
                }
            }
            if let Some(gradients) = sums {
                optimizer.step(net.weights_mut(), gradients, lr);
            }
            Ok::<_, TrainError>(seen)
        })?;
        match seen.iter().find(|seen| !seen.loss.is_finite()) {
            None => Ok(seen),
            Some(seen) => Err(TrainError::Diverged { loss: seen.loss, epoch, step }),
        }
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

    /// Keeps the task's metric on held-out images with the last epoch: of the network by which the training is judged, and of the
    /// weights that are trained where these are others and were looked at too.
    pub fn note_held_out(&mut self, value: f64, of_last: Option<f64>) {
        if let Some(last) = self.progress.history.last_mut() {
            last.held_out = Some(value);
            last.held_out_last = of_last;
        }
    }

    /// The network whose weights are trained, with the running statistics of these steps, where it is judged by another one: by the
    /// moving average of its weights.
    pub fn last(&self) -> Option<Net> {
        self.average.as_ref().map(|_| self.net.clone())
    }

    fn finish_epoch(&mut self, steps: usize) {
        let progress = &mut self.progress;
        let seen = progress.seen.max(1) as f64;
        progress.history.push(EpochRecord {
            epoch: progress.epoch,
            lr: self.config.lr_at(progress.epoch, 0, steps),
            loss: progress.loss_sum / seen,
            accuracy: progress.measured / seen,
            held_out: None,
            held_out_last: None,
        });
        progress.epoch += 1;
        (progress.step, progress.loss_sum, progress.measured, progress.seen) = (0, 0.0, 0.0, 0);
    }

    /// The path of sub-network `place` of a step.
    pub(super) fn draw_path(&self, epoch: u64, step: usize, place: usize) -> Result<Path, TrainError> {
        let purpose = if place == 0 { "path".to_string() } else { format!("path {place}") };
        let mut rng = random::stream(self.seed, &purpose, epoch, step as u64);
        self.sampler.draw(self.net.cells(), &mut rng)
    }
}

/// Whether the parameter belongs to a decision that the net's region leaves no choice.
fn is_split(net: &Net, param: &Param) -> bool {
    param.decision.is_some_and(|decision| net.region().allowed(decision).len() == 1)
}
