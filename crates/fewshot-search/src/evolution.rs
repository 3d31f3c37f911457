//! Evolution by truncation: the best of all parents and children are the next parents.

use std::collections::BTreeSet;

use fewshot_space::random::stream;
use fewshot_space::{Arch, Region, RegionError};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::draws::{Draws, START};
use super::modelled::neighbour;
use super::saved::{frame, unframe};
use super::told::{Told, best};
use super::{SearchError, Strategy};

/// Draws of a child until one is in the region; of a mutation that fails so often one decision changes.
const DRAWS: usize = 1_000;

/// Parameters of [`Evolution`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct EvolutionConfig {
    /// Name of the strategy with these parameters.
    pub name: &'static str,
    /// Random architectures at the beginning, and children of a generation; at least 1.
    pub population: usize,
    /// Parents of each generation, at least 1.
    pub parents: usize,
    /// Share of the children that are mutations of one parent; the others have two.
    pub mutations: f64,
    /// Chance that a mutation draws a decision anew.
    pub chance: f64,
}

impl EvolutionConfig {
    /// Small generations: for searches of some hundred evaluations.
    pub const DEFAULT: EvolutionConfig =
        EvolutionConfig { name: "evolution", population: 40, parents: 10, mutations: 0.5, chance: 0.1 };
    /// That of Once-for-All, which drew kernel and expansion of a block together.
    pub const PUBLISHED: EvolutionConfig =
        EvolutionConfig { name: "evolution.published", population: 100, parents: 25, ..EvolutionConfig::DEFAULT };
}

/// The evolutionary search of Once-for-All (Cai et al. 2020, <https://arxiv.org/abs/1908.09791>): of all that was scored in a
/// generation and of its parents the best are the parents of the next one. Half of the children are mutations, in each of which
/// every decision may change, half take each decision from one of two parents; limits are kept by drawing again.
///
/// Parents live as long as nothing is better, unlike those of regularized evolution (`rea`).
#[derive(Debug, Clone)]
pub(super) struct Evolution {
    region: Region,
    seed: u64,
    config: EvolutionConfig,
    draws: Draws,
    /// How many children were asked for: the counter of random numbers.
    children: u64,
    /// The best so far, each architecture once.
    parents: Vec<Told>,
    /// Told since the parents were chosen.
    told: Vec<Told>,
}

/// A saved [`Evolution`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    random: u64,
    children: u64,
    parents: Vec<Told>,
    told: Vec<Told>,
}

impl Evolution {
    /// Evolution in `region`.
    ///
    /// # Errors
    /// [`SearchError::Region`] when the region is found to be empty.
    pub fn new(region: Region, seed: u64, config: EvolutionConfig) -> Result<Evolution, SearchError> {
        let draws = Draws::new(region.clone(), seed, START)?;
        Ok(Evolution { region, seed, config, draws, children: 0, parents: Vec::new(), told: Vec::new() })
    }

    fn next(&mut self) -> Result<Arch, RegionError> {
        let begun = self.draws.drawn().max((self.parents.len() + self.told.len()) as u64);
        if self.parents.is_empty() || begun < self.config.population as u64 {
            return self.draws.next();
        }
        let place = self.children % self.config.population as u64;
        self.children = self.children.wrapping_add(1);
        let mut rng = stream(self.seed, self.config.name, self.children, 1);
        let mut parent = || &self.parents[rng.random_range(0..self.parents.len())].arch;
        let (one, other) = (parent(), parent());
        if (place as f64) < self.config.mutations * self.config.population as f64 {
            let one = one.clone();
            return self.mutated(&one, &mut rng);
        }
        self.region.crossover(one, other, &mut rng)
    }

    /// A mutation of `arch` in the region; where limits leave hardly any, a neighbour, or a random architecture.
    fn mutated(&mut self, arch: &Arch, rng: &mut ChaCha8Rng) -> Result<Arch, RegionError> {
        for _ in 0..DRAWS {
            let child = self.redrawn(arch, rng);
            if self.region.contains(&child) {
                return Ok(child);
            }
        }
        match neighbour(&self.region, arch, rng)? {
            Some(child) => Ok(child),
            None => self.draws.next(),
        }
    }

