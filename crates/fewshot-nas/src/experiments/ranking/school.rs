//! Training the supernets of an arm.

use std::path::PathBuf;

use super::compared::{Compared, Source};
use super::member::{Member, phase_file, weights_file};
use super::trained::Schooled;
use crate::lab::ExperimentError;
use crate::nets::{Net, Path};
use crate::recipe::shrink::largest;
use crate::run::{Counter, StageContext};
use crate::stages::{Phase, Piecework, load_from, run_in, steps_done};
use crate::train::{EpochRecord, Teacher, Trainer};

/// Trains supernets of one arm, in one stage.
pub struct School<'a> {
    pub compared: &'a Compared,
    pub context: &'a StageContext<'a>,
    /// Position of the arm.
    pub position: usize,
    /// Counts steps of all trainings.
    training: Counter<'a>,
}

impl<'a> School<'a> {
    /// For these supernets of the arm at `position`; what earlier processes did of their training is counted.
    pub fn open(
        compared: &'a Compared,
        context: &'a StageContext<'a>,
        position: usize,
        members: &[Member],
    ) -> Result<Self, ExperimentError> {
        let arm = &compared.arms[position];
        let phases = compared.phases(arm);
        let steps = compared.lab.search_loader(&arm.config, 0)?.steps_per_epoch() as u64 * arm.epochs;
        let mut done = 0;
        for member in members {
            if context.file(&member.value_file()).exists() {
                done += steps;
                continue;
            }
            for file in member.training_files(phases) {
                done += steps_done(context, &context.file(&file))?;
            }
        }
        let training = context.counter("training", "steps", done, Some(steps * members.len() as u64));
        Ok(Self { compared, context, position, training })
    }

    /// Trains a supernet from where an earlier process left it, unless it only scores.
    pub fn train(&self, member: &Member) -> Result<(Net, Schooled), ExperimentError> {
        let net = first_net(self.compared, self.context, self.position, member)?;
        let arm = &self.compared.arms[self.position];
        if arm.config.epochs == 0 {
            return Ok((net, Schooled::default()));
        }
        if arm.shrinks {
            return self.train_in_phases(member, net);
        }
        let lab = &self.compared.lab;
        let purpose = if arm.parent.is_some() { "child" } else { "supernet" };
        let seed = |what: &str| lab.seed_of(member.repetition, &format!("{purpose} {what}"));
        let loader = lab.search_loader(&arm.config, seed("images"))?;
        let all = [Phase { until: arm.config.epochs, region: None, loader: &loader, judge: None }];
        let teacher = self.compared.teacher(self.position, member);
        let teacher = teacher.map(|source| self.teacher_of(&source, member.repetition)).transpose()?;
        let trainer = Trainer::new(net, arm.config.clone(), seed("paths"))?.taught_by(teacher);
        self.run(member.weights_file(), trainer, &all)
    }

    /// Trains a supernet phase by phase, each from the weights of the one before; the curve has the epochs of all in a row.
    fn train_in_phases(&self, member: &Member, mut net: Net) -> Result<(Net, Schooled), ExperimentError> {
        let (lab, arm) = (&self.compared.lab, &self.compared.arms[self.position]);
        let (phases, held) = (self.compared.phases(arm), &member.region);
        let shares = phases.iter().map(|phase| phase.share).sum();
        let mut all = Schooled::default();
        for (index, phase) in phases.iter().enumerate() {
            if phase.sort && index > 0 {
                net.sort_channels(&phases[index - 1].region(held)?);
            }
            let config = phase.config(&arm.config, shares);
            let seed = |what: &str| lab.seed_of(member.repetition, &format!("supernet {what}, phase {}", phase.name));
            let loader = lab.search_loader(&config, seed("images"))?;
            // The last phase trains what is compared, within its limits.
            let region = if index + 1 == phases.len() { held.clone() } else { phase.region(held)? };
            let teacher = if phase.distill > 0.0 { Some(self.first_phase(member)?) } else { None };
            let whole = [Phase { until: config.epochs, region: Some(&region), loader: &loader, judge: None }];
            let trainer = Trainer::new(net, config, seed("paths"))?.taught_by(teacher);
            let file = phase_file(phases, index, member.repetition, member.part);
            let (trained, Schooled { seconds, history }) = self.run(file, trainer, &whole)?;
            let before = all.history.len() as u64;
            all.history.extend(history.into_iter().map(|epoch| EpochRecord { epoch: before + epoch.epoch, ..epoch }));
            all.seconds += seconds;
            net = trained;
        }
        Ok((net, all))
    }

