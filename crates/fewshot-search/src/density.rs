//! A product of kernels over unordered options.

use fewshot_space::{Arch, Region};
use rand::{Rng, RngExt};

/// Kernel density of architectures: the mean over those it is made of of a product over decisions of the kernel of
/// Aitchison and Aitken (1976), `1 - h` for the same option and `h / (c - 1)` for each other one of the `c` allowed.
///
/// The bandwidth `h` of a decision is `1.06 s n^(-1 / (4 + d))`, `s` the standard deviation of its option's indices among
/// the `n` architectures and `d` the number of decisions, as BOHB's implementation has it; but never outside of the given
/// bounds, nor above `(c - 1) / c`, where all options are alike. (Above, its kernel would be negative.)
#[derive(Debug)]
pub(super) struct Density {
    archs: Vec<Arch>,
    active: Vec<Vec<bool>>,
    /// Per decision: the kernel of the same option, of another one, and where one of the two architectures has none.
    kernels: Vec<[f64; 3]>,
}

impl Density {
    /// From at least one architecture of the region.
    pub fn new(region: &Region, archs: Vec<Arch>, [least, most]: [f64; 2]) -> Density {
        let active: Vec<Vec<bool>> = archs.iter().map(|arch| region.space().active(arch)).collect();
        let decisions = region.space().decisions().len();
        let kernel = |decision: usize| {
            let options = region.allowed(decision).len() as f64;
            let used = archs.iter().zip(&active).filter(|(_, active)| active[decision]);
            let used: Vec<f64> = used.map(|(arch, _)| arch.get(decision) as f64).collect();
            if options < 2.0 {
                return [1.0; 3];
            }
            let exponent = -1.0 / (4.0 + decisions as f64);
            let rule = 1.06 * deviation(&used) * (archs.len() as f64).powf(exponent);
            let bandwidth = rule.max(least).min(most).min((options - 1.0) / options);
            [1.0 - bandwidth, bandwidth / (options - 1.0), 1.0 / options]
        };
        let kernels = (0..decisions).map(kernel).collect();
        Density { archs, active, kernels }
    }

    /// Number of architectures that it is made of.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.archs.len()
    }

    /// The density of an architecture of the region, over its active decisions.
    pub fn of(&self, region: &Region, arch: &Arch) -> f64 {
        let wanted = region.space().active(arch);
        let product = |(own, active): (&Arch, &Vec<bool>)| {
            let mut product = 1.0;
            for (decision, kernels) in self.kernels.iter().enumerate() {
                if wanted[decision] {
                    product *= match (active[decision], own.get(decision) == arch.get(decision)) {
                        (true, true) => kernels[0],
                        (true, false) => kernels[1],
                        (false, _) => kernels[2],
                    };
                }
            }
            product
        };
        self.archs.iter().zip(&self.active).map(product).sum::<f64>() / self.archs.len().max(1) as f64
    }

    /// One of the architectures, each decision of it kept with the chance `1 - h` and else drawn uniformly. Filters may
    /// refuse it.
    pub fn draw<R: Rng + ?Sized>(&self, region: &Region, rng: &mut R) -> Arch {
        let from = rng.random_range(0..self.archs.len());
        let (arch, active) = (&self.archs[from], &self.active[from]);
        let option = |(decision, kernels): (usize, &[f64; 3])| {
            let allowed = region.allowed(decision);
            if active[decision] && rng.random::<f64>() < kernels[0] {
                return arch.get(decision) as u8;
            }
            let nth = rng.random_range(0..allowed.len());
            allowed.iter().nth(nth).unwrap_or_default() as u8
        };
        let options = self.kernels.iter().enumerate().map(option).collect();
        region.space().canonical(&Arch::new(options))
    }
}

/// Population standard deviation, 0 of nothing.
fn deviation(values: &[f64]) -> f64 {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
}

#[cfg(test)]
mod tests {
    use fewshot_space::random::stream;

    use super::*;
    use crate::testing::landscape::Chain;
    use fewshot_rank::testing::space;

    #[test]
    fn bandwidths_follow_the_normal_reference_within_their_limits() {
        let region = Region::full(space());
        // Indices 2 and 3 in equal parts deviate by a half; alike ones by nothing; 0 and 4 by two.
        let archs = (0..8).map(|index: u8| Arch::new(vec![2 + index % 2, 1, 4 * (index % 2), 0, 0, 0])).collect();
        let density = Density::new(&region, archs, [0.3, 1.0]);
        let expected = 1.06 * 0.5 * 8f64.powf(-0.1);
        assert!((density.kernels[0][1] - expected / 4.0).abs() < 1e-12);
        assert!((density.kernels[1][0] - 0.7).abs() < 1e-12 && (density.kernels[1][1] - 0.075).abs() < 1e-12);
        assert!(density.kernels[2].iter().all(|kernel| (kernel - 0.2).abs() < 1e-12), "{:?}", density.kernels[2]);
    }

    #[test]
    fn densities_sum_to_one_over_a_space_without_conditions() {
        let mut region = Region::full(space());
        for decision in 3..6 {
            region = region.restrict(decision, fewshot_space::OptionSet::single(1)).unwrap();
        }
        let archs = vec![Arch::new(vec![2, 1, 0, 1, 1, 1]), Arch::new(vec![3, 1, 4, 1, 1, 1])];
        let density = Density::new(&region, archs, [0.3, 1.0]);
        let sum: f64 = region.iter().map(|arch| density.of(&region, &arch)).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn draws_keep_what_the_kernel_keeps() {
        let region = Chain::region(3);
        let density = Density::new(&region, vec![Arch::new(vec![2, 3, 1, 0])], [0.2, 1.0]);
        let drawn = (0..2000).map(|draw| density.draw(&region, &mut stream(1, "density", draw, 0)));
        let kept = drawn.filter(|arch| arch.get(0) == 2).count();
        // 0.8, and a quarter of the redrawn 0.2: 1,700, with a standard deviation of 16.
        assert!((1640..1760).contains(&kept), "{kept}");
    }
}
