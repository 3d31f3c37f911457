//! Runs of kind `ranking`: how well supernets order networks that were trained alone.
//!
//! Three supernets score the same architectures: the one-shot, the sub-supernets, and a one-shot that was trained for
//! as many steps as the one-shot and all sub-supernets together. The truth is test accuracy after training alone.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use fewshot_space::{Arch, Space};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::stages::{self, Rate, SUPERNET, Trained};
use super::standalone::{self, TEST};
use super::{Lab, PipelineError};
use crate::estimate::{Estimator, OneShot, ScoreSet};
use crate::rank::{Metrics, RankReport};
use crate::run::{RunFolder, Stage, StageContext};
use crate::train::TrainConfig;

/// Stage of the one-shot supernet with the same total cost.
const CONTROL: &str = "control";
/// Stage that scores.
const SCORES: &str = "scores";

/// Architectures scored between two looks at the clock and at the interrupt flag.
const PART: usize = 64;

/// Scores of one architecture, and the truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoredNetwork {
    /// The architecture.
    pub arch: String,
    /// Top-1 accuracy on the test images after training alone, 0 to 1.
    pub truth: f64,
    /// Score per method, in the order of [`RankingResult::rows`]'s first rows.
    pub scores: Vec<f64>,
}

/// One way to order the networks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankingRow {
    /// What orders them.
    pub method: String,
    /// Supernets that were trained for it.
    pub supernets: usize,
    /// Epochs of supernet training in all.
    pub epochs: u64,
    /// How well it orders.
    pub metrics: Metrics,
}

/// What a run of kind `ranking` ends with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankingResult {
    /// The space.
    pub space: String,
    /// Networks compared.
    pub n: usize,
    /// One row per method, then the baselines.
    pub rows: Vec<RankingRow>,
    /// Every network with its truth and scores.
    pub networks: Vec<ScoredNetwork>,
    /// Working time of all processes of the run.
    pub seconds: f64,
    /// The run's seed.
    pub seed: u64,
}

/// The stages.
pub fn stages(lab: &Lab) -> Result<Vec<Stage<'_>>, PipelineError> {
    let archs = lab.random_archs("ranked networks", lab.recipe().ranking.networks)?;
    let mut all = stages::supernet_stages(lab);
    let control = stages::training_stage(CONTROL, move |context| {
        let config = control_config(lab);
        let loader = lab.search_loader(&config, lab.seed("supernet images"))?;
        let net = stages::supernet(lab, lab.partition().whole());
        stages::train(context, net, &config, &loader, lab.seed("supernet paths"))
    });
    all.push(control);
    let scored = archs.clone();
    let mut inputs = vec![SUPERNET.to_string(), CONTROL.to_string()];
    if lab.is_split() {
        inputs.extend(stages::scoring_inputs(lab));
    }
    all.push(stages::stage(SCORES, move |context| scores(lab, context, &scored)).after(inputs));
    let count = archs.len();
    for (index, arch) in archs.into_iter().enumerate() {
        let body = move |context: &StageContext<'_>| standalone::train_alone(lab, context, &arch);
        all.push(stages::training_stage(truth_name(index), body));
    }
    let test = stages::stage(TEST, move |context| {
        let set = lab.open_test()?;
        let truth = |index| Ok(standalone::accuracy(lab, context, &truth_name(index), &set)?.1);
        (0..count).map(truth).collect::<Result<Vec<f64>, PipelineError>>()
    });
    all.push(test.after((0..count).map(truth_name)));
    Ok(all)
}

fn truth_name(index: usize) -> String {
    format!("truth-{index}")
}

/// One supernet with the epochs of the one-shot and of all sub-supernets, in one schedule.
fn control_config(lab: &Lab) -> TrainConfig {
    let recipe = lab.recipe();
    TrainConfig { epochs: total_epochs(lab), ..recipe.supernet.clone() }
}

fn total_epochs(lab: &Lab) -> u64 {
    let recipe = lab.recipe();
    let children = if lab.is_split() { lab.partition().regions().len() as u64 } else { 0 };
    recipe.supernet.epochs + children * recipe.children.epochs
}

