//! Running one method in one mode: all seeds and sub-supernets, several at a time.

use std::path::PathBuf;
use std::sync::Arc;

use fewshot_space::Region;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::forward::forward_macs;
use super::training::{Found, Spent, Start, Training, parent_weights};
use crate::gradient::{GradientSearch, Judge, Progress, mode_of};
use crate::lab::{ExperimentError, Lab};
use crate::nets::Net;
use crate::run::{Checkpoint, Counter, StageContext};
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
    fn weights_file(&self, training: &Training) -> String {
        training.weights(self.repetition, self.part)
    }
}

/// All searches of a method in a mode: per seed, one per part.
pub fn run(lab: &Lab, context: &StageContext<'_>, training: &Training) -> Result<Vec<Found>, ExperimentError> {
    let judge = Judge::new(Arc::new(lab.score_set()?), lab.recipe().scoring.norm);
    train(lab, context, training, |mut search, spent| {
        let chosen = search.choose(&judge)?;
        Ok(Found {
            arch: lab.alone_space().format(&chosen.arch),
            path_accuracy: chosen.path_accuracy,
            mixed_accuracy: chosen.mixed_accuracy,
            spent,
            history: search.progress().history.clone(),
        })
    })
}

/// The warm-ups from which others go on: their states are what is wanted.
pub fn begin(lab: &Lab, context: &StageContext<'_>, training: &Training) -> Result<Vec<Spent>, ExperimentError> {
    train(lab, context, training, |_, spent| Ok(spent))
}

/// Trains all supernets; `end` makes of each what it leaves.
fn train<V, E>(lab: &Lab, context: &StageContext<'_>, training: &Training, end: E) -> Result<Vec<V>, ExperimentError>
where
    V: Serialize + DeserializeOwned + Send,
    E: Fn(GradientSearch, Spent) -> Result<V, ExperimentError> + Sync,
{
    let parts = training.partition.regions();
    let of_seed = |repetition| parts.iter().enumerate().map(move |(part, region)| Member { repetition, part, region });
    let members: Vec<Member<'_>> = (0..lab.recipe().ranking.seeds).flat_map(of_seed).collect();
    let per_epoch = training.feeds(lab, 0)?.train.steps_per_epoch() as u64;
    let begun = training.begun();
    let steps = per_epoch * (training.until - begun);
    let done = members.iter().map(|member| match context.file(&member.value_file()).exists() {
        true => Ok(steps),
        false => {
            let Progress { epoch, step, .. } = position(context, &context.file(&member.weights_file(training)))?;
            Ok(epoch.saturating_sub(begun) * per_epoch + step as u64)
        }
    });
    let done = done.sum::<Result<u64, ExperimentError>>()?;
    let counter = context.counter("searching", "steps", done, Some(steps * members.len() as u64));
    side_by_side(context, &Work { lab, context, training, end, steps, counter }, &members)
}

/// What the searches of a stage have in common.
struct Work<'a, E> {
    lab: &'a Lab,
    context: &'a StageContext<'a>,
    training: &'a Training,
    /// What becomes of a supernet in the end.
    end: E,
    /// Steps of each.
    steps: u64,
    /// Counts the steps of all.
    counter: Counter<'a>,
}

impl<'a, V, E> Piecework for Work<'a, E>
where
    V: Serialize + DeserializeOwned + Send,
    E: Fn(GradientSearch, Spent) -> Result<V, ExperimentError> + Sync,
{
    type Piece = Member<'a>;
    type Value = V;

    fn value_file(&self, member: &Member<'a>) -> PathBuf {
        self.context.file(&member.value_file())
    }

    fn leftovers(&self, member: &Member<'a>) -> Vec<PathBuf> {
        // Many supernets: what they found is what is wanted.
        let is_read = self.training.is_parent || self.training.is_hunted;
        (!is_read).then(|| self.context.file(&member.weights_file(self.training))).into_iter().collect()
    }

    fn work(&self, member: &Member<'a>) -> Result<V, ExperimentError> {
        let (lab, training) = (self.lab, self.training);
        let checkpoint = self.context.file(&member.weights_file(training));
        let clock = self.context.clock(&checkpoint)?;
        let feeds = training.feeds(lab, member.repetition)?;
        let mut search = self.begin(member)?;
        let mut keeper = Keeper::resume(self.context, &checkpoint, &self.counter, &mut search)?;
        search.run_until(training.until, &feeds, &mut keeper)?;
        keeper.keep(&search)?;
        let seconds = clock.seconds();

        let forward = forward_macs(training.space.as_ref(), member.region, training.info.partial)?;
        let images = training.images(lab)? as f64;
        let epochs = training.begun()..training.until;
        let macs = epochs.clone().map(|epoch| search.method().epoch_macs(epoch, images, &forward)).sum();
        let spent = Spent { epochs: epochs.end - epochs.start, steps: self.steps, macs, seconds };
        (self.end)(search, spent)
    }
}

impl<E> Work<'_, E> {
    /// The search where it starts, before its first step.
    fn begin(&self, member: &Member<'_>) -> Result<GradientSearch, ExperimentError> {
        let Self { lab, training, .. } = *self;
        let seed = |purpose: &str| lab.seed_of(member.repetition, purpose);
        let (info, settings, region) = (training.info, training.settings.clone(), member.region.clone());
        let weights_seed = seed("supernet weights");
        let net = Net::partial_supernet(training.space.clone(), region, info.partial, lab.device(), weights_seed)?;
        let mut search =
            GradientSearch::new(info, net, settings, mode_of(lab.recipe().scoring.norm), seed("gradient"))?;
        let Some(stage) = training.start.stage() else { return Ok(search) };
        let file = self.context.input_file(stage, &parent_weights(member.repetition))?;
        let parent: Checkpoint = self.context.load(&file)?;
        let fresh = match training.start {
            Start::Fresh => return Ok(search),
            Start::GoOn(_) => {
                search.restore(&parent.tensors, parent.meta()?)?;
                return Ok(search);
            }
            Start::Branch(_) => search.branch(&parent.tensors, training.partition.whole(), training.begun())?,
            Start::Weights(_) => search.inherit_weights(&parent.tensors)?,
        };
        let copied = search.net().weights().to_values().map_err(crate::nets::NetError::from)?.len() - fresh.len();
        let part = member.region.label();
        self.context.event("transfer", json!({ "part": part, "copied": copied, "fresh": fresh }))?;
        Ok(search)
    }
}
