//! The end of a search: the best-scored networks are trained alone, held-out images choose by and by, and the last one left goes
//! on to be the kept network.
//!
//! Successive halving (Jamieson and Talwalkar, AISTATS 2016): all train side by side, and after each rung the worse half is
//! left out. As long as the learning rate does not fall, a finalist is the kept network in its first epochs, so nothing
//! is trained twice.

use std::collections::BTreeSet;
use std::path::PathBuf;

use fewshot_space::Arch;
use serde::{Deserialize, Serialize};

use super::search::{Found, HistoryEntry, SEARCH};
use super::stages::{self, CHECKPOINT, Judge, Phase};
use super::{Lab, PipelineError, kept, standalone};
use crate::run::{Stage, StageContext, in_lanes};

/// Stage that trains finalists and takes one of them.
pub const FINALISTS: &str = "finalists";
/// Who is left, in the stage's folder.
const STATE: &str = "rungs.json";

/// An architecture and its score.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scored {
    /// As text.
    pub arch: String,
    /// Supernet accuracy on held-out training images, 0 to 1.
    pub score: f64,
}

/// One of the best-scored networks, trained alone on the search-train images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finalist {
    /// The architecture.
    pub arch: String,
    /// Its score: supernet accuracy on held-out training images, 0 to 1.
    pub score: f64,
    /// Accuracy of the network trained alone on the same held-out images, 0 to 1, when it was left out or taken.
    pub held_out_accuracy: f64,
    /// Epochs that it had been trained then; 0 in results that did not say so yet.
    #[serde(default)]
    pub epochs: u64,
    /// Which hand-made network it is, where it is one: `plain`, `residual`, `separable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<String>,
}

/// What the stage returns.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Taken {
    /// The architecture, as text.
    pub arch: String,
    /// Its score.
    pub score: f64,
    /// What it was chosen from, best-scored first; empty when the best-scored was taken at its word.
    pub finalists: Vec<Finalist>,
    /// Epochs that it has been trained; 0 for none.
    pub epochs: u64,
}

/// Accuracies at the end of a rung.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Rung {
    /// Epochs trained.
    epochs: u64,
    /// Finalist and its accuracy on held-out images, 0 to 1.
    accuracies: Vec<(usize, f64)>,
}

impl Rung {
    /// The better half, in the order of the finalists; of equals the better-scored.
    fn survivors(&self) -> Vec<usize> {
        let mut order = self.accuracies.clone();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut left: Vec<usize> = order.iter().take(order.len().div_ceil(2)).map(|(index, _)| *index).collect();
        left.sort_unstable();
        left
    }
}

/// The stage.
pub fn stage(lab: &Lab) -> Stage<'_> {
    let stage = stages::stage(FINALISTS, move |context| choose(lab, context)).after([SEARCH]);
    if count(lab) > 1 { stage.produces([CHECKPOINT]) } else { stage }
}

/// Networks trained alone to choose among; a choice of one needs no training, and a front is not chosen from.
pub fn count(lab: &Lab) -> usize {
    let search = &lab.recipe().search;
    Some(search.finalists).filter(|&count| count > 1 && search.pareto == 0).unwrap_or(0)
}

/// Epochs after which `finalists` are halved, until one is left, for a training of `epochs` of which the choice takes the
/// share `halving`.
pub fn rungs(finalists: usize, epochs: u64, halving: f64) -> Vec<u64> {
    let rounds = u64::from(finalists.max(1).next_power_of_two().trailing_zeros());
    let last = ((epochs as f64 * halving).round() as u64).clamp(rounds, epochs.max(rounds));
    (1..=rounds).map(|round| (last >> (rounds - round)).max(round)).collect()
}

/// Epochs that all but the kept one are trained, together.
pub fn lost_epochs(finalists: usize, epochs: u64, halving: f64) -> u64 {
    let (mut left, mut before, mut lost) = (finalists as u64, 0, 0);
    for rung in rungs(finalists, epochs, halving) {
        lost += left.saturating_sub(1) * (rung - before);
        (left, before) = (left.div_ceil(2), rung);
    }
    lost
}

