//! Supernets whose networks are scored by several stages: one trains, each of the others scores a slice.

use std::ops::Range;
use std::sync::Arc;

use fewshot_space::Arch;
use serde::{Deserialize, Serialize};

use super::arm::{Arm, PASSES};
use super::member::{Member, code};
use super::scoring::{Scorer, Scoring, macs_of};
use super::train::{Parent, Trained, first_net, fresh, school_in};
use crate::estimate::different;
use crate::lab::{ExperimentError, Lab};
use crate::run::StageContext;
use crate::stages::{load_from, load_json, steps_done, tell_failures};
use crate::train::EpochRecord;

/// What the training of a supernet leaves beside its weights, where other stages score with it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Schooled {
    /// Seconds of training.
    seconds: f64,
    /// Training curve.
    history: Vec<EpochRecord>,
}

/// The scores of some of a supernet's networks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Slice {
    /// Scores, with the place of each network among those that the supernet owns.
    scores: Vec<(usize, f64)>,
    /// Seconds of scoring.
    seconds: f64,
    /// Multiply-adds of one image in each computation.
    macs: f64,
    /// Images of each network's own training before it was scored.
    images: u64,
}

/// Trains one supernet of an arm, and leaves its weights: other stages score with them.
pub fn school(
    lab: &Lab,
    context: &StageContext<'_>,
    arm: &Arm,
    parent: Option<Parent<'_>>,
    member: &Member,
) -> Result<Schooled, ExperimentError> {
    let steps = lab.search_loader(&arm.config, 0)?.steps_per_epoch() as u64 * arm.config.epochs;
    let file = context.file(&member.weights_file());
    let training = context.counter("training", "steps", steps_done(context, &file)?, Some(steps));
    let clock = context.clock(&file)?;
    let (_, history) = school_in(lab, context, arm, parent, member, &training)?;
    Ok(Schooled { seconds: clock.seconds(), history })
}

/// Scores slice `slice` of `slices` of the networks that a supernet owns. Its weights are those that stage `trained` left, or, where it
/// is not trained, those that it starts from.
pub fn score_slice(
    lab: &Lab,
    context: &StageContext<'_>,
    arm: &Arm,
    (parent, trained): (Option<Parent<'_>>, Option<&str>),
    archs: &[Arch],
    member: &Member,
    (slice, slices): (usize, usize),
) -> Result<Slice, ExperimentError> {
    let net = match trained {
        Some(stage) => {
            let checkpoint = context.load(&context.input_file(stage, &member.weights_file())?)?;
            load_from(&checkpoint, fresh(lab, arm, member.region.clone(), member.repetition))?
        }
        None => first_net(lab, context, arm, parent, member)?,
    };
    let owned = member.networks(archs);
    let all = different(&net, &owned)?;
    let own = &all[part_of(all.len(), slice, slices)];
    let mut scoring: Scoring = load_json(&context.file(&member.scoring_file()))?.unwrap_or_default();
    let networks = own.iter().map(|equals| equals.len() as u64).sum();
    let counter = context.counter("scoring", "networks", scoring.networks, Some(networks));
    let set = Arc::new(lab.score_set()?);
    let scorer = Scorer { lab, context, arm, set: &set };
    let images = scorer.score(member, net, &owned, own, &mut scoring, &counter)?;
    let scores = own.iter().zip(&scoring.scores);
    let scores = scores.flat_map(|(equals, score)| equals.iter().map(|place| (*place, *score))).collect();
    Ok(Slice { scores, seconds: scoring.seconds, macs: macs_of(arm, &owned, own), images })
}

/// What the supernets of an arm leave, from what their training left and the scores of their slices, in the order of the supernets.
pub fn put_together(
    context: &StageContext<'_>,
    arm: &Arm,
    archs: &[Arch],
    members: &[Member],
    schooled: Vec<Schooled>,
    slices: &[Slice],
) -> Result<Vec<Trained>, ExperimentError> {
    let mut left = Vec::new();
    let per_member = slices.len() / members.len().max(1);
    for ((member, Schooled { seconds, history }), slices) in
        members.iter().zip(schooled).zip(slices.chunks(per_member.max(1)))
    {
        let mut scores = vec![None; member.owned.len()];
        for (place, score) in slices.iter().flat_map(|slice| &slice.scores) {
            if let Some(free) = scores.get_mut(*place) {
                *free = Some(*score);
            }
        }
        let scores = scores.into_iter().collect::<Option<Vec<f64>>>().ok_or_else(|| ExperimentError::State {
            path: format!("{}/done.json", context.name()),
            reason: "its slices are not of the networks that are compared".to_string(),
        })?;
        let macs: f64 = slices.iter().map(|slice| slice.macs).sum();
        left.push(Trained {
            scores,
            seconds: seconds + slices.iter().map(|slice| slice.seconds).sum::<f64>(),
            fine_tune_macs: PASSES * macs * slices.first().map_or(0, |slice| slice.images) as f64,
            networks: member.networks(archs).iter().map(code).collect(),
            history,
        });
    }
    let scores: Vec<f64> = left.iter().flat_map(|trained| trained.scores.iter().copied()).collect();
    tell_failures(context, arm.recipe.fine_tune.steps, scores.into_iter());
    Ok(left)
}

/// Networks that a slice has at least: fewer are scored while their stage begins, unless each is trained first.
pub fn slice_of(arm: &Arm) -> usize {
    if arm.recipe.fine_tune.steps > 0 { 16 } else { 256 }
}

/// Part `part` of `parts` of so many things that lie in a row.
fn part_of(count: usize, part: usize, parts: usize) -> Range<usize> {
    count * part / parts..count * (part + 1) / parts
}
