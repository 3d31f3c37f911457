//! Running one method in one mode: all seeds and sub-supernets, several at a time.

use std::path::PathBuf;
use std::sync::Arc;

use fewshot_space::Region;
use serde_json::json;

use super::job::{Found, Job, forward_macs};
use crate::gradient::{GradientSearch, Judge, Progress, mode_of};
use crate::lab::{ExperimentError, Lab};
use crate::nets::{Net, NetError};
use crate::run::{Counter, StageContext};
use crate::stages::{Keeper, Piecework, position, side_by_side};

/// One supernet with one seed.
struct Member<'a> {
    repetition: u64,
    part: usize,
    region: &'a Region,
}

impl Member<'_> {
    /// The file of what its search leaves, in its stage's folder.
    fn value_file(&self) -> String {
        format!("seed{}-part{}.json", self.repetition, self.part)
    }

    /// Weights and state of one under way, or of one that others read.
    fn weights_file(&self, job: &Job) -> String {
        job.weights(self.repetition, self.part)
    }
}

/// All searches of a job: per seed, one per part.
pub fn run(lab: &Lab, context: &StageContext<'_>, job: &Job) -> Result<Vec<Found>, ExperimentError> {
    let parts = job.partition.regions();
    let of_seed = |repetition| parts.iter().enumerate().map(move |(part, region)| Member { repetition, part, region });
    let members: Vec<Member<'_>> = (0..lab.recipe().ranking.seeds).flat_map(of_seed).collect();
    let steps = job.feeds(lab, 0)?.train.steps_per_epoch() as u64 * job.settings.train.epochs;
    let judge = Judge::new(Arc::new(lab.score_set()?), lab.recipe().scoring.norm);
    let per_epoch = steps / job.settings.train.epochs;
    let done = members.iter().map(|member| match context.file(&member.value_file()).exists() {
        true => Ok(steps),
        false => {
            let Progress { epoch, step, .. } = position(context, &context.file(&member.weights_file(job)))?;
            Ok(epoch * per_epoch + step as u64)
        }
    });
    let done = done.sum::<Result<u64, ExperimentError>>()?;
    let counter = context.counter("searching", "steps", done, Some(steps * members.len() as u64));
    side_by_side(context, &Work { lab, context, job, judge, steps, counter }, &members)
}

/// What the searches of a job have in common.
struct Work<'a> {
    lab: &'a Lab,
    context: &'a StageContext<'a>,
    job: &'a Job,
    judge: Judge,
    /// Steps of each.
    steps: u64,
    /// Counts the steps of all.
    counter: Counter<'a>,
}

impl<'a> Piecework for Work<'a> {
    type Piece = Member<'a>;
    type Value = Found;

    fn value_file(&self, member: &Member<'a>) -> PathBuf {
        self.context.file(&member.value_file())
    }

    fn leftovers(&self, member: &Member<'a>) -> Vec<PathBuf> {
        // Many supernets: what they found is what is wanted.
        let is_read = self.job.is_parent || self.job.is_hunted;
        (!is_read).then(|| self.context.file(&member.weights_file(self.job))).into_iter().collect()
    }

    fn work(&self, member: &Member<'a>) -> Result<Found, ExperimentError> {
        let (lab, job, repetition) = (self.lab, self.job, member.repetition);
        let mode = mode_of(lab.recipe().scoring.norm);
        let seed = lab.seed_of(repetition, "gradient");
        let mut search = GradientSearch::new(job.info, self.net(member)?, job.settings.clone(), mode, seed)?;
        let checkpoint = self.context.file(&member.weights_file(job));
        let clock = self.context.clock(&checkpoint)?;
        let feeds = job.feeds(lab, repetition)?;
        let mut keeper = Keeper::resume(self.context, &checkpoint, &self.counter, &mut search)?;
        search.run(&feeds, &mut keeper)?;
        keeper.keep(&search)?;
        let seconds = clock.seconds();

        let chosen = search.choose(&self.judge)?;
        let forward = forward_macs(job.space.as_ref(), member.region, job.info.partial)?;
        let images = job.images(lab)? as f64;
        let macs = (0..search.epochs()).map(|epoch| search.method().epoch_macs(epoch, images, &forward)).sum();
        Ok(Found {
            arch: lab.alone_space().format(&chosen.arch),
            path_accuracy: chosen.path_accuracy,
            mixed_accuracy: chosen.mixed_accuracy,
            epochs: search.epochs(),
            steps: self.steps,
            macs,
            seconds,
            history: search.progress().history.clone(),
        })
    }
}

impl Work<'_> {
    /// The supernet before its first step.
    fn net(&self, member: &Member<'_>) -> Result<Net, ExperimentError> {
        let (lab, job) = (self.lab, self.job);
        let seed = lab.seed_of(member.repetition, "supernet weights");
        let region = member.region.clone();
        let mut net = Net::partial_supernet(job.space.clone(), region, job.info.partial, lab.device(), seed)?;
        let Some(parent) = &job.parent else { return Ok(net) };
        let weights = format!("seed{}.safetensors", member.repetition);
        let parent = self.context.load(&self.context.input_file(parent.name(), &weights)?)?;
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
