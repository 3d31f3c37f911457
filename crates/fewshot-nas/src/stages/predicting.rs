//! Predictors of scores: some networks of a region are scored, and a predictor learns from these.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::tensor::Device;
use fewshot_space::{Arch, Region, Space, random};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::hunting::Scored;
use super::keeper::Keeper;
use super::state::{load_json, save_json};
use crate::estimate::{Estimator, Foresight, Predictor, PredictorFit};
use crate::lab::ExperimentError;
use crate::run::{Checkpoint, Counter, StageContext};

/// Networks scored at a time.
const BATCH: usize = 8;
/// At most this much work is lost by a kill.
const SAVE_EVERY: Duration = Duration::from_secs(15);
/// Draws for each network that is wanted: in a small region most bring what is there already.
const DRAWS: u64 = 20;

/// What a predictor is to learn.
pub struct Lesson<'a> {
    /// Networks of this.
    pub region: &'a Region,
    /// So many of them, or as many as are found.
    pub pairs: usize,
    /// Decides draws, and the order of learning.
    pub seed: u64,
    /// Where it is computed.
    pub device: &'a Device,
    /// Its file of the networks scored so far.
    pub pairs_file: PathBuf,
    /// Its file of the predictor.
    pub file: PathBuf,
}

/// A predictor that is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Predicting {
    /// The networks that it is for.
    pub region: String,
    /// How well it does.
    #[serde(flatten)]
    pub foresight: Foresight,
}

/// What is counted meanwhile.
pub struct Counters<'a> {
    /// Scored networks.
    pub pairs: Counter<'a>,
    /// Epochs.
    pub epochs: Counter<'a>,
}

/// How many networks earlier processes have scored for the predictor with this file.
///
/// # Errors
/// When the file cannot be read.
pub fn pairs_done(file: &Path) -> Result<usize, ExperimentError> {
    Ok(load_json::<Vec<Scored>>(file)?.map_or(0, |scored| scored.len()))
}

/// Lets `estimator` score networks drawn decision by decision, as supernets are trained, and a predictor learn from them, both from
/// where an earlier process left it.
///
/// # Errors
/// When a network cannot be scored, or the work is interrupted; its state is kept then.
pub fn learn(
    context: &StageContext<'_>,
    lesson: &Lesson<'_>,
    estimator: &mut dyn Estimator,
    counters: &Counters<'_>,
) -> Result<Predicting, ExperimentError> {
    let space = lesson.region.space();
    let archs = drawn(lesson)?;
    let mut scored: Vec<Scored> = load_json(&lesson.pairs_file)?.unwrap_or_default();
    let mut saved = Instant::now();
    while scored.len() < archs.len() {
        let asked = &archs[scored.len()..archs.len().min(scored.len() + BATCH)];
        let scores = estimator.estimate(asked)?;
        scored.extend(asked.iter().zip(scores).map(|(arch, score)| Scored { arch: space.format(arch), score }));
        counters.pairs.add(asked.len() as u64);
        let interrupted = context.interrupt().check();
        if interrupted.is_err() || saved.elapsed() > SAVE_EVERY || scored.len() == archs.len() {
            save_json(&lesson.pairs_file, &scored)?;
            context.keeps()?;
            saved = Instant::now();
        }
        interrupted?;
    }
    let pairs: Vec<(Arch, f64)> = archs.into_iter().zip(scored.iter().map(|scored| scored.score)).collect();
    let mut fit = PredictorFit::new(space.as_ref(), &pairs, lesson.device, lesson.seed)?;
    let mut keeper = Keeper::resume(context, &lesson.file, &counters.epochs, &mut fit)?;
    while !fit.is_done() {
        fit.learn();
        keeper.after_step(&fit)?;
    }
    keeper.keep(&fit)?;
    let foresight = fit.foresight();
    let region = lesson.region.label();
    context.event("predictor", json!({ "region": region, "tau_b": foresight.tau_b, "epochs": foresight.epochs }))?;
    Ok(Predicting { region, foresight })
}

/// Different networks of the region.
fn drawn(lesson: &Lesson<'_>) -> Result<Vec<Arch>, ExperimentError> {
    let (mut archs, mut seen) = (Vec::new(), BTreeSet::new());
    for draw in 0..DRAWS * lesson.pairs as u64 {
        if archs.len() == lesson.pairs {
            break;
        }
        let arch = lesson.region.sample_by_decision(&mut random::stream(lesson.seed, "predictor pairs", draw, 0))?;
        if seen.insert(arch.clone()) {
            archs.push(arch);
        }
    }
    Ok(archs)
}

/// The predictor that a stage left in a checkpoint.
///
/// # Errors
/// When it is damaged, or of another kind of networks.
pub fn load_predictor(
    space: Arc<dyn Space>,
    checkpoint: &Checkpoint,
    device: &Device,
) -> Result<Predictor, ExperimentError> {
    Ok(Predictor::load(space, &checkpoint.tensors, &checkpoint.meta()?, device)?)
}
