//! The stages that runs are put together from: train a network, load one that an earlier stage trained.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fewshot_data::TrainLoader;
use fewshot_guard::read_file;
use fewshot_space::{Arch, Region};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Lab, PipelineError};
use crate::estimate::{FewShot, NormPolicy, OneShot, ScoreSet};
use crate::nets::Net;
use crate::run::{Checked, Checkpoint, Counter, RunError, Stage, StageContext, write_json};
use crate::train::{EpochRecord, Observer, Progress as TrainProgress, TrainConfig, TrainError, Trainer};

/// File of a training stage: weights, running statistics, velocities, and where the training stands.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
/// The one supernet.
pub const SUPERNET: &str = "supernet";
/// At most this much work is lost by a kill.
pub const CHECKPOINT_EVERY: Duration = Duration::from_secs(15);

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
    /// Training curve, with the accuracy on held-out images where it was looked at.
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
}

impl Judge<'_> {
    /// Accuracy of the network as it would be left now, 0 to 1.
    pub fn accuracy(&self, trainer: &Trainer) -> Result<f64, PipelineError> {
        Ok(self.set.accuracy(&mut trainer.averaged(), self.arch, NormPolicy::Running)?)
    }
}

/// Trains `net` to the end of `config`, going on from the stage's checkpoint when there is one.
pub fn train(
    context: &StageContext<'_>,
    net: Net,
    config: &TrainConfig,
    loader: &TrainLoader,
    seed: u64,
) -> Result<Trained, PipelineError> {
    train_phases(context, net, config, &[Phase { until: config.epochs, loader, judge: None }], seed)
}

/// The same in phases.
pub fn train_phases(
    context: &StageContext<'_>,
    net: Net,
    config: &TrainConfig,
    phases: &[Phase<'_>],
    seed: u64,
) -> Result<Trained, PipelineError> {
    let file = context.file(CHECKPOINT);
    let counter = context.counter("training", "steps", steps_done(context, &file)?, Some(steps(phases)));
    let trainer = train_in(context, &file, &counter, net, config, phases, seed)?;
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
pub fn steps_done(context: &StageContext<'_>, file: &Path) -> Result<u64, PipelineError> {
    let progress: TrainProgress =
        context.load_if_exists(file)?.map(|checkpoint| checkpoint.meta()).transpose()?.unwrap_or_default();
    Ok(progress.steps)
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
) -> Result<Trainer, PipelineError> {
    let mut trainer = Trainer::new(net, config.clone(), seed)?;
    if let Some(checkpoint) = context.load_if_exists(file)? {
        let progress = checkpoint.meta()?;
        trainer.restore(&checkpoint.tensors, progress)?;
    }
    let mut observer = Saving { context, file, counter, saved: Instant::now() };
    for Phase { until, loader, judge } in phases {
        // No training goes beyond its configuration.
        let until = config.epochs.min(*until);
        let Some(judge) = judge else {
            trainer.run_until(until, loader, &mut observer)?;
            continue;
        };
        loop {
            let (epoch, is_whole) = (trainer.progress().epoch, trainer.progress().step == 0);
            let is_due = epoch > 0 && epoch <= until && (epoch.is_multiple_of(judge.every) || epoch == until);
            // Also where a process was killed between the epoch and the look.
            if is_due && is_whole && trainer.progress().history.last().is_some_and(|last| last.held_out.is_none()) {
                let accuracy = judge.accuracy(&trainer)?;
                trainer.note_held_out(accuracy);
            }
            if epoch >= until {
                break;
            }
            let next = (epoch / judge.every + 1) * judge.every;
            trainer.run_until(next.min(until), loader, &mut observer)?;
        }
    }
    // The loss of a step is that before its update, so the last one can do what no loss has shown.
    trainer.check_finite()?;
    save(context, &trainer, file)?;
    Ok(trainer)
}

struct Saving<'a> {
    context: &'a StageContext<'a>,
    file: &'a Path,
    counter: &'a Counter<'a>,
    saved: Instant,
}

impl Observer for Saving<'_> {
    fn step_done(&mut self, trainer: &Trainer, _: usize) -> Result<(), TrainError> {
        self.counter.add(1);
        if let (0, Some(epoch)) = (trainer.progress().step, trainer.progress().history.last()) {
            let EpochRecord { epoch, loss, accuracy, .. } = epoch;
            let (done, all) = (epoch + 1, trainer.config().epochs);
            let text = format!("epoch {done}/{all}: loss {loss:.3}, accuracy {:.1} %", 100.0 * accuracy);
            self.context.progress().message(&text);
        }
        let interrupted = self.context.interrupt().check();
        if interrupted.is_err() || self.saved.elapsed() > CHECKPOINT_EVERY {
            save(self.context, trainer, self.file)?;
            self.saved = Instant::now();
        }
        Ok(interrupted?)
    }
}

