//! The search through growing generators (AutoGAN, section 3): a shared generator and a discriminator are trained level by level,
//! while a controller per level learns which cells score; the best of a level are what the next one extends.
//!
//! It does one small piece of work after the other, each a function of the state, and the whole state fits a checkpoint.

mod plan;
mod records;
mod select;
mod task;
mod within;

use fewshot_space::{Arch, OptionSet, random};
use rand::RngExt;

pub use plan::{Proposer, Schedule, SearchPlan};
pub use records::{Beam, IterationRecord, LossSums, Phase, Reset, SearchProgress};
pub use task::Task;
pub use within::Within;

use super::controller::{CellController, LstmState, Reinforce, Written};
use super::error::GanError;
use super::images::{Drawing, GeneratorNorms, Painter};
use super::judge::{FeatureNet, Judgement};
use super::real::RealImages;
use super::trainer::{Pair, StepLosses};
use crate::nets::optim::{Adam, Limits, Optimizer};
use crate::nets::{NamedValues, Path};
use crate::run::{Checkpoint, Interrupt};

/// Learning rate of controllers, and the betas of their Adam.
const CONTROLLER_LR: f64 = 3.5e-4;
const CONTROLLER: Adam = Adam { beta1: 0.0, beta2: 0.9, eps: 1e-8 };
/// Prefix of a controller's tensors in checkpoints.
const CONTROLLER_PREFIX: &str = "controller/";

/// A search under way.
pub struct GanSearch {
    task: Task,
    progress: SearchProgress,
    pair: Pair,
    controller: CellController,
    controller_optimizer: Optimizer<Adam>,
    real: RealImages,
}

impl GanSearch {
    /// At its beginning.
    ///
    /// # Errors
    /// When there are too few images, or a setting is out of range.
    pub fn new(task: Task) -> Result<Self, GanError> {
        task.config.check()?;
        task.plan.check(task.skeleton.cells())?;
        Self::at(task, SearchProgress::default())
    }

    /// With networks, controller and images of the level where `progress` stands.
    fn at(task: Task, progress: SearchProgress) -> Result<Self, GanError> {
        let level = progress.level.min(task.skeleton.cells() - 1);
        let pair = task.pair(level, progress.resets.len() as u64)?;
        let controller = task.controller(level);
        let controller_optimizer = Optimizer::new(&controller.weights, CONTROLLER, Limits::NONE);
        let real = task.real(level)?;
        Ok(Self { task, progress, pair, controller, controller_optimizer, real })
    }

    /// Where it stands.
    pub fn progress(&self) -> &SearchProgress {
        &self.progress
    }

