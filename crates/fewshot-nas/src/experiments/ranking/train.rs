//! Training the supernets of an arm, and scoring with them.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use fewshot_space::{Arch, Region};
use serde::{Deserialize, Serialize};

use super::arm::{Arm, PASSES};
use crate::estimate::{Estimator, OneShot, ScoreSet, different};
use crate::lab::{ExperimentError, Lab};
use crate::nets::{Net, NetError};
use crate::run::{Counter, Handle, StageContext};
use crate::stages::{
    Phase, Piecework, load_json, remembered, save_json, side_by_side, steps_done, tell_failures, train_in,
};
use crate::train::EpochRecord;

/// Architectures scored between two savings of their scores.
const PART: usize = 64;

/// One supernet of an arm, with one seed.
pub struct Member {
    /// Which of the seeds, from 0.
    pub repetition: u64,
    /// Which part.
    part: usize,
    /// What it covers.
    pub region: Region,
    /// The compared networks that it scores, by position.
    pub owned: Vec<usize>,
}

impl Member {
    /// The file of what it leaves, in its stage's folder.
    fn value_file(&self) -> String {
        format!("seed{}-part{}.json", self.repetition, self.part)
    }

    /// Weights and state of one in training, or of one that others start from.
    fn weights_file(&self) -> String {
        weights_file(self.repetition, self.part)
    }

    /// Its scores so far.
    fn scoring_file(&self) -> String {
        format!("seed{}-part{}-scoring.json", self.repetition, self.part)
    }

    /// Of `steps` steps and its networks, how many earlier processes trained and scored.
    fn done(&self, context: &StageContext<'_>, steps: u64) -> Result<(u64, u64), ExperimentError> {
        if context.file(&self.value_file()).exists() {
            return Ok((steps, self.owned.len() as u64));
        }
        let scoring: Option<Scoring> = load_json(&context.file(&self.scoring_file()))?;
        let trained = steps_done(context, &context.file(&self.weights_file()))?;
        Ok((trained, scoring.map_or(0, |scoring| scoring.networks)))
    }
}

/// What a supernet leaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Trained {
    /// Scores of the networks that it owns, in their order.
    pub scores: Vec<f64>,
    /// Seconds of training and scoring.
    pub seconds: f64,
    /// Multiply-adds of the networks' own training before they were scored.
    #[serde(default)]
    pub fine_tune_macs: f64,
    /// Codes of these networks; empty where runs did not say so yet.
    #[serde(default)]
    networks: Vec<String>,
    /// Training curve.
    history: Vec<EpochRecord>,
}

impl Trained {
    /// The score of `arch`, which lies at `place` among the networks that the supernet owns now.
    pub fn score(&self, place: usize, arch: &Arch) -> Option<f64> {
        let place = match self.networks.get(place) {
            None if self.networks.is_empty() => place,
            Some(known) if *known == code(arch) => place,
            _ => self.networks.iter().position(|known| *known == code(arch))?,
        };
        self.scores.get(place).copied()
    }
}

/// An architecture in a few characters.
fn code(arch: &Arch) -> String {
    arch.options().iter().map(u8::to_string).collect::<Vec<_>>().join(".")
}

/// What a supernet keeps between processes once it is trained.
#[derive(Default, Serialize, Deserialize)]
struct Scoring {
    /// One score for each computation so far.
    scores: Vec<f64>,
    /// Networks that have these scores.
    networks: u64,
    /// Seconds of training and scoring.
    seconds: f64,
}

/// The supernets of an arm: per seed, one per part.
pub fn members(lab: &Lab, arm: &Arm, archs: &[Arch]) -> Vec<Member> {
    let mut owned = vec![Vec::new(); arm.partition.regions().len()];
    for (index, arch) in archs.iter().enumerate() {
        if let Some(part) = arm.partition.route(arch) {
            owned[part].push(index);
        }
    }
    let of_seed = |repetition| {
        let parts = arm.partition.regions().iter().zip(&owned).enumerate();
        parts.map(move |(part, (region, owned))| Member {
            repetition,
            part,
            region: region.clone(),
            owned: owned.clone(),
        })
    };
    (0..lab.recipe().ranking.seeds).flat_map(of_seed).collect()
}

