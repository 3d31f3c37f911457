//! What a network is expected to cost while its operations are a matter of chance, and how far that is from what it should cost
//! (ProxylessNAS: Cai, Zhu and Han, ICLR 2019, section 3.3).

use fewshot_space::{Arch, Feature, Region, RelaxedRow};
use serde::{Deserialize, Serialize};

/// What networks should cost, and how much that matters. Without one only the labels count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostGoal {
    /// What is counted: `macs`, `params` or `latency_us`.
    pub feature: Feature,
    /// What it should be, in multiply-adds, parameters or microseconds, above 1; 0: the limit of the search.
    #[serde(default)]
    pub reference: f64,
    /// How it joins the loss. A controller that learns from rewards multiplies these with (reference/cost)^0.1 instead.
    #[serde(default)]
    pub form: CostForm,
}

/// How the expected cost E joins the loss L of the labels; R is the reference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CostForm {
    /// `weight` · L · (ln E / ln R)^`power`; published are 0.2 and 0.3.
    MulLog {
        /// Above 0.
        weight: f64,
        /// Above 0.
        power: f64,
    },
    /// L + `weight` · (E − R)/R; published is 0.1.
    AddLinear {
        /// Above 0.
        weight: f64,
    },
}

impl Default for CostForm {
    fn default() -> Self {
        CostForm::MulLog { weight: 0.2, power: 0.3 }
    }
}

/// Power of the reference over the cost in a reward (Cai et al., 2019, after Tan et al., CVPR 2019).
const REWARD_POWER: f64 = 0.1;

impl CostForm {
    /// By how much the loss rises with L, and with E, at some L and E.
    fn slopes(self, loss: f64, expected: f64, reference: f64) -> (f64, f64) {
        match self {
            CostForm::MulLog { weight, power } => {
                // What costs next to nothing is not divided by the logarithm of 1.
                let (expected, log) = (expected.max(2.0), reference.ln());
                let ratio = expected.ln() / log;
                let by_cost = weight * loss * power * ratio.powf(power - 1.0) / (expected * log);
                (weight * ratio.powf(power), by_cost)
            }
            CostForm::AddLinear { weight } => (1.0, weight / reference),
        }
    }

    /// The number of it that is out of its range, above 0, if one is.
    pub(super) fn out_of_range(self) -> Option<f64> {
        let numbers = match self {
            CostForm::MulLog { weight, power } => vec![weight, power],
            CostForm::AddLinear { weight } => vec![weight],
        };
        numbers.into_iter().find(|number| !(*number > 0.0 && number.is_finite()))
    }
}

/// A goal on the rows of a region: what each option adds to what everything else costs.
///
/// Costs add up over layers in spaces like `proxyless`; elsewhere this is what each option adds to the first ones of all others.
#[derive(Debug, Clone)]
pub struct ExpectedCost {
    form: CostForm,
    reference: f64,
    fixed: f64,
    /// Per row, per option.
    added: Vec<Vec<f64>>,
}

impl ExpectedCost {
    /// `goal` on the rows of a relaxation. None where the goal leaves the reference to a limit that the
    /// region does not have, or where nobody knows costs of that kind.
    pub fn new(goal: &CostGoal, region: &Region, rows: &[RelaxedRow]) -> Option<Self> {
        let space = region.space().as_ref();
        let limit =
            region.filters().iter().find(|filter| filter.feature == goal.feature).map(|filter| filter.max as f64);
        let reference = if goal.reference > 0.0 { goal.reference } else { limit? };
        let decisions = 0..space.decisions().len();
        let first: Vec<u8> = decisions.map(|decision| region.allowed(decision).first().unwrap_or(0) as u8).collect();
        let of = |options: Vec<u8>| match goal.feature.of(space, &Arch::new(options)) {
            u64::MAX => None,
            cost => Some(cost as f64),
        };
        let fixed = of(first.clone())?;
        let added_by = |decision: usize, option: usize| {
            let mut options = first.clone();
            options[decision] = option as u8;
            Some(of(options)? - fixed)
        };
        let row = |RelaxedRow { decision, options }: &RelaxedRow| {
            options.iter().map(|&option| added_by(*decision, option)).collect::<Option<Vec<f64>>>()
        };
        let added = rows.iter().map(row).collect::<Option<Vec<_>>>()?;
        Some(Self { form: goal.form, reference: reference.max(2.0), fixed, added })
    }

    /// What is expected where row `row` takes option `option` with the chance `shares[row][option]`.
    pub fn expected(&self, shares: &[Vec<f64>]) -> f64 {
        let of_row =
            |(added, shares): (&Vec<f64>, &Vec<f64>)| added.iter().zip(shares).map(|(a, p)| a * p).sum::<f64>();
        self.fixed + self.added.iter().zip(shares).map(of_row).sum::<f64>()
    }

    /// By how much the whole loss rises with that of the labels, `loss` now, and with each number of a softmax whose values are
    /// `shares`.
    pub fn slopes(&self, loss: f64, shares: &[Vec<f64>]) -> (f64, Vec<Vec<f64>>) {
        let (by_loss, by_cost) = self.form.slopes(loss, self.expected(shares), self.reference);
        let of_row = |(added, shares): (&Vec<f64>, &Vec<f64>)| -> Vec<f64> {
            through_softmax(added, shares).into_iter().map(|slope| by_cost * slope).collect()
        };
        (by_loss, self.added.iter().zip(shares).map(of_row).collect())
    }

