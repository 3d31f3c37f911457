//! Runs of kind `search`: supernet, sub-supernets, search, winner and random networks alone, test.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fewshot_space::{Arch, Space};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::finalists::{self, FINALISTS, Finalist, Scored, Taken};
use super::front::{self, FRONT, FrontNetwork};
use super::hand_made::{self, Reference};
use super::kept::{self, WINNER};
use super::stages::{self, Rate, Trained};
use super::standalone::{self, TEST};
use super::verdict::{self, MoreTime, Verdict};
use super::verify::{self, VERIFY, Verified};
use super::{Lab, PipelineError};
use crate::estimate::{EstimateError, Estimator, Evaluation, Fused, Measure, ScoreSet};
use crate::export::ONNX;
use crate::latency::NetworkLatency;
use crate::model::MODEL;
use crate::run::{HISTORY, JsonLines, RunFolder, Stage, StageContext};
use crate::search as strategies;

/// Stage that searches.
pub const SEARCH: &str = "search";
/// State of the search, in its stage's folder.
const STATE: &str = "search.json";
/// Random architectures that fused scores are ranked against: ranks are then right to a few per cent.
const REFERENCE: usize = 256;
/// Architectures asked for at a time.
const BATCH: usize = 8;
/// At most this much work is lost by a kill.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// One line of `history.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The architecture.
    pub arch: String,
    /// Its score: accuracy on held-out training images, 0 to 1.
    pub score: f64,
    /// Multiply-adds per image of the network trained alone.
    pub macs: u64,
    /// Parameters of the network trained alone.
    pub params: u64,
    /// Seconds that the scoring took, its share where several were scored together; 0 for a repeat.
    pub seconds: f64,
}

/// What the search stage returns.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Found {
    /// The best-scored of different function, best first; one, or as many as there are finalists.
    pub best: Vec<Scored>,
    /// The front, cheapest first; empty unless one is wanted. Its last one is the best-scored.
    #[serde(default)]
    pub front: Vec<Scored>,
    evaluations: usize,
    distinct: usize,
}

/// What the test stage returns.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Tested {
    winner: Evaluation,
    randoms: Vec<RandomNetwork>,
    #[serde(default)]
    references: Vec<Reference>,
    #[serde(default)]
    front: Vec<FrontNetwork>,
    #[serde(default)]
    latency: Option<NetworkLatency>,
}

/// A random architecture, trained and tested as the found one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RandomNetwork {
    /// The architecture.
    pub arch: String,
    /// Top-1 accuracy on the test images, 0 to 1.
    pub test_accuracy: f64,
}

/// What a search ends with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchResult {
    /// The found architecture.
    pub arch: String,
    /// Its space.
    pub space: String,
    /// Its score, 0 to 1.
    pub score: f64,
    /// What a score is, in words: `accuracy` (on held-out training images), `speed of 32 steps`.
    #[serde(default = "Measure::before_there_was_a_choice")]
    pub scored_by: String,
    /// The best-scored networks trained alone, best-scored first, of which the best on held-out images was taken;
    /// empty when the recipe asks for none.
    pub finalists: Vec<Finalist>,
    /// Top-1 accuracy on the test images of the found network, trained alone, 0 to 1.
    pub test_accuracy: f64,
    /// What it made of each class of the test images; absent where runs did not say so yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Evaluation>,
    /// Mean over random architectures trained the same way; absent when the recipe asks for none.
    pub random_test_accuracy_mean: Option<f64>,
    /// The random architectures.
    pub randoms: Vec<RandomNetwork>,
    /// Hand-made networks of the same limits; empty when the recipe asks for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
    /// The found network beside the best of these; absent without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// What a longer training would bring; absent where the held-out images were looked at too seldom to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_time: Option<MoreTime>,
    /// Epochs that the found network was trained, those as a finalist included; 0 in results that did not say so yet.
    #[serde(default)]
    pub epochs: u64,
    /// Multiply-adds per image of the found network.
    pub macs: u64,
    /// Its trainable parameters.
    pub params: u64,
    /// Its latency on this machine, one thread; absent unless that was limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<NetworkLatency>,
    /// The front of score against multiply-adds, cheapest first, the found network last; empty unless one was wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub front: Vec<FrontNetwork>,
    /// How the scores order networks trained alone; absent unless that was wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verified>,
    /// Architectures scored, repeats counted.
    pub evaluations: usize,
    /// Different architectures scored.
    pub distinct: usize,
    /// Sub-supernets that scored; 1 for one-shot.
    pub supernets: usize,
    /// Working time of all processes of the run.
    pub seconds: f64,
    /// The run's seed.
    pub seed: u64,
}

