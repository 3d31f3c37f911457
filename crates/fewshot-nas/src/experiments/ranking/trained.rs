//! What the supernets of an arm leave: of their training, of each slice of their scores, and of all together.

use fewshot_space::Arch;
use serde::{Deserialize, Serialize};

use super::cost::PASSES;
use super::member::{Member, code};
use crate::lab::ExperimentError;
use crate::train::EpochRecord;

/// What the training of a supernet leaves beside its weights.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Schooled {
    /// Seconds of training.
    pub seconds: f64,
    /// Training curve.
    pub history: Vec<EpochRecord>,
}

/// The scores of some of a supernet's networks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Slice {
    /// Scores, with the place of each network among those that the supernet owns.
    pub scores: Vec<(usize, f64)>,
    /// Seconds of scoring.
    pub seconds: f64,
    /// Multiply-adds of one image in each computation.
    pub macs: f64,
    /// Images of each network's own training before it was scored.
    pub images: u64,
}

/// What a supernet leaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Trained {
    /// Scores of the networks that it owns, in their order.
    pub scores: Vec<f64>,
    /// Seconds of training and scoring.
    pub seconds: f64,
    /// Multiply-adds of the networks' own training before they were scored.
    #[serde(default)]
    pub fine_tune_macs: f64,
    /// Codes of these networks; empty where runs did not say so yet.
    #[serde(default)]
    pub networks: Vec<String>,
    /// Training curve.
    pub history: Vec<EpochRecord>,
}

impl Trained {
    /// What training and scoring of a supernet come to; `None` where its slices are not those of its networks.
    pub fn of(member: &Member, archs: &[Arch], schooled: Schooled, slices: &[Slice]) -> Option<Self> {
        let mut scores = vec![None; member.owned.len()];
        for (place, score) in slices.iter().flat_map(|slice| &slice.scores) {
            *scores.get_mut(*place)? = Some(*score);
        }
        let macs: f64 = slices.iter().map(|slice| slice.macs).sum();
        Some(Self {
            scores: scores.into_iter().collect::<Option<Vec<f64>>>()?,
            seconds: schooled.seconds + slices.iter().map(|slice| slice.seconds).sum::<f64>(),
            fine_tune_macs: PASSES * macs * slices.first().map_or(0, |slice| slice.images) as f64,
            networks: member.networks(archs).iter().map(code).collect(),
            history: schooled.history,
        })
    }

    /// The score of `arch`, which lies at `place` among the networks that the supernet owns now.
    pub fn score(&self, place: usize, arch: &Arch) -> Option<f64> {
        let place = match self.networks.get(place) {
            None if self.networks.is_empty() => place,
            Some(known) if *known == code(arch) => place,
            _ => self.networks.iter().position(|known| *known == code(arch))?,
        };
        self.scores.get(place).copied()
    }
}

/// What the stage `stage` left is not of the networks that are compared.
pub fn of_others(stage: &str) -> ExperimentError {
    ExperimentError::State {
        path: format!("{stage}/done.json"),
        reason: "its scores are not of the networks that are compared".to_string(),
    }
}

/// The mean training curve of supernets that were trained alike.
pub fn mean_history(trained: &[&Trained]) -> Vec<EpochRecord> {
    let Some(first) = trained.first() else { return Vec::new() };
    let mean = |epoch: usize, of: fn(&EpochRecord) -> f64| {
        let values = trained.iter().filter_map(|trained| trained.history.get(epoch)).map(of);
        values.sum::<f64>() / trained.len() as f64
    };
    let record = |(index, epoch): (usize, &EpochRecord)| EpochRecord {
        loss: mean(index, |record| record.loss),
        accuracy: mean(index, |record| record.accuracy),
        ..epoch.clone()
    };
    first.history.iter().enumerate().map(record).collect()
}