    /// What a network's quality is multiplied by where it takes these places of the rows' options.
    pub fn reward(&self, places: &[usize]) -> f64 {
        let cost = self.fixed + self.added.iter().zip(places).map(|(added, &place)| added[place]).sum::<f64>();
        (self.reference / cost.max(1.0)).powf(REWARD_POWER)
    }
}

/// The gradient by α of a function with the gradient `slopes` by softmax(α) = `shares`: Σⱼ sⱼ·pⱼ·(δᵢⱼ − pᵢ).
pub fn through_softmax(slopes: &[f64], shares: &[f64]) -> Vec<f64> {
    let mean: f64 = slopes.iter().zip(shares).map(|(slope, share)| slope * share).sum();
    slopes.iter().zip(shares).map(|(slope, share)| share * (slope - mean)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fewshot_space::shares::softmax;
    use fewshot_space::{Filter, ProxylessSkeleton, ProxylessSpace};

    use super::*;

    fn region() -> Region {
        Region::full(Arc::new(ProxylessSpace::new(ProxylessSkeleton::tiny()).unwrap()))
    }

    fn rows(region: &Region) -> Vec<RelaxedRow> {
        region.space().relaxed(region.product()).rows().to_vec()
    }

    fn shares(alpha: &[Vec<f64>]) -> Vec<Vec<f64>> {
        alpha.iter().map(|row| softmax(&row.iter().map(|&value| value as f32).collect::<Vec<_>>())).collect()
    }

    #[test]
    fn certain_networks_are_expected_to_cost_what_they_cost() {
        let region = region();
        let goal = CostGoal { feature: Feature::Macs, reference: 8e6, form: CostForm::default() };
        let expected = ExpectedCost::new(&goal, &region, &rows(&region)).unwrap();
        for draw in 0..20 {
            let arch = region.sample(&mut fewshot_space::random::stream(1, "archs", draw, 0)).unwrap();
            let one_hot = |row: RelaxedRow| {
                (0..row.options.len()).map(|option| f64::from(u8::from(option == arch.get(row.decision)))).collect()
            };
            let certain: Vec<Vec<f64>> = rows(&region).into_iter().map(one_hot).collect();
            let macs = region.space().cost(&arch).macs as f64;
            assert!((expected.expected(&certain) - macs).abs() < 1e-3, "{arch:?}");
            let places: Vec<usize> = arch.options().iter().map(|&option| usize::from(option)).collect();
            assert!((expected.reward(&places) - (8e6 / macs).powf(0.1)).abs() < 1e-9);
        }
    }

    #[test]
    fn slopes_are_those_of_finite_differences() {
        let region = region();
        let rows = rows(&region);
        let numbers = |row: &RelaxedRow| {
            (0..row.options.len()).map(|place| 0.3 * ((row.decision + 2 * place) % 5) as f64).collect()
        };
        let alpha: Vec<Vec<f64>> = rows.iter().map(numbers).collect();
        for form in [CostForm::default(), CostForm::AddLinear { weight: 0.1 }] {
            let goal = CostGoal { feature: Feature::Macs, reference: 8e6, form };
            let goal = ExpectedCost::new(&goal, &region, &rows).unwrap();
            let whole = |loss: f64, alpha: &[Vec<f64>]| {
                let ratio = goal.expected(&shares(alpha));
                match form {
                    CostForm::MulLog { weight, power } => weight * loss * (ratio.ln() / 8e6_f64.ln()).powf(power),
                    CostForm::AddLinear { weight } => loss + weight * (ratio - 8e6) / 8e6,
                }
            };
            let (by_loss, by_alpha) = goal.slopes(1.7, &shares(&alpha));
            let numeric = (whole(1.7 + 1e-4, &alpha) - whole(1.7 - 1e-4, &alpha)) / 2e-4;
            assert!((by_loss - numeric).abs() < 1e-6, "{by_loss} {numeric}");
            for row in 0..alpha.len() {
                for place in 0..alpha[row].len() {
                    let at = |delta: f64| {
                        let mut moved = alpha.clone();
                        moved[row][place] += delta;
                        whole(1.7, &moved)
                    };
                    let numeric = (at(0.01) - at(-0.01)) / 0.02;
                    let found = by_alpha[row][place];
                    assert!((found - numeric).abs() < 1e-3 * numeric.abs() + 1e-7, "{form:?}: {found} {numeric}");
                }
            }
        }
    }

    #[test]
    fn the_limit_of_the_search_is_the_reference_where_none_is_given() {
        let (region, goal) = (region(), CostGoal { feature: Feature::Macs, reference: 0.0, form: CostForm::default() });
        assert!(ExpectedCost::new(&goal, &region, &rows(&region)).is_none());
        let limited = region.filtered(Filter::at_most(Feature::Macs, 9_000_000));
        assert_eq!(ExpectedCost::new(&goal, &limited, &rows(&limited)).unwrap().reference, 9e6);
        // Nobody has measured latencies here.
        let goal = CostGoal { feature: Feature::Latency, reference: 2000.0, ..goal };
        assert!(ExpectedCost::new(&goal, &limited, &rows(&limited)).is_none());
    }
}
