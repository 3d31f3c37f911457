//! A search strategy on supernets that are there already: what it asks for is scored, and the best are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use fewshot_space::{Arch, Region, Space};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::state::{load_json, save_json};
use crate::estimate::Estimator;
use crate::lab::ExperimentError;
use crate::run::{Counter, StageContext};
use crate::search;

/// Architectures asked for at a time.
const BATCH: usize = 8;
/// At most this much work is lost by a kill.
const SAVE_EVERY: Duration = Duration::from_secs(15);

/// What a search is to do.
pub struct Quest<'a> {
    /// The strategy's name.
    pub strategy: &'a str,
    /// What it is to look at.
    pub region: &'a Region,
    /// Decides its draws.
    pub seed: u64,
    /// Architectures that it asks for, repeats included.
    pub budget: usize,
    /// How many of the best are kept, one of each function.
    pub kept: usize,
}

/// What one search left.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Caught {
    /// The best-scored networks, one of each function, the best first.
    pub best: Vec<Scored>,
    /// Networks asked for, repeats included.
    pub evaluations: usize,
    /// Different ones among them.
    pub distinct: usize,
    /// Seconds of the search.
    pub seconds: f64,
}

/// A network with its score.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scored {
    /// The architecture.
    pub arch: String,
    /// Accuracy in the supernet that owns it, on held-out images, 0 to 1.
    pub score: f64,
}

/// A search under way: the strategy, and what was told to it.
#[derive(Serialize, Deserialize)]
struct State {
    strategy: Value,
    history: Vec<Scored>,
    seconds: f64,
}

/// Architectures that the search with this state has asked for.
///
/// # Errors
/// When the state cannot be read.
pub fn asked_for(state: &Path) -> Result<usize, ExperimentError> {
    Ok(load_json::<State>(state)?.map_or(0, |state| state.history.len()))
}

/// Searches to the end of the budget, from the state in the file `state` where there is one. `counter` counts what is asked for.
///
/// # Errors
/// When a network cannot be scored, or the search is interrupted; its state is kept then.
pub fn hunt(
    context: &StageContext<'_>,
    quest: &Quest<'_>,
    estimator: &mut dyn Estimator,
    state: &Path,
    counter: Option<&Counter<'_>>,
) -> Result<Caught, ExperimentError> {
    let space = quest.region.space().as_ref();
    let mut strategy = search::build(quest.strategy, quest.region.clone(), quest.seed)?;
    let (mut history, mut before) = (Vec::new(), 0.0);
    if let Some(known) = load_json::<State>(state)? {
        strategy.restore(&known.strategy)?;
        (history, before) = (known.history, known.seconds);
    }
    let mut scores = BTreeMap::new();
    for Scored { arch, score } in &history {
        scores.insert(space.parse(arch)?, *score);
    }
    let began = Instant::now();
    let mut saved = Instant::now();
    while history.len() < quest.budget {
        let asked = strategy.ask(BATCH.min(quest.budget - history.len()))?;
        score(estimator, &asked, &mut scores)?;
        for arch in asked {
            let score = scores[&arch];
            strategy.tell(&arch, score);
            history.push(Scored { arch: space.format(&arch), score });
            counter.iter().for_each(|counter| counter.add(1));
        }
        let interrupted = context.interrupt().check();
        if interrupted.is_err() || saved.elapsed() > SAVE_EVERY {
            let seconds = before + began.elapsed().as_secs_f64();
            save_json(state, &State { strategy: strategy.state(), history: history.clone(), seconds })?;
            context.keeps()?;
            saved = Instant::now();
        }
        interrupted?;
    }
    let best = best(space, history, quest.kept)?;
    context.event("found", json!({ "best": best.first().map(|best| best.score) }))?;
    let seconds = before + began.elapsed().as_secs_f64();
    Ok(Caught { best, evaluations: quest.budget, distinct: scores.len(), seconds })
}

/// The same by the scores of another estimator: the best `count` of what was kept.
///
/// # Errors
/// When one of them cannot be scored.
pub fn scored_anew(
    space: &dyn Space,
    caught: Caught,
    estimator: &mut dyn Estimator,
    count: usize,
) -> Result<Caught, ExperimentError> {
    let began = Instant::now();
    let archs = caught.best.iter().map(|scored| space.parse(&scored.arch)).collect::<Result<Vec<Arch>, _>>()?;
    let scores = estimator.estimate(&archs)?;
    let anew = caught.best.into_iter().zip(scores).map(|(scored, score)| Scored { score, ..scored }).collect();
    let best = best(space, anew, count)?;
    Ok(Caught { best, seconds: caught.seconds + began.elapsed().as_secs_f64(), ..caught })
}

/// Scores those that have no score yet.
fn score(
    estimator: &mut dyn Estimator,
    asked: &[Arch],
    scores: &mut BTreeMap<Arch, f64>,
) -> Result<(), ExperimentError> {
    let new: BTreeSet<&Arch> = asked.iter().filter(|arch| !scores.contains_key(*arch)).collect();
    let new: Vec<Arch> = new.into_iter().cloned().collect();
    let found = estimator.estimate(&new)?;
    scores.extend(new.into_iter().zip(found));
    Ok(())
}

/// The best `count`, one of each function: of equal scores the earlier.
fn best(space: &dyn Space, mut history: Vec<Scored>, count: usize) -> Result<Vec<Scored>, ExperimentError> {
    history.sort_by(|a, b| b.score.total_cmp(&a.score));
    let (mut best, mut seen) = (Vec::new(), BTreeSet::new());
    for scored in history {
        if best.len() < count && seen.insert(space.structure(&space.parse(&scored.arch)?)) {
            best.push(scored);
        }
    }
    Ok(best)
}
