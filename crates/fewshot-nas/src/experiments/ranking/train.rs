//! Training the supernets of an arm, and scoring with them.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use fewshot_space::{Arch, Region};
use serde::{Deserialize, Serialize};

use super::arm::{Arm, PASSES};
use super::member::{Member, code, weights_file};
use super::scoring::{Scorer, Scoring, macs_of};
use crate::estimate::{ScoreSet, different};
use crate::lab::{ExperimentError, Lab};
use crate::nets::{Net, NetError};
use crate::run::{Counter, StageContext};
use crate::stages::{Phase, Piecework, load_json, remembered, side_by_side, steps_done, tell_failures, train_in};
use crate::train::EpochRecord;

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
    pub networks: Vec<String>,
    /// Training curve.
    pub history: Vec<EpochRecord>,
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

/// Of `steps` steps and its networks, how many earlier processes trained and scored of a supernet.
fn done(member: &Member, context: &StageContext<'_>, steps: u64) -> Result<(u64, u64), ExperimentError> {
    if context.file(&member.value_file()).exists() {
        return Ok((steps, member.owned.len() as u64));
    }
    let scoring: Option<Scoring> = load_json(&context.file(&member.scoring_file()))?;
    let trained = steps_done(context, &context.file(&member.weights_file()))?;
    Ok((trained, scoring.map_or(0, |scoring| scoring.networks)))
}

/// Trains these supernets of an arm, several at a time, and scores with each the networks that it owns.
pub fn train(
    lab: &Lab,
    context: &StageContext<'_>,
    arm: &Arm,
    parent: Option<Parent<'_>>,
    archs: &[Arch],
    members: &[Member],
) -> Result<Vec<Trained>, ExperimentError> {
    let set = Arc::new(lab.score_set()?);
    let steps = lab.search_loader(&arm.config, 0)?.steps_per_epoch() as u64 * arm.config.epochs;
    let (mut trained, mut scored) = (0, 0);
    for member in members {
        let (steps, networks) = done(member, context, steps)?;
        trained += steps;
        scored += networks;
    }
    let training = context.counter("training", "steps", trained, Some(steps * members.len() as u64));
    let networks = members.iter().map(|member| member.owned.len() as u64).sum();
    let work = Work { lab, context, arm, parent, archs, set, training, networks, scored, scoring: OnceLock::new() };
    let trained = side_by_side(context, &work, members)?;
    let scores: Vec<f64> = trained.iter().flat_map(|trained| trained.scores.iter().copied()).collect();
    tell_failures(context, arm.recipe.fine_tune.steps, scores.into_iter());
    Ok(trained)
}

/// The arm that another starts from.
#[derive(Clone, Copy)]
pub struct Parent<'a> {
    /// The stage that trained its supernet of a seed and a part.
    pub stage_of: &'a (dyn Fn(u64, usize) -> String + Sync),
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
    /// Networks that are scored.
    networks: u64,
    /// Of these, those that earlier processes scored.
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
        let clock = self.context.clock(&self.context.file(&member.weights_file()))?;
        let (net, history) = school_in(self.lab, self.context, self.arm, self.parent, member, &self.training)?;
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
        let owned = member.networks(self.archs);
        let different = different(&net, &owned)?;
        let counter =
            self.scoring.get_or_init(|| self.context.counter("scoring", "networks", self.scored, Some(self.networks)));
        let scorer = Scorer { lab: self.lab, context: self.context, arm: self.arm, set: &self.set };
        let images = scorer.score(member, net, &owned, &different, &mut scoring, counter)?;
        let fine_tune_macs = PASSES * macs_of(self.arm, &owned, &different) * images as f64;
        let mut scores = vec![0.0; owned.len()];
        for (equals, score) in different.iter().zip(scoring.scores) {
            equals.iter().for_each(|&index| scores[index] = score);
        }
        let networks = owned.iter().map(code).collect();
        Ok(Trained { scores, seconds: scoring.seconds, fine_tune_macs, networks, history })
    }
}

/// Trains a supernet from where an earlier process left it, unless it only scores. The network, and its training curve.
pub fn school_in(
    lab: &Lab,
    context: &StageContext<'_>,
    arm: &Arm,
    parent: Option<Parent<'_>>,
    member: &Member,
    training: &Counter<'_>,
) -> Result<(Net, Vec<EpochRecord>), ExperimentError> {
    let config = &arm.config;
    let purpose = if parent.is_some() { "child" } else { "supernet" };
    let seed = |what: &str| lab.seed_of(member.repetition, &format!("{purpose} {what}"));
    let net = first_net(lab, context, arm, parent, member)?;
    if config.epochs == 0 {
        return Ok((net, Vec::new()));
    }
    let checkpoint = context.file(&member.weights_file());
    let loader = lab.search_loader(config, seed("images"))?;
    let all = [Phase { until: config.epochs, region: None, loader: &loader, judge: None }];
    let trainer = train_in(context, &checkpoint, training, net, config, &all, seed("paths"))?;
    let history = trainer.progress().history.clone();
    Ok((trainer.into_net(), history))
}

/// A supernet of an arm with fresh weights.
pub fn fresh(lab: &Lab, arm: &Arm, region: Region, repetition: u64) -> Net {
    Net::supernet(arm.blueprint(), region, lab.device(), lab.seed_of(repetition, "supernet weights"))
}

/// A supernet before its first step.
pub fn first_net(
    lab: &Lab,
    context: &StageContext<'_>,
    arm: &Arm,
    parent: Option<Parent<'_>>,
    member: &Member,
) -> Result<Net, ExperimentError> {
    let Some(Parent { stage_of, arm: from }) = parent else {
        return Ok(fresh(lab, arm, member.region.clone(), member.repetition));
    };
    let part = arm.parent_parts[member.part];
    let stage = stage_of(member.repetition, part);
    let file = context.input_file(&stage, &weights_file(member.repetition, part))?;
    let checkpoint = context.load(&file)?;
    let mut parent = fresh(lab, from, from.partition.regions()[part].clone(), member.repetition);
    parent.weights_mut().load_values(&checkpoint.tensors).map_err(NetError::from)?;
    let seed = lab.seed_of(member.repetition, "supernet weights");
    Ok(parent.child_in(arm.blueprint(), member.region.clone(), seed)?.0)
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