    /// Takes a training with the checkpoint `file` to its end.
    fn run(&self, file: String, trainer: Trainer, phases: &[Phase<'_>]) -> Result<(Net, Schooled), ExperimentError> {
        let checkpoint = self.context.file(&file);
        let clock = self.context.clock(&checkpoint)?;
        let trainer = run_in(self.context, &checkpoint, &self.training, trainer, phases)?;
        let history = trainer.progress().history.clone();
        Ok((trainer.into_net(), Schooled { seconds: clock.seconds(), history }))
    }

    /// The largest network of a supernet, as its own first phase left it.
    fn first_phase(&self, member: &Member) -> Result<Teacher, ExperimentError> {
        let arm = &self.compared.arms[self.position];
        let file = phase_file(self.compared.phases(arm), 0, member.repetition, member.part);
        let net = self.compared.fresh(arm, member.part, member.repetition);
        let net = load_from(&self.context.load(&self.context.file(&file))?, net)?;
        Ok(Teacher::new(net, Path::Shared(largest(&member.region)))?)
    }

    /// The largest network of another arm's supernet, as the first phase there left it.
    fn teacher_of(&self, source: &Source<'_>, repetition: u64) -> Result<Teacher, ExperimentError> {
        let file = phase_file(self.compared.phases(source.arm), 0, repetition, source.part);
        let net = load(self.compared, self.context, source, &file, repetition)?;
        let held = &source.arm.partition.regions()[source.part];
        Ok(Teacher::new(net, Path::Shared(largest(held)))?)
    }

    /// Files of the training of a supernet that nobody reads once it is done. Others may begin with its weights, and learn from those
    /// behind the first of several phases.
    pub fn between_phases(&self, member: &Member) -> impl Iterator<Item = PathBuf> {
        let files = member.training_files(self.compared.phases(&self.compared.arms[self.position]));
        let between = files.len().saturating_sub(1);
        files.into_iter().take(between).skip(1).map(|file| self.context.file(&file))
    }
}

/// Supernets that other stages score with: their weights are what is left.
impl Piecework for School<'_> {
    type Piece = Member;
    type Value = Schooled;

    fn value_file(&self, member: &Member) -> PathBuf {
        self.context.file(&member.value_file())
    }

    fn leftovers(&self, member: &Member) -> Vec<PathBuf> {
        self.between_phases(member).collect()
    }

    fn work(&self, member: &Member) -> Result<Schooled, ExperimentError> {
        Ok(self.train(member)?.1)
    }
}

/// A supernet of the arm at `position` before its first step.
pub fn first_net(
    compared: &Compared,
    context: &StageContext<'_>,
    position: usize,
    member: &Member,
) -> Result<Net, ExperimentError> {
    let (arm, repetition) = (&compared.arms[position], member.repetition);
    let Some(source) = compared.parent(position, member) else {
        return Ok(compared.fresh(arm, member.part, repetition));
    };
    let parent = load(compared, context, &source, &weights_file(repetition, source.part), repetition)?;
    let seed = compared.lab.seed_of(repetition, "supernet weights");
    Ok(parent.child_in(arm.blueprint(), member.region.clone(), seed)?.0)
}

/// A supernet of another stage, with the weights in its file `file`.
pub fn load(
    compared: &Compared,
    context: &StageContext<'_>,
    source: &Source<'_>,
    file: &str,
    repetition: u64,
) -> Result<Net, ExperimentError> {
    let checkpoint = context.load(&context.input_file(&source.stage, file)?)?;
    load_from(&checkpoint, compared.fresh(source.arm, source.part, repetition))
}