fn save(context: &StageContext<'_>, trainer: &Trainer, file: &Path) -> Result<(), TrainError> {
    let mut checkpoint = Checkpoint::new(trainer.progress())?;
    checkpoint.tensors = trainer.to_values()?;
    Ok(context.save(checkpoint, file)?)
}

/// Loads the weights that stage `stage` left into `net`: their moving average where there is one.
pub fn load(context: &StageContext<'_>, stage: &str, net: Net) -> Result<Net, PipelineError> {
    put_into(net, &context.load(&context.input_file(stage, CHECKPOINT)?)?)
}

/// Loads the weights that this stage left into `net`, likewise.
pub fn load_own(context: &StageContext<'_>, net: Net) -> Result<Net, PipelineError> {
    put_into(net, &context.load(&context.file(CHECKPOINT))?)
}

/// The same from any checkpoint or model file.
pub fn load_from(file: &Path, net: Net) -> Result<Net, PipelineError> {
    put_into(net, &Checkpoint::load(file)?)
}

fn put_into(mut net: Net, checkpoint: &Checkpoint) -> Result<Net, PipelineError> {
    let values = crate::train::averaged_values(&checkpoint.tensors);
    net.weights_mut().load_values(&values).map_err(crate::nets::NetError::from)?;
    Ok(net)
}

/// A fresh supernet over `region`.
pub fn supernet(lab: &Lab, region: &Region) -> Net {
    Net::supernet(lab.supernet_blueprint(), region.clone(), lab.device(), lab.seed("supernet weights"))
}

/// Name of the stage that trains sub-supernet `index`.
pub fn child_name(index: usize) -> String {
    format!("child-{index}")
}

/// Trains the one supernet for the whole region, and one sub-supernet per part from its weights.
pub fn supernet_stages(lab: &Lab) -> Vec<Stage<'_>> {
    let whole = lab.partition().whole();
    let mut stages = vec![training_stage(SUPERNET, move |context| {
        let config = &lab.recipe().supernet;
        let loader = lab.search_loader(config, lab.seed("supernet images"))?;
        train(context, supernet(lab, whole), config, &loader, lab.seed("supernet paths"))
    })];
    if lab.is_split() {
        for (index, region) in lab.partition().regions().iter().enumerate() {
            let name = child_name(index);
            let stage = training_stage(name.clone(), move |context| {
                let config = &lab.recipe().children;
                let parent = load(context, SUPERNET, supernet(lab, whole))?;
                let (child, transfer) = parent.child(region.clone(), lab.seed("supernet weights"))?;
                context.event("transfer", json!({ "copied": transfer.copied, "fresh": transfer.fresh }))?;
                // Every child sees the images in the same order and differs in its region alone.
                let loader = lab.search_loader(config, lab.seed("child images"))?;
                train(context, child, config, &loader, lab.seed("child paths"))
            });
            stages.push(stage.after([SUPERNET]));
        }
    }
    stages
}

/// Stages whose supernets score: the sub-supernets, or the one supernet when nothing is split.
pub fn scoring_inputs(lab: &Lab) -> Vec<String> {
    if lab.is_split() {
        (0..lab.partition().regions().len()).map(child_name).collect()
    } else {
        vec![SUPERNET.to_string()]
    }
}