/// The stages.
pub fn stages(lab: &Lab) -> Result<Vec<Stage<'_>>, PipelineError> {
    let mut all = stages::supernet_stages(lab);
    all.push(
        stages::stage(SEARCH, move |context| search(lab, context))
            .after(stages::scoring_inputs(lab))
            .publishes([HISTORY]),
    );
    all.push(finalists::stage(lab));
    all.push(
        stages::training_stage(WINNER, move |context| kept::train(lab, context)).after([FINALISTS]).publishes([MODEL]),
    );
    let count = lab.recipe().standalone.randoms;
    for index in 0..count {
        let random = stages::training_stage(random_name(index), move |context| {
            let archs = lab.random_archs("random networks", count)?;
            // A region smaller than the number of random networks repeats its members.
            let arch = archs.get(index % archs.len().max(1)).ok_or(PipelineError::NothingScored)?;
            let kept: Trained = context.input(WINNER)?;
            standalone::train_alone(lab, context, arch, kept.history.len() as u64)
        });
        all.push(random.after([WINNER]));
    }
    all.extend(hand_made::stages(lab, WINNER)?);
    all.extend(verify::stages(lab));
    let front = front::stages(lab);
    let test = stages::stage(TEST, move |context| test(lab, context));
    let tested = std::iter::once(WINNER.to_string()).chain((0..count).map(random_name));
    let tested = tested.chain(hand_made::stage_names(lab)?);
    let of_front = front.iter().flat_map(|_| [SEARCH.to_string(), FRONT.to_string()]).collect::<Vec<_>>();
    let test = test.after(tested.chain(of_front)).publishes([MODEL]);
    all.extend(front);
    all.push(test);
    Ok(all)
}

fn random_name(index: usize) -> String {
    format!("random-{index}")
}

impl SearchResult {
    /// Whether a score is the plain accuracy on held-out training images.
    pub fn scored_by_accuracy(&self) -> bool {
        self.scored_by == Measure::Accuracy.after(0)
    }
}

fn scored_by(lab: &Lab) -> String {
    let scoring = &lab.recipe().scoring;
    let fused = if scoring.fused { ", fused with structure" } else { "" };
    scoring.measure.after(scoring.fine_tune.steps) + fused
}

/// What the search stage keeps between processes. The strategy's state and the history move together, so that a
/// search cut anywhere asks on exactly as the uncut one.
#[derive(Serialize, Deserialize)]
struct State {
    strategy: Value,
    history: Vec<HistoryEntry>,
}

fn search(lab: &Lab, context: &StageContext<'_>) -> Result<Found, PipelineError> {
    let recipe = &lab.recipe().search;
    let space = lab.alone_space();
    let mut strategy = strategies::build(&recipe.strategy, lab.partition().whole().clone(), lab.seed("strategy"))?;
    let file = context.file(STATE);
    let mut history = Vec::new();
    if let Some(state) = stages::load_json::<State>(&file)? {
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
    let mut saved = Instant::now();
    let mut rate = Rate::default();
    let hand: Vec<Arch> = lab.hand_made()?.into_iter().map(|network| network.arch).collect();
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
                context.progress().message(&format!("best {:.2} % {}", 100.0 * entry.score, entry.arch));
            }
            history.push(entry);
            counter.add(1);
        }
        let interrupted = context.interrupt().check();
        if interrupted.is_err() || saved.elapsed() > SAVE_EVERY {
            // The state must never be ahead of the log, not even after a power cut.
            log.sync()?;
            stages::save_json(&file, &State { strategy: strategy.state(), history: history.clone() })?;
            context.keeps()?;
            saved = Instant::now();
        }
        interrupted?;
    }
    // The whole of it stays too: lost or damaged lines are written again from there.
    log.sync()?;
    stages::save_json(&file, &State { strategy: strategy.state(), history: history.clone() })?;
    context.publish(log.path());
    rate.log(context)?;
    stages::tell_failures(context, lab.recipe().scoring.fine_tune.steps, scores.values().copied());
    let front = if recipe.pareto > 0 { front::of(lab, &history, recipe.pareto)? } else { Vec::new() };
    let best = match front.last() {
        Some(best) => vec![best.clone()],
        None => finalists::finalists(lab, &history)?,
    };
    Ok(Found { best, front, evaluations: history.len(), distinct: scores.len() })
}

