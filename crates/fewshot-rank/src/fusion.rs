//! A score averaged by rank with what an architecture's structure says for nothing.

use std::sync::Arc;

use fewshot_space::{Arch, Feature, Space};

/// What each rank counts for: the score 1, live convolutions and parameters 0.5, the longest path 0.3.
///
/// The same for every space. Set before any score of this project was compared with a truth, though not before published ones
/// were, and never fitted.
pub const STRUCTURE: [(Feature, f64); 3] =
    [(Feature::LiveConvs, 0.5), (Feature::Params, 0.5), (Feature::LongestPath, 0.3)];

/// Weight of the score among [`STRUCTURE`]'s.
pub const SCORE: f64 = 1.0;

/// Weighted mean of ranks, each against the same reference architectures: 0 for an architecture that is below all of them
/// in everything, 1 for one that is above all.
///
/// Supernets and structure err in different ways (a supernet over-rates what learns fast, counting sees no difference
/// between operations of one size), so their mean errs less than either.
#[derive(Debug, Clone)]
pub struct Fusion {
    space: Arc<dyn Space>,
    score: Option<Ranks>,
    structure: Vec<(Feature, f64, Ranks)>,
}

impl Fusion {
    /// Ranks against `archs`, whose scores are `scores` (finite, one per architecture; higher is better).
    pub fn new(space: Arc<dyn Space>, archs: &[Arch], scores: &[f64]) -> Self {
        Self { score: Some(Ranks::of(scores.iter().copied())), ..Self::structure_only(space, archs) }
    }

    /// The same without a score: what is to be had for nothing.
    pub fn structure_only(space: Arc<dyn Space>, archs: &[Arch]) -> Self {
        let values = |feature: Feature| Ranks::of(archs.iter().map(|arch| feature.of(space.as_ref(), arch) as f64));
        let structure = STRUCTURE.map(|(feature, weight)| (feature, weight, values(feature))).into();
        Self { space, score: None, structure }
    }

    /// The mean rank of `arch`, 0 to 1. `score` counts only where the fusion was made with scores.
    pub fn value(&self, arch: &Arch, score: f64) -> f64 {
        let scored = self.score.iter().map(|ranks| (SCORE, ranks.rank(score)));
        let structure = self
            .structure
            .iter()
            .map(|(feature, weight, ranks)| (*weight, ranks.rank(feature.of(self.space.as_ref(), arch) as f64)));
        let (weights, sum) = scored
            .chain(structure)
            .fold((0.0, 0.0), |(weights, sum), (weight, rank)| (weights + weight, sum + weight * rank));
        sum / weights
    }
}

/// Sorted values that others are ranked against.
#[derive(Debug, Clone)]
struct Ranks(Vec<f64>);

impl Ranks {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_unstable_by(f64::total_cmp);
        Self(sorted)
    }

    /// The share of the values below `value`, equal ones counted half.
    fn rank(&self, value: f64) -> f64 {
        let below = self.0.partition_point(|other| *other < value);
        let not_above = self.0.partition_point(|other| *other <= value);
        (below + not_above) as f64 / (2 * self.0.len()).max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use fewshot_space::{CellSkeleton, CellSpace};

    use super::*;

    fn space() -> Arc<dyn Space> {
        let skeleton = CellSkeleton::default_for("cell1296").unwrap();
        Arc::new(CellSpace::by_name("cell1296", skeleton).unwrap())
    }

    #[test]
    fn ranks_count_ties_half() {
        let ranks = Ranks::of([3.0, 1.0, 1.0, 2.0].into_iter());
        assert_eq!([0.0, 1.0, 1.5, 2.0, 9.0].map(|value| ranks.rank(value)), [0.0, 0.25, 0.5, 0.625, 1.0]);
    }

    #[test]
    fn the_mean_is_weighted_as_written() {
        // Two networks: a convolution on each edge, and skips alone. The first has more of everything.
        let (deep, skips) = (Arch::new(vec![3, 3, 3, 3]), Arch::new(vec![1, 1, 1, 1]));
        let archs = [deep.clone(), skips.clone()];
        let agree = Fusion::new(space(), &archs, &[0.9, 0.1]);
        let close = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-12, "{value} {expected}");
        close(agree.value(&deep, 0.9), 0.75);
        close(agree.value(&skips, 0.1), 0.25);
        // The score says the opposite: 1 against 0.5 + 0.5 + 0.3, ranks 1/4 and 3/4.
        let differ = Fusion::new(space(), &archs, &[0.1, 0.9]);
        close(differ.value(&deep, 0.1), (0.25 + 0.75 * 1.3) / 2.3);
        close(Fusion::structure_only(space(), &archs).value(&deep, f64::NAN), 0.75);
    }
}
