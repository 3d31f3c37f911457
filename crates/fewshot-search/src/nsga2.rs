//! NSGA-II: accuracy against multiply-adds.

use fewshot_space::{Arch, Region, RegionError};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::draws::Draws;
use super::generations::{Breeding, Generations, Known};
use super::modelled::neighbour;
use super::pareto::{crowding, ranks};
use super::told::Told;

/// Parameters of [`Nsga2`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Nsga2Config {
    /// Name of the strategy with these parameters.
    pub name: &'static str,
    /// Members of the population, at least 2; as many random architectures come first, and as many children make a
    /// generation.
    pub population: usize,
    /// Chance that a child has two parents.
    pub crossover: f64,
    /// Chance that a child is mutated; one that would be known already always is.
    pub mutation: f64,
}

impl Nsga2Config {
    /// Small generations: for searches of some hundred to a few thousand evaluations.
    pub const DEFAULT: Nsga2Config = Nsga2Config { name: "nsga2", population: 40, crossover: 0.9, mutation: 0.5 };
}

/// NSGA-II (Deb et al. 2002, <https://doi.org/10.1109/4235.996017>): evolves the trade-off between the score, to be high,
/// and the multiply-adds of the network trained alone, to be low ([`Cost::macs`](fewshot_space::Cost)).
///
/// Members and a generation's children are sorted into fronts, each the best of the rest; the first fronts survive, of the
/// last one that has room its least crowded members. Parents are the better of two by front, then by crowding. A failed
/// evaluation is behind all others.
pub(super) type Nsga2 = Generations<Fronts>;

/// How [`Nsga2`] selects and breeds.
#[derive(Debug, Clone)]
pub(super) struct Fronts {
    config: Nsga2Config,
    /// The order of the survivors among themselves, lower is better.
    order: Vec<Order>,
}

/// Which front a member is in, and how alone it is there.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Order {
    rank: usize,
    crowding: f64,
}

impl Order {
    fn is_better_than(self, other: Order) -> bool {
        (self.rank, -self.crowding) < (other.rank, -other.crowding)
    }
}

impl From<Nsga2Config> for Fronts {
    fn from(config: Nsga2Config) -> Fronts {
        Fronts { config, order: Vec::new() }
    }
}

impl Fronts {
    /// The better of two members.
    fn parent<'k>(&self, known: &'k Known, rng: &mut ChaCha8Rng) -> &'k Arch {
        let mut draw = || rng.random_range(0..known.survivors.len());
        let (one, other) = (draw(), draw());
        let chosen = if self.order[other].is_better_than(self.order[one]) { other } else { one };
        &known.survivors[chosen].arch
    }
}

impl Breeding for Fronts {
    fn name(&self) -> &'static str {
        self.config.name
    }

    fn population(&self) -> usize {
        self.config.population
    }

    fn child(&self, known: &Known, _number: u64, draws: &mut Draws, rng: &mut ChaCha8Rng) -> Result<Arch, RegionError> {
        let mut child = self.parent(known, rng).clone();
        if rng.random::<f64>() < self.config.crossover {
            child = known.region.crossover(&child, self.parent(known, rng), rng)?;
        }
        let is_known = known.survivors.iter().chain(&known.told).any(|told| told.arch == child);
        if is_known || rng.random::<f64>() < self.config.mutation {
            child = match neighbour(&known.region, &child, rng)? {
                Some(mutant) => mutant,
                None => draws.next()?,
            };
        }
        Ok(child)
    }

    fn select(&self, region: &Region, all: Vec<Told>) -> Vec<Told> {
        let order = ordered(region, &all);
        let mut all: Vec<(Told, Order)> = all.into_iter().zip(order).collect();
        all.sort_by(|(_, a), (_, b)| a.rank.cmp(&b.rank).then(b.crowding.total_cmp(&a.crowding)));
        all.truncate(self.config.population);
        all.into_iter().map(|(told, _)| told).collect()
    }

    fn survived(&mut self, region: &Region, survivors: &[Told]) {
        self.order = ordered(region, survivors);
    }
}

/// Both objectives, to be high.
fn objectives(region: &Region, told: &Told) -> [f64; 2] {
    match told.score {
        Some(score) => [score, -(region.space().cost(&told.arch).macs as f64)],
        None => [f64::NEG_INFINITY; 2],
    }
}

/// The front of each, and its crowding there.
fn ordered(region: &Region, all: &[Told]) -> Vec<Order> {
    let points: Vec<[f64; 2]> = all.iter().map(|told| objectives(region, told)).collect();
    let ranks = ranks(&points);
    let mut distances = vec![0.0; all.len()];
    for rank in 0..=ranks.iter().copied().max().unwrap_or(0) {
        let of: Vec<usize> = (0..all.len()).filter(|&at| ranks[at] == rank).collect();
        let front: Vec<[f64; 2]> = of.iter().map(|&at| points[at]).collect();
        of.iter().zip(crowding(&front)).for_each(|(&at, distance)| distances[at] = distance);
    }
    ranks.into_iter().zip(distances).map(|(rank, crowding)| Order { rank, crowding }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Strategy;
    use crate::testing::check_front;
    use crate::testing::landscape::Chain;

    #[test]
    fn the_front_is_beyond_that_of_random_search() {
        check_front(|region, seed| Ok(Box::new(Nsga2::new(region, seed, Nsga2Config::DEFAULT.into())?)));
    }

    #[test]
    fn the_first_fronts_survive_and_of_the_last_one_the_least_crowded() {
        let config = Nsga2Config { population: 4, ..Nsga2Config::DEFAULT };
        let mut search = Nsga2::new(Chain::region(6), 1, config.into()).unwrap();
        // All of the kind of 100 multiply-adds: the cost is 100 times the depth.
        for (depth, score) in [(1, 1.0), (3, 3.0), (5, 9.0), (4, 3.5)] {
            let mut options = vec![0; 7];
            options[0] = depth;
            search.tell(&Arch::new(options), score);
        }
        let depths = |search: &Nsga2| {
            let mut depths: Vec<usize> = search.known.survivors.iter().map(|told| told.arch.get(0)).collect();
            depths.sort_unstable();
            depths
        };
        assert_eq!(depths(&search), [1, 3, 4, 5]);
        // One that is beaten by depth 3, a failure, and one between 1 and 3; depth 4 lies closest to its neighbours.
        for (depth, kind, score) in [(3, 1, 2.0), (6, 0, f64::NAN), (2, 0, 2.5), (2, 3, 0.5)] {
            let mut options = vec![0; 7];
            options[0] = depth;
            options[1] = kind;
            search.tell(&Arch::new(options), score);
        }
        assert_eq!(depths(&search).len(), 4);
        assert!(search.breeding.order.iter().all(|order| order.rank == 0), "{:?}", search.breeding.order);
        assert!(depths(&search).starts_with(&[1]) && depths(&search).ends_with(&[5]), "the ends stay");
    }
}
