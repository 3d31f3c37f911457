//! How far a search's scores can be believed on its own images: random networks, spread over the scores, trained alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use fewshot_space::Arch;
use serde::{Deserialize, Serialize};

use super::found::Scored;
use super::front::spread;
use super::supernets::{estimator, scoring_inputs};
use crate::estimate::NormPolicy;
use crate::lab::{ExperimentError, Lab};
use crate::rank::Paired;
use crate::run::{Handle, Stage, StageContext};
use crate::stages::{remembered, rungs, train_several};

/// The stage.
pub static VERIFY: Handle<Verified> = Handle::new("verify");
/// The chosen networks, in the stage's folder: they are scored once.
const CHOSEN: &str = "chosen.json";
/// Random networks that are scored for each that is chosen.
const SCORED_FOR_ONE: usize = 8;

/// How a search's scores order networks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verified {
    /// The networks, best-scored first.
    pub networks: Vec<VerifiedNetwork>,
    /// Kendall's tau-b of the scores with the held-out accuracies of the networks trained alone; absent where all are equal.
    pub tau_b: Option<f64>,
    /// Its 95 % confidence interval ([`Paired::tau_b_ci_of_few`]).
    pub interval: Option<[f64; 2]>,
    /// Tau-b of the numbers of parameters with those accuracies.
    pub tau_b_params: Option<f64>,
    /// Tau-b of the multiply-adds with them.
    pub tau_b_macs: Option<f64>,
}

/// A network that was scored and trained alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifiedNetwork {
    /// The architecture.
    pub arch: String,
    /// Its score: what the search would have seen.
    pub score: f64,
    /// Accuracy of the network trained alone on the images that train supernets, on those that scores are made on, 0 to 1: held-out
    /// training images (under `scoring.on_test`: test images).
    pub held_out_accuracy: f64,
}

/// The stage; none unless it is wanted.
pub fn stages(lab: &Lab) -> Option<Stage<'_>> {
    let stage = Stage::of(&VERIFY, move |context| verify(lab, context));
    (lab.recipe().search.verify > 0).then(|| stage.after(&scoring_inputs(lab)))
}

fn verify(lab: &Lab, context: &StageContext<'_>) -> Result<Verified, ExperimentError> {
    let space = lab.alone_space();
    let chosen: Vec<Scored> = remembered(&context.file(CHOSEN), || choose(lab, context))?;
    let archs =
        chosen.iter().map(|scored| Ok(space.parse(&scored.arch)?)).collect::<Result<Vec<_>, ExperimentError>>()?;
    // On what supernets are trained on, so that the images of the scores can judge.
    let loader = lab.search_loader(&lab.recipe().standalone.train, lab.seed("finalist images"))?;
    let set = lab.score_set()?;
    let recipe = &lab.recipe().standalone;
    // As long as the last of several finalists.
    let until = rungs(2, recipe.train.epochs, recipe.halving).pop().unwrap_or(recipe.train.epochs);
    let nets = train_several(lab, context, &archs, until, &loader)?;
    let mut networks = Vec::new();
    for ((scored, arch), mut net) in chosen.into_iter().zip(&archs).zip(nets) {
        let held_out_accuracy = set.metric(&mut net, arch, NormPolicy::Running)?;
        networks.push(VerifiedNetwork { arch: scored.arch, score: scored.score, held_out_accuracy });
    }
    let truths: Vec<f64> = networks.iter().map(|network| network.held_out_accuracy).collect();
    let paired = |values: Vec<f64>| Paired::new(&values, &truths, |index| networks[index].arch.clone());
    let of_scores = paired(networks.iter().map(|network| network.score).collect())?;
    let params = paired(archs.iter().map(|arch| space.cost(arch).params as f64).collect())?;
    let macs = paired(archs.iter().map(|arch| space.cost(arch).macs as f64).collect())?;
    Ok(Verified {
        tau_b: of_scores.tau_b(),
        interval: of_scores.tau_b_ci_of_few(),
        tau_b_params: params.tau_b(),
        tau_b_macs: macs.tau_b(),
        networks,
    })
}

/// Random networks of different function that something flows through, scored as the search scores; of these as many as are
/// wanted, evenly spread over the ranks, best-scored first.
fn choose(lab: &Lab, context: &StageContext<'_>) -> Result<Vec<Scored>, ExperimentError> {
    let (space, count) = (lab.alone_space(), lab.recipe().search.verify);
    let mut seen = BTreeSet::new();
    let mut archs: Vec<Arch> = lab.random_archs("verify", SCORED_FOR_ONE * count)?;
    archs.retain(|arch| !space.graph(arch).is_dead() && seen.insert(space.structure(arch)));
    let set = Arc::new(lab.score_set()?);
    let scores = estimator(lab, context, &set)?.estimate(&archs)?;
    let mut scored: Vec<Scored> =
        archs.iter().zip(scores).map(|(arch, score)| Scored { arch: space.format(arch), score }).collect();
    scored.sort_by(|a, b| b.score.total_cmp(&a.score));
    Ok(spread(scored.len(), count).into_iter().map(|at| scored[at].clone()).collect())
}