/// The run's history, which holds just what the saved state has: lines written after that will be written again, and what is
/// other than the state knows it is told and written as it was.
fn history_log(context: &StageContext<'_>, known: &[HistoryEntry]) -> Result<JsonLines, PipelineError> {
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

/// The supernets' scores, or those fused with structure, ranked against random architectures of the searched region.
pub fn estimator(
    lab: &Lab,
    context: &StageContext<'_>,
    set: &Arc<ScoreSet>,
) -> Result<Box<dyn Estimator>, PipelineError> {
    let supernets = stages::estimator(lab, context, set)?;
    if !lab.recipe().scoring.fused {
        return Ok(Box::new(supernets));
    }
    let reference = lab.random_archs("fusion reference", REFERENCE)?;
    Ok(Box::new(Fused::new(supernets, lab.alone_space().clone(), &reference)?))
}

/// Scores what was asked for, all at once: the more, the more of their computation they share.
fn score(
    space: &dyn Space,
    estimator: &mut dyn Estimator,
    known: &BTreeMap<Arch, f64>,
    asked: &[Arch],
    rate: &mut Rate,
) -> Result<Vec<HistoryEntry>, PipelineError> {
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

fn test(lab: &Lab, context: &StageContext<'_>) -> Result<Tested, PipelineError> {
    let set = lab.open_test()?;
    let winner = standalone::test_and_keep(lab, context, WINNER, &set)?;
    let randoms = (0..lab.recipe().standalone.randoms).map(|index| {
        let (arch, test_accuracy) = standalone::accuracy(lab, context, &random_name(index), &set)?;
        Ok(RandomNetwork { arch: lab.alone_space().format(&arch), test_accuracy })
    });
    let randoms = randoms.collect::<Result<_, PipelineError>>()?;
    let front = if lab.recipe().search.pareto > 0 { front::test(lab, context, &set)? } else { Vec::new() };
    let trained: Trained = context.input(WINNER)?;
    let arch = standalone::parse_trained(lab, WINNER, &trained)?;
    let references = hand_made::test(lab, context, &set)?;
    Ok(Tested { winner, randoms, references, front, latency: lab.network_latency(&arch)? })
}

/// The result, from the values of the stages.
pub fn result(lab: &Lab, run: &RunFolder, values: &BTreeMap<String, Value>) -> Result<SearchResult, PipelineError> {
    let found: Found = stages::value(values, SEARCH)?;
    let taken: Taken = stages::value(values, FINALISTS)?;
    let kept: Trained = stages::value(values, WINNER)?;
    let tested: Tested = stages::value(values, TEST)?;
    let space = lab.alone_space();
    let arch = space.parse(&taken.arch)?;
    let cost = space.cost(&arch);
    let mut front = tested.front;
    if let Some(last) = found.front.last() {
        let model = if run.path().join(ONNX).exists() { ONNX } else { MODEL };
        front.push(front::network(lab, last, &arch, tested.winner.top1, model.to_string()));
    }
    let verify = values.contains_key(VERIFY).then(|| stages::value(values, VERIFY)).transpose()?;
    let count = tested.randoms.len();
    let sum: f64 = tested.randoms.iter().map(|random| random.test_accuracy).sum();
    let verdict = verdict::compare(&tested.winner, &tested.references);
    Ok(SearchResult {
        arch: taken.arch,
        space: space.name().to_string(),
        score: taken.score,
        scored_by: scored_by(lab),
        finalists: taken.finalists,
        test_accuracy: tested.winner.top1,
        test: Some(tested.winner),
        random_test_accuracy_mean: (count > 0).then(|| sum / count as f64),
        randoms: tested.randoms,
        verdict,
        more_time: verdict::more_time(&kept, lab.held_out_images() as u64),
        references: tested.references,
        epochs: kept.history.len() as u64,
        macs: cost.macs,
        params: cost.params,
        latency: tested.latency,
        front,
        verify,
        evaluations: found.evaluations,
        distinct: found.distinct,
        supernets: stages::scoring_inputs(lab).len(),
        seconds: run.seconds()?,
        seed: lab.recipe().seed,
    })
}
