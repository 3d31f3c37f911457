//! Sequential model-based search with a random forest.

use fewshot_space::{Arch, RegionError};
use rand_chacha::ChaCha8Rng;

use super::forest::{Forest, features};
use super::modelled::{Known, Learner, neighbour};
use super::told::best;

/// Random candidates per model.
const RANDOM: usize = 1_000;
/// The best so many told give neighbours as candidates.
const PARENTS: usize = 10;
/// Neighbours of each.
const NEIGHBOURS: usize = 20;
/// Every so many-th architecture is random, whatever the model says.
const INTERLEAVED: usize = 5;

/// SMAC (Hutter, Hoos and Leyton-Brown 2011, <https://www.cs.ubc.ca/labs/algorithms/Projects/SMAC/>): a random forest over
/// all scores; the candidates with the greatest expected improvement on the best score are asked for, one in five is random.
///
/// The forest learns the logarithm of what a score lacks to the best, an option of SMAC's own: among raw accuracies the few
/// that are at chance outweigh all differences between good ones, and the search goes where trees disagree about failures.
///
/// Few-shot NAS (Zhao et al. 2021) shows a curve of it without code or settings; these are ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Smac {
    /// Name of the strategy with these parameters.
    pub name: &'static str,
    /// Random architectures first.
    pub start: usize,
    /// Scores told between two forests.
    pub refit: usize,
}

impl Smac {
    /// 20 random architectures, a forest every 20.
    pub const DEFAULT: Smac = Smac { name: "smac", start: 20, refit: 20 };
}

/// The candidates of one forest, the most promising last.
pub(super) struct Ranked {
    candidates: Vec<Arch>,
    asked: usize,
}

/// `-ln(1 + lack / m)` of each score, where `m` is a tenth of the median of what scores lack to the best one: 0 for the best,
/// and the steeper the nearer to it.
fn log_lack(scores: &[f64]) -> Vec<f64> {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut lacks: Vec<f64> = scores.iter().map(|score| highest - score).collect();
    lacks.sort_unstable_by(f64::total_cmp);
    let median = lacks.get(lacks.len() / 2).copied().filter(|median| *median > 0.0);
    let scale = 0.1 * median.or_else(|| lacks.last().copied().filter(|last| *last > 0.0)).unwrap_or(1.0);
    scores.iter().map(|score| -((highest - score) / scale).ln_1p()).collect()
}

/// Expected improvement on `best` of a normal variable, to be high: `(m - b) Phi(z) + s phi(z)`, `z = (m - b) / s`.
fn expected_improvement(mean: f64, deviation: f64, best: f64) -> f64 {
    let gain = mean - best;
    if deviation <= 0.0 {
        return gain.max(0.0);
    }
    let z = gain / deviation;
    let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    (gain * normal(z) + deviation * density).max(0.0)
}

/// The normal distribution function, to 7.5e-8 (Abramowitz and Stegun 1964, 26.2.17).
fn normal(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let factors = [1.330_274_429, -1.821_255_978, 1.781_477_937, -0.356_563_782, 0.319_381_530];
    let polynomial = factors.into_iter().fold(0.0, |sum, factor| (sum + factor) * t);
    let tail = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt() * polynomial;
    if z < 0.0 { tail } else { 1.0 - tail }
}

impl Learner for Smac {
    type Model = Ranked;

    fn name(&self) -> &'static str {
        self.name
    }

    fn start(&self) -> usize {
        self.start
    }

    fn refit(&self) -> usize {
        self.refit
    }

    fn fit(&self, known: &Known<'_>, rng: &mut ChaCha8Rng) -> Result<Option<Ranked>, RegionError> {
        let Some(scores) = known.scores() else { return Ok(None) };
        let region = known.region;
        let examples: Vec<Vec<u8>> = known.told.iter().map(|told| features(region, &told.arch)).collect();
        let forest = Forest::fit(&examples, &log_lack(&scores), rng);
        let mut candidates = known.candidates(RANDOM, rng)?;
        for at in best(known.told, PARENTS) {
            for _ in 0..NEIGHBOURS {
                let near = neighbour(region, &known.told[at].arch, rng)?;
                candidates.extend(near.filter(|arch| !known.contains(arch)));
            }
        }
        candidates.sort_unstable();
        candidates.dedup();
        let worth = |arch: Arch| {
            let (mean, deviation) = forest.predict(&features(region, &arch));
            // Where no improvement is expected at all, the better mean is still better.
            (expected_improvement(mean, deviation, 0.0), mean, arch)
        };
        let mut ranked: Vec<_> = candidates.into_iter().map(worth).collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        Ok(Some(Ranked { candidates: ranked.into_iter().map(|(.., arch)| arch).collect(), asked: 0 }))
    }

    fn propose(&self, model: &mut Ranked, _: &Known<'_>, _: &mut ChaCha8Rng) -> Result<Option<Arch>, RegionError> {
        model.asked += 1;
        match model.asked % INTERLEAVED {
            0 => Ok(None),
            _ => Ok(model.candidates.pop()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_the_best_is_spread_out() {
        // Lacks 0, 1, 4, 80: the median is 4 (the upper of two).
        let logs = log_lack(&[90.0, 89.0, 86.0, 10.0]);
        for (log, expected) in logs.iter().zip([0.0, 3.5_f64.ln(), 11_f64.ln(), 201_f64.ln()]) {
            assert!((log + expected).abs() < 1e-12, "{logs:?}");
        }
        assert_eq!(log_lack(&[5.0, 5.0]), [0.0, 0.0]);
        assert!((log_lack(&[5.0, 5.0, 5.0, 4.0])[3] + 11_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn expected_improvement_is_that_of_a_normal_variable() {
        for (z, expected) in [(0.0, 0.5), (1.0, 0.841_344_746), (-1.96, 0.024_997_895), (3.0, 0.998_650_102)] {
            assert!((normal(z) - expected).abs() < 1e-7, "{z}: {}", normal(z));
        }
        // At the best so far: s / sqrt(2 pi). Far below it: nothing. Without doubt: the difference.
        assert!((expected_improvement(5.0, 2.0, 5.0) - 2.0 * 0.398_942_28).abs() < 1e-7);
        assert!((expected_improvement(7.0, 2.0, 5.0) - 2.0 * (0.841_344_746 + 0.241_970_725)).abs() < 1e-6);
        assert!(expected_improvement(0.0, 0.5, 5.0) < 1e-12);
        assert_eq!([6.0, 4.0].map(|mean| expected_improvement(mean, 0.0, 5.0)), [1.0, 0.0]);
    }
}
