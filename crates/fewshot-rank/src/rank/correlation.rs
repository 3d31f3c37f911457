//! Rank correlation over the whole list: Kendall's tau-b with a confidence interval, Spearman's
//! rho.

use super::Paired;
use super::paired::bounds;
use crate::stats::NORMAL_95;

/// What one architecture contributes to the pairs it is in.
struct Concordance {
    /// Concordant minus discordant pairs with this architecture.
    balance: i64,
    /// Pairs whose scores differ.
    by_score: i64,
    /// Pairs whose truths differ.
    by_truth: i64,
}

impl Paired {
    /// Kendall's tau-b (Kendall 1945): concordant minus discordant pairs, over the geometric mean
    /// of the numbers of pairs untied in score and untied in truth. 1: same order, -1: opposite
    /// order, 0 on average for a random order. O(n log n), exact in integers up to the division.
    ///
    /// `None` when all scores or all truths are equal: nothing is ordered then.
    pub fn tau_b(&self) -> Option<f64> {
        tau_b(&self.concordance())
    }

    /// Tau-b's 95 % confidence interval, by normal approximation, clamped to -1..1.
    ///
    /// Tau-b is a smooth function of three means over pairs; the variance is that of their
    /// first-order (Hoeffding) projection on single architectures, as in Brown and Benedetti
    /// (1977). It is the spread over a fresh draw of as many architectures from the same
    /// population, and too narrow below some 30 of them.
    ///
    /// `None` where tau-b is.
    pub fn tau_b_ci(&self) -> Option<[f64; 2]> {
        let items = self.concordance();
        let tau = tau_b(&items)?;
        let n = items.len() as f64;
        let mean = |of: fn(&Concordance) -> i64| items.iter().map(of).sum::<i64>() as f64 / n;
        let (by_score, by_truth) = (mean(|item| item.by_score), mean(|item| item.by_truth));
        let scale = (by_score * by_truth).sqrt();
        let squares: f64 = (items.iter())
            .map(|item| {
                let influence = 2.0 * item.balance as f64 / scale
                    - tau * (item.by_score as f64 / by_score + item.by_truth as f64 / by_truth);
                influence * influence
            })
            .sum();
        let deviation = (squares / (n * (n - 1.0))).sqrt();
        let reach = NORMAL_95 * deviation;
        Some([(tau - reach).max(-1.0), (tau + reach).min(1.0)])
    }

    /// Tau-b's 95 % confidence interval for few architectures: Fisher's z with the variance 0.437 / (n - 4) (Fieller, Hartley
    /// and Pearson 1957). A perfect order counts as one with half a pair wrong, so that its interval is not a point.
    ///
    /// `None` where tau-b is, and for fewer than 5.
    pub fn tau_b_ci_of_few(&self) -> Option<[f64; 2]> {
        let n = self.n() as f64;
        let tau = self.tau_b().filter(|_| n >= 5.0)?;
        let most = 1.0 - 2.0 / (n * (n - 1.0));
        let z = tau.clamp(-most, most).atanh();
        let reach = NORMAL_95 * (0.437 / (n - 4.0)).sqrt();
        Some([(z - reach).tanh().min(tau), (z + reach).tanh().max(tau)])
    }

    /// The range -r..r that holds tau-b of 95 % of all random orders (without tied scores) of
    /// these truths, by normal approximation (Kendall and Gibbons 1990, variance with ties).
    ///
    /// `None` when all truths are equal.
    pub(super) fn tau_b_of_chance(&self) -> Option<[f64; 2]> {
        let weight = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
        let (n, truths) = (self.n() as f64, self.sorted_truths());
        let (mut variance, mut untied) = (weight(n), n * (n - 1.0) / 2.0);
        for ties in truths.chunk_by(|a, b| a == b) {
            let ties = ties.len() as f64;
            variance -= weight(ties);
            untied -= ties * (ties - 1.0) / 2.0;
        }
        let pairs = n * (n - 1.0) / 2.0;
        let reach = NORMAL_95 * (variance / 18.0).sqrt() / (pairs * untied).sqrt();
        (untied > 0.0).then(|| [-reach.min(1.0), reach.min(1.0)])
    }