/// Per method, one score per architecture.
fn scores(lab: &Lab, context: &StageContext<'_>, archs: &[Arch]) -> Result<Vec<Vec<f64>>, PipelineError> {
    let set = Arc::new(lab.score_set()?);
    let methods = if lab.is_split() { 3 } else { 2 };
    let counter = context.counter("scoring", "architectures", 0, Some((methods * archs.len()) as u64));
    let mut rate = Rate::default();
    let mut score = |estimator: &mut dyn Estimator| -> Result<Vec<f64>, PipelineError> {
        let mut scores = Vec::new();
        for part in archs.chunks(PART) {
            scores.extend(rate.time(part.len(), || estimator.estimate(part))?.0);
            counter.add(part.len() as u64);
            context.interrupt().check()?;
        }
        Ok(scores)
    };
    let once = score(&mut one_shot(lab, context, SUPERNET, &set)?)?;
    let few = if lab.is_split() { score(&mut stages::estimator(lab, context, &set)?)? } else { once.clone() };
    let control = score(&mut one_shot(lab, context, CONTROL, &set)?)?;
    rate.log(context)?;
    Ok(vec![once, few, control])
}

fn one_shot(lab: &Lab, context: &StageContext<'_>, stage: &str, set: &Arc<ScoreSet>) -> Result<OneShot, PipelineError> {
    let net = stages::load(context, stage, stages::supernet(lab, lab.partition().whole()))?;
    Ok(OneShot::new(net, set.clone(), lab.recipe().scoring.norm))
}

/// The result, from the values of the stages.
pub fn result(lab: &Lab, run: &RunFolder, values: &BTreeMap<String, Value>) -> Result<RankingResult, PipelineError> {
    let space = lab.alone_space();
    let scores: Vec<Vec<f64>> = stages::value(values, SCORES)?;
    let truths: Vec<f64> = stages::value(values, TEST)?;
    let mut archs = Vec::new();
    for index in 0..truths.len() {
        let trained: Trained = stages::value(values, &truth_name(index))?;
        archs.push(space.parse(&trained.arch.unwrap_or_default())?);
    }
    let parts = stages::scoring_inputs(lab).len();
    let (once, total) = (lab.recipe().supernet.epochs, total_epochs(lab));
    let methods = [("one-shot", 1, once), ("few-shot", parts, total), ("one-shot, equal cost", 1, total)];
    let mut rows = Vec::new();
    let mut baselines = None;
    for ((method, supernets, epochs), scores) in methods.into_iter().zip(&scores) {
        let report = RankReport::new(&**space, &archs, scores, &truths)?;
        rows.push(RankingRow { method: method.to_string(), supernets, epochs, metrics: report.score });
        baselines = Some(report.baselines);
    }
    if let Some(baselines) = baselines {
        let free = [("#params", baselines.params), ("#MACs", baselines.macs), ("random", baselines.random)];
        rows.extend(free.map(|(method, metrics)| RankingRow {
            method: method.to_string(),
            supernets: 0,
            epochs: 0,
            metrics,
        }));
    }
    let networks = archs.iter().zip(&truths).enumerate().map(|(index, (arch, truth))| ScoredNetwork {
        arch: space.format(arch),
        truth: *truth,
        scores: scores.iter().filter_map(|method| method.get(index).copied()).collect(),
    });
    Ok(RankingResult {
        space: space.name().to_string(),
        n: truths.len(),
        networks: networks.collect(),
        rows,
        seconds: run.seconds()?,
        seed: lab.recipe().seed,
    })
}

impl fmt::Display for RankingResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} networks of {}, seed {}", self.n, self.space, self.seed)?;
        writeln!(f, "| method | supernets | epochs in all | tau-b | Spearman | best truth of the ten top-scored |")?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_string(), |value| format!("{value:.3}"));
        for row in &self.rows {
            let RankingRow { method, supernets, epochs, metrics } = row;
            let (tau, rho) = (number(metrics.tau_b), number(metrics.spearman));
            let best = metrics.best_truth_of_top10;
            writeln!(f, "| {method} | {supernets} | {epochs} | {tau} | {rho} | {best:.4} |")?;
        }
        Ok(())
    }
}
