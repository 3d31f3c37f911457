//! The training of a generator that was found, alone and from scratch (AutoGAN, section 4.1).

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use fewshot_data::{Dataset, Shape};
use fewshot_fid::Gaussian;
use fewshot_space::autogan::{AutoGanSkeleton, AutoGanSpace};
use fewshot_space::{Arch, random};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::config::GanConfig;
use super::error::GanError;
use super::images::{Drawing, GeneratorNorms, Painter};
use super::judge::{FeatureNet, Judgement};
use super::real::RealImages;
use super::search::LossSums;
use super::trainer::{Pair, without_prefix};
use crate::nets::{DiscriminatorNet, NamedValues, Net, Path, host, tensor};
use crate::run::{Checkpoint, Interrupt};
use crate::train::ConfigError;

/// Prefixes in checkpoints.
const AVERAGE: &str = "average/";
const BEST: &str = "best/";

/// How long a generator is trained, and when it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DerivedPlan {
    /// Steps of the generator, 1 or more.
    pub generator_steps: u64,
    /// Share of the old average of its parameters that each of them keeps, 0 (the parameters themselves) up to but not including 1.
    pub ema: f64,
    /// Steps of the generator from one evaluation to the next, 1 or more; the last step has one too.
    pub evaluate_every: u64,
    /// Images by which it is evaluated.
    pub images: usize,
    /// Parts of the score.
    pub parts: usize,
    /// Share of the learning rate that is left behind the last step, 0 to 1, to which it falls in a line: 1 leaves it as it is, as
    /// published; 0 is what the published code calls its decay.
    #[serde(default = "whole")]
    pub lr_end: f64,
}

fn whole() -> f64 {
    1.0
}

impl DerivedPlan {
    /// The share of the learning rate in step number `step` of the discriminator of so many.
    fn lr_share(&self, step: u64, steps: u64) -> f64 {
        1.0 - (1.0 - self.lr_end) * step.min(steps) as f64 / steps.max(1) as f64
    }

    /// Checks all ranges.
    ///
    /// # Errors
    /// The first setting that is out of its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let fail = |key, value: String, allowed| Err(ConfigError { key, value, allowed });
        for (key, value) in [("generator_steps", self.generator_steps), ("evaluate_every", self.evaluate_every)] {
            if !(1..=100_000_000).contains(&value) {
                return fail(key, value.to_string(), "1 to 100000000");
            }
        }
        if !(0.0..1.0).contains(&self.ema) {
            return fail("ema", self.ema.to_string(), "0 up to but not including 1");
        }
        if !(2..=1_000_000).contains(&self.images) {
            return fail("images", self.images.to_string(), "2 to 1000000");
        }
        if !(1..=self.images).contains(&self.parts) {
            return fail("parts", self.parts.to_string(), "1 to `images`");
        }
        if !(0.0..=1.0).contains(&self.lr_end) {
            return fail("lr_end", self.lr_end.to_string(), "0 to 1");
        }
        Ok(())
    }
}

/// What an evaluation said.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EvaluationRecord {
    /// Steps of the generator by then.
    pub generator_steps: u64,
    /// Mean losses of the discriminator and of the generator since the evaluation before.
    pub losses: [f64; 2],
    /// Of its images.
    pub judgement: Judgement,
}

/// Where such a training stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DerivedProgress {
    /// Steps of the discriminator.
    pub steps: u64,
    /// Steps of the generator.
    pub generator_steps: u64,
    /// Losses since the last evaluation.
    pub losses: LossSums,
    /// All evaluations.
    pub evaluations: Vec<EvaluationRecord>,
}

impl DerivedProgress {
    /// The evaluation with the lowest distance, the first of several.
    pub fn best(&self) -> Option<&EvaluationRecord> {
        let distance = |record: &EvaluationRecord| record.judgement.distance.unwrap_or(f64::INFINITY);
        self.evaluations.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }
}

