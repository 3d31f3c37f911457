//! Scoring the networks of a supernet, from where an earlier process left it.

use std::sync::Arc;
use std::time::Instant;

use fewshot_space::Arch;
use serde::{Deserialize, Serialize};

use super::arm::Arm;
use super::member::Member;
use crate::estimate::{Estimator, OneShot, ScoreSet};
use crate::lab::{ExperimentError, Lab};
use crate::nets::Net;
use crate::run::{Counter, StageContext};
use crate::stages::save_json;

/// Architectures scored between two savings of their scores.
const PART: usize = 64;

/// What a supernet keeps between processes once it is trained.
#[derive(Default, Serialize, Deserialize)]
pub struct Scoring {
    /// One score for each computation so far.
    pub scores: Vec<f64>,
    /// Networks that have these scores.
    pub networks: u64,
    /// Seconds of training and scoring.
    pub seconds: f64,
}

/// What all scoring in a stage has in common.
pub struct Scorer<'a> {
    pub lab: &'a Lab,
    pub context: &'a StageContext<'a>,
    pub arm: &'a Arm,
    pub set: &'a Arc<ScoreSet>,
}

impl Scorer<'_> {
    /// Scores networks with their supernet, those that compute the same once, from where an earlier process left it. `owned` are all that
    /// the supernet has, `different` the places of those that are scored. Images that each was trained on first.
    pub fn score(
        &self,
        member: &Member,
        net: Net,
        owned: &[Arch],
        different: &[Vec<usize>],
        scoring: &mut Scoring,
        counter: &Counter<'_>,
    ) -> Result<u64, ExperimentError> {
        let Self { lab, context, arm, set } = *self;
        let fine_tune = lab.fine_tune(&arm.recipe.fine_tune, &arm.config, member.repetition)?;
        let images = fine_tune.as_ref().map_or(0, |steps| steps.images() as u64);
        let mut estimator = OneShot::new(net, Arc::clone(set), lab.recipe().scoring.norm)
            .measured(arm.recipe.measure)
            .fine_tuned(fine_tune);
        for part in different.get(scoring.scores.len()..).unwrap_or_default().chunks(PART) {
            context.interrupt().check()?;
            let began = Instant::now();
            let archs: Vec<Arch> = part.iter().map(|equals| owned[equals[0]].clone()).collect();
            scoring.scores.extend(estimator.estimate(&archs)?);
            let networks = part.iter().map(|equals| equals.len() as u64).sum();
            scoring.networks += networks;
            scoring.seconds += began.elapsed().as_secs_f64();
            save_json(&context.file(&member.scoring_file()), scoring)?;
            context.keeps()?;
            counter.add(networks);
        }
        Ok(images)
    }
}

/// Multiply-adds of one image in each of these computations.
pub fn macs_of(arm: &Arm, owned: &[Arch], different: &[Vec<usize>]) -> f64 {
    different.iter().map(|equals| arm.space.cost(&owned[equals[0]]).macs as f64).sum()
}
