//! Scores from supernets: one for the whole space, or one per part of a partition.

use std::sync::Arc;

use fewshot_space::{Arch, Partition};

use super::{EstimateError, Estimator, NormPolicy, ScoreSet};
use crate::nets::Net;

/// One supernet scores every network of its region.
#[derive(Debug)]
pub struct OneShot {
    net: Net,
    set: Arc<ScoreSet>,
    policy: NormPolicy,
}

impl OneShot {
    /// Scores `net`'s paths on `set`.
    pub fn new(net: Net, set: Arc<ScoreSet>, policy: NormPolicy) -> Self {
        Self { net, set, policy }
    }

    fn score(&mut self, arch: &Arch) -> Result<f64, EstimateError> {
        self.set.accuracy(&mut self.net, arch, self.policy)
    }
}

impl Estimator for OneShot {
    fn estimate(&mut self, archs: &[Arch]) -> Result<Vec<f64>, EstimateError> {
        archs.iter().map(|arch| self.score(arch)).collect()
    }
}

/// Each network is scored by the sub-supernet that owns it.
#[derive(Debug)]
pub struct FewShot {
    partition: Partition,
    members: Vec<OneShot>,
}

impl FewShot {
    /// `members` in the order of the partition's regions.
    pub fn new(partition: Partition, members: Vec<OneShot>) -> Self {
        Self { partition, members }
    }
}

impl Estimator for FewShot {
    fn estimate(&mut self, archs: &[Arch]) -> Result<Vec<f64>, EstimateError> {
        let score = |arch: &Arch| {
            let owner = self.partition.route(arch).and_then(|index| self.members.get_mut(index));
            let owner = owner.ok_or_else(|| EstimateError::Unrouted(self.partition.whole().space().format(arch)))?;
            owner.score(arch)
        };
        archs.iter().map(score).collect()
    }
}