/// What such a training is given.
#[derive(Clone)]
pub struct DerivedTask {
    /// Of the generator.
    pub skeleton: AutoGanSkeleton,
    /// The architecture.
    pub arch: Arch,
    /// Channels of the discriminator.
    pub judge_channels: usize,
    /// Real images of the generator's size.
    pub images: Arc<Dataset>,
    /// Those that are trained on.
    pub indices: Arc<[u32]>,
    /// How both networks are trained.
    pub config: GanConfig,
    /// How long.
    pub plan: DerivedPlan,
    /// Where tensors live.
    pub device: Device,
    /// Keys all that is drawn.
    pub seed: u64,
}

/// A generator in training, and the best that it was.
pub struct Derivation {
    task: DerivedTask,
    progress: DerivedProgress,
    pair: Pair,
    /// Of the generator's parameters.
    average: Vec<Tensor<1>>,
    /// All values of the generator that had the lowest distance.
    best: NamedValues,
    real: RealImages,
}

impl Derivation {
    /// At its beginning.
    ///
    /// # Errors
    /// When a setting is out of range, or there are too few images.
    pub fn new(task: DerivedTask) -> Result<Self, GanError> {
        task.config.check()?;
        task.plan.check()?;
        let seed = |purpose: &str| random::stream(task.seed, purpose, 0, 0).random::<u64>();
        let space = Arc::new(AutoGanSpace::new(task.skeleton.clone())?);
        let generator = Net::standalone(space, &task.arch, &task.device, seed("generator weights"))?;
        let discriminator = DiscriminatorNet::new(
            task.skeleton.channels_out,
            task.judge_channels,
            &task.device,
            seed("discriminator weights"),
        );
        let average = generator.weights().values();
        let pair = Pair::new(generator, discriminator, task.skeleton.level, &task.config);
        let (side, batch) = (task.skeleton.image_side(), task.config.batch);
        let real = RealImages::new(&task.images, task.indices.clone(), side, batch, &task.device, seed("real images"))?;
        Ok(Self { task, progress: DerivedProgress::default(), pair, average, best: NamedValues::new(), real })
    }

    /// Where it stands.
    pub fn progress(&self) -> &DerivedProgress {
        &self.progress
    }

