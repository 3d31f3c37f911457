//! Experiments of kind `search`: supernet, sub-supernets, search, winner and random networks alone, test.

mod budget;
mod finalists;
mod found;
mod front;
mod kept;
mod randoms;
mod references;
pub(super) mod result;
mod scoring;
mod shrink;
mod supernets;
mod test;
mod verdict;
mod verify;

pub use finalists::Finalist;
pub use found::HistoryEntry;
pub use front::FrontNetwork;
pub use references::Reference;
pub use result::{RandomNetwork, SearchResult};
pub use verdict::{MoreTime, Verdict};
pub use verify::{Verified, VerifiedNetwork};

use std::collections::BTreeMap;

use serde_json::Value;

use self::finalists::FINALISTS;
use self::found::SEARCH;
use self::kept::WINNER;
use self::supernets::{scoring_inputs, supernet_stages};
use self::test::TEST;
use self::verify::VERIFY;
use super::bench::Bench;
use super::outcome::Outcome;
use super::recipe::{Experiment, Recipe};
use crate::export::ONNX;
use crate::lab::{ExperimentError, Lab};
use crate::model::MODEL;
use crate::recipe::RecipeError;
use crate::run::{Fingerprint, RunFolder, Stage};
use crate::stages::{Passed, training_stage, value};
use crate::train::LISTED;

/// A search on its images.
pub(super) struct Search {
    lab: Lab,
}

impl Search {
    /// The search that the lab was laid out for.
    ///
    /// # Errors
    /// When the supernet's sampling would have to list more networks than can be listed.
    pub fn open(lab: Lab) -> Result<Self, ExperimentError> {
        if !lab.recipe().supernet.sampling.lists() {
            return Ok(Self { lab });
        }
        let extent = lab.partition().whole().extent()?;
        if extent.is_at_least(LISTED + 1) {
            let problem = format!(
                "supernet.sampling: this one lists all networks, and {extent} of {} are too many: set \"per_network\"",
                lab.recipe().space.name
            );
            return Err(RecipeError::setting("supernet.sampling", problem).into());
        }
        Ok(Self { lab })
    }
}

impl Bench for Search {
    fn lab(&self) -> Option<&Lab> {
        Some(&self.lab)
    }

    fn fingerprint(&self) -> Fingerprint {
        self.lab.fingerprint()
    }

    fn recipe(&self) -> Recipe {
        Recipe { experiment: Experiment::Search, common: self.lab.recipe().clone() }
    }

    fn planned(&self, passed: &Passed) -> Result<Option<Box<dyn Bench>>, ExperimentError> {
        let lab = self.lab.again(budget::planned(&self.lab, passed)?)?;
        Ok(Some(Box::new(Self { lab })))
    }

    fn announcement(&self) -> Result<Vec<String>, ExperimentError> {
        let mut lines: Vec<String> = on_test(&self.lab).into_iter().collect();
        lines.extend(budget::announcement(&self.lab)?);
        Ok(lines)
    }

    fn stages(&self) -> Result<Vec<Stage<'_>>, ExperimentError> {
        let lab = &self.lab;
        let mut all = supernet_stages(lab);
        all.push(scoring::stage(lab));
        all.push(finalists::stage(lab));
        let winner = training_stage(&WINNER, move |context| kept::train(lab, context));
        all.push(winner.after([&FINALISTS]).publishes([MODEL]));
        all.extend(randoms::stages(lab));
        all.extend(references::stages(lab)?);
        all.extend(verify::stages(lab));
        all.extend(front::stages(lab));
        all.push(test::stage(lab)?);
        Ok(all)
    }

    fn outcome(&self, run: &RunFolder, values: &BTreeMap<String, Value>) -> Result<Outcome, ExperimentError> {
        Ok(Outcome::Search(Box::new(result(&self.lab, run, values)?)))
    }
}

/// What to know where test images score.
fn on_test(lab: &Lab) -> Option<String> {
    let images = budget::scored_images(lab, lab.recipe());
    lab.recipe().scoring.sees_test().then(|| {
        format!(
            "scores are made on {images} test images (scoring.on_test), by supernets that all training images train: they help to \
             choose the network, so that its test accuracy in the end is no fresh one"
        )
    })
}

fn scored_by(lab: &Lab) -> String {
    let scoring = &lab.recipe().scoring;
    let fused = if scoring.fused { ", fused with structure" } else { "" };
    scoring.measure.after(scoring.fine_tune.steps) + fused
}

/// The result, from the values of the stages.
fn result(lab: &Lab, run: &RunFolder, values: &BTreeMap<String, Value>) -> Result<SearchResult, ExperimentError> {
    let found = value(values, &SEARCH)?;
    let taken = value(values, &FINALISTS)?;
    let kept = value(values, &WINNER)?;
    let tested = value(values, &TEST)?;
    let space = lab.alone_space();
    let arch = space.parse(&taken.arch)?;
    let cost = space.cost(&arch);
    let mut front = tested.front;
    if let Some(last) = found.front.last() {
        let model = if run.path().join(ONNX).exists() { ONNX } else { MODEL };
        front.push(front::network(lab, last, &arch, tested.winner.top1, model.to_string()));
    }
    let verify = values.contains_key(VERIFY.name()).then(|| value(values, &VERIFY)).transpose()?;
    let count = tested.randoms.len();
    let sum: f64 = tested.randoms.iter().map(|random| random.test_accuracy).sum();
    let verdict = verdict::compare(&tested.winner, &tested.references);
    Ok(SearchResult {
        arch: taken.arch,
        space: space.name().to_string(),
        score: taken.score,
        scored_by: scored_by(lab),
        on_test: lab.recipe().scoring.sees_test(),
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
        supernets: scoring_inputs(lab).len(),
        seconds: run.seconds()?,
        seed: lab.recipe().seed,
    })
}
