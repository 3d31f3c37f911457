//! One number per option of each decision: counts, probabilities, logits.

use fewshot_space::{Arch, Region, RegionError, shares};
use rand::Rng;

/// Draws outside of a region's filters until it is drawn from itself.
const TRIES: usize = 100;

/// One number per decision and option; options that the region does not allow have no part in anything.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rows(pub Vec<Vec<f64>>);

impl Rows {
    /// `value` for every allowed option, 0 for the others.
    pub fn new(region: &Region, value: f64) -> Rows {
        let decisions = region.space().decisions().iter().enumerate();
        let row = |(index, decision): (usize, &fewshot_space::Decision)| {
            let allowed = region.allowed(index);
            (0..decision.options.len()).map(|option| if allowed.contains(option) { value } else { 0.0 }).collect()
        };
        Rows(decisions.map(row).collect())
    }

    /// Adds `weight` to the options that an architecture takes in its active decisions.
    pub fn add(&mut self, arch: &Arch, active: &[bool], weight: f64) {
        for (index, row) in self.0.iter_mut().enumerate() {
            if active[index] {
                row[arch.get(index)] += weight;
            }
        }
    }

    /// Scales every row so that it sums to 1, where it sums to anything.
    #[must_use]
    pub fn normalised(mut self) -> Rows {
        for row in &mut self.0 {
            let sum: f64 = row.iter().sum();
            if sum > 0.0 {
                row.iter_mut().for_each(|value| *value /= sum);
            }
        }
        self
    }

    /// An option of one decision, drawn in proportion to its row.
    pub fn draw_option<R: Rng + ?Sized>(&self, decision: usize, rng: &mut R) -> usize {
        shares::draw(&self.0[decision], rng)
    }

    /// An architecture that takes each decision from its row, whether or not it passes the region's filters.
    pub fn draw<R: Rng + ?Sized>(&self, region: &Region, rng: &mut R) -> Arch {
        let options = (0..self.0.len()).map(|decision| self.draw_option(decision, rng) as u8).collect();
        region.space().canonical(&Arch::new(options))
    }
}

/// Draws until the region holds what was drawn; after 100 draws in vain, a uniform one of the region.
///
/// # Errors
/// As [`Region::sample`].
pub(super) fn member<R: Rng + ?Sized>(
    region: &Region,
    rng: &mut R,
    mut draw: impl FnMut(&mut R) -> Arch,
) -> Result<Arch, RegionError> {
    for _ in 0..TRIES {
        let arch = draw(rng);
        if region.contains(&arch) {
            return Ok(arch);
        }
    }
    region.sample(rng)
}

#[cfg(test)]
mod tests {
    use fewshot_space::random::stream;

    use super::*;
    use crate::testing::landscape::Chain;

    #[test]
    fn options_come_as_often_as_their_rows_say() {
        let rows = Rows(vec![vec![1.0, 0.0, 3.0]]);
        let mut counts = [0; 3];
        for draw in 0..4000 {
            counts[rows.draw_option(0, &mut stream(1, "rows", draw, 0))] += 1;
        }
        // Binomial with p = 3/4: a standard deviation of 27.
        assert!(counts[1] == 0 && (2890..3110).contains(&counts[2]), "{counts:?}");
    }

    #[test]
    fn inert_decisions_neither_count_nor_show() {
        let region = Chain::region(3);
        let mut rows = Rows::new(&region, 0.0);
        rows.add(&Arch::new(vec![1, 2, 0, 0]), &[true, true, false, false], 1.0);
        assert_eq!(rows.0.iter().map(|row| row.iter().sum::<f64>()).collect::<Vec<_>>(), [1.0, 1.0, 0.0, 0.0]);
        let shallow =
            Rows(vec![vec![0.0, 1.0, 0.0, 0.0], vec![0.0, 0.0, 1.0, 0.0], vec![0.0, 1.0, 0.0, 0.0], vec![1.0; 4]]);
        assert_eq!(shallow.draw(&region, &mut stream(1, "rows", 0, 0)), Arch::new(vec![1, 2, 0, 0]));
    }
}
