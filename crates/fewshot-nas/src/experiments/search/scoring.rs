//! The stage that searches: a strategy asks, supernets score.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fewshot_space::{Arch, Space};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::found::{Found, HistoryEntry, SEARCH};
use super::supernets::{estimator, scoring_inputs};
use super::{finalists, front};
use crate::estimate::{EstimateError, Estimator};
use crate::lab::{ExperimentError, Lab};
use crate::run::{HISTORY, JsonLines, Stage, StageContext};
use crate::search as strategies;
use crate::stages::{load_json, save_json, tell_failures};

/// State of the search, in its stage's folder.
const STATE: &str = "search.json";
/// Architectures asked for at a time.
const BATCH: usize = 8;
/// At most this much work is lost by a kill.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// The stage.
pub fn stage(lab: &Lab) -> Stage<'_> {
    let stage = Stage::of(&SEARCH, move |context| search(lab, context));
    stage.after(&scoring_inputs(lab)).publishes([HISTORY])
}

/// What the search stage keeps between processes. The strategy's state and the history move together, so that a
/// search cut anywhere asks on exactly as the uncut one.
#[derive(Serialize, Deserialize)]
struct State {
    strategy: Value,
    history: Vec<HistoryEntry>,
}

fn search(lab: &Lab, context: &StageContext<'_>) -> Result<Found, ExperimentError> {
    let recipe = &lab.recipe().search;
    let space = lab.alone_space();
    let mut strategy = strategies::build(&recipe.strategy, lab.partition().whole().clone(), lab.seed("strategy"))?;
    let file = context.file(STATE);
    let mut history = Vec::new();
    if let Some(state) = load_json::<State>(&file)? {
        strategy.restore(&state.strategy)?;
        history = state.history;
    }
    let log = history_log(context, &history)?;
    let mut scores = BTreeMap::new();
    for entry in &history {
        scores.insert(space.parse(&entry.arch)?, entry.score);
    }
    let set = Arc::new(lab.score_set()?);
    let mut estimator = estimator(lab, context, &set)?;
    let counter = context.counter("search", "architectures", history.len() as u64, Some(recipe.budget as u64));
    let metric = lab.task().metric();
    let mut saved = Instant::now();
    let mut rate = Rate::default();
    let hand = hand_made(lab, context)?;
    while history.len() < recipe.budget {
        let asked = match history.is_empty() && !hand.is_empty() {
            true => hand.clone(),
            false => strategy.ask(BATCH.min(recipe.budget - history.len()))?,
        };
        let entries = score(space.as_ref(), estimator.as_mut(), &scores, &asked, &mut rate)?;
        for (arch, entry) in asked.into_iter().zip(entries) {
            scores.insert(arch.clone(), entry.score);
            strategy.tell(&arch, entry.score);
            log.append(&entry)?;
            if history.iter().all(|known: &HistoryEntry| known.score < entry.score) {
                // A score is a value of the metric, or the same with its sign turned.
                let best = metric.text(metric.score(entry.score), 2);
                let on_test = if lab.recipe().scoring.sees_test() { " on test images" } else { "" };
                context.progress().message(&format!("best {best}{on_test} {}", entry.arch));
            }
            history.push(entry);
            counter.add(1);
        }
        let interrupted = context.interrupt().check();
        if interrupted.is_err() || saved.elapsed() > SAVE_EVERY {
            // The state must never be ahead of the log, not even after a power cut.
            log.sync()?;
            save_json(&file, &State { strategy: strategy.state(), history: history.clone() })?;
            context.keeps()?;
            saved = Instant::now();
        }
        interrupted?;
    }
    // The whole of it stays too: lost or damaged lines are written again from there.
    log.sync()?;
    save_json(&file, &State { strategy: strategy.state(), history: history.clone() })?;
    context.publish(log.path());
    rate.log(context)?;
    tell_failures(context, lab.recipe().scoring.fine_tune.steps, scores.values().copied());
    let front = if recipe.pareto > 0 { front::of(lab, &history, recipe.pareto)? } else { Vec::new() };
    let best = match front.last() {
        Some(best) => vec![best.clone()],
        None => finalists::finalists(lab, &history)?,
    };
    Ok(Found { best, front, evaluations: history.len(), distinct: scores.len() })
}

