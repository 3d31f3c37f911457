//! The loop around all gradient-based methods, resumable at any step.

use fewshot_data::Batch;
use fewshot_kernels as kernels;
use fewshot_space::Region;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::feeds::Walk;
use super::{
    At, Chosen, Feeds, GradientError, GradientMethod, Judge, Labelled, Learner, MethodInfo, MethodSettings, Seen,
};
use crate::nets::{NamedValues, Net, NormMode};
use crate::train::{EpochRecord, whole_if_possible};

/// Where a search stands. With its tensors this is the whole state.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Epochs done.
    pub epoch: u64,
    /// Steps done in the epoch under way.
    pub step: usize,
    /// Validation batches read. States of older versions lack it: they read one with every step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read: Option<u64>,
    /// Sums over the images of the epoch so far.
    train: Sums,
    val: Sums,
    /// One record per epoch done.
    pub history: Vec<EpochSeen>,
    /// Of the method.
    method: Value,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Sums {
    loss: f64,
    #[serde(rename = "correct", serialize_with = "whole_if_possible")]
    measured: f64,
    images: u64,
}

/// What one epoch looked like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochSeen {
    /// On the training images, before each step, on what the method ran.
    pub train: EpochRecord,
    /// Accuracy on the validation images, 0 to 1, before each step of the architecture; absent where the method's steps
    /// read none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_accuracy: Option<f64>,
    /// Per decision, the probability that the method gives each option at the end of the epoch.
    pub beliefs: Vec<Vec<f64>>,
    /// The architecture that the method would have chosen then, where that needs no images; absent in results that did not say so
    /// yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
}

/// Looks on after each step; may write checkpoints or ask to stop.
pub trait Observer {
    /// Called when a step is whole.
    ///
    /// # Errors
    /// [`GradientError::Interrupted`] to stop here, or the observer's own failure.
    fn step_done(&mut self, search: &GradientSearch) -> Result<(), GradientError>;
}

impl Observer for () {
    fn step_done(&mut self, _: &GradientSearch) -> Result<(), GradientError> {
        Ok(())
    }
}

/// One method at work on one supernet.
pub struct GradientSearch {
    learner: Learner,
    method: Box<dyn GradientMethod>,
    settings: MethodSettings,
    progress: Progress,
}

impl GradientSearch {
    /// Begins the method `info` on `net`, which must be built with its [`MethodInfo::partial`].
    ///
    /// # Errors
    /// When a setting is out of range, or the network does not suit the method.
    pub fn new(
        info: &MethodInfo,
        net: Net,
        settings: MethodSettings,
        mode: NormMode,
        seed: u64,
    ) -> Result<Self, GradientError> {
        settings.check()?;
        let method = info.build(&settings, &net, seed)?;
        let learner = Learner::new(net, settings.train.clone(), mode);
        Ok(Self { learner, method, settings, progress: Progress::default() })
    }

    /// Where it stands.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The network, as trained so far.
    pub fn net(&self) -> &Net {
        &self.learner.net
    }

    /// The method.
    pub fn method(&self) -> &dyn GradientMethod {
        self.method.as_ref()
    }

    /// Epochs in all.
    pub fn epochs(&self) -> u64 {
        self.settings.train.epochs
    }

    /// All tensors of the state: weights, running statistics, velocities, what the method keeps.
    ///
    /// # Errors
    /// When a tensor cannot be read back from the device.
    pub fn to_values(&self) -> Result<NamedValues, GradientError> {
        let Learner { net, optimizer, .. } = &self.learner;
        let mut values = net.weights().to_values()?;
        values.extend(optimizer.to_values(net.weights())?);
        values.extend(self.method.to_values()?);
        Ok(values)
    }

    /// The rest of the state.
    pub fn to_progress(&self) -> Progress {
        Progress { method: self.method.state(), ..self.progress.clone() }
    }

    /// Goes on from a stored state.
    ///
    /// # Errors
    /// When it belongs to another search.
    pub fn restore(&mut self, values: &NamedValues, progress: Progress) -> Result<(), GradientError> {
        let Learner { net, optimizer, .. } = &mut self.learner;
        net.weights_mut().load_values(values)?;
        // SGD does not ask how many steps there were.
        optimizer.restore(net.weights(), values, 0)?;
        self.method.restore(values, &progress.method)?;
        self.progress = progress;
        Ok(())
    }

    /// Takes over weights and running statistics from `values`, those of a search of a region that encloses this one. Gives the names
    /// of what starts afresh, as it has another shape here.
    ///
    /// # Errors
    /// When a tensor cannot be read back from the device.
    pub fn inherit_weights(&mut self, values: &NamedValues) -> Result<Vec<String>, GradientError> {
        let net = &mut self.learner.net;
        let mut own = net.weights().to_values()?;
        let mut fresh = Vec::new();
        for (name, value) in &mut own {
            // On partial channels the kept operation of the split edge is wider than the parent's, and starts afresh.
            match values.get(name).filter(|theirs| theirs.shape() == value.shape()) {
                Some(theirs) => *value = theirs.clone(),
                None => fresh.push(name.clone()),
            }
        }
        net.weights_mut().load_values(&own)?;
        Ok(fresh)
    }

