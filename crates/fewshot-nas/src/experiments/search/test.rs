//! The last stage of a search opens the test set.

use serde::{Deserialize, Serialize};

use super::found::SEARCH;
use super::front::{self, FRONT, FrontNetwork};
use super::kept::WINNER;
use super::randoms;
use super::references::{self, Reference};
use super::result::RandomNetwork;
use crate::estimate::Evaluation;
use crate::lab::{ExperimentError, Lab};
use crate::latency::NetworkLatency;
use crate::model::MODEL;
use crate::run::{Handle, Stage, StageContext};
use crate::stages::{parse_trained, test_and_keep};

/// The stage.
pub static TEST: Handle<Tested> = Handle::new("test");

/// What the test stage returns.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tested {
    /// The found network.
    pub winner: Evaluation,
    /// Random ones.
    pub randoms: Vec<RandomNetwork>,
    #[serde(default)]
    /// Hand-made ones.
    pub references: Vec<Reference>,
    #[serde(default)]
    /// The front but its last.
    pub front: Vec<FrontNetwork>,
    #[serde(default)]
    /// Of the found network, where that is limited.
    pub latency: Option<NetworkLatency>,
}

/// The stage.
pub fn stage(lab: &Lab) -> Result<Stage<'_>, ExperimentError> {
    let references = references::wanted(lab)?;
    let mut stage = Stage::of(&TEST, move |context| test(lab, context))
        .after([&WINNER])
        .after(&randoms::handles(lab))
        .after(references.iter().map(|(_, handle)| handle));
    if lab.recipe().search.pareto > 0 {
        stage = stage.after([&SEARCH]).after([&FRONT]);
    }
    Ok(stage.publishes([MODEL]))
}

fn test(lab: &Lab, context: &StageContext<'_>) -> Result<Tested, ExperimentError> {
    let set = lab.open_test()?;
    let winner = test_and_keep(lab, context, &WINNER, &set)?;
    let randoms = randoms::test(lab, context, &set)?;
    let front = if lab.recipe().search.pareto > 0 { front::test(lab, context, &set)? } else { Vec::new() };
    let arch = parse_trained(lab, WINNER.name(), &context.value(&WINNER)?)?;
    let references = references::test(lab, context, &set)?;
    Ok(Tested { winner, randoms, references, front, latency: lab.network_latency(&arch)? })
}
