//! Scoring the networks of a supernet, from where an earlier process left it.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use fewshot_space::Arch;
use serde::{Deserialize, Serialize};

use super::arm::Arm;
use super::compared::Compared;
use super::member::Member;
use super::trained::Slice;
use crate::estimate::{Estimator, OneShot, ScoreSet, different};
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
    /// Seconds of scoring.
    pub seconds: f64,
}

/// Networks of a supernet that are scored together.
pub struct Share {
    /// All that the supernet has.
    owned: Vec<Arch>,
    /// Of these the places of those that are scored, those together that compute the same.
    computations: Vec<Vec<usize>>,
}

impl Share {
    /// Slice `slice` of `slices` of what `member` owns.
    ///
    /// # Errors
    /// When a network is not one of the supernet's.
    pub fn of(
        member: &Member,
        net: &Net,
        archs: &[Arch],
        (slice, slices): (usize, usize),
    ) -> Result<Self, ExperimentError> {
        let owned = member.networks(archs);
        let all = different(net, &owned)?;
        let computations = all[part_of(all.len(), slice, slices)].to_vec();
        Ok(Self { owned, computations })
    }

    /// How many they are.
    pub fn networks(&self) -> u64 {
        self.computations.iter().map(|equals| equals.len() as u64).sum()
    }
}

/// What all scoring in a stage has in common.
pub struct Scorer<'a> {
    context: &'a StageContext<'a>,
    lab: &'a Lab,
    arm: &'a Arm,
    set: Arc<ScoreSet>,
}

impl<'a> Scorer<'a> {
    /// For supernets of the arm at `position`.
    pub fn open(
        compared: &'a Compared,
        context: &'a StageContext<'a>,
        position: usize,
    ) -> Result<Self, ExperimentError> {
        let set = Arc::new(compared.lab.score_set()?);
        Ok(Self { context, lab: &compared.lab, arm: &compared.arms[position], set })
    }

    /// Scores networks with their supernet, those that compute the same once, from `scoring` on.
    pub fn score(
        &self,
        member: &Member,
        net: Net,
        share: &Share,
        mut scoring: Scoring,
        counter: &Counter<'_>,
    ) -> Result<Slice, ExperimentError> {
        let Self { context, lab, arm, set } = self;
        let Share { owned, computations } = share;
        let fine_tune = lab.fine_tune(&arm.recipe.fine_tune, &arm.config, member.repetition)?;
        let images = fine_tune.as_ref().map_or(0, |steps| steps.images() as u64);
        let mut estimator = OneShot::new(net, Arc::clone(set), lab.recipe().scoring.norm)
            .measured(arm.recipe.measure)
            .fine_tuned(fine_tune);
        for part in computations.get(scoring.scores.len()..).unwrap_or_default().chunks(PART) {
            context.interrupt().check()?;
            let began = Instant::now();
            let archs: Vec<Arch> = part.iter().map(|equals| owned[equals[0]].clone()).collect();
            scoring.scores.extend(estimator.estimate(&archs)?);
            let networks = part.iter().map(|equals| equals.len() as u64).sum();
            scoring.networks += networks;
            scoring.seconds += began.elapsed().as_secs_f64();
            save_json(&context.file(&member.scoring_file()), &scoring)?;
            context.keeps()?;
            counter.add(networks);
        }
        let scores = computations.iter().zip(&scoring.scores);
        let scores = scores.flat_map(|(equals, score)| equals.iter().map(|place| (*place, *score))).collect();
        let macs = computations.iter().map(|equals| arm.space.cost(&owned[equals[0]]).macs as f64).sum();
        Ok(Slice { scores, seconds: scoring.seconds, macs, images })
    }
}

/// Part `part` of `parts` of so many things that lie in a row.
fn part_of(count: usize, part: usize, parts: usize) -> Range<usize> {
    count * part / parts..count * (part + 1) / parts
}