    /// Goes on from where a search of the region `of`, which encloses this one and whose tensors are `values`, has come to: from its
    /// weights and what its method learnt, at the beginning of `epoch` of this search's own schedule. Gives the names of weights that
    /// start afresh.
    ///
    /// # Errors
    /// When the tensors are of another method or space.
    pub fn branch(&mut self, values: &NamedValues, of: &Region, epoch: u64) -> Result<Vec<String>, GradientError> {
        let fresh = self.inherit_weights(values)?;
        self.method.inherit(values, of)?;
        self.progress = Progress { epoch, read: Some(0), ..Progress::default() };
        Ok(fresh)
    }

    /// Searches to the last epoch, from wherever the state stands.
    ///
    /// # Errors
    /// See [`GradientError`]; the state is whole after an interruption.
    pub fn run(&mut self, feeds: &Feeds, observer: &mut dyn Observer) -> Result<(), GradientError> {
        self.run_until(self.epochs(), feeds, observer)
    }

    /// The same until `epochs` are done, and no further than the last.
    ///
    /// # Errors
    /// As [`GradientSearch::run`].
    pub fn run_until(&mut self, epochs: u64, feeds: &Feeds, observer: &mut dyn Observer) -> Result<(), GradientError> {
        let steps = feeds.train.steps_per_epoch();
        let walked = self.progress.epoch * steps as u64 + self.progress.step as u64;
        let mut read = self.progress.read.unwrap_or(walked);
        let mut validation: Option<Walk<'_>> = None;
        while self.progress.epoch < self.epochs().min(epochs) {
            let epoch = self.progress.epoch;
            for train in feeds.train.epoch(epoch, self.progress.step) {
                let reads = self.method.reads_validation(epoch, self.progress.step as u64);
                let val = reads.then(|| validation.get_or_insert_with(|| feeds.validation(read)).next());
                let (train, val) = (self.upload(train), val.map(|val| self.upload(val)));
                self.step(&train, val.as_ref(), steps)?;
                read += u64::from(reads);
                self.progress.read = Some(read);
                if self.progress.step == steps {
                    self.finish_epoch(feeds, steps)?;
                }
                observer.step_done(self)?;
            }
        }
        Ok(())
    }

    /// What the search ends with.
    ///
    /// # Errors
    /// When nothing can be judged, or the last step made weights that are no numbers.
    pub fn choose(&mut self, judge: &Judge) -> Result<Chosen, GradientError> {
        if !self.to_values()?.values().all(|tensor| tensor.data().iter().all(|value| value.is_finite())) {
            return Err(self.diverged());
        }
        self.method.choose(&mut self.learner, judge)
    }

    /// What is said when numbers are none any more after a step.
    fn diverged(&self) -> GradientError {
        GradientError::Diverged { loss: f64::NAN, epoch: self.progress.epoch, step: self.progress.step as u64 }
    }

    /// Moves a batch to the network's device.
    pub fn upload(&self, batch: Batch) -> Labelled {
        self.learner.upload(batch)
    }

    /// One step on these images, those of the weights and, where the method reads some, those of the architecture; what it saw of
    /// them before its updates.
    ///
    /// # Errors
    /// [`GradientError::Diverged`], for instance.
    pub fn step_on(&mut self, train: &Labelled, val: Option<&Labelled>) -> Result<Seen, GradientError> {
        self.step(train, val, usize::MAX)
    }

    fn step(&mut self, train: &Labelled, val: Option<&Labelled>, steps: usize) -> Result<Seen, GradientError> {
        let Progress { epoch, step, .. } = self.progress;
        let at = At { epoch, step: step as u64, lr: self.settings.lr_at(epoch, step, steps) };
        let Self { learner, method, progress, .. } = self;
        let seen = kernels::on_kernel_threads(|| method.step(learner, train, val, at))?;
        progress.step += 1;
        progress.train.add(seen.train, train.labels.len());
        if let (Some(seen), Some(val)) = (seen.val, val) {
            progress.val.add(seen, val.labels.len());
        }
        Ok(seen)
    }

    fn finish_epoch(&mut self, feeds: &Feeds, steps: usize) -> Result<(), GradientError> {
        let Self { learner, method, progress, settings } = self;
        let epoch = progress.epoch;
        kernels::on_kernel_threads(|| method.end_epoch(learner, feeds, epoch))?;
        let beliefs = method.beliefs(epoch);
        if !beliefs.iter().flatten().all(|belief| belief.is_finite()) {
            return Err(self.diverged());
        }
        let Sums { loss, images, .. } = progress.train;
        progress.history.push(EpochSeen {
            train: EpochRecord {
                epoch,
                lr: settings.lr_at(epoch, 0, steps),
                loss: loss / images.max(1) as f64,
                accuracy: progress.train.metric(),
                held_out: None,
                held_out_last: None,
            },
            val_accuracy: (progress.val.images > 0).then(|| progress.val.metric()),
            beliefs,
            arch: method.leaning().map(|arch| learner.net.region().space().format(&arch)),
        });
        (progress.epoch, progress.step) = (epoch + 1, 0);
        (progress.train, progress.val) = (Sums::default(), Sums::default());
        Ok(())
    }
}

impl Sums {
    fn add(&mut self, seen: crate::train::StepRecord, images: usize) {
        self.loss += seen.loss * images as f64;
        self.measured += seen.measured;
        self.images += images as u64;
    }

    fn metric(&self) -> f64 {
        self.measured / self.images.max(1) as f64
    }
}
