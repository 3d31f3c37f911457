//! What each sub-supernet makes of its part of the space, beside what one supernet makes of the same part: does a split mend
//! what lies between the parts, what lies within them, or nothing?

use super::arm::Arm;
use super::member::Member;
use super::result::{InPart, RegionRow};
use crate::lab::ExperimentError;
use crate::rank::Paired;

/// Position of the one supernet that a split arm is compared with: of the same skeleton, sampling and way of scoring, the
/// nearest in cost of training. `None` where there is none, and for one supernet itself.
pub fn beside(arms: &[Arm], position: usize) -> Option<usize> {
    let arm = &arms[position];
    let kind = |arm: &Arm| {
        let size = (arm.recipe.width, arm.recipe.cells, arm.recipe.reduction);
        (size, arm.config.sampling, arm.scored_by.clone())
    };
    let alike = |&other: &usize| arms[other].split.is_empty() && kind(&arms[other]) == kind(arm);
    let distance = |&other: &usize| (arms[other].cost.macs - arm.cost.macs).abs();
    if arm.split.is_empty() {
        return None;
    }
    (0..arms.len()).filter(alike).min_by(|one, other| distance(one).total_cmp(&distance(other)))
}

/// The networks of one sub-supernet, by its scores and by those of one supernet.
pub fn region(
    member: &Member,
    scores: &[f64],
    beside: Option<&[f64]>,
    truths: &[f64],
) -> Result<RegionRow, ExperimentError> {
    Ok(RegionRow {
        region: member.region.label(),
        networks: member.owned.len(),
        mean_truth: mean(&owned(member, truths)),
        own: in_part(member, scores, truths)?,
        beside: beside.map(|scores| in_part(member, scores, truths)).transpose()?,
    })
}

fn in_part(member: &Member, scores: &[f64], truths: &[f64]) -> Result<InPart, ExperimentError> {
    let (scores, truths) = (owned(member, scores), owned(member, truths));
    let paired = if scores.is_empty() { None } else { Some(Paired::new(&scores, &truths, |_| String::new())?) };
    Ok(InPart { tau_b: paired.and_then(|paired| paired.tau_b()), mean_score: mean(&scores) })
}

fn owned(member: &Member, values: &[f64]) -> Vec<f64> {
    member.owned.iter().map(|&index| values[index]).collect()
}

/// 0 where there are none: their sum would be -0.
fn mean(values: &[f64]) -> f64 {
    0.0 + values.iter().sum::<f64>() / values.len().max(1) as f64
}