    /// `arch` with each decision drawn anew by chance, and those for sure that did not matter in it.
    fn redrawn(&self, arch: &Arch, rng: &mut ChaCha8Rng) -> Arch {
        let mut options = Vec::with_capacity(arch.options().len());
        for (index, was_active) in self.region.space().active(arch).into_iter().enumerate() {
            let stays = was_active && rng.random::<f64>() >= self.config.chance;
            let allowed = self.region.allowed(index);
            options.push(match stays {
                true => arch.options()[index],
                false => allowed.iter().nth(rng.random_range(0..allowed.len())).unwrap_or(0) as u8,
            });
        }
        self.region.space().canonical(&Arch::new(options))
    }

    /// The best of the parents and of what was told since; of an architecture told twice, its last score.
    fn select(&mut self) {
        let mut seen = BTreeSet::new();
        let mut all: Vec<Told> = self.parents.drain(..).chain(self.told.drain(..)).collect();
        all.reverse();
        all.retain(|told| seen.insert(told.arch.clone()));
        all.reverse();
        self.parents = best(&all, self.config.parents).into_iter().map(|at| all[at].clone()).collect();
    }
}

impl Strategy for Evolution {
    fn name(&self) -> &'static str {
        self.config.name
    }

    fn ask(&mut self, n: usize) -> Result<Vec<Arch>, SearchError> {
        Ok((0..n).map(|_| self.next()).collect::<Result<_, _>>()?)
    }

    fn tell(&mut self, arch: &Arch, score: f64) {
        let Some(told) = Told::new(&self.region, arch, score) else { return };
        self.told.push(told);
        if self.told.len() >= self.config.population {
            self.select();
        }
    }

    fn state(&self) -> Value {
        let (random, children) = (self.draws.drawn(), self.children);
        let data = Data { random, children, parents: self.parents.clone(), told: self.told.clone() };
        frame(self.config.name, &self.region, self.seed, data)
    }

    fn restore(&mut self, state: &Value) -> Result<(), SearchError> {
        let strategy = self.config.name;
        let data: Data = unframe(state, strategy, &self.region, self.seed)?;
        let told = data.parents.iter().chain(&data.told);
        Told::check(told, &self.region).map_err(|problem| SearchError::State { strategy, problem })?;
        self.draws = self.draws.at(data.random)?;
        (self.children, self.parents, self.told) = (data.children, data.parents, data.told);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::landscape::Chain;

    fn depth(depth: u8, score: f64) -> (Arch, f64) {
        let mut options = vec![0; 7];
        options[0] = depth;
        (Arch::new(options), score)
    }

    #[test]
    fn the_best_of_parents_and_children_stay() {
        let config = EvolutionConfig { population: 3, parents: 2, ..EvolutionConfig::DEFAULT };
        let mut search = Evolution::new(Chain::region(6), 1, config).unwrap();
        let tell = |search: &mut Evolution, all: [(Arch, f64); 3]| {
            all.iter().for_each(|(arch, score)| search.tell(arch, *score));
            search.parents.iter().map(|told| told.arch.get(0)).collect::<Vec<_>>()
        };
        assert_eq!(tell(&mut search, [depth(1, 0.1), depth(2, 0.9), depth(3, 0.5)]), [2, 3]);
        // An old parent outlives worse children, and one that is told again has its new score.
        assert_eq!(tell(&mut search, [depth(4, 0.7), depth(5, f64::NAN), depth(3, 0.6)]), [2, 4]);
    }

    #[test]
    fn children_change_some_decisions_and_keep_most() {
        let region = Chain::region(6);
        let mut search = Evolution::new(region.clone(), 1, EvolutionConfig::DEFAULT).unwrap();
        for index in 0..40 {
            let (arch, score) = (search.ask(1).unwrap().remove(0), f64::from(index));
            search.tell(&arch, score);
        }
        let parents: Vec<Arch> = search.parents.iter().map(|told| told.arch.clone()).collect();
        assert_eq!(parents.len(), 10);
        let children = search.ask(40).unwrap();
        assert!(children.iter().all(|child| region.contains(child)));
        let changed = |child: &Arch| {
            let different = |parent: &Arch| (0..7).filter(|&at| parent.get(at) != child.get(at)).count();
            parents.iter().map(different).min().unwrap()
        };
        let mutations: usize = children[..20].iter().map(changed).sum();
        assert!((1..60).contains(&mutations), "{mutations}");
    }
}
