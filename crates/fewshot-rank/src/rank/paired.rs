//! Checked pairs of score and truth: the type that the metrics are computed on.

use super::RankError;

/// One architecture's score and truth; both finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    pub(super) score: f64,
    pub(super) truth: f64,
}

/// Scores and truths of at least one architecture, all finite, paired.
///
/// Kept sorted by score and, among equal scores, by truth, both best first: the order in which
/// the pairs came in is gone, so no metric can depend on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Paired {
    pub(super) pairs: Vec<Pair>,
}

impl Paired {
    /// Pairs `scores[i]` with `truths[i]`; higher is better in both. `name(i)` is the text of
    /// architecture `i` and is called only to report it.
    ///
    /// # Errors
    /// [`RankError::Unpaired`] when the lengths differ, [`RankError::Empty`] when they are 0,
    /// [`RankError::NotFinite`] for the first NaN or infinite value.
    pub fn new(scores: &[f64], truths: &[f64], name: impl Fn(usize) -> String) -> Result<Paired, RankError> {
        if scores.len() != truths.len() {
            return Err(RankError::Unpaired {
                archs: scores.len().max(truths.len()),
                scores: scores.len(),
                truths: truths.len(),
            });
        }
        if scores.is_empty() {
            return Err(RankError::Empty);
        }
        let finite = |column, index: usize, value: f64| {
            if value.is_finite() {
                // Adding 0 turns -0 into 0, so that equal values are equal in the total order too.
                Ok(value + 0.0)
            } else {
                Err(RankError::NotFinite { column, arch: name(index), value: value.to_string() })
            }
        };
        let mut pairs = Vec::with_capacity(scores.len());
        for (index, (&score, &truth)) in scores.iter().zip(truths).enumerate() {
            pairs.push(Pair { score: finite("score", index, score)?, truth: finite("truth", index, truth)? });
        }
        pairs.sort_unstable_by(|a, b| (b.score.total_cmp(&a.score)).then_with(|| b.truth.total_cmp(&a.truth)));
        Ok(Paired { pairs })
    }

    /// The same truths under a score that says nothing: one group of ties, whose expected values
    /// are those of a random order.
    pub(super) fn without_scores(&self) -> Paired {
        let mut pairs: Vec<Pair> = (self.pairs.iter()).map(|pair| Pair { score: 0.0, ..*pair }).collect();
        pairs.sort_unstable_by(|a, b| b.truth.total_cmp(&a.truth));
        Paired { pairs }
    }

    /// Number of architectures, at least 1.
    pub fn n(&self) -> usize {
        self.pairs.len()
    }

    /// Number of different scores: how finely the score tells architectures apart.
    pub fn distinct_scores(&self) -> usize {
        self.groups().count()
    }

    /// The best truth of all: what a perfect score would have found.
    pub fn best_truth(&self) -> f64 {
        (self.pairs.iter()).fold(f64::NEG_INFINITY, |best, pair| best.max(pair.truth))
    }

    /// Groups of equal score, best first; within a group the truths are sorted, best first.
    pub(super) fn groups(&self) -> impl Iterator<Item = &[Pair]> {
        self.pairs.chunk_by(|a, b| a.score == b.score)
    }

    /// Truths, worst first.
    pub(super) fn sorted_truths(&self) -> Vec<f64> {
        let mut truths: Vec<f64> = self.pairs.iter().map(|pair| pair.truth).collect();
        truths.sort_unstable_by(f64::total_cmp);
        truths
    }
}

/// For a value of an ascending list: how many are smaller, and how many are not greater.
pub(super) fn bounds(sorted: &[f64], value: f64) -> (usize, usize) {
    let smaller = sorted.partition_point(|&other| other < value);
    let not_greater = sorted.partition_point(|&other| other <= value);
    (smaller, not_greater)
}
