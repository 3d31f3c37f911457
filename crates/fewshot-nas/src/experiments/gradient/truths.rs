//! What networks are worth, from a table.

use std::collections::BTreeMap;

use fewshot_space::{Arch, Region};

use super::result::{self, RandomRow};
use crate::lab::{ExperimentError, Lab};

/// The truths of all networks that have one.
pub struct Table {
    truths: BTreeMap<Arch, f64>,
    /// The values alone, ascending.
    sorted: Vec<f64>,
}

impl Table {
    pub fn of(lab: &Lab) -> Result<Option<Self>, ExperimentError> {
        let Some(truth) = lab.truth() else { return Ok(None) };
        let archs = truth.archs();
        let mut sorted = truth.of(&archs)?;
        let truths = archs.into_iter().zip(sorted.iter().copied()).collect();
        sorted.sort_by(f64::total_cmp);
        Ok((!sorted.is_empty()).then_some(Self { truths, sorted }))
    }

    pub fn get(&self, arch: &Arch) -> Option<f64> {
        self.truths.get(arch).copied()
    }

    /// Mean truth of the networks of a region: what a random choice in it is worth.
    pub fn mean(&self, region: &Region) -> Option<f64> {
        let own = self.truths.iter().filter(|(arch, _)| region.contains(arch)).map(|(_, truth)| *truth);
        let (sum, count) = own.fold((0.0, 0), |(sum, count), truth| (sum + truth, count + 1));
        (count > 0).then(|| sum / f64::from(count))
    }

    /// Share of the networks whose truth is lower.
    pub fn share_below(&self, truth: f64) -> f64 {
        self.sorted.partition_point(|other| *other < truth) as f64 / self.sorted.len() as f64
    }

    pub fn random(&self) -> RandomRow {
        let last = self.sorted.len() - 1;
        RandomRow {
            networks: self.sorted.len(),
            mean: self.sorted.iter().sum::<f64>() / self.sorted.len() as f64,
            quantiles: result::QUANTILES.map(|share| self.sorted[(share * last as f64).round() as usize]),
            best: self.sorted[last],
        }
    }
}
