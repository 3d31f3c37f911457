//! What a strategy was told.

use fewshot_space::{Arch, Region};
use serde::{Deserialize, Serialize};

/// An evaluated architecture in canonical form; `None` for a failed evaluation, which is less than every score.
///
/// Saved as a pair. The crate's JSON reader gives a score back to the last bit, so no comparison turns out otherwise than
/// in the search that was not cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "(Arch, Option<f64>)", into = "(Arch, Option<f64>)")]
pub(super) struct Told {
    pub arch: Arch,
    pub score: Option<f64>,
}

impl From<(Arch, Option<f64>)> for Told {
    fn from((arch, score): (Arch, Option<f64>)) -> Told {
        Told { arch, score }
    }
}

impl From<Told> for (Arch, Option<f64>) {
    fn from(told: Told) -> (Arch, Option<f64>) {
        (told.arch, told.score)
    }
}

impl Told {
    /// From what [`tell`](super::Strategy::tell) is given; `None` for an architecture outside of the region.
    pub fn new(region: &Region, arch: &Arch, score: f64) -> Option<Told> {
        let score = score.is_finite().then_some(score);
        region.contains(arch).then(|| Told { arch: region.space().canonical(arch), score })
    }

    /// The score, or less than every score.
    pub fn value(&self) -> f64 {
        self.score.unwrap_or(f64::NEG_INFINITY)
    }

    /// Checks what comes from a saved state.
    pub fn check<'a>(told: impl IntoIterator<Item = &'a Told>, region: &Region) -> Result<(), String> {
        let fits = |told: &Told| is_member(&told.arch, region) && told.score.is_none_or(f64::is_finite);
        match told.into_iter().all(fits) {
            true => Ok(()),
            false => Err("it is damaged (an architecture is not of the region)".to_owned()),
        }
    }
}

/// Whether the architecture is of the region and in canonical form.
pub(super) fn is_member(arch: &Arch, region: &Region) -> bool {
    region.contains(arch) && region.space().canonical(arch) == *arch
}

/// Positions of the `count` best, best first; of equal ones the earlier is the better.
pub(super) fn best(told: &[Told], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..told.len()).collect();
    let better = |&a: &usize, &b: &usize| told[b].value().total_cmp(&told[a].value()).then(a.cmp(&b));
    if count > 0 && count < order.len() {
        // Linear in the number told; a search of thousands asks this at every step.
        order.select_nth_unstable_by(count - 1, better);
        order.truncate(count);
    }
    order.sort_unstable_by(better);
    order.truncate(count);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_come_first_and_failures_last() {
        let told = [Some(1.0), None, Some(3.0), Some(3.0), Some(-2.0)];
        let told = told.map(|score| Told { arch: Arch::new(vec![]), score });
        assert_eq!(best(&told, 9), [2, 3, 0, 4, 1]);
        assert_eq!(best(&told, 3), [2, 3, 0]);
        assert_eq!(best(&told, 0), [0; 0]);
    }
}
