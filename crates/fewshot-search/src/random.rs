//! Random search.

use fewshot_space::{Arch, Region};
use serde_json::Value;

use super::draws::Draws;
use super::saved::{frame, unframe};
use super::{SearchError, Strategy};

/// Random search: uniform draws without repetition, whatever the scores. The baseline that every
/// other strategy has to beat (Li and Talwalkar 2019, <https://arxiv.org/abs/1902.07638>).
///
/// A region of up to 65,536 architectures is asked for whole before any of it comes again, then
/// whole in another order. In a larger one, and in one whose filters forbid counting, a repeat
/// comes only when 1,000 draws in a row brought nothing new.
#[derive(Debug, Clone)]
pub struct Random {
    region: Region,
    seed: u64,
    draws: Draws,
}

impl Random {
    /// Its name.
    pub const NAME: &'static str = "random";

    /// Random search in `region`.
    ///
    /// # Errors
    /// [`SearchError::Region`] when the region is found to be empty.
    pub fn new(region: Region, seed: u64) -> Result<Random, SearchError> {
        let draws = Draws::new(region.clone(), seed, "search/random")?;
        Ok(Random { region, seed, draws })
    }
}

impl Strategy for Random {
    fn name(&self) -> &'static str {
        Random::NAME
    }

    fn ask(&mut self, n: usize) -> Result<Vec<Arch>, SearchError> {
        Ok((0..n).map(|_| self.draws.next()).collect::<Result<_, _>>()?)
    }

    /// Scores make no difference.
    fn tell(&mut self, _arch: &Arch, _score: f64) {}

    fn state(&self) -> Value {
        frame(Random::NAME, &self.region, self.seed, self.draws.drawn())
    }

    fn restore(&mut self, state: &Value) -> Result<(), SearchError> {
        let drawn = unframe(state, Random::NAME, &self.region, self.seed)?;
        self.draws = self.draws.at(drawn)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fewshot_space::OptionSet;

    use super::*;
    use crate::testing::landscape::Chain;
    use fewshot_rank::testing::space;

    #[test]
    fn a_listed_region_comes_whole_before_anything_comes_again() {
        let region = Region::full(space()).restrict(0, OptionSet::single(2)).unwrap();
        let mut random = Random::new(region.clone(), 4).unwrap();
        let all: BTreeSet<Arch> = region.iter().collect();
        let rounds: Vec<Vec<Arch>> = (0..3).map(|_| random.ask(all.len()).unwrap()).collect();
        for round in &rounds {
            assert_eq!(round.iter().cloned().collect::<BTreeSet<_>>(), all);
        }
        assert_ne!(rounds[0], rounds[1]);
        assert_ne!(rounds[1], rounds[2]);
    }

    #[test]
    fn a_large_region_hardly_repeats() {
        // 87,381 networks, too many to be listed.
        let mut random = Random::new(Chain::region(8), 4).unwrap();
        let asked = random.ask(86_000).unwrap();
        assert_eq!(asked.iter().collect::<BTreeSet<_>>().len(), asked.len());
        // Nor is it stuck when nothing new is left.
        let all: BTreeSet<Arch> = asked.into_iter().chain(random.ask(1_500).unwrap()).collect();
        assert!((87_000..=87_381).contains(&all.len()), "{}", all.len());
    }

    #[test]
    fn draws_are_uniform() {
        // The first draw of many seeds; each of 25 members comes 40 times on average.
        let mut region = Region::full(space());
        for decision in 2..6 {
            region = region.restrict(decision, OptionSet::single(0)).unwrap();
        }
        let mut counts = [0_i32; 25];
        for seed in 0..1000 {
            let arch = &Random::new(region.clone(), seed).unwrap().ask(1).unwrap()[0];
            counts[arch.get(0) * 5 + arch.get(1)] += 1;
        }
        let chi: f64 = counts.iter().map(|&n| f64::from((n - 40).pow(2)) / 40.0).sum();
        // Chi-squared with 24 degrees of freedom: 99.9 % lie below 51.2.
        assert!(chi < 51.2, "{chi}");
    }
}