/// File of the weights of one supernet of an arm.
fn weights_file(repetition: u64, part: usize) -> String {
    format!("seed{repetition}-part{part}.safetensors")
}

/// Files of all weights of an arm, for others to start from.
pub fn weights(lab: &Lab, arm: &Arm) -> Vec<String> {
    let parts = arm.partition.regions().len();
    (0..lab.recipe().ranking.seeds).flat_map(|seed| (0..parts).map(move |part| weights_file(seed, part))).collect()
}

/// Trains all supernets of an arm, several at a time, and scores with each the networks that it owns.
pub fn train(
    lab: &Lab,
    context: &StageContext<'_>,
    arm: &Arm,
    parent: Option<Parent<'_>>,
    archs: &[Arch],
) -> Result<Vec<Trained>, ExperimentError> {
    let members = members(lab, arm, archs);
    let set = Arc::new(lab.score_set()?);
    let steps = lab.search_loader(&arm.config, 0)?.steps_per_epoch() as u64 * arm.config.epochs;
    let (mut done, mut scored) = (0, 0);
    for member in &members {
        let (steps, networks) = member.done(context, steps)?;
        done += steps;
        scored += networks;
    }
    let training = context.counter("training", "steps", done, Some(steps * members.len() as u64));
    let work = Work { lab, context, arm, parent, archs, set, training, scored, scoring: OnceLock::new() };
    let trained = side_by_side(context, &work, &members)?;
    let scores: Vec<f64> = trained.iter().flat_map(|trained| trained.scores.iter().copied()).collect();
    tell_failures(context, arm.recipe.fine_tune.steps, scores.into_iter());
    Ok(trained)
}

/// The arm that another starts from.
#[derive(Clone, Copy)]
pub struct Parent<'a> {
    /// Its stage.
    pub stage: &'a Handle<Vec<Trained>>,
    /// What it is.
    pub arm: &'a Arm,
}

/// What the supernets of an arm have in common.
struct Work<'a> {
    lab: &'a Lab,
    context: &'a StageContext<'a>,
    arm: &'a Arm,
    parent: Option<Parent<'a>>,
    archs: &'a [Arch],
    set: Arc<ScoreSet>,
    /// Counts steps of all trainings.
    training: Counter<'a>,
    /// Networks that earlier processes scored.
    scored: u64,
    /// Counts scored networks, from the first on.
    scoring: OnceLock<Counter<'a>>,
}

impl Piecework for Work<'_> {
    type Piece = Member;
    type Value = Trained;

    fn value_file(&self, member: &Member) -> PathBuf {
        self.context.file(&member.value_file())
    }

    fn leftovers(&self, member: &Member) -> Vec<PathBuf> {
        let scoring = self.context.file(&member.scoring_file());
        // Hundreds of sub-supernets: their scores are what is wanted.
        let weights = (!self.arm.kept).then(|| self.context.file(&member.weights_file()));
        std::iter::once(scoring).chain(weights).collect()
    }

    fn work(&self, member: &Member) -> Result<Trained, ExperimentError> {
        let (lab, config) = (self.lab, &self.arm.config);
        let purpose = if self.parent.is_some() { "child" } else { "supernet" };
        let seed = |what: &str| lab.seed_of(member.repetition, &format!("{purpose} {what}"));
        let checkpoint = self.context.file(&member.weights_file());
        let clock = self.context.clock(&checkpoint)?;
        let mut net = self.net(member)?;
        let mut history = Vec::new();
        if config.epochs > 0 {
            let loader = lab.search_loader(config, seed("images"))?;
            let all = [Phase { until: config.epochs, region: None, loader: &loader, judge: None }];
            let trainer = train_in(self.context, &checkpoint, &self.training, net, config, &all, seed("paths"))?;
            history = trainer.progress().history.clone();
            net = trainer.into_net();
        }
        let scoring = remembered(&self.context.file(&member.scoring_file()), || {
            Ok(Scoring { seconds: clock.seconds(), ..Scoring::default() })
        })?;
        self.score(member, net, scoring, history)
    }
}

