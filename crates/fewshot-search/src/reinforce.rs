//! Policy gradients.

use fewshot_space::random::stream;
use fewshot_space::{Arch, Region, RegionError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rows::{Rows, member};
use super::saved::{frame, unframe};
use super::told::Told;
use super::{SearchError, Strategy};

/// Decay of Adam's mean and mean square of gradients, and what keeps it from dividing by 0.
const ADAM: (f64, f64, f64) = (0.9, 0.999, 1e-8);

/// Parameters of [`Reinforce`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ReinforceConfig {
    /// Name of the strategy with these parameters.
    pub name: &'static str,
    /// Learning rate of Adam.
    pub lr: f64,
    /// Share of the old mean in the moving mean of scores, 0 to below 1.
    pub momentum: f64,
    /// Whether a score enters the baseline before it is compared with it. It then hides a tenth of itself.
    pub baseline_first: bool,
}

impl ReinforceConfig {
    /// Ten times the published rate: for searches of some hundred to a few thousand evaluations.
    pub const DEFAULT: ReinforceConfig =
        ReinforceConfig { name: "reinforce", lr: 0.05, momentum: 0.9, baseline_first: false };

    /// What few-shot NAS ran on NAS-Bench-201 (Zhao et al. 2021). Those runs began with noise of 0.001 in the logits, which
    /// moves no probability by more than 0.3 per cent of itself; here they begin at 0.
    pub const PUBLISHED: ReinforceConfig =
        ReinforceConfig { name: "reinforce.published", lr: 0.005, momentum: 0.9, baseline_first: true };
}

/// REINFORCE (Williams 1992, <https://doi.org/10.1007/BF00992696>): each decision is drawn from a softmax of its own, whose
/// logits follow the gradient of `(score - baseline) * log p(architecture)` by Adam, one step per score.
///
/// A score may be of any unit: Adam divides by the size of the gradients. Only active decisions have a part in
/// `log p`. An architecture that the region's filters refuse is drawn again; the gradient does not know that. A failed
/// evaluation counts as the worst score so far.
#[derive(Debug, Clone)]
pub(super) struct Reinforce {
    region: Region,
    seed: u64,
    config: ReinforceConfig,
    /// How many were asked for: the counter of random numbers.
    asked: u64,
    /// Scores told.
    steps: u64,
    logits: Rows,
    /// Adam's moving means of gradients and of their squares.
    means: Rows,
    squares: Rows,
    /// Moving mean of scores, before the correction for its beginning at 0.
    mean_score: f64,
    worst: Option<f64>,
}

/// A saved [`Reinforce`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    asked: u64,
    steps: u64,
    logits: Vec<Vec<f64>>,
    means: Vec<Vec<f64>>,
    squares: Vec<Vec<f64>>,
    mean_score: f64,
    worst: Option<f64>,
}

impl Reinforce {
    /// REINFORCE in `region`.
    ///
    /// # Errors
    /// [`SearchError::Region`] when the region is found to be empty.
    pub fn new(region: Region, seed: u64, config: ReinforceConfig) -> Result<Reinforce, SearchError> {
        // Fails for a region without members.
        region.sample(&mut stream(seed, config.name, 0, 0))?;
        let zeros = Rows::new(&region, 0.0);
        Ok(Reinforce {
            region,
            seed,
            config,
            asked: 0,
            steps: 0,
            logits: zeros.clone(),
            means: zeros.clone(),
            squares: zeros,
            mean_score: 0.0,
            worst: None,
        })
    }

    /// Softmax of the allowed options' logits.
    fn policy(&self) -> Rows {
        let mut policy = Rows::new(&self.region, 1.0);
        for (row, logits) in policy.0.iter_mut().zip(&self.logits.0) {
            let highest = row.iter().zip(logits).filter(|(one, _)| **one > 0.0).map(|(_, logit)| *logit);
            let highest = highest.fold(f64::NEG_INFINITY, f64::max);
            row.iter_mut().zip(logits).for_each(|(value, logit)| *value *= (logit - highest).min(0.0).exp());
        }
        policy.normalised()
    }

    fn next(&mut self) -> Result<Arch, RegionError> {
        self.asked = self.asked.wrapping_add(1);
        let policy = self.policy();
        let mut rng = stream(self.seed, self.config.name, self.asked, 0);
        member(&self.region, &mut rng, |rng| policy.draw(&self.region, rng))
    }

    /// The moving mean of scores, corrected for its beginning; `fallback` before the first.
    fn baseline(&self, steps: u64, fallback: f64) -> f64 {
        let weight = 1.0 - self.config.momentum.powf(steps as f64);
        if weight > 0.0 { self.mean_score / weight } else { fallback }
    }

    fn step(&mut self, arch: &Arch, score: f64) {
        let before = self.baseline(self.steps, score);
        self.steps = self.steps.saturating_add(1);
        self.mean_score = self.config.momentum * self.mean_score + (1.0 - self.config.momentum) * score;
        let baseline = if self.config.baseline_first { self.baseline(self.steps, score) } else { before };
        let advantage = score - baseline;
        let (first, second, tiny) = ADAM;
        let correction = |decay: f64| 1.0 - decay.powf(self.steps as f64);
        let (policy, active) = (self.policy(), self.region.space().active(arch));
        for (decision, probabilities) in policy.0.iter().enumerate() {
            let allowed = self.region.allowed(decision);
            for option in allowed.iter() {
                let taken = f64::from(u8::from(arch.get(decision) == option));
                let gradient = if active[decision] { advantage * (probabilities[option] - taken) } else { 0.0 };
                let mean = &mut self.means.0[decision][option];
                *mean = first * *mean + (1.0 - first) * gradient;
                let square = &mut self.squares.0[decision][option];
                *square = second * *square + (1.0 - second) * gradient * gradient;
                let size = (*square / correction(second)).sqrt() + tiny;
                self.logits.0[decision][option] -= self.config.lr * *mean / correction(first) / size;
            }
        }
    }