    /// Spearman's rho: the linear correlation of the average ranks, in -1..1; exact in integers
    /// up to the division.
    ///
    /// `None` when all scores or all truths are equal.
    pub fn spearman(&self) -> Option<f64> {
        let n = self.n();
        let truths = self.sorted_truths();
        let (mut cross, mut of_scores, mut of_truths) = (0_i128, 0_i128, 0_i128);
        let mut above = 0;
        for group in self.groups() {
            // Twice the average rank minus its mean: with `smaller` values below and
            // `not_greater` up to here, smaller + not_greater - n.
            let below = n - above - group.len();
            let x = (below + below + group.len()) as i128 - n as i128;
            for pair in group {
                let (smaller, not_greater) = bounds(&truths, pair.truth);
                let y = (smaller + not_greater) as i128 - n as i128;
                cross += x * y;
                of_scores += x * x;
                of_truths += y * y;
            }
            above += group.len();
        }
        (of_scores > 0 && of_truths > 0).then(|| cross as f64 / (of_scores as f64 * of_truths as f64).sqrt())
    }

    /// Each architecture's share in the pairs, in O(n log n): a Fenwick tree over the ranks of
    /// the truths counts, for each architecture, the truths below and above its own among those
    /// of higher, and by difference of lower, score. Unlike Knight's merge sort (1966) this also
    /// yields what the confidence interval needs.
    fn concordance(&self) -> Vec<Concordance> {
        let n = self.n();
        let truths = self.sorted_truths();
        let mut seen = Counts::new(n);
        let mut items = Vec::with_capacity(n);
        let mut above = 0;
        for group in self.groups() {
            let ranges: Vec<(usize, usize)> = (group.iter()).map(|pair| bounds(&truths, pair.truth)).collect();
            // Higher scores: a lower truth there is a discordant pair, a higher one concordant.
            for &(smaller, not_greater) in &ranges {
                let lower = seen.below(smaller);
                let higher = above as i64 - seen.below(not_greater);
                items.push(Concordance {
                    balance: higher - lower,
                    by_score: (n - group.len()) as i64,
                    by_truth: (n - (not_greater - smaller)) as i64,
                });
            }
            for &(smaller, _) in &ranges {
                seen.add(smaller);
            }
            // Lower scores, those neither above nor in the group: the other way round.
            let reached = (above + group.len()) as i64;
            for (item, &(smaller, not_greater)) in items[above..].iter_mut().zip(&ranges) {
                let lower = smaller as i64 - seen.below(smaller);
                let higher = (n - not_greater) as i64 - (reached - seen.below(not_greater));
                item.balance += lower - higher;
            }
            above += group.len();
        }
        items
    }
}

/// Tau-b from each architecture's share; every pair is counted twice in each of the three sums.
fn tau_b(items: &[Concordance]) -> Option<f64> {
    let sum = |of: fn(&Concordance) -> i64| items.iter().map(of).sum::<i64>();
    let by_score = sum(|item| item.by_score);
    let by_truth = sum(|item| item.by_truth);
    (by_score > 0 && by_truth > 0).then(|| sum(|item| item.balance) as f64 / (by_score as f64 * by_truth as f64).sqrt())
}

/// A Fenwick tree (Fenwick 1994): counts by position, with prefix sums, both in O(log n).
struct Counts(Vec<i64>);

impl Counts {
    fn new(positions: usize) -> Counts {
        Counts(vec![0; positions + 1])
    }

    fn add(&mut self, position: usize) {
        let mut node = position + 1;
        while node < self.0.len() {
            self.0[node] += 1;
            node += node & node.wrapping_neg();
        }
    }

    /// How many were added at positions below `position`.
    fn below(&self, position: usize) -> i64 {
        let (mut node, mut sum) = (position, 0);
        while node > 0 {
            sum += self.0[node];
            node &= node - 1;
        }
        sum
    }
}