impl Work<'_> {
    /// Scores the networks that `member` owns, those that compute the same once, from where an earlier process left it.
    fn score(
        &self,
        member: &Member,
        net: Net,
        mut scoring: Scoring,
        history: Vec<EpochRecord>,
    ) -> Result<Trained, ExperimentError> {
        let owned: Vec<Arch> = member.owned.iter().map(|&index| self.archs[index].clone()).collect();
        let different = different(&net, &owned)?;
        let fine_tune = self.lab.fine_tune(&self.arm.recipe.fine_tune, &self.arm.config, member.repetition)?;
        let macs: f64 = different.iter().map(|equals| self.arm.space.cost(&owned[equals[0]]).macs as f64).sum();
        let fine_tune_macs = fine_tune.as_ref().map_or(0.0, |steps| PASSES * macs * steps.images() as f64);
        let mut estimator = OneShot::new(net, self.set.clone(), self.lab.recipe().scoring.norm)
            .measured(self.arm.recipe.measure)
            .fine_tuned(fine_tune);
        let counter = self.scoring.get_or_init(|| {
            let networks = self.archs.len() as u64 * self.lab.recipe().ranking.seeds;
            self.context.counter("scoring", "networks", self.scored, Some(networks))
        });
        for part in different.get(scoring.scores.len()..).unwrap_or_default().chunks(PART) {
            self.context.interrupt().check()?;
            let began = Instant::now();
            let archs: Vec<Arch> = part.iter().map(|equals| owned[equals[0]].clone()).collect();
            scoring.scores.extend(estimator.estimate(&archs)?);
            let networks = part.iter().map(|equals| equals.len() as u64).sum();
            scoring.networks += networks;
            scoring.seconds += began.elapsed().as_secs_f64();
            save_json(&self.context.file(&member.scoring_file()), &scoring)?;
            self.context.keeps()?;
            counter.add(networks);
        }
        let mut scores = vec![0.0; owned.len()];
        for (equals, score) in different.iter().zip(scoring.scores) {
            equals.iter().for_each(|&index| scores[index] = score);
        }
        let networks = owned.iter().map(code).collect();
        Ok(Trained { scores, seconds: scoring.seconds, fine_tune_macs, networks, history })
    }

    /// The supernet before its first step.
    fn net(&self, member: &Member) -> Result<Net, ExperimentError> {
        let lab = self.lab;
        let seed = lab.seed_of(member.repetition, "supernet weights");
        let fresh = |arm: &Arm, region: Region| Net::supernet(arm.blueprint(), region, lab.device(), seed);
        let Some(Parent { stage, arm }) = self.parent else { return Ok(fresh(self.arm, member.region.clone())) };
        let part = self.arm.parent_parts[member.part];
        let file = self.context.input_file(stage.name(), &weights_file(member.repetition, part))?;
        let checkpoint = self.context.load(&file)?;
        let mut parent = fresh(arm, arm.partition.regions()[part].clone());
        parent.weights_mut().load_values(&checkpoint.tensors).map_err(NetError::from)?;
        Ok(parent.child_in(self.arm.blueprint(), member.region.clone(), seed)?.0)
    }
}

/// The mean training curve of supernets that were trained alike.
pub fn mean_history(trained: &[&Trained]) -> Vec<EpochRecord> {
    let Some(first) = trained.first() else { return Vec::new() };
    let mean = |epoch: usize, of: fn(&EpochRecord) -> f64| {
        let values = trained.iter().filter_map(|trained| trained.history.get(epoch)).map(of);
        values.sum::<f64>() / trained.len() as f64
    };
    let record = |(index, epoch): (usize, &EpochRecord)| EpochRecord {
        loss: mean(index, |record| record.loss),
        accuracy: mean(index, |record| record.accuracy),
        ..epoch.clone()
    };
    first.history.iter().enumerate().map(record).collect()
}
