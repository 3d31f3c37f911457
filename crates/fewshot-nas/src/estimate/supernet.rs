//! Scores from supernets: one for the whole space, or one per part of a partition.

use std::sync::Arc;

use fewshot_space::{Arch, Partition};

use super::{EstimateError, Estimator, FineTune, Measure, NormPolicy, ScoreSet};
use crate::nets::Net;

/// One supernet scores every network of its region.
#[derive(Debug)]
pub struct OneShot {
    net: Net,
    set: Arc<ScoreSet>,
    policy: NormPolicy,
    measure: Measure,
    fine_tune: Option<Arc<FineTune>>,
}

impl OneShot {
    /// Scores `net`'s paths on `set`, by accuracy.
    pub fn new(net: Net, set: Arc<ScoreSet>, policy: NormPolicy) -> Self {
        Self { net, set, policy, measure: Measure::Accuracy, fine_tune: None }
    }

    /// The same by another measure.
    #[must_use]
    pub fn measured(self, measure: Measure) -> Self {
        Self { measure, ..self }
    }

    /// The same, where each network is trained for some steps of its own first.
    #[must_use]
    pub fn fine_tuned(self, fine_tune: Option<Arc<FineTune>>) -> Self {
        Self { fine_tune, ..self }
    }
}

impl Estimator for OneShot {
    fn estimate(&mut self, archs: &[Arch]) -> Result<Vec<f64>, EstimateError> {
        match &self.fine_tune {
            Some(fine_tune) => fine_tune.scores(&self.net, &self.set, archs, self.policy, self.measure),
            None => self.set.scores(&mut self.net, archs, self.policy, self.measure),
        }
    }
}

/// Each network is scored by what is there for the part that owns it.
#[derive(Debug)]
pub struct Routed<E> {
    partition: Partition,
    members: Vec<E>,
}

/// Each network is scored by the sub-supernet that owns it.
pub type FewShot = Routed<OneShot>;

impl<E> Routed<E> {
    /// `members` in the order of the partition's regions.
    pub fn new(partition: Partition, members: Vec<E>) -> Self {
        Self { partition, members }
    }
}

impl<E: Estimator> Estimator for Routed<E> {
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
