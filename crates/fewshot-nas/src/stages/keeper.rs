//! Trainings that are kept now and then, and go on from there.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::adversarial::{Derivation, GanError, GanSearch};
use crate::estimate::PredictorFit;
use crate::gradient::{self, GradientError, GradientSearch};
use crate::lab::ExperimentError;
use crate::run::{Checkpoint, CheckpointError, Counter, Interrupted, StageContext};
use crate::train::{self, EpochRecord, TrainError, Trainer};

/// At most this much work is lost by a kill.
const KEPT_EVERY: Duration = Duration::from_secs(15);

/// Something trained step by step whose whole state fits a checkpoint.
pub trait Resumable {
    /// Why its steps fail.
    type Error: From<CheckpointError> + From<Interrupted>;

    /// All of its state.
    ///
    /// # Errors
    /// When a tensor cannot be read back from the device.
    fn to_checkpoint(&self) -> Result<Checkpoint, Self::Error>;

    /// Goes on from there.
    ///
    /// # Errors
    /// When the state belongs to something else.
    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), Self::Error>;
}

impl Resumable for Trainer {
    type Error = TrainError;

    fn to_checkpoint(&self) -> Result<Checkpoint, TrainError> {
        let mut checkpoint = Checkpoint::new(self.progress())?;
        checkpoint.tensors = self.to_values()?;
        Ok(checkpoint)
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        Trainer::restore(self, &checkpoint.tensors, checkpoint.meta()?)
    }
}

impl Resumable for GradientSearch {
    type Error = GradientError;

    fn to_checkpoint(&self) -> Result<Checkpoint, GradientError> {
        let mut checkpoint = Checkpoint::new(&self.to_progress())?;
        checkpoint.tensors = self.to_values()?;
        Ok(checkpoint)
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), GradientError> {
        GradientSearch::restore(self, &checkpoint.tensors, checkpoint.meta()?)
    }
}

impl Resumable for PredictorFit {
    type Error = ExperimentError;

    fn to_checkpoint(&self) -> Result<Checkpoint, ExperimentError> {
        let mut checkpoint = Checkpoint::new(self.progress())?;
        checkpoint.tensors = self.to_values()?;
        Ok(checkpoint)
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), ExperimentError> {
        Ok(PredictorFit::restore(self, &checkpoint.tensors, checkpoint.meta()?)?)
    }
}

impl Resumable for GanSearch {
    type Error = GanError;

    fn to_checkpoint(&self) -> Result<Checkpoint, GanError> {
        GanSearch::to_checkpoint(self)
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), GanError> {
        GanSearch::restore(self, checkpoint)
    }
}

impl Resumable for Derivation {
    type Error = GanError;

    fn to_checkpoint(&self) -> Result<Checkpoint, GanError> {
        Derivation::to_checkpoint(self)
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), GanError> {
        Derivation::restore(self, checkpoint)
    }
}

/// Looks on at a training: counts its steps, keeps its state in a file of the stage, stops it when that is asked for.
pub struct Keeper<'a> {
    context: &'a StageContext<'a>,
    file: &'a Path,
    counter: &'a Counter<'a>,
    kept: Instant,
}

impl<'a> Keeper<'a> {
    /// Puts `training` where the file says that it stood, if it has begun, and looks on from there.
    ///
    /// # Errors
    /// When the file is damaged or of something else.
    pub fn resume<R: Resumable>(
        context: &'a StageContext<'a>,
        file: &'a Path,
        counter: &'a Counter<'a>,
        training: &mut R,
    ) -> Result<Self, R::Error> {
        if let Some(checkpoint) = context.load_if_exists(file)? {
            training.restore(&checkpoint)?;
        }
        Ok(Self { context, file, counter, kept: Instant::now() })
    }

    /// Keeps the state as it is now.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep<R: Resumable>(&mut self, training: &R) -> Result<(), R::Error> {
        self.context.save(training.to_checkpoint()?, self.file)?;
        self.kept = Instant::now();
        Ok(())
    }

    /// Counts a step, and keeps the state where it is time for that or the work is to stop.
    ///
    /// # Errors
    /// When the state cannot be written, or the work is to stop.
    pub fn after_step<R: Resumable>(&mut self, training: &R) -> Result<(), R::Error> {
        self.counter.add(1);
        let interrupted = self.context.interrupt().check();
        if interrupted.is_err() || self.kept.elapsed() > KEPT_EVERY {
            self.keep(training)?;
        }
        Ok(interrupted?)
    }
}

impl train::Observer for Keeper<'_> {
    fn step_done(&mut self, trainer: &Trainer, _: usize) -> Result<(), TrainError> {
        if let (0, Some(epoch)) = (trainer.progress().step, trainer.progress().history.last()) {
            let EpochRecord { epoch, loss, accuracy, .. } = epoch;
            let (done, all) = (epoch + 1, trainer.config().epochs);
            let metric = trainer.task().metric();
            let (name, value) = (metric.name, metric.text(*accuracy, 1));
            let text = format!("epoch {done}/{all}: loss {loss:.3}, {name} {value}");
            self.context.progress().message(&text);
        }
        self.after_step(trainer)
    }
}

impl gradient::Observer for Keeper<'_> {
    fn step_done(&mut self, search: &GradientSearch) -> Result<(), GradientError> {
        self.after_step(search)
    }
}

/// Where the training with this checkpoint stands; at its beginning where there is none.
pub fn position<P: DeserializeOwned + Default>(context: &StageContext<'_>, file: &Path) -> Result<P, ExperimentError> {
    Ok(context.load_if_exists(file)?.map(|checkpoint| checkpoint.meta()).transpose()?.unwrap_or_default())
}
