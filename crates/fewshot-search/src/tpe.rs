//! Tree-structured Parzen estimators.

use fewshot_space::{Arch, Region, RegionError};
use rand_chacha::ChaCha8Rng;

use super::modelled::{Known, Learner};
use super::rows::{Rows, member};
use super::told::best;

/// Scores after which older ones begin to count less.
const FORGETTING: usize = 25;
/// Most architectures that count as good.
const MOST_GOOD: usize = 25;

/// The Tree-structured Parzen Estimator for categories (Bergstra et al. 2011,
/// <https://papers.nips.cc/paper/4443-algorithms-for-hyper-parameter-optimization>): what was told is cut into a good and
/// a bad part; per decision and part, the share of each option among its active uses, with a prior count of 1; what is
/// good much oftener than bad is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tpe {
    /// Name of the strategy with these parameters.
    pub name: &'static str,
    /// Random architectures first.
    pub start: usize,
    /// Draws from the good part, of which the one with the greatest ratio is taken.
    pub candidates: usize,
    /// How many of so many are good.
    pub good: fn(usize) -> usize,
    /// Whether each decision takes the best of draws of its own, or whole architectures are drawn and compared, those told
    /// before last.
    pub per_decision: bool,
}

impl Tpe {
    /// Whole architectures, the best tenth is good: does not repeat itself while there is something new.
    pub const DEFAULT: Tpe = Tpe {
        name: "tpe",
        start: 20,
        candidates: 24,
        good: |told| told.div_ceil(10).clamp(1, MOST_GOOD),
        per_decision: false,
    };

    /// The settings of hyperopt, with which few-shot NAS (Zhao et al. 2021) ran it: `ceil(sqrt(n) / 4)` are good, and each
    /// decision is drawn and compared by itself.
    pub const PUBLISHED: Tpe = Tpe {
        name: "tpe.published",
        start: 20,
        candidates: 24,
        good: |told| ((0.25 * (told as f64).sqrt()).ceil() as usize).clamp(1, MOST_GOOD),
        per_decision: true,
    };
}

/// The shares of options among good and bad architectures.
pub(super) struct Shares {
    good: Rows,
    /// `ln(good / bad)`.
    ratio: Rows,
}

/// Weights of `count` architectures in the order of telling: 1 for the last 25, before them rising evenly to 1.
fn weights(count: usize) -> Vec<f64> {
    let ramp = count.saturating_sub(FORGETTING);
    let low = 1.0 / count.max(1) as f64;
    let rising = |index: usize| match ramp {
        1 => low,
        _ => low + (1.0 - low) * index as f64 / (ramp - 1) as f64,
    };
    (0..count).map(|index| if index < ramp { rising(index) } else { 1.0 }).collect()
}

/// The share of each option among architectures, given with what is active in them in the order of telling.
fn shares(region: &Region, archs: &[(&Arch, &[bool])]) -> Rows {
    let mut rows = Rows::new(region, 1.0);
    for ((arch, active), weight) in archs.iter().zip(weights(archs.len())) {
        rows.add(arch, active, weight);
    }
    rows.normalised()
}

impl Tpe {
    /// The best of `candidates` draws of each decision.
    fn each(&self, model: &Shares, region: &Region, rng: &mut ChaCha8Rng) -> Arch {
        let option = |decision: usize| {
            let draws = (0..self.candidates.max(1)).map(|_| model.good.draw_option(decision, rng));
            let ratio = |option: &usize| model.ratio.0[decision][*option];
            draws.max_by(|a, b| ratio(a).total_cmp(&ratio(b))).unwrap_or_default() as u8
        };
        let options = (0..model.good.0.len()).map(option).collect();
        region.space().canonical(&Arch::new(options))
    }

