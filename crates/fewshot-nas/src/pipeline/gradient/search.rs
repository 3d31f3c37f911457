//! Running one method in one mode: all seeds and sub-supernets, several at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use fewshot_space::Region;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::stages::{self, CHECKPOINT_EVERY};
use super::super::{Lab, PipelineError};
use super::job::{Job, forward_macs};
use crate::gradient::{EpochSeen, GradientError, GradientSearch, Judge, Observer, Progress, mode_of};
use crate::nets::{Net, NetError};
use crate::run::{Checkpoint, Counter, StageContext, in_lanes};

/// What one supernet's search left.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Found {
    /// The architecture that it ended with.
    pub arch: String,
    /// Its accuracy in the supernet on held-out images, 0 to 1.
    pub path_accuracy: f64,
    /// The accuracy of the mixed network, where the method trains that.
    pub mixed_accuracy: Option<f64>,
    /// Epochs.
    pub epochs: u64,
    /// Training steps.
    pub steps: u64,
    /// Multiply-adds of the search.
    pub macs: f64,
    /// Seconds of the search.
    pub seconds: f64,
    /// The search, epoch by epoch.
    pub history: Vec<EpochSeen>,
}

/// One supernet with one seed.
struct Member<'a> {
    repetition: u64,
    part: usize,
    region: &'a Region,
}

/// File of the weights that others start from.
pub fn weights(repetition: u64) -> String {
    format!("seed{repetition}.safetensors")
}

/// All searches of a job: per seed, one per part.
pub fn run(lab: &Lab, context: &StageContext<'_>, job: &Job) -> Result<Vec<Found>, PipelineError> {
    let parts = job.partition.regions();
    let of_seed = |repetition| parts.iter().enumerate().map(move |(part, region)| Member { repetition, part, region });
    let members: Vec<Member<'_>> = (0..lab.recipe().ranking.seeds).flat_map(of_seed).collect();
    let steps = lab.feeds(&job.settings.train, 0)?.train.steps_per_epoch() as u64 * job.settings.train.epochs;
    let judge = Judge::new(Arc::new(lab.score_set()?), lab.recipe().scoring.norm);
    let work = Work { lab, context, job, judge, steps };
    let mut done = 0;
    for member in &members {
        done += work.steps_done(member)?;
    }
    let counter = context.counter("searching", "steps", done, Some(steps * members.len() as u64));
    let mut found: Vec<Option<Found>> = vec![None; members.len()];
    in_lanes(
        context.interrupt(),
        &members,
        |member| work.member(member, &counter),
        |index, value| {
            found[index] = Some(value);
            Ok::<_, PipelineError>(())
        },
    )?;
    Ok(found.into_iter().flatten().collect())
}

/// What the searches of a job have in common.
struct Work<'a> {
    lab: &'a Lab,
    context: &'a StageContext<'a>,
    job: &'a Job,
    judge: Judge,
    /// Steps of each.
    steps: u64,
}

