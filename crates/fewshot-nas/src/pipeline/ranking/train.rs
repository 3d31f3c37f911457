//! Training the supernets of an arm, and scoring with them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use fewshot_space::{Arch, Region, Space};
use serde::{Deserialize, Serialize};

use super::super::{Lab, PipelineError, stages};
use super::arm::{Arm, PASSES};
use crate::estimate::{Estimator, FineTune, OneShot, ScoreSet, different};
use crate::nets::Net;
use crate::run::{Checkpoint, Counter, StageContext, in_lanes};
use crate::train::EpochRecord;

/// Architectures scored between two looks at the interrupt flag.
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
    /// Training curve.
    history: Vec<EpochRecord>,
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
    let fine_tune = lab.fine_tune(&arm.recipe.fine_tune, &arm.config)?;
    let steps = lab.search_loader(&arm.config, 0)?.steps_per_epoch() as u64 * arm.config.epochs;
    let work = Work { lab, context, arm, parent, archs, set, fine_tune, steps };
    let mut done = 0;
    for member in &members {
        done += work.steps_done(member)?;
    }
    let counter = context.counter("training", "steps", done, Some(steps * members.len() as u64));
    let mut trained: Vec<Option<Trained>> = vec![None; members.len()];
    in_lanes(
        &members,
        |member| work.member(member, &counter),
        |index, value| {
            trained[index] = Some(value);
            Ok::<_, PipelineError>(())
        },
    )?;
    Ok(trained.into_iter().flatten().collect())
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
    fine_tune: Option<Arc<FineTune>>,
    /// Steps of each training.
    steps: u64,
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

    fn steps_done(&self, member: &Member) -> Result<u64, PipelineError> {
        if self.result_file(member).exists() {
            return Ok(self.steps);
        }
        let Some(checkpoint) = Checkpoint::load_if_exists(&self.checkpoint_file(member))? else { return Ok(0) };
        let progress: crate::train::Progress = checkpoint.meta()?;
        let per_epoch = self.steps / self.arm.config.epochs.max(1);
        Ok(progress.epoch * per_epoch + progress.step as u64)
    }

    fn member(&self, member: &Member, counter: &Counter<'_>) -> Result<Trained, PipelineError> {
        let file = self.result_file(member);
        if let Some(trained) = stages::load_json(&file)? {
            return Ok(trained);
        }
        self.context.interrupt().check()?;
        let (lab, config) = (self.lab, &self.arm.config);
        let before = self.steps_done(member)?;
        let began = Instant::now();
        let purpose = if self.parent.is_some() { "child" } else { "supernet" };
        let seed = |what: &str| lab.seed_of(member.repetition, &format!("{purpose} {what}"));
        let checkpoint = self.checkpoint_file(member);
        let mut net = self.net(member)?;
        let mut history = Vec::new();
        if config.epochs > 0 {
            let loader = lab.search_loader(config, seed("images"))?;
            let trainer = stages::train_in(self.context, &checkpoint, counter, net, config, &loader, seed("paths"))?;
            history = trainer.progress().history.clone();
            net = trainer.into_net();
        }
        // Of a training that was cut only the last piece was timed: the rest took as long in proportion.
        let share = self.steps as f64 / (self.steps - before).max(1) as f64;
        let training = began.elapsed().as_secs_f64() * share;

        let began = Instant::now();
        let owned: Vec<Arch> = member.owned.iter().map(|&index| self.archs[index].clone()).collect();
        let fine_tune_macs = self.fine_tune_macs(&net, &owned)?;
        let mut estimator = OneShot::new(net, self.set.clone(), lab.recipe().scoring.norm)
            .measured(self.arm.recipe.measure)
            .fine_tuned(self.fine_tune.clone());
        let mut scores = Vec::new();
        for part in owned.chunks(PART) {
            scores.extend(estimator.estimate(part)?);
            self.context.interrupt().check()?;
        }
        let seconds = training + began.elapsed().as_secs_f64();
        let trained = Trained { scores, seconds, fine_tune_macs, history };
        stages::save_json(&file, &trained)?;
        if !self.arm.kept {
            // Hundreds of sub-supernets: their scores are what is wanted. A file that stays does no harm.
            let _ = std::fs::remove_file(&checkpoint);
        }
        Ok(trained)
    }

    /// Cost of the networks' own training: of those that compute the same one is trained.
    fn fine_tune_macs(&self, net: &Net, owned: &[Arch]) -> Result<f64, PipelineError> {
        let Some(fine_tune) = &self.fine_tune else { return Ok(0.0) };
        let different = different(net, owned)?;
        let macs: f64 = different.iter().map(|equals| self.arm.space.cost(&owned[equals[0]]).macs as f64).sum();
        Ok(PASSES * macs * fine_tune.images() as f64)
    }

    /// The supernet before its first step.
    fn net(&self, member: &Member) -> Result<Net, PipelineError> {
        let lab = self.lab;
        let seed = lab.seed_of(member.repetition, "supernet weights");
        let fresh = |arm: &Arm<'_>, region: Region| Net::supernet(arm.blueprint(), region, lab.device(), seed);
        let Some(Parent { stage, arm }) = self.parent else { return Ok(fresh(self.arm, member.region.clone())) };
        let part = self.arm.parent_parts[member.part];
        let checkpoint = Checkpoint::load(&self.context.input_file(stage, &weights_file(member.repetition, part))?)?;
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
