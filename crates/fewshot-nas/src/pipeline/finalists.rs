//! The end of a search: the best-scored networks are trained alone, and held-out images choose.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::search::{Found, HistoryEntry, SEARCH};
use super::{Lab, PipelineError, stages, standalone};
use crate::run::{Stage, StageContext};

/// Stage that takes one of the finalists.
pub const FINAL: &str = "final";

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
    /// Accuracy of the network trained alone on the same held-out images, 0 to 1.
    pub held_out_accuracy: f64,
}

/// What the final stage returns.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Taken {
    /// The architecture, as text.
    pub arch: String,
    /// Its score.
    pub score: f64,
    /// What it was chosen from; empty when the best-scored was taken at its word.
    pub finalists: Vec<Finalist>,
}

/// The stages that train finalists, and the one that takes one of them.
pub fn stages(lab: &Lab) -> Vec<Stage<'_>> {
    let count = count(lab);
    let train = (0..count).map(|index| {
        let stage = stages::training_stage(name(index), move |context| {
            let found: Found = context.input(SEARCH)?;
            // A search that found fewer functions sends its last one more than once.
            let scored = found.best.get(index).or(found.best.last()).ok_or(PipelineError::NothingScored)?;
            standalone::train_finalist(lab, context, &lab.alone_space().parse(&scored.arch)?)
        });
        stage.after([SEARCH])
    });
    let choose = stages::stage(FINAL, move |context| choose(lab, context));
    let choose = choose.after(std::iter::once(SEARCH.to_string()).chain((0..count).map(name)));
    train.chain([choose]).collect()
}

/// Networks trained alone to choose among; a choice of one needs no training, and a front is not chosen from.
fn count(lab: &Lab) -> usize {
    let search = &lab.recipe().search;
    Some(search.finalists).filter(|&count| count > 1 && search.pareto == 0).unwrap_or(0)
}

fn name(index: usize) -> String {
    format!("finalist-{index}")
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

/// Takes the finalist that is best on the held-out images; of equals the better-scored.
fn choose(lab: &Lab, context: &StageContext<'_>) -> Result<Taken, PipelineError> {
    let found: Found = context.input(SEARCH)?;
    let first = found.best.first().ok_or(PipelineError::NothingScored)?;
    let set = lab.score_set()?;
    let mut finalists: Vec<Finalist> = Vec::new();
    for (index, scored) in found.best.iter().enumerate().take(count(lab)) {
        let (_, held_out_accuracy) = standalone::accuracy(lab, context, &name(index), &set)?;
        finalists.push(Finalist { arch: scored.arch.clone(), score: scored.score, held_out_accuracy });
    }
    let better = |best: Finalist, next: &Finalist| {
        if next.held_out_accuracy > best.held_out_accuracy { next.clone() } else { best }
    };
    let best = finalists.first().cloned().map(|first| finalists.iter().skip(1).fold(first, better));
    let (arch, score) = best.map_or((first.arch.clone(), first.score), |best| (best.arch, best.score));
    Ok(Taken { arch, score, finalists })
}