    /// What it was given.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// The networks as they are.
    pub fn pair(&self) -> &Pair {
        &self.pair
    }

    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        self.progress.phase == Phase::Done
    }

    /// The next piece of work: a training step, a step of the controller, a candidate, or what leads from one to the next.
    ///
    /// # Errors
    /// See [`GanError`]; the state is whole after any of them but [`GanError::Diverged`].
    pub fn step(&mut self, judge: &mut dyn FeatureNet, interrupt: &Interrupt) -> Result<(), GanError> {
        match self.progress.phase {
            Phase::Train => self.train()?,
            Phase::Control => self.control(judge, interrupt)?,
            Phase::Select => self.select(judge, interrupt)?,
            Phase::Done => return Ok(()),
        }
        self.progress.pieces += 1;
        Ok(())
    }

    /// What the images of an architecture of the level are worth by the networks as they are, made of the latent numbers that `seed`
    /// draws.
    ///
    /// # Errors
    /// When the architecture lies outside of the region.
    pub fn score(
        &mut self,
        arch: &Arch,
        judge: &mut dyn FeatureNet,
        seed: u64,
        interrupt: &Interrupt,
    ) -> Result<Judgement, GanError> {
        let plan = &self.task.plan;
        let norms =
            if plan.schedule.recalibrate_norms { GeneratorNorms::Recalibrated } else { GeneratorNorms::Running };
        let drawing = Drawing { seed, number: 0, images: plan.schedule.images, parts: plan.schedule.parts, norms };
        let shape = self.task.shape(self.progress.level);
        let mut painter = Painter::new(&mut self.pair.generator, Path::Shared(arch.clone()), shape, norms, seed)?;
        painter.judge(judge, &drawing, None, interrupt)
    }

    fn train(&mut self) -> Result<(), GanError> {
        let plan = &self.task.plan;
        let SearchProgress { level, step, .. } = self.progress;
        let number = self.progress.train_steps;
        let arch = self.extended(&mut random::stream(self.task.seed, "training arch", number, 0))?.0;
        let leads = step.is_multiple_of(self.task.config.critic_steps);
        let real = self.real.batch(self.progress.level_steps);
        let key = (self.task.seed, number);
        let losses = self.pair.step(real, &Path::Shared(arch), &self.task.config, leads, key)?;
        let StepLosses { discriminator, generator } = losses;
        let progress = &mut self.progress;
        progress.windows.push(discriminator, generator, plan.schedule.window);
        progress.losses.add(discriminator, generator);
        progress.step += 1;
        progress.train_steps += 1;
        progress.level_steps += 1;
        let stands_still = progress.windows.stand_still(plan.schedule.window, plan.schedule.threshold);
        if stands_still {
            progress.windows.clear();
            progress.resets.push(Reset { iteration: progress.iteration, step: progress.step });
            progress.must_reset = true;
        }
        if stands_still || progress.step >= plan.schedule.critic_steps[level] {
            progress.step = 0;
            progress.phase = Phase::Control;
            progress.baseline.clear();
        }
        Ok(())
    }

    /// A step of the controller, and the end of the iteration behind the last.
    fn control(&mut self, judge: &mut dyn FeatureNet, interrupt: &Interrupt) -> Result<(), GanError> {
        if self.task.plan.proposer == Proposer::Controller
            && self.progress.step < self.task.plan.schedule.controller_steps
        {
            self.step_controller(judge, interrupt)?;
            self.progress.step += 1;
            return Ok(());
        }
        self.end_iteration(judge, interrupt)
    }

    fn step_controller(&mut self, judge: &mut dyn FeatureNet, interrupt: &Interrupt) -> Result<(), GanError> {
        let number = self.progress.controller_steps;
        let mut rng = random::stream(self.task.seed, "controller arch", number, 0);
        let prefix = self.prefix(&mut rng);
        let leaves = self.controller.weights.leaves();
        let written = self.controller.sample(&leaves, &prefix.state, self.allowed_behind(&prefix), &mut rng);
        let arch = Arch::new([prefix.options.as_slice(), &written.options].concat());
        // Rewards are of fresh images; which network is compared with which is left to chance.
        let found = self.judged(&arch, judge, ("reward", number), interrupt)?;
        let reinforce = Reinforce { as_published: self.task.plan.schedule.as_published };
        let loss = reinforce.loss(&written, found.score, &mut self.progress.baseline, &self.task.device);
        let mut gradients = loss.backward();
        let gradients = leaves.iter().map(|leaf| leaf.grad_remove(&mut gradients)).collect();
        self.controller_optimizer.step(&mut self.controller.weights, gradients, CONTROLLER_LR);
        self.progress.controller_steps += 1;
        self.progress.rewards.push(found.score);
        Ok(())
    }

    fn end_iteration(&mut self, judge: &mut dyn FeatureNet, interrupt: &Interrupt) -> Result<(), GanError> {
        interrupt.check()?;
        let sample = self.shown(judge, interrupt)?;
        let was_reset = self.progress.must_reset;
        let probabilities = self.probabilities();
        let progress = &mut self.progress;
        let rewards = std::mem::take(&mut progress.rewards);
        progress.history.push(IterationRecord {
            iteration: progress.iteration,
            level: progress.level,
            losses: progress.losses.means(),
            score: sample.score,
            reward: (!rewards.is_empty()).then(|| rewards.iter().sum::<f64>() / rewards.len() as f64),
            probabilities,
            was_reset,
        });
        progress.losses = Default::default();
        progress.step = 0;
        progress.iteration += 1;
        progress.level_iterations += 1;
        let is_last = progress.level_iterations >= self.task.plan.schedule.iterations[progress.level];
        progress.phase = if is_last { Phase::Select } else { Phase::Train };
        if was_reset {
            self.progress.must_reset = false;
            self.pair = self.task.pair(self.progress.level, self.progress.resets.len() as u64)?;
        }
        Ok(())
    }

    /// The score of one architecture that the state names, to follow the search by.
    fn shown(&mut self, judge: &mut dyn FeatureNet, interrupt: &Interrupt) -> Result<Judgement, GanError> {
        let mut rng = random::stream(self.task.seed, "shown arch", self.progress.iteration, 0);
        let (arch, _) = self.extended(&mut rng)?;
        self.judged(&arch, judge, ("shown", self.progress.iteration), interrupt)
    }

    /// Goes to the next level with the networks as they are, or ends.
    fn rise(&mut self) -> Result<(), GanError> {
        let progress = &mut self.progress;
        (progress.step, progress.level_steps, progress.level_iterations) = (0, 0, 0);
        if progress.level + 1 == self.task.skeleton.cells() {
            progress.phase = Phase::Done;
            return Ok(());
        }
        progress.level += 1;
        progress.phase = Phase::Train;
        let level = progress.level;
        let mut seeds = random::stream(self.task.seed, "generator weights", progress.resets.len() as u64, 0);
        let mut larger = self.task.generator(level, seeds.random())?;
        larger.weights_mut().transfer_from(self.pair.generator.weights())?;
        self.pair = self.pair.clone().grown(larger, level, &self.task.config)?;
        self.controller = self.task.controller(level);
        self.controller_optimizer = Optimizer::new(&self.controller.weights, CONTROLLER, Limits::NONE);
        self.real = self.task.real(level)?;
        Ok(())
    }

    /// What the images of an architecture of this level are worth; `number` says which latent numbers they are made of.
    fn judged(
        &mut self,
        arch: &Arch,
        judge: &mut dyn FeatureNet,
        (purpose, number): (&str, u64),
        interrupt: &Interrupt,
    ) -> Result<Judgement, GanError> {
        let seed = random::stream(self.task.seed, purpose, number, 0).random::<u64>();
        self.score(arch, judge, seed, interrupt)
    }

    /// One of the best of the level below, at random; nothing at the lowest.
    fn prefix(&self, rng: &mut impl rand::Rng) -> Beam {
        match self.progress.beams.len() {
            0 => Beam { options: Vec::new(), state: LstmState::zero(), score: 0.0 },
            count => self.progress.beams[rng.random_range(0..count)].clone(),
        }
    }

    /// An architecture of this level: one of the best of the level below, and a cell that the proposer adds; with where the
    /// controller ended.
    fn extended(&self, rng: &mut impl rand::Rng) -> Result<(Arch, LstmState), GanError> {
        match self.task.plan.proposer {
            Proposer::Uniform => Ok((self.task.drawn(self.progress.level, rng)?, LstmState::zero())),
            Proposer::Controller => {
                let prefix = self.prefix(rng);
                let written = self.written(&prefix, rng);
                Ok((Arch::new([prefix.options, written.options].concat()), written.state))
            }
        }
    }

    fn written(&self, prefix: &Beam, rng: &mut impl rand::Rng) -> Written {
        self.controller.sample(&self.controller.weights.values(), &prefix.state, self.allowed_behind(prefix), rng)
    }

    /// Which options may follow those of a cell that are written, behind the cells of `prefix`.
    fn allowed_behind<'a>(&'a self, prefix: &'a Beam) -> impl Fn(&[u8]) -> OptionSet + 'a {
        move |written: &[u8]| self.task.within.options_after(&[prefix.options.as_slice(), written].concat())
    }

    /// What the controller would take now, behind the first of the best.
    fn probabilities(&self) -> Vec<Vec<f64>> {
        if self.task.plan.proposer == Proposer::Uniform {
            return Vec::new();
        }
        let mut rng = random::stream(self.task.seed, "probabilities", self.progress.iteration, 0);
        let prefix = self.prefix(&mut rng);
        self.written(&prefix, &mut rng).probabilities
    }

    /// All of its state.
    ///
    /// # Errors
    /// When a tensor cannot be read back from the device.
    pub fn to_checkpoint(&self) -> Result<Checkpoint, GanError> {
        let state = (&self.progress, self.pair.steps(), self.controller_optimizer.steps());
        let mut checkpoint = Checkpoint::new(&state)?;
        checkpoint.tensors = self.pair.to_values()?;
        let weights = &self.controller.weights;
        let own = weights.to_values()?.into_iter().chain(self.controller_optimizer.to_values(weights)?);
        checkpoint.tensors.extend(own.map(|(name, value)| (format!("{CONTROLLER_PREFIX}{name}"), value)));
        Ok(checkpoint)
    }

    /// Goes on from there.
    ///
    /// # Errors
    /// When the state is of other settings.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), GanError> {
        let (progress, steps, controller_steps): (SearchProgress, [u64; 2], u64) = checkpoint.meta()?;
        progress.check(&self.task.plan, &self.task.within)?;
        let mut restored = Self::at(self.task.clone(), progress)?;
        restored.pair.restore(&checkpoint.tensors, steps)?;
        let own: NamedValues = super::trainer::without_prefix(&checkpoint.tensors, CONTROLLER_PREFIX);
        restored.controller.weights.load_values(&own)?;
        restored.controller_optimizer.restore(&restored.controller.weights, &own, controller_steps)?;
        *self = restored;
        Ok(())
    }
}