/// The best-scored architectures, one of each function, that keep the limit of latency; of equal scores the earlier comes
/// first.
pub fn best_functions(lab: &Lab, history: &[HistoryEntry], count: usize) -> Result<Vec<Scored>, PipelineError> {
    let space = lab.alone_space();
    let mut order: Vec<&HistoryEntry> = history.iter().collect();
    order.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut seen = BTreeSet::new();
    let mut best = Vec::new();
    for entry in order {
        let arch = space.parse(&entry.arch)?;
        if best.len() < count && seen.insert(space.structure(&arch)) && lab.is_fast_enough(&arch)? {
            best.push(Scored { arch: entry.arch.clone(), score: entry.score });
        }
    }
    match (best.is_empty(), history.is_empty()) {
        (false, _) => Ok(best),
        (true, true) => Err(PipelineError::NothingScored),
        (true, false) => Err(PipelineError::TooSlow { limit: lab.recipe().search.max_latency_ms }),
    }
}

/// The best-scored, with the hand-made ones in the place of the last where they are not among them.
pub fn finalists(lab: &Lab, history: &[HistoryEntry]) -> Result<Vec<Scored>, PipelineError> {
    let count = lab.recipe().search.finalists.max(1);
    let mut best = best_functions(lab, history, usize::MAX)?;
    if count <= 1 {
        best.truncate(count);
        return Ok(best);
    }
    let space = lab.alone_space();
    let hand: Vec<String> = lab.hand_made()?.into_iter().map(|network| space.format(&network.arch)).collect();
    let is_hand_made = |scored: &Scored| hand.contains(&scored.arch);
    let found = count.saturating_sub(best.iter().filter(|scored| is_hand_made(scored)).count()).max(1);
    let mut free = 0;
    best.retain(|scored| {
        free += usize::from(!is_hand_made(scored));
        is_hand_made(scored) || free <= found
    });
    best.truncate(count.max(found));
    Ok(best)
}

/// Trains the finalists rung by rung, and takes the last one left.
fn choose(lab: &Lab, context: &StageContext<'_>) -> Result<Taken, PipelineError> {
    let found: Found = context.input(SEARCH)?;
    let first = found.best.first().ok_or(PipelineError::NothingScored)?;
    if count(lab) == 0 {
        return Ok(Taken { arch: first.arch.clone(), score: first.score, finalists: Vec::new(), epochs: 0 });
    }
    let space = lab.alone_space();
    let archs = found.best.iter().map(|scored| Ok(space.parse(&scored.arch)?));
    let archs = archs.collect::<Result<Vec<Arch>, PipelineError>>()?;
    let config = &lab.recipe().standalone.train;
    let plan = rungs(archs.len(), config.epochs, lab.recipe().standalone.halving);
    let file = context.file(STATE);
    let mut done: Vec<Rung> = stages::load_json(&file)?.unwrap_or_default();
    let mut left: Vec<usize> = done.last().map_or_else(|| (0..archs.len()).collect(), Rung::survivors);
    for &epochs in plan.iter().skip(done.len()) {
        let rung = train_rung(lab, context, &archs, &left, (done.last().map_or(0, |rung| rung.epochs), epochs))?;
        left = rung.survivors();
        let best = rung.accuracies.iter().map(|(_, accuracy)| *accuracy).fold(0.0, f64::max);
        let text = format!("{} of {} finalists left, best {:.2} %", left.len(), archs.len(), 100.0 * best);
        context.progress().message(&text);
        done.push(rung);
        stages::save_json(&file, &done)?;
    }
    let taken = left.first().copied().unwrap_or(0);
    keep_checkpoint(context, taken)?;
    let hand = lab.hand_made()?;
    let finalist = |(index, scored): (usize, &Scored)| {
        let last = done.iter().rev().find_map(|rung| {
            rung.accuracies.iter().find(|(other, _)| *other == index).map(|(_, accuracy)| (rung.epochs, *accuracy))
        });
        let (epochs, held_out_accuracy) = last.unwrap_or_default();
        let by_hand = hand.iter().find(|network| network.arch == archs[index]).map(|network| network.name.to_string());
        Finalist { arch: scored.arch.clone(), score: scored.score, held_out_accuracy, epochs, by_hand }
    };
    Ok(Taken {
        arch: found.best[taken].arch.clone(),
        score: found.best[taken].score,
        finalists: found.best.iter().enumerate().map(finalist).collect(),
        epochs: plan.last().copied().unwrap_or(0),
    })
}

