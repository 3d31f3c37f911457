//! Metrics of the top of the list: what a search that trusts the score would come home with.

use super::Paired;
use super::paired::{Pair, bounds};

impl Paired {
    /// P@fraction: the share of the best `fraction` by score that lies in the best `fraction` by
    /// truth, in 0..=1 (Ning et al. 2021 call it P@topK). The best fraction holds
    /// `ceil(fraction * n)` architectures, at least 1 and at most all. Ties as the
    /// [module](super) says: expected value for scores, all of the last group for truths.
    pub fn precision_at(&self, fraction: f64) -> f64 {
        let count = self.count_of(fraction);
        let bar = self.truth_bar(count);
        let (mut left, mut hits) = (count, 0.0);
        for group in self.groups() {
            let taken = left.min(group.len());
            let inside = group.iter().filter(|pair| pair.truth >= bar).count();
            hits += inside as f64 * taken as f64 / group.len() as f64;
            left -= taken;
            if left == 0 {
                break;
            }
        }
        hits / count as f64
    }

    /// Normalised discounted cumulative gain of the whole list, in 0..=1 (Jarvelin and Kekalainen
    /// 2002): sum of gain / log2(1 + rank) in the order of the scores, over the same sum in the
    /// order of the truths. Here the gain is a rank; [`Paired::ndcg_of_truth`] takes the truth itself.
    ///
    /// The gain of an architecture is the share of the others that its truth beats, a tie counting
    /// one half: linear in the rank, from 0 to 1. Accuracies themselves are no useful gain: a few
    /// dead networks at chance level squeeze all others together, and a random order of
    /// NAS-Bench-201 would reach 0.99. Tied scores share the mean gain of their group (McSherry
    /// and Najork 2008).
    ///
    /// `None` for a single architecture.
    pub fn ndcg(&self) -> Option<f64> {
        let truths = self.sorted_truths();
        let others = self.n().saturating_sub(1).max(1) as f64;
        self.discounted(&truths, |truth| {
            let (smaller, not_greater) = bounds(&truths, truth);
            (smaller + not_greater - 1) as f64 / (2.0 * others)
        })
    }

    /// The same with the truth itself as the gain: the usual definition, and what `sklearn.metrics.ndcg_score` gives. On
    /// accuracies it is close to 1 for every order, see [`Paired::ndcg`].
    ///
    /// `None` for a single architecture, and where a truth is negative or all are 0.
    pub fn ndcg_of_truth(&self) -> Option<f64> {
        let truths = self.sorted_truths();
        let is_gain = self.n() > 1 && truths.iter().all(|truth| *truth >= 0.0);
        if is_gain { self.discounted(&truths, |truth| truth) } else { None }
    }

    /// nDCG with this gain of a truth; `truths` are all, in order.
    fn discounted(&self, truths: &[f64], gain: impl Fn(f64) -> f64) -> Option<f64> {
        let discount = |rank: usize| 1.0 / (rank as f64 + 2.0).log2();
        let (mut reached, mut rank) = (0.0, 0);
        for group in self.groups() {
            let gains: f64 = group.iter().map(|pair| gain(pair.truth)).sum();
            let discounts: f64 = (rank..rank + group.len()).map(discount).sum();
            reached += gains / group.len() as f64 * discounts;
            rank += group.len();
        }
        let ideal: f64 = (truths.iter().rev().enumerate()).map(|(rank, &truth)| gain(truth) * discount(rank)).sum();
        // The ideal is summed one by one, the other in groups: rounding may exceed 1 by a bit.
        (ideal > 0.0).then(|| (reached / ideal).min(1.0))
    }

    /// Tau-b among the architectures in the best `fraction` by truth: does the score still rank
    /// where it matters? The fraction is counted as in [`Paired::precision_at`].
    ///
    /// `None` when the scores or the truths there are all equal, so also when only one is there.
    pub fn tau_b_in_top(&self, fraction: f64) -> Option<f64> {
        self.top(fraction).tau_b()
    }

    /// The pairs in the best `fraction` by truth, ties with the last one included.
    pub(super) fn top(&self, fraction: f64) -> Paired {
        let bar = self.truth_bar(self.count_of(fraction));
        let inside = |pair: &Pair| pair.truth >= bar;
        Paired { pairs: self.pairs.iter().copied().filter(inside).collect() }
    }

    /// Truth of the architecture with the best score; the mean over all that share the best score.
    pub fn truth_of_best(&self) -> f64 {
        self.best_truth_of_top(1)
    }

    /// Best truth among the `count` best by score (at least 1, at most all): what remains after
    /// training that many candidates alone. When the cut goes through a group of equal scores,
    /// the expected value over which of them are taken, in closed form.
    pub fn best_truth_of_top(&self, count: usize) -> f64 {
        let mut left = count.clamp(1, self.n());
        let mut best = f64::NEG_INFINITY;
        for group in self.groups() {
            if group.len() > left {
                return expected_best(best, group, left);
            }
            best = best.max(group[0].truth);
            left -= group.len();
            if left == 0 {
                break;
            }
        }
        best
    }

    /// How many architectures make up a fraction of the list: rounded up, within 1..=n.
    pub(super) fn count_of(&self, fraction: f64) -> usize {
        // 0.05 * 140 is 7.000000000000001 in floating point and must still count as 7.
        let count = (fraction * self.n() as f64 - 1e-9).ceil();
        (count as usize).clamp(1, self.n())
    }

    /// The truth of the `count`-th best by truth (1..=n): the bar of the true top.
    fn truth_bar(&self, count: usize) -> f64 {
        let truths = self.sorted_truths();
        truths[truths.len() - count]
    }
}

/// Expected maximum of `best` and of the truths of `taken` members drawn without replacement from
/// a group that is sorted by truth, best first; 1 <= taken < group.len().
///
/// Member j (from 0) is the best one drawn with probability C(g-1-j, taken-1) / C(g, taken).
fn expected_best(best: f64, group: &[Pair], taken: usize) -> f64 {
    let (size, taken) = (group.len() as f64, taken as f64);
    let top = best.max(group[0].truth);
    let mut probability = taken / size;
    // Summed as a distance from the top, so that equal truths give exactly their value.
    let mut distance = 0.0;
    for (drawn, pair) in group.iter().enumerate() {
        distance += probability * (top - best.max(pair.truth));
        let rest = size - 1.0 - drawn as f64;
        if rest < taken {
            break;
        }
        probability *= (rest + 1.0 - taken) / rest;
    }
    top - distance
}