/// The estimator over those stages.
pub fn estimator(lab: &Lab, context: &StageContext<'_>, set: &Arc<ScoreSet>) -> Result<FewShot, PipelineError> {
    let scoring = &lab.recipe().scoring;
    let config = if lab.is_split() { &lab.recipe().children } else { &lab.recipe().supernet };
    let fine_tune = lab.fine_tune(&scoring.fine_tune, config, 0)?;
    let one_shot =
        |net| OneShot::new(net, set.clone(), scoring.norm).measured(scoring.measure).fine_tuned(fine_tune.clone());
    let members = scoring_inputs(lab)
        .iter()
        .zip(lab.partition().regions())
        .map(|(stage, region)| Ok(one_shot(load(context, stage, supernet(lab, region))?)))
        .collect::<Result<Vec<_>, PipelineError>>()?;
    Ok(FewShot::new(lab.partition().clone(), members))
}

/// Tells how many of the scores are 0, which fine-tuned networks get whose training diverged.
pub fn tell_failures(context: &StageContext<'_>, steps: usize, scores: impl ExactSizeIterator<Item = f64>) {
    let all = scores.len();
    let failed = scores.filter(|score| *score == 0.0).count();
    if steps > 0 && failed > 0 {
        let why = "nothing was right, or their fine-tuning diverged (lower scoring.fine_tune.lr)";
        context.progress().line(&format!("{failed} of {all} networks score 0: {why}"));
    }
}

/// How fast architectures are scored.
#[derive(Debug, Default)]
pub struct Rate {
    architectures: usize,
    seconds: f64,
}

impl Rate {
    /// Runs what scores so many architectures; its value, and the seconds that it took.
    pub fn time<T, E>(&mut self, architectures: usize, score: impl FnOnce() -> Result<T, E>) -> Result<(T, f64), E> {
        let began = Instant::now();
        let scores = score()?;
        let seconds = began.elapsed().as_secs_f64();
        self.architectures += architectures;
        self.seconds += seconds;
        Ok((scores, seconds))
    }

    /// Writes an event with what this process scored, and how many architectures per second.
    pub fn log(&self, context: &StageContext<'_>) -> Result<(), PipelineError> {
        let Self { architectures, seconds } = *self;
        if architectures > 0 {
            let per_second = architectures as f64 / seconds.max(f64::MIN_POSITIVE);
            let data = json!({ "architectures": architectures, "seconds": seconds, "per_second": per_second });
            context.event("scored", data)?;
        }
        Ok(())
    }
}

/// A name as part of a stage's: lower-case letters and digits, `-` for all else.
pub fn slug(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

/// A stage that trains a network and leaves its [`CHECKPOINT`].
pub fn training_stage<'a>(
    name: impl Into<String>,
    body: impl Fn(&StageContext<'_>) -> Result<Trained, PipelineError> + 'a,
) -> Stage<'a> {
    stage(name, body).produces([CHECKPOINT])
}

/// A stage with a typed value.
pub fn stage<'a, T: Serialize>(
    name: impl Into<String>,
    body: impl Fn(&StageContext<'_>) -> Result<T, PipelineError> + 'a,
) -> Stage<'a> {
    Stage::new(name, move |context| Ok(serde_json::to_value(body(context)?)?))
}

/// The value of a stage that is done.
pub fn value<T: DeserializeOwned>(values: &BTreeMap<String, Value>, stage: &str) -> Result<T, PipelineError> {
    let state = |reason: String| PipelineError::State { path: format!("{stage}/done.json"), reason };
    let value = values.get(stage).ok_or_else(|| state("missing".to_string()))?;
    T::deserialize(value).map_err(|error| state(error.to_string()))
}

/// Reads a small JSON state of a stage, `None` when the stage has just begun.
pub fn load_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, PipelineError> {
    let state = |reason: String| PipelineError::State { path: path.display().to_string(), reason };
    match read_file(path) {
        Ok(bytes) => {
            let read = serde_json::from_slice::<Checked<T>>(&bytes);
            read.map(|Checked(read)| Some(read)).map_err(|error| state(error.to_string()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(crate::run::FileError::new("read", path, error).into()),
    }
}

/// Writes it with a checksum, whole or not at all.
pub fn save_json<T: Serialize>(path: &Path, state: &T) -> Result<(), PipelineError> {
    Ok(write_json(path, &Checked(state)).map_err(RunError::from)?)
}
