//! Scores of an estimator, averaged by rank with what structure says.

use std::sync::Arc;

use fewshot_rank::Fusion;
use fewshot_space::{Arch, Space};

use super::{EstimateError, Estimator};

/// Another estimator's scores, fused with structure.
#[derive(Debug)]
pub struct Fused<E> {
    inner: E,
    fusion: Fusion,
}

impl<E: Estimator> Fused<E> {
    /// Ranks against `reference`, which `inner` scores here and now: a random sample of the searched region, or all of it.
    ///
    /// # Errors
    /// When `inner` cannot score one of them.
    pub fn new(mut inner: E, space: Arc<dyn Space>, reference: &[Arch]) -> Result<Self, EstimateError> {
        let scores = inner.estimate(reference)?;
        let fusion = Fusion::new(space, reference, &scores);
        Ok(Self { inner, fusion })
    }
}

impl<E: Estimator> Estimator for Fused<E> {
    fn estimate(&mut self, archs: &[Arch]) -> Result<Vec<f64>, EstimateError> {
        let scores = self.inner.estimate(archs)?;
        Ok(archs.iter().zip(scores).map(|(arch, score)| self.fusion.value(arch, score)).collect())
    }
}

#[cfg(test)]
mod tests {
    use fewshot_space::{CellSkeleton, CellSpace, Region};

    use super::*;
    use crate::estimate::Table;
    use crate::table;

    fn space() -> Arc<dyn Space> {
        let skeleton = CellSkeleton::default_for("cell1296").unwrap();
        Arc::new(CellSpace::by_name("cell1296", skeleton).unwrap())
    }

    #[test]
    fn an_estimator_is_ranked_against_the_reference() {
        let space = space();
        let archs: Vec<Arch> = Region::full(space.clone()).iter().step_by(100).collect();
        let mut scores = table::Table::new(space.clone(), "scores");
        for (index, arch) in archs.iter().enumerate() {
            scores.insert(arch, index as f64).unwrap();
        }
        let mut fused = Fused::new(Table(scores), space.clone(), &archs).unwrap();
        let values = fused.estimate(&archs).unwrap();
        let fusion = Fusion::new(space, &archs, &(0..archs.len()).map(|index| index as f64).collect::<Vec<_>>());
        let expected: Vec<f64> =
            archs.iter().enumerate().map(|(index, arch)| fusion.value(arch, index as f64)).collect();
        assert_eq!(values, expected);
        assert!(values.iter().all(|value| (0.0..=1.0).contains(value)));
    }
}
