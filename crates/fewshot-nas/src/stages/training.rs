//! Training a network in a stage, from its checkpoint if there is one, and loading what stages trained.

use std::path::Path;

use fewshot_data::TrainLoader;
use fewshot_guard::counted;
use fewshot_space::{Arch, Region};
use serde::{Deserialize, Serialize};

use super::keeper::{Keeper, position};
use crate::estimate::{NormPolicy, ScoreSet};
use crate::lab::ExperimentError;
use crate::nets::{Net, NetError};
use crate::run::{Checkpoint, Counter, Handle, Stage, StageContext};
use crate::train::{EpochRecord, Progress, Teacher, TrainConfig, Trainer, averaged_values};

/// File of a training stage: weights, running statistics, velocities, and where the training stands.
pub const CHECKPOINT: &str = "checkpoint.safetensors";

/// What a training stage returns.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Trained {
    /// The architecture, where a single one was trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// The region that the network covers.
    pub region: String,
    /// Trainable parameters held, all operations of the region together.
    pub held_params: u64,
    /// Networks in the region; absent where runs did not say so yet, or there are more than 2^64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networks: Option<u64>,
    /// Training curve, with the task's metric on held-out images where it was looked at.
    pub history: Vec<EpochRecord>,
}

impl Trained {
    /// Accuracy on held-out images when that was last looked at, 0 to 1.
    pub fn held_out_accuracy(&self) -> Option<f64> {
        self.history.iter().rev().find_map(|epoch| epoch.held_out)
    }
}

/// Part of a training: until so many epochs are done, on the batches of one loader.
pub struct Phase<'a> {
    /// Epochs that are done at its end.
    pub until: u64,
    /// What paths are drawn from; all that the network holds where nothing is said.
    pub region: Option<&'a Region>,
    /// The images.
    pub loader: &'a TrainLoader,
    /// Held-out images that none of `loader` is among, to follow the training by.
    pub judge: Option<&'a Judge<'a>>,
}

/// How a training is followed on held-out images.
pub struct Judge<'a> {
    /// The images.
    pub set: &'a ScoreSet,
    /// The architecture that is trained.
    pub arch: &'a Arch,
    /// Epochs from one look to the next, 1 or more.
    pub every: u64,
    /// Whether to look at the weights themselves too, where they are judged by their moving average.
    pub beside: bool,
}

impl Judge<'_> {
    /// The task's metric of the network as it would be left now, after steps on images of `loader`.
    pub fn value(&self, trainer: &Trainer, loader: &TrainLoader) -> Result<f64, ExperimentError> {
        self.of(trainer.judged(loader)?)
    }

    /// The same of the weights that are trained, where this is wanted and they are others.
    fn value_of_last(&self, trainer: &Trainer) -> Result<Option<f64>, ExperimentError> {
        let last = if self.beside { trainer.last() } else { None };
        last.map(|net| self.of(net)).transpose()
    }

    fn of(&self, mut net: Net) -> Result<f64, ExperimentError> {
        Ok(self.set.metric(&mut net, self.arch, NormPolicy::Running)?)
    }
}

/// Trains `net` to the end of `config`, going on from the stage's checkpoint when there is one.
pub fn train(
    context: &StageContext<'_>,
    net: Net,
    config: &TrainConfig,
    loader: &TrainLoader,
    seed: u64,
) -> Result<Trained, ExperimentError> {
    let all = [Phase { until: config.epochs, region: None, loader, judge: None }];
    train_phases(context, net, config, &all, None, seed)
}