/// The hand-made networks that are scored first, which count as all others do: no more than are scored in all.
fn hand_made(lab: &Lab, context: &StageContext<'_>) -> Result<Vec<Arch>, ExperimentError> {
    let (made, budget) = (lab.hand_made()?, lab.recipe().search.budget);
    if let Some(left_out) = made.get(budget..).filter(|left_out| !left_out.is_empty()) {
        let names: Vec<&str> = left_out.iter().map(|network| network.name).collect();
        let names = names.join(", ");
        context.progress().line(&format!("search.budget = {budget} leaves these hand-made networks out: {names}"));
    }
    Ok(made.into_iter().take(budget).map(|network| network.arch).collect())
}

/// The run's history, which holds just what the saved state has: lines written after that will be written again, and what is
/// other than the state knows it is told and written as it was.
fn history_log(context: &StageContext<'_>, known: &[HistoryEntry]) -> Result<JsonLines, ExperimentError> {
    let log = context.run().open_history()?;
    let lines = log.read::<HistoryEntry>().ok();
    if lines.as_ref().and_then(|lines| lines.get(..known.len())) == Some(known) {
        log.truncate(known.len())?;
        return Ok(log);
    }
    context.progress().line("the history was lost or changed since: it is written again from the state of the search");
    log.truncate(0)?;
    known.iter().try_for_each(|entry| log.append(entry))?;
    Ok(log)
}

/// Scores what was asked for, all at once: the more, the more of their computation they share.
fn score(
    space: &dyn Space,
    estimator: &mut dyn Estimator,
    known: &BTreeMap<Arch, f64>,
    asked: &[Arch],
    rate: &mut Rate,
) -> Result<Vec<HistoryEntry>, ExperimentError> {
    let mut new: Vec<Arch> = Vec::new();
    for arch in asked {
        if !known.contains_key(arch) && !new.contains(arch) {
            new.push(arch.clone());
        }
    }
    let (scores, seconds) = rate.time(new.len(), || estimator.estimate(&new))?;
    // No strategy and no history can make anything of a score that is no number.
    if let Some((arch, _)) = new.iter().zip(&scores).find(|(_, score)| !score.is_finite()) {
        return Err(EstimateError::NotFinite(space.format(arch)).into());
    }
    let share = seconds / new.len().max(1) as f64;
    // A network asked for twice in one go is scored once, and its repeat costs nothing.
    let mut found: BTreeMap<Arch, (f64, f64)> =
        new.into_iter().zip(scores).map(|(arch, score)| (arch, (score, share))).collect();
    let entry = |arch: &Arch| {
        let (score, seconds) = match (known.get(arch), found.get_mut(arch)) {
            (Some(score), _) => (*score, 0.0),
            (None, Some((score, seconds))) => (*score, std::mem::take(seconds)),
            (None, None) => unreachable!("the estimator gives one score for each new architecture"),
        };
        let cost = space.cost(arch);
        HistoryEntry { arch: space.format(arch), score, macs: cost.macs, params: cost.params, seconds }
    };
    Ok(asked.iter().map(entry).collect())
}

/// How fast architectures are scored.
#[derive(Debug, Default)]
struct Rate {
    architectures: usize,
    seconds: f64,
}

impl Rate {
    /// Runs what scores so many architectures; its value, and the seconds that it took.
    fn time<T, E>(&mut self, architectures: usize, score: impl FnOnce() -> Result<T, E>) -> Result<(T, f64), E> {
        let began = Instant::now();
        let scores = score()?;
        let seconds = began.elapsed().as_secs_f64();
        self.architectures += architectures;
        self.seconds += seconds;
        Ok((scores, seconds))
    }

    /// Writes an event with what this process scored, and how many architectures per second.
    fn log(&self, context: &StageContext<'_>) -> Result<(), ExperimentError> {
        let Self { architectures, seconds } = *self;
        if architectures > 0 {
            let per_second = architectures as f64 / seconds.max(f64::MIN_POSITIVE);
            let data = json!({ "architectures": architectures, "seconds": seconds, "per_second": per_second });
            context.event("scored", data)?;
        }
        Ok(())
    }
}