impl Work<'_> {
    /// What a search that is done left.
    fn result_file(&self, member: &Member<'_>) -> PathBuf {
        self.context.file(&format!("seed{}-part{}.json", member.repetition, member.part))
    }

    /// Weights and state of one under way, or of one that others start from.
    fn checkpoint_file(&self, member: &Member<'_>) -> PathBuf {
        match self.job.is_parent {
            true => self.context.file(&weights(member.repetition)),
            false => self.context.file(&format!("seed{}-part{}.safetensors", member.repetition, member.part)),
        }
    }

    fn steps_done(&self, member: &Member<'_>) -> Result<u64, PipelineError> {
        if self.result_file(member).exists() {
            return Ok(self.steps);
        }
        let Some(checkpoint) = self.context.load_if_exists(&self.checkpoint_file(member))? else { return Ok(0) };
        let progress: Progress = checkpoint.meta()?;
        Ok(progress.epoch * (self.steps / self.job.settings.train.epochs) + progress.step as u64)
    }

    fn member(&self, member: &Member<'_>, counter: &Counter<'_>) -> Result<Found, PipelineError> {
        let file = self.result_file(member);
        if let Some(found) = stages::load_json(&file)? {
            return Ok(found);
        }
        self.context.interrupt().check()?;
        let (lab, job, repetition) = (self.lab, self.job, member.repetition);
        let mode = mode_of(lab.recipe().scoring.norm);
        let seed = lab.seed_of(repetition, "gradient");
        let mut search = GradientSearch::new(job.info, self.net(member)?, job.settings.clone(), mode, seed)?;
        let checkpoint = self.checkpoint_file(member);
        let clock = self.context.clock(&checkpoint)?;
        if let Some(stored) = self.context.load_if_exists(&checkpoint)? {
            search.restore(&stored.tensors, stored.meta()?)?;
        }
        let feeds = lab.feeds(&job.settings.train, repetition)?;
        let mut observer = Saving { context: self.context, file: &checkpoint, counter, saved: Instant::now() };
        search.run(&feeds, &mut observer)?;
        save(self.context, &search, &checkpoint)?;
        let seconds = clock.seconds();

        let chosen = search.choose(&self.judge)?;
        let forward = forward_macs(&job.space, member.region, job.info.partial);
        let images = lab.search_images() as f64;
        let macs = (0..search.epochs()).map(|epoch| search.method().epoch_macs(epoch, images, &forward)).sum();
        let found = Found {
            arch: lab.alone_space().format(&chosen.arch),
            path_accuracy: chosen.path_accuracy,
            mixed_accuracy: chosen.mixed_accuracy,
            epochs: search.epochs(),
            steps: self.steps,
            macs,
            seconds,
            history: search.progress().history.clone(),
        };
        stages::save_json(&file, &found)?;
        if !job.is_parent {
            // Many supernets: what they found is what is wanted. A file that stays does no harm.
            let _ = std::fs::remove_file(&checkpoint);
        }
        Ok(found)
    }

    /// The supernet before its first step.
    fn net(&self, member: &Member<'_>) -> Result<Net, PipelineError> {
        let (lab, job) = (self.lab, self.job);
        let seed = lab.seed_of(member.repetition, "supernet weights");
        let region = member.region.clone();
        let mut net = Net::partial_supernet(job.space.clone(), region, job.info.partial, lab.device(), seed)?;
        let Some(parent) = &job.parent else { return Ok(net) };
        let parent = self.context.load(&self.context.input_file(parent, &weights(member.repetition))?)?;
        let mut values = net.weights().to_values().map_err(NetError::from)?;
        let mut fresh = Vec::new();
        for (name, value) in &mut values {
            // On partial channels the kept operation of the split edge is wider than the parent's, and starts afresh.
            match parent.tensors.get(name).filter(|theirs| theirs.shape() == value.shape()) {
                Some(theirs) => *value = theirs.clone(),
                None => fresh.push(name.clone()),
            }
        }
        net.weights_mut().load_values(&values).map_err(NetError::from)?;
        let part = member.region.label();
        self.context
            .event("transfer", json!({ "part": part, "copied": values.len() - fresh.len(), "fresh": fresh }))?;
        Ok(net)
    }
}

struct Saving<'a> {
    context: &'a StageContext<'a>,
    file: &'a Path,
    counter: &'a Counter<'a>,
    saved: Instant,
}

impl Observer for Saving<'_> {
    fn step_done(&mut self, search: &GradientSearch) -> Result<(), GradientError> {
        self.counter.add(1);
        let interrupted = self.context.interrupt().check();
        if interrupted.is_err() || self.saved.elapsed() > CHECKPOINT_EVERY {
            save(self.context, search, self.file)?;
            self.saved = Instant::now();
        }
        Ok(interrupted?)
    }
}

fn save(context: &StageContext<'_>, search: &GradientSearch, file: &Path) -> Result<(), GradientError> {
    let mut checkpoint = Checkpoint::new(&search.to_progress())?;
    checkpoint.tensors = search.to_values()?;
    Ok(context.save(checkpoint, file)?)
}