/// The same in phases, from a teacher too where there is one.
pub fn train_phases(
    context: &StageContext<'_>,
    net: Net,
    config: &TrainConfig,
    phases: &[Phase<'_>],
    teacher: Option<Teacher>,
    seed: u64,
) -> Result<Trained, ExperimentError> {
    let file = context.file(CHECKPOINT);
    let counter = context.counter("training", "steps", steps_done(context, &file)?, Some(steps(phases)));
    let trainer = Trainer::new(net, config.clone(), seed)?.taught_by(teacher);
    let trainer = run_in(context, &file, &counter, trainer, phases)?;
    Ok(Trained {
        arch: None,
        region: trainer.net().region().label(),
        held_params: trainer.net().weights().count(),
        networks: trainer.net().region().size().ok().and_then(|size| u64::try_from(size).ok()),
        history: trainer.progress().history.clone(),
    })
}

/// Steps of phases that follow each other.
pub fn steps(phases: &[Phase<'_>]) -> u64 {
    let mut begun = 0;
    let mut steps = 0;
    for phase in phases {
        steps += phase.until.saturating_sub(begun) * phase.loader.steps_per_epoch() as u64;
        begun = phase.until.max(begun);
    }
    steps
}

/// Steps that the training with this checkpoint has behind it.
pub fn steps_done(context: &StageContext<'_>, file: &Path) -> Result<u64, ExperimentError> {
    Ok(position::<Progress>(context, file)?.steps)
}

/// The same with the checkpoint in `file`, for one of several trainings of a stage that share `counter`.
pub fn train_in(
    context: &StageContext<'_>,
    file: &Path,
    counter: &Counter<'_>,
    net: Net,
    config: &TrainConfig,
    phases: &[Phase<'_>],
    seed: u64,
) -> Result<Trainer, ExperimentError> {
    run_in(context, file, counter, Trainer::new(net, config.clone(), seed)?, phases)
}

/// The same of a training that is laid out already.
pub fn run_in(
    context: &StageContext<'_>,
    file: &Path,
    counter: &Counter<'_>,
    mut trainer: Trainer,
    phases: &[Phase<'_>],
) -> Result<Trainer, ExperimentError> {
    let epochs = trainer.config().epochs;
    let mut keeper = Keeper::resume(context, file, counter, &mut trainer)?;
    let held = trainer.net().region().clone();
    for Phase { until, region, loader, judge } in phases {
        trainer.draw_from(region.unwrap_or(&held))?;
        // No training goes beyond its configuration.
        let until = epochs.min(*until);
        let Some(judge) = judge else {
            trainer.run_until(until, loader, &mut keeper)?;
            continue;
        };
        loop {
            let (epoch, is_whole) = (trainer.progress().epoch, trainer.progress().step == 0);
            let is_due = epoch > 0 && epoch <= until && (epoch.is_multiple_of(judge.every) || epoch == until);
            // Also where a process was killed between the epoch and the look.
            if is_due && is_whole && trainer.progress().history.last().is_some_and(|last| last.held_out.is_none()) {
                let value = judge.value(&trainer, loader)?;
                trainer.note_held_out(value, judge.value_of_last(&trainer)?);
            }
            if epoch >= until {
                break;
            }
            let next = (epoch / judge.every + 1) * judge.every;
            trainer.run_until(next.min(until), loader, &mut keeper)?;
        }
    }
    if let Some(last) = phases.last() {
        let (epoch, is_whole) = (trainer.progress().epoch, trainer.progress().step == 0);
        // A training that went on beyond these phases before it was cut has other statistics by now.
        if epoch == epochs.min(last.until) && is_whole {
            trainer.settle(last.loader)?;
        }
    }
    // The loss of a step is that before its update, so the last one can do what no loss has shown.
    trainer.check_finite()?;
    keeper.keep(&trainer)?;
    Ok(trainer)
}

/// Loads the weights that stage `stage` left into `net`: their moving average where there is one.
pub fn load(context: &StageContext<'_>, stage: &Handle<Trained>, net: Net) -> Result<Net, ExperimentError> {
    load_from(&context.load(&context.input_file(stage.name(), CHECKPOINT)?)?, net)
}

/// The same from any checkpoint or model file.
pub fn load_from(checkpoint: &Checkpoint, mut net: Net) -> Result<Net, ExperimentError> {
    let values = averaged_values(&checkpoint.tensors);
    net.weights_mut().load_values(&values).map_err(NetError::from)?;
    Ok(net)
}

/// Copies a checkpoint of the run to a file of this stage, which it belongs to from then on.
pub fn take_over(context: &StageContext<'_>, from: &Path, to: &Path) -> Result<(), ExperimentError> {
    Ok(context.save(context.load(from)?, to)?)
}

/// Tells how many of the scores are 0, which fine-tuned networks get whose training diverged.
pub fn tell_failures(context: &StageContext<'_>, steps: usize, scores: impl ExactSizeIterator<Item = f64>) {
    let all = scores.len();
    let failed = scores.filter(|score| *score == 0.0).count();
    if steps > 0 && failed > 0 {
        let why = "nothing was right, or their fine-tuning diverged (lower scoring.fine_tune.lr)";
        context.progress().line(&format!("{failed} of {} score 0: {why}", counted(all, "network")));
    }
}

/// A stage that trains a network and leaves its [`CHECKPOINT`].
pub fn training_stage<'a>(
    handle: &Handle<Trained>,
    body: impl Fn(&StageContext<'_>) -> Result<Trained, ExperimentError> + 'a,
) -> Stage<'a> {
    Stage::of(handle, body).produces([CHECKPOINT])
}