    /// Checks saved rows like all that comes from outside.
    fn check(&self, data: &Data) -> Result<(), String> {
        let shape = |rows: &[Vec<f64>]| rows.iter().map(Vec::len).collect::<Vec<_>>();
        for rows in [&data.logits, &data.means, &data.squares] {
            if shape(rows) != shape(&self.logits.0) || data.squares.iter().flatten().any(|square| *square < 0.0) {
                return Err("it is damaged (its numbers are not those of the region's decisions)".to_owned());
            }
        }
        Ok(())
    }
}

impl Strategy for Reinforce {
    fn name(&self) -> &'static str {
        self.config.name
    }

    fn ask(&mut self, n: usize) -> Result<Vec<Arch>, SearchError> {
        Ok((0..n).map(|_| self.next()).collect::<Result<_, _>>()?)
    }

    fn tell(&mut self, arch: &Arch, score: f64) {
        let Some(told) = Told::new(&self.region, arch, score) else { return };
        if let Some(score) = told.score {
            self.worst = Some(self.worst.map_or(score, |worst| worst.min(score)));
        }
        // Failures before the first score say nothing about where to go.
        if let Some(score) = told.score.or(self.worst) {
            self.step(&told.arch, score);
        }
    }

    fn state(&self) -> Value {
        let data = Data {
            asked: self.asked,
            steps: self.steps,
            logits: self.logits.0.clone(),
            means: self.means.0.clone(),
            squares: self.squares.0.clone(),
            mean_score: self.mean_score,
            worst: self.worst,
        };
        frame(self.config.name, &self.region, self.seed, data)
    }

    fn restore(&mut self, state: &Value) -> Result<(), SearchError> {
        let strategy = self.config.name;
        let data: Data = unframe(state, strategy, &self.region, self.seed)?;
        self.check(&data).map_err(|problem| SearchError::State { strategy, problem })?;
        *self = Reinforce {
            region: self.region.clone(),
            seed: self.seed,
            config: self.config,
            asked: data.asked,
            steps: data.steps,
            logits: Rows(data.logits),
            means: Rows(data.means),
            squares: Rows(data.squares),
            mean_score: data.mean_score,
            worst: data.worst,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::landscape::Chain;

    fn told(config: ReinforceConfig, scores: &[f64]) -> Reinforce {
        let mut search = Reinforce::new(Chain::region(2), 1, config).unwrap();
        scores.iter().for_each(|score| search.tell(&Arch::new(vec![1, 2, 0]), *score));
        search
    }

    #[test]
    fn adams_first_step_has_the_size_of_the_learning_rate() {
        let search = told(ReinforceConfig::DEFAULT, &[1.0, 3.0]);
        // The first score is its own baseline; the second is above it: what was taken gains, all else loses. Adam's
        // moments hold one gradient after two steps: 0.1 g / 0.19 over sqrt(0.001 / 0.001999) g.
        let size = 0.05 * (0.1 / 0.19) / (0.001_f64 / 0.001_999).sqrt();
        for (row, taken) in [(0, 1), (1, 2)] {
            for (option, logit) in search.logits.0[row].iter().enumerate() {
                let sign = if option == taken { 1.0 } else { -1.0 };
                assert!((logit - sign * size).abs() < 1e-6, "{logit} for {}", sign * size);
            }
        }
        // The second slot is inert at depth 1.
        assert_eq!(search.logits.0[2], [0.0; 4]);
    }

    #[test]
    fn the_published_baseline_holds_the_score_itself() {
        let both =
            [ReinforceConfig::PUBLISHED, ReinforceConfig { baseline_first: false, ..ReinforceConfig::PUBLISHED }];
        let [first, after] = both.map(|config| told(config, &[1.0, 3.0]).means.0[1][2]);
        // Bias-corrected: (0.09 * 1 + 0.1 * 3) / 0.19 = 2.0526.., so the advantage is 0.947 instead of 2.
        assert!((first / after - (3.0 - 0.39 / 0.19) / 2.0).abs() < 1e-9, "{first} {after}");
    }

    #[test]
    fn failures_count_as_the_worst_so_far() {
        let mut search = told(ReinforceConfig::DEFAULT, &[]);
        search.tell(&Arch::new(vec![1, 2, 0]), f64::NAN);
        assert_eq!((search.steps, search.worst), (0, None));
        search.tell(&Arch::new(vec![1, 2, 0]), 5.0);
        search.tell(&Arch::new(vec![1, 2, 0]), 4.0);
        let mut other = search.clone();
        search.tell(&Arch::new(vec![1, 3, 0]), f64::NAN);
        other.tell(&Arch::new(vec![1, 3, 0]), 4.0);
        assert_eq!(search.state(), other.state());
    }
}
