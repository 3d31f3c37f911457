//! One search on tables.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use fewshot_space::Arch;
use serde::{Deserialize, Serialize};

use crate::lab::ExperimentError;
use crate::run::Interrupt;
use crate::search::Strategy;

/// Points of a curve besides the marks.
const POINTS: usize = 48;
/// Evaluations between two looks at the interrupt.
const CHECK: usize = 64;

/// The truth of every architecture of a space.
pub struct Truths {
    /// Positions in `values`; only looked up, never iterated.
    index: HashMap<Arch, usize>,
    values: Vec<f64>,
}

impl Truths {
    /// Architectures and, in their order, what each is worth.
    pub fn new(archs: Vec<Arch>, values: Vec<f64>) -> Self {
        Self { index: archs.into_iter().enumerate().map(|(position, arch)| (arch, position)).collect(), values }
    }

    /// Architectures of the space.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// All truths.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The greatest of them.
    pub fn best(&self) -> f64 {
        self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// Where an architecture of the space stands among all.
    fn position(&self, arch: &Arch) -> usize {
        self.index.get(arch).copied().unwrap_or_else(|| unreachable!("strategies ask for canonical members only"))
    }
}

/// What one search came to, at each point of the curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Of the strategy.
    pub seed: u64,
    /// The best truth among all visited.
    pub oracle: Vec<f64>,
    /// The truth of the best-scored, the first of them where several are equal.
    pub picked: Vec<f64>,
    /// Different architectures visited.
    pub distinct: Vec<u64>,
    /// Seconds in the strategy itself, asking and telling.
    pub seconds: f64,
}

/// Numbers of evaluations at which curves have a point: evenly spread on a logarithmic scale, and the marks.
pub fn grid(evaluations: usize, marks: &[usize]) -> Vec<usize> {
    let all = (evaluations as f64).ln();
    let spread = (0..=POINTS).map(|at| (all * at as f64 / POINTS as f64).exp().round() as usize);
    let points: BTreeSet<usize> =
        spread.map(|point| point.clamp(1, evaluations)).chain(marks.iter().copied()).collect();
    points.into_iter().collect()
}

/// Runs a search that is driven by `scores`, one question at a time.
pub fn replay(
    truths: &Truths,
    mut search: Box<dyn Strategy>,
    scores: &[f64],
    grid: &[usize],
    seed: u64,
    interrupt: &Interrupt,
) -> Result<Replay, ExperimentError> {
    let mut replay = Replay { seed, oracle: vec![], picked: vec![], distinct: vec![], seconds: 0.0 };
    let mut visited = vec![false; scores.len()];
    let (mut distinct, mut oracle, mut done) = (0, f64::NEG_INFINITY, 0);
    let mut best: Option<usize> = None;
    let mut own = Duration::ZERO;
    for &point in grid {
        while done < point {
            if done % CHECK == 0 {
                interrupt.check()?;
            }
            let began = Instant::now();
            let asked = search.ask(1)?;
            own += began.elapsed();
            for arch in &asked {
                let at = truths.position(arch);
                distinct += u64::from(!visited[at]);
                visited[at] = true;
                oracle = oracle.max(truths.values[at]);
                if best.is_none_or(|best| scores[at] > scores[best]) {
                    best = Some(at);
                }
                let began = Instant::now();
                search.tell(arch, scores[at]);
                own += began.elapsed();
            }
            done += 1;
        }
        replay.oracle.push(oracle);
        replay.picked.push(best.map_or(f64::NEG_INFINITY, |best| truths.values[best]));
        replay.distinct.push(distinct);
    }
    replay.seconds = own.as_secs_f64();
    Ok(replay)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_have_a_point_at_every_mark_and_at_both_ends() {
        let points = grid(2_950, &[100, 333]);
        assert!(points.contains(&100) && points.contains(&333));
        assert_eq!((points.first(), points.last()), (Some(&1), Some(&2_950)));
        assert!(points.windows(2).all(|pair| pair[0] < pair[1]) && points.len() <= POINTS + 3);
        assert_eq!(grid(1, &[1]), [1]);
    }
}