fn network_file(context: &StageContext<'_>, index: usize) -> PathBuf {
    context.file(&format!("network-{index}.safetensors"))
}

/// Trains those that are left to the end of a rung, side by side, and judges them.
fn train_rung(
    lab: &Lab,
    context: &StageContext<'_>,
    archs: &[Arch],
    left: &[usize],
    (begun, until): (u64, u64),
) -> Result<Rung, PipelineError> {
    let config = &lab.recipe().standalone.train;
    let loader = lab.search_loader(config, lab.seed("finalist images"))?;
    let set = lab.judging_set()?;
    let steps = loader.steps_per_epoch() as u64;
    let mut done = 0;
    for &index in left {
        done += stages::steps_done(&network_file(context, index))?.saturating_sub(begun * steps);
    }
    let what = format!("{} finalists to epoch {until}", left.len());
    let counter = context.counter(&what, "steps", done, Some((until - begun) * steps * left.len() as u64));
    let train = |&index: &usize| {
        let judge = Judge { set: &set, arch: &archs[index], every: until };
        let phases = [Phase { until, loader: &loader, judge: Some(&judge) }];
        let net = standalone::network(lab, &archs[index])?;
        let file = network_file(context, index);
        let trainer = stages::train_in(context, &file, &counter, net, config, &phases, lab.seed("alone paths"))?;
        Ok::<_, PipelineError>(trainer.progress().history.last().and_then(|last| last.held_out).unwrap_or(0.0))
    };
    let mut accuracies = Vec::new();
    in_lanes(left, train, |position, accuracy| {
        accuracies.push((left[position], accuracy));
        Ok::<_, PipelineError>(())
    })?;
    accuracies.sort_unstable_by_key(|(index, _)| *index);
    Ok(Rung { epochs: until, accuracies })
}

/// Leaves the state of the taken one as the stage's checkpoint, for the kept network to go on from.
fn keep_checkpoint(context: &StageContext<'_>, index: usize) -> Result<(), PipelineError> {
    kept::copy_whole(&network_file(context, index), &context.file(CHECKPOINT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_double_and_end_with_one_left() {
        assert_eq!(rungs(8, 200, 0.08), [4, 8, 16]);
        assert_eq!(rungs(5, 8, 0.5), [1, 2, 4]);
        assert_eq!(rungs(8, 10, 0.08), [1, 2, 3]);
        assert_eq!(rungs(1, 10, 0.5), [] as [u64; 0]);
        for (count, epochs) in (1..20).flat_map(|count| (1..40).map(move |epochs| (count, epochs))) {
            let rungs = rungs(count, epochs, 0.3);
            assert!(rungs.windows(2).all(|pair| pair[0] < pair[1]), "{count} {epochs}: {rungs:?}");
            assert_eq!(rungs.iter().fold(count, |left, _| left.div_ceil(2)), 1, "{count} {epochs}: {rungs:?}");
        }
    }

    #[test]
    fn what_is_not_kept_costs_what_it_was_trained() {
        // Seven to epoch 4, three to 8, one to 16.
        assert_eq!(lost_epochs(8, 200, 0.08), 7 * 4 + 3 * 4 + 8);
        assert_eq!(lost_epochs(1, 200, 0.08), 0);
    }

    #[test]
    fn the_better_half_survives_and_ties_go_to_the_better_scored() {
        let rung =
            |accuracies: &[f64]| Rung { epochs: 1, accuracies: accuracies.iter().copied().enumerate().collect() };
        assert_eq!(rung(&[0.5, 0.7, 0.6, 0.9]).survivors(), [1, 3]);
        assert_eq!(rung(&[0.5, 0.5, 0.5]).survivors(), [0, 1]);
        assert_eq!(rung(&[0.2]).survivors(), [0]);
    }
}
