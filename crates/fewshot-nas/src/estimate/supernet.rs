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
}

impl Estimator for OneShot {
    fn estimate(&mut self, archs: &[Arch]) -> Result<Vec<f64>, EstimateError> {
        self.set.accuracies(&mut self.net, archs, self.policy)
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
        let mut owned: Vec<Vec<usize>> = vec![Vec::new(); self.members.len()];
        for (index, arch) in archs.iter().enumerate() {
            let owner = self.partition.route(arch).and_then(|owner| owned.get_mut(owner));
            let owner = owner.ok_or_else(|| EstimateError::Unrouted(self.partition.whole().space().format(arch)))?;
            owner.push(index);
        }
        let mut scores = vec![0.0; archs.len()];
        for (member, indices) in self.members.iter_mut().zip(owned).filter(|(_, indices)| !indices.is_empty()) {
            let own: Vec<Arch> = indices.iter().map(|&index| archs[index].clone()).collect();
            for (index, score) in indices.into_iter().zip(member.estimate(&own)?) {
                scores[index] = score;
            }
        }
        Ok(scores)
    }
}
