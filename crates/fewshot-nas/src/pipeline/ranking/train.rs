//! Training the supernets of an arm, and scoring with them.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use fewshot_space::{Arch, Region};
use serde::{Deserialize, Serialize};

use super::super::stages::{self, Phase};
use super::super::{Lab, PipelineError};
use super::arm::{Arm, PASSES};
use crate::estimate::{Estimator, OneShot, ScoreSet, different};
use crate::nets::Net;
use crate::run::{Counter, StageContext, in_lanes};
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
pub fn members(lab: &Lab, arm: &Arm<'_>, archs: &[Arch]) -> Vec<Member> {
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
pub fn weights(lab: &Lab, arm: &Arm<'_>) -> Vec<String> {
    let parts = arm.partition.regions().len();
    (0..lab.recipe().ranking.seeds).flat_map(|seed| (0..parts).map(move |part| weights_file(seed, part))).collect()
}

/// Trains all supernets of an arm, several at a time, and scores with each the networks that it owns.
pub fn train(
    lab: &Lab,
    context: &StageContext<'_>,
    arm: &Arm<'_>,
    parent: Option<Parent<'_>>,
    archs: &[Arch],
) -> Result<Vec<Trained>, PipelineError> {
    let members = members(lab, arm, archs);
    let set = Arc::new(lab.score_set()?);
    let steps = lab.search_loader(&arm.config, 0)?.steps_per_epoch() as u64 * arm.config.epochs;
    let mut work = Work { lab, context, arm, parent, archs, set, steps, scored: 0, scoring: OnceLock::new() };
    let mut done = 0;
    for member in &members {
        done += work.steps_done(member)?;
        work.scored += work.networks_scored(member)?;
    }
    let training = context.counter("training", "steps", done, Some(steps * members.len() as u64));
    let mut trained: Vec<Option<Trained>> = Vec::new();
    for member in &members {
        trained.push(stages::load_json(&work.result_file(member))?);
    }
    // Those that are left share the threads, however few they are.
    let left: Vec<usize> = (0..members.len()).filter(|&index| trained[index].is_none()).collect();
    in_lanes(
        context.interrupt(),
        &left,
        |&index| work.member(&members[index], &training),
        |at, value| {
            trained[left[at]] = Some(value);
            Ok::<_, PipelineError>(())
        },
    )?;
    let trained: Vec<Trained> = trained.into_iter().flatten().collect();
    let scores: Vec<f64> = trained.iter().flat_map(|trained| trained.scores.iter().copied()).collect();
    stages::tell_failures(context, arm.recipe.fine_tune.steps, scores.into_iter());
    Ok(trained)
}

/// The arm that another starts from.
#[derive(Clone, Copy)]
pub struct Parent<'a> {
    /// Its stage.
    pub stage: &'a str,
    /// What it is.
    pub arm: &'a Arm<'a>,
}

/// What the supernets of an arm have in common.
struct Work<'a> {
    lab: &'a Lab,
    context: &'a StageContext<'a>,
    arm: &'a Arm<'a>,
    parent: Option<Parent<'a>>,
    archs: &'a [Arch],
    set: Arc<ScoreSet>,
    /// Steps of each training.
    steps: u64,
    /// Networks that earlier processes scored.
    scored: u64,
    /// Counts scored networks, from the first on.
    scoring: OnceLock<Counter<'a>>,
}

impl Work<'_> {
    /// The value of a supernet that is done.
    fn result_file(&self, member: &Member) -> PathBuf {
        self.context.file(&format!("seed{}-part{}.json", member.repetition, member.part))
    }

    /// Weights and state of one in training, or of one that others start from.
    fn checkpoint_file(&self, member: &Member) -> PathBuf {
        self.context.file(&weights_file(member.repetition, member.part))
    }

    /// Its scores so far.
    fn scoring_file(&self, member: &Member) -> PathBuf {
        self.context.file(&format!("seed{}-part{}-scoring.json", member.repetition, member.part))
    }

    fn networks_scored(&self, member: &Member) -> Result<u64, PipelineError> {
        if self.result_file(member).exists() {
            return Ok(member.owned.len() as u64);
        }
        let scoring: Option<Scoring> = stages::load_json(&self.scoring_file(member))?;
        Ok(scoring.map_or(0, |scoring| scoring.networks))
    }

    fn steps_done(&self, member: &Member) -> Result<u64, PipelineError> {
        if self.result_file(member).exists() {
            return Ok(self.steps);
        }
        stages::steps_done(self.context, &self.checkpoint_file(member))
    }

    fn member(&self, member: &Member, counter: &Counter<'_>) -> Result<Trained, PipelineError> {
        self.context.interrupt().check()?;
        let (lab, config) = (self.lab, &self.arm.config);
        let purpose = if self.parent.is_some() { "child" } else { "supernet" };
        let seed = |what: &str| lab.seed_of(member.repetition, &format!("{purpose} {what}"));
        let checkpoint = self.checkpoint_file(member);
        let clock = self.context.clock(&checkpoint)?;
        let mut net = self.net(member)?;
        let mut history = Vec::new();
        if config.epochs > 0 {
            let loader = lab.search_loader(config, seed("images"))?;
            let all = [Phase { until: config.epochs, loader: &loader, judge: None }];
            let trainer = stages::train_in(self.context, &checkpoint, counter, net, config, &all, seed("paths"))?;
            history = trainer.progress().history.clone();
            net = trainer.into_net();
        }
        let scoring = match stages::load_json(&self.scoring_file(member))? {
            Some(scoring) => scoring,
            None => {
                let trained = Scoring { seconds: clock.seconds(), ..Scoring::default() };
                stages::save_json(&self.scoring_file(member), &trained)?;
                trained
            }
        };
        let trained = self.score(member, net, scoring, history)?;
        stages::save_json(&self.result_file(member), &trained)?;
        // A file that stays does no harm.
        let _ = std::fs::remove_file(self.scoring_file(member));
        if !self.arm.kept {
            // Hundreds of sub-supernets: their scores are what is wanted.
            let _ = std::fs::remove_file(&checkpoint);
        }
        Ok(trained)
    }

    /// Scores the networks that `member` owns, those that compute the same once, from where an earlier process left it.
    fn score(
        &self,
        member: &Member,
        net: Net,
        mut scoring: Scoring,
        history: Vec<EpochRecord>,
    ) -> Result<Trained, PipelineError> {
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
            stages::save_json(&self.scoring_file(member), &scoring)?;
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
    fn net(&self, member: &Member) -> Result<Net, PipelineError> {
        let lab = self.lab;
        let seed = lab.seed_of(member.repetition, "supernet weights");
        let fresh = |arm: &Arm<'_>, region: Region| Net::supernet(arm.blueprint(), region, lab.device(), seed);
        let Some(Parent { stage, arm }) = self.parent else { return Ok(fresh(self.arm, member.region.clone())) };
        let part = self.arm.parent_parts[member.part];
        let file = self.context.input_file(stage, &weights_file(member.repetition, part))?;
        let checkpoint = self.context.load(&file)?;
        let mut parent = fresh(arm, arm.partition.regions()[part].clone());
        parent.weights_mut().load_values(&checkpoint.tensors).map_err(crate::nets::NetError::from)?;
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
