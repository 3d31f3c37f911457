//! Evolution by truncation: the best of all parents and children are the next parents.

use fewshot_space::{Arch, Region, RegionError};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::draws::Draws;
use super::generations::{Breeding, Generations, Known};
use super::modelled::neighbour;
use super::told::{Told, best};

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
    /// Whether a mutation draws the decisions of one place of a network together ([`Space::drawn_together`](fewshot_space::Space::drawn_together)).
    pub whole_places: bool,
}

impl EvolutionConfig {
    /// Small generations: for searches of some hundred evaluations.
    pub const DEFAULT: EvolutionConfig = EvolutionConfig {
        name: "evolution",
        population: 40,
        parents: 10,
        mutations: 0.5,
        chance: 0.1,
        whole_places: false,
    };
    /// That of Once-for-All, which drew kernel and expansion of a block together.
    pub const PUBLISHED: EvolutionConfig = EvolutionConfig {
        name: "evolution.published",
        population: 100,
        parents: 25,
        whole_places: true,
        ..EvolutionConfig::DEFAULT
    };
}

/// The evolutionary search of Once-for-All (Cai et al. 2020, <https://arxiv.org/abs/1908.09791>): of all that was scored in a
/// generation and of its parents the best are the parents of the next one. Half of the children are mutations, in each of which
/// every decision may change, half take each decision from one of two parents; limits are kept by drawing again.
///
/// Parents live as long as nothing is better, unlike those of regularized evolution (`rea`).
pub(super) type Evolution = Generations<EvolutionConfig>;

impl Breeding for EvolutionConfig {
    fn name(&self) -> &'static str {
        self.name
    }

    fn population(&self) -> usize {
        self.population
    }

    fn child(&self, known: &Known, number: u64, draws: &mut Draws, rng: &mut ChaCha8Rng) -> Result<Arch, RegionError> {
        let mut parent = || &known.survivors[rng.random_range(0..known.survivors.len())].arch;
        let (one, other) = (parent(), parent());
        let place = number % self.population as u64;
        match (place as f64) < self.mutations * self.population as f64 {
            true => self.mutated(&known.region, one, draws, rng),
            false => known.region.crossover(one, other, rng),
        }
    }

    /// The best.
    fn select(&self, _region: &Region, all: Vec<Told>) -> Vec<Told> {
        best(&all, self.parents).into_iter().map(|at| all[at].clone()).collect()
    }
}

impl EvolutionConfig {
    /// A mutation of `arch` in the region; where limits leave hardly any, a neighbour, or a random architecture.
    fn mutated(
        &self,
        region: &Region,
        arch: &Arch,
        draws: &mut Draws,
        rng: &mut ChaCha8Rng,
    ) -> Result<Arch, RegionError> {
        for _ in 0..DRAWS {
            let child = self.redrawn(region, arch, rng);
            if region.contains(&child) {
                return Ok(child);
            }
        }
        match neighbour(region, arch, rng)? {
            Some(child) => Ok(child),
            None => draws.next(),
        }
    }

    /// `arch` with each decision, or each place, drawn anew by chance, and decisions for sure that did not matter in it.
    fn redrawn(&self, region: &Region, arch: &Arch, rng: &mut ChaCha8Rng) -> Arch {
        let space = region.space();
        let mut options = arch.options().to_vec();
        let active = space.active(arch);
        let places = match self.whole_places {
            true => space.drawn_together(),
            false => (0..options.len()).map(|index| vec![index]).collect(),
        };
        for place in places {
            let stays = place.iter().any(|&index| active[index]) && rng.random::<f64>() >= self.chance;
            for index in place.into_iter().filter(|&index| !(stays && active[index])) {
                let allowed = region.allowed(index);
                options[index] = allowed.iter().nth(rng.random_range(0..allowed.len())).unwrap_or(0) as u8;
            }
        }
        space.canonical(&Arch::new(options))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fewshot_space::random::stream;
    use fewshot_space::{OfaMbv3Skeleton, OfaMbv3Space, Space};

    use super::*;
    use crate::Strategy;
    use crate::testing::landscape::Chain;

    #[test]
    fn a_published_mutation_draws_kernel_and_expansion_of_a_slot_together() {
        let space = Arc::new(OfaMbv3Space::new(OfaMbv3Skeleton::imagenet()).unwrap());
        let region = Region::full(space.clone());
        let parent = region.sample(&mut stream(1, "parent", 0, 0)).unwrap();
        let together = |config: EvolutionConfig| {
            let (mut kernels, mut both) = (0, 0);
            for draw in 0..2000 {
                let child = config.redrawn(&region, &parent, &mut stream(1, "child", draw, 0));
                let (before, after) = (space.active(&parent), space.active(&child));
                for slot in 0..space.slots().len() {
                    let changed = |index: usize| before[index] && after[index] && parent.get(index) != child.get(index);
                    kernels += usize::from(changed(space.kernel_of(slot)));
                    both += usize::from(changed(space.kernel_of(slot)) && changed(space.expansion_of(slot)));
                }
            }
            (kernels, both as f64 / kernels as f64)
        };
        // Of three options one is drawn again in a third of all cases. A kernel changes in 2/3 of a tenth either way.
        let (published, with) = together(EvolutionConfig::PUBLISHED);
        let (single, without) = together(EvolutionConfig::DEFAULT);
        let active = space.active(&parent);
        let slots = (0..space.slots().len()).filter(|&slot| active[space.kernel_of(slot)]).count();
        let expected = 2000.0 * slots as f64 / 15.0;
        for changed in [published, single] {
            // Some slots are gone with the depth of the child.
            assert!((0.8 * expected..1.05 * expected).contains(&(changed as f64)), "{changed} of {expected}");
        }
        assert!((0.62..0.71).contains(&with) && without < 0.1, "{with} {without}");
    }

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
            search.known.survivors.iter().map(|told| told.arch.get(0)).collect::<Vec<_>>()
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
        let parents: Vec<Arch> = search.known.survivors.iter().map(|told| told.arch.clone()).collect();
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