    /// What it was given.
    pub fn task(&self) -> &DerivedTask {
        &self.task
    }

    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        self.progress.generator_steps >= self.task.plan.generator_steps && !self.is_due()
    }

    fn is_due(&self) -> bool {
        let DerivedProgress { generator_steps, ref evaluations, .. } = self.progress;
        let plan = &self.task.plan;
        let is_place = generator_steps > 0
            && (generator_steps.is_multiple_of(plan.evaluate_every) || generator_steps >= plan.generator_steps);
        is_place && evaluations.last().is_none_or(|last| last.generator_steps < generator_steps)
    }

    /// A training step, or an evaluation where one is due; `real` are the statistics of real images.
    ///
    /// # Errors
    /// See [`GanError`]; the state is whole after any of them but [`GanError::Diverged`].
    pub fn step(&mut self, judge: &mut dyn FeatureNet, real: &Gaussian, interrupt: &Interrupt) -> Result<(), GanError> {
        if self.is_due() {
            return self.evaluate(judge, real, interrupt);
        }
        let step = self.progress.steps;
        let leads = step.is_multiple_of(self.task.config.critic_steps);
        let batch = self.real.batch(step);
        let path = Path::Shared(self.task.arch.clone());
        let steps = self.task.plan.generator_steps.saturating_mul(self.task.config.critic_steps);
        let lr = self.task.config.lr * self.task.plan.lr_share(step, steps);
        let config = GanConfig { lr, ..self.task.config };
        let losses = self.pair.step(batch, &path, &config, leads, (self.task.seed, step))?;
        if leads {
            let kept = self.task.plan.ema;
            let params = self.pair.generator.weights().params();
            for (own, param) in self.average.iter_mut().zip(params) {
                *own = own.clone().mul_scalar(kept) + param.value.clone().mul_scalar(1.0 - kept);
            }
        }
        self.progress.losses.add(losses.discriminator, losses.generator);
        self.progress.steps += 1;
        self.progress.generator_steps += u64::from(leads);
        Ok(())
    }

    /// The generator by which the training is judged: averaged parameters, and batch norms with their running statistics as they are.
    pub fn averaged(&self) -> Net {
        let mut net = self.pair.generator.clone();
        net.weights_mut().set_values(self.average.clone());
        net
    }

    fn evaluate(&mut self, judge: &mut dyn FeatureNet, real: &Gaussian, interrupt: &Interrupt) -> Result<(), GanError> {
        let mut net = self.averaged();
        let DerivedPlan { images, parts, .. } = self.task.plan;
        let seed = random::stream(self.task.seed, "evaluation", 0, 0).random::<u64>();
        let norms = GeneratorNorms::Running;
        let drawing = Drawing { seed, number: self.progress.generator_steps, images, parts, norms };
        let path = Path::Shared(self.task.arch.clone());
        let judgement =
            Painter::new(&mut net, path, self.shape(), norms, seed)?.judge(judge, &drawing, Some(real), interrupt)?;
        let losses = std::mem::take(&mut self.progress.losses).means();
        let record = EvaluationRecord { generator_steps: self.progress.generator_steps, losses, judgement };
        self.progress.evaluations.push(record);
        if self.progress.best() == Some(&record) {
            self.best = net.weights().to_values()?;
        }
        Ok(())
    }

    /// Size of its images.
    pub fn shape(&self) -> Shape {
        let side = self.task.skeleton.image_side();
        Shape { height: side, width: side, channels: self.task.skeleton.channels_out }
    }

    /// The generator as it was when its images were nearest to real ones.
    ///
    /// # Errors
    /// When it was never evaluated.
    pub fn into_best(self) -> Result<Net, GanError> {
        let mut net = self.pair.generator;
        net.weights_mut().load_values(&self.best)?;
        Ok(net)
    }

    /// All of its state.
    ///
    /// # Errors
    /// When a tensor cannot be read back from the device.
    pub fn to_checkpoint(&self) -> Result<Checkpoint, GanError> {
        let mut checkpoint = Checkpoint::new(&(&self.progress, self.pair.steps()))?;
        checkpoint.tensors = self.pair.to_values()?;
        for (param, value) in self.pair.generator.weights().params().iter().zip(&self.average) {
            let name = format!("{AVERAGE}{}", param.name);
            let value = host(&name, &param.shape, value)?;
            checkpoint.tensors.insert(name, value);
        }
        let best = self.best.iter().map(|(name, value)| (format!("{BEST}{name}"), value.clone()));
        checkpoint.tensors.extend(best);
        Ok(checkpoint)
    }

    /// Goes on from there.
    ///
    /// # Errors
    /// When the state is of other settings.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), GanError> {
        let (progress, steps): (DerivedProgress, [u64; 2]) = checkpoint.meta()?;
        self.pair.restore(&checkpoint.tensors, steps)?;
        for (param, own) in self.pair.generator.weights().params().iter().zip(&mut self.average) {
            let name = format!("{AVERAGE}{}", param.name);
            let stored = checkpoint.tensors.get(&name).filter(|stored| stored.shape() == param.shape);
            let stored = stored.ok_or_else(|| GanError::State(format!("`{name}` is missing or of another size")))?;
            *own = tensor(stored.data().to_vec(), &self.task.device);
        }
        self.best = without_prefix(&checkpoint.tensors, BEST);
        self.progress = progress;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_learning_rate_falls_in_a_line_or_stays() {
        let plan =
            |lr_end| DerivedPlan { generator_steps: 10, ema: 0.9, evaluate_every: 5, images: 8, parts: 2, lr_end };
        let shares = |lr_end| [0, 25, 50].map(|step| plan(lr_end).lr_share(step, 50));
        assert_eq!(shares(1.0), [1.0; 3]);
        assert_eq!(shares(0.0), [1.0, 0.5, 0.0]);
        assert_eq!(shares(0.5), [1.0, 0.75, 0.5]);
        let refused = plan(1.5).check().unwrap_err().to_string();
        assert!(refused.contains("lr_end = 1.5 is out of range"), "{refused}");
        assert!(plan(-0.1).check().is_err() && plan(f64::NAN).check().is_err() && plan(0.0).check().is_ok());
    }
}