    /// The best of `candidates` drawn architectures, of those that are new where there are any.
    fn whole(&self, model: &Shares, known: &Known<'_>, rng: &mut ChaCha8Rng) -> Result<Arch, RegionError> {
        let region = known.region;
        let ratio = |arch: &Arch| {
            let active = region.space().active(arch).into_iter().enumerate().filter(|(_, active)| *active);
            active.map(|(decision, _)| model.ratio.0[decision][arch.get(decision)]).sum::<f64>()
        };
        let mut best: Option<((bool, f64), Arch)> = None;
        for _ in 0..self.candidates.max(1) {
            let arch = member(region, rng, |rng| model.good.draw(region, rng))?;
            let worth = (!known.contains(&arch), ratio(&arch));
            if best.as_ref().is_none_or(|(best, _)| *best < worth) {
                best = Some((worth, arch));
            }
        }
        best.map_or_else(|| region.sample(rng), |(_, arch)| Ok(arch))
    }
}

impl Learner for Tpe {
    type Model = Shares;

    fn name(&self) -> &'static str {
        self.name
    }

    fn start(&self) -> usize {
        self.start
    }

    fn refit(&self) -> usize {
        1
    }

    fn fit(&self, known: &Known<'_>, _: &mut ChaCha8Rng) -> Result<Option<Shares>, RegionError> {
        let told = known.told;
        let good = best(told, (self.good)(told.len()));
        let mut is_good = vec![false; told.len()];
        good.iter().for_each(|&at| is_good[at] = true);
        let part = |wanted: bool| {
            let of = (0..told.len()).filter(|&at| is_good[at] == wanted);
            let of: Vec<_> = of.map(|at| (&told[at].arch, known.active[at].as_slice())).collect();
            shares(known.region, &of)
        };
        let (good, bad) = (part(true), part(false));
        let mut ratio = good.clone();
        for (row, bad) in ratio.0.iter_mut().zip(&bad.0) {
            for (value, bad) in row.iter_mut().zip(bad) {
                // Options that are not allowed have no share in either and are never drawn.
                *value = if *bad > 0.0 { (*value / bad).ln() } else { 0.0 };
            }
        }
        Ok(Some(Shares { good, ratio }))
    }

    fn propose(
        &self,
        model: &mut Shares,
        known: &Known<'_>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Option<Arch>, RegionError> {
        match self.per_decision {
            true => member(known.region, rng, |rng| self.each(model, known.region, rng)).map(Some),
            false => self.whole(model, known, rng).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::landscape::Chain;

    #[test]
    fn the_good_part_has_the_published_size() {
        let sizes = [1, 16, 17, 20, 100, 400, 3_000, 100_000].map(Tpe::PUBLISHED.good);
        assert_eq!(sizes, [1, 1, 2, 2, 3, 5, 14, 25]);
        assert_eq!([1, 20, 101, 3_000].map(Tpe::DEFAULT.good), [1, 2, 11, 25]);
    }

    #[test]
    fn old_scores_are_forgotten_evenly() {
        assert_eq!(weights(3), [1.0; 3]);
        assert_eq!(weights(25), [1.0; 25]);
        let long = weights(28);
        assert_eq!(long[0], 1.0 / 28.0);
        assert!((long[1] - (1.0 / 28.0 + 1.0) / 2.0).abs() < 1e-12);
        assert_eq!(long[2..], [1.0; 26]);
        assert_eq!(weights(26)[0], 1.0 / 26.0);
    }

    #[test]
    fn shares_have_a_prior_count_and_see_active_decisions_only() {
        let region = Chain::region(2);
        let archs = [Arch::new(vec![1, 2, 0]), Arch::new(vec![2, 2, 1]), Arch::new(vec![0, 0, 0])];
        let active = archs.each_ref().map(|arch| region.space().active(arch));
        let archs: Vec<_> = archs.iter().zip(&active).map(|(arch, active)| (arch, active.as_slice())).collect();
        let rows = shares(&region, &archs);
        let expected = [vec![2.0 / 6.0; 3], vec![1.0 / 6.0, 1.0 / 6.0, 3.0 / 6.0, 1.0 / 6.0]];
        assert_eq!(rows.0[..2], expected);
        assert_eq!(rows.0[2], [0.2, 0.4, 0.2, 0.2]);
    }
}
