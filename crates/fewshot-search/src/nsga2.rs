//! NSGA-II: accuracy against multiply-adds.

use std::collections::BTreeSet;

use fewshot_space::random::stream;
use fewshot_space::{Arch, Region, RegionError};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::draws::{Draws, START};
use super::modelled::neighbour;
use super::pareto::{crowding, ranks};
use super::saved::{frame, unframe};
use super::told::Told;
use super::{SearchError, Strategy};

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
#[derive(Debug, Clone)]
pub(super) struct Nsga2 {
    region: Region,
    seed: u64,
    config: Nsga2Config,
    draws: Draws,
    /// How many children were asked for: the counter of random numbers.
    children: u64,
    /// Survivors, each architecture once, with their order: lower is better.
    members: Vec<Member>,
    /// Told since the last selection.
    told: Vec<Told>,
}

#[derive(Debug, Clone, PartialEq)]
struct Member {
    told: Told,
    rank: usize,
    crowding: f64,
}

/// A saved [`Nsga2`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    random: u64,
    children: u64,
    members: Vec<Told>,
    told: Vec<Told>,
}

impl Nsga2 {
    /// NSGA-II in `region`.
    ///
    /// # Errors
    /// [`SearchError::Region`] when the region is found to be empty.
    pub fn new(region: Region, seed: u64, config: Nsga2Config) -> Result<Nsga2, SearchError> {
        let draws = Draws::new(region.clone(), seed, START)?;
        Ok(Nsga2 { region, seed, config, draws, children: 0, members: Vec::new(), told: Vec::new() })
    }

    fn next(&mut self) -> Result<Arch, RegionError> {
        let begun = self.draws.drawn().max((self.members.len() + self.told.len()) as u64);
        if self.members.is_empty() || begun < self.config.population as u64 {
            return self.draws.next();
        }
        self.children = self.children.wrapping_add(1);
        let mut rng = stream(self.seed, self.config.name, self.children, 1);
        let mut child = self.parent(&mut rng).clone();
        if rng.random::<f64>() < self.config.crossover {
            child = self.region.crossover(&child, self.parent(&mut rng), &mut rng)?;
        }
        let known = self.members.iter().map(|member| &member.told).chain(&self.told).any(|told| told.arch == child);
        if known || rng.random::<f64>() < self.config.mutation {
            child = match neighbour(&self.region, &child, &mut rng)? {
                Some(mutant) => mutant,
                None => self.draws.next()?,
            };
        }
        Ok(child)
    }

    /// The better of two members.
    fn parent(&self, rng: &mut ChaCha8Rng) -> &Arch {
        let mut draw = || &self.members[rng.random_range(0..self.members.len())];
        let (one, other) = (draw(), draw());
        let is_better = (other.rank, -other.crowding) < (one.rank, -one.crowding);
        if is_better { &other.told.arch } else { &one.told.arch }
    }

    /// Both objectives, to be high.
    fn objectives(&self, told: &Told) -> [f64; 2] {
        match told.score {
            Some(score) => [score, -(self.region.space().cost(&told.arch).macs as f64)],
            None => [f64::NEG_INFINITY; 2],
        }
    }

    /// The survivors among the members and what was told since; of an architecture told twice, its last score.
    fn select(&mut self) {
        let mut seen = BTreeSet::new();
        let mut all: Vec<Told> = self.members.drain(..).map(|member| member.told).chain(self.told.drain(..)).collect();
        all.reverse();
        all.retain(|told| seen.insert(told.arch.clone()));
        all.reverse();
        self.members = self.ordered(all);
        self.members.sort_by(|a, b| a.rank.cmp(&b.rank).then(b.crowding.total_cmp(&a.crowding)));
        self.members.truncate(self.config.population);
        // As a saved search will have it: by place among the survivors.
        let survivors = std::mem::take(&mut self.members).into_iter().map(|member| member.told).collect();
        self.members = self.ordered(survivors);
    }

    /// Each with its front and its crowding there.
    fn ordered(&self, all: Vec<Told>) -> Vec<Member> {
        let points: Vec<[f64; 2]> = all.iter().map(|told| self.objectives(told)).collect();
        let ranks = ranks(&points);
        let mut distances = vec![0.0; all.len()];
        for rank in 0..=ranks.iter().copied().max().unwrap_or(0) {
            let of: Vec<usize> = (0..all.len()).filter(|&at| ranks[at] == rank).collect();
            let front: Vec<[f64; 2]> = of.iter().map(|&at| points[at]).collect();
            of.iter().zip(crowding(&front)).for_each(|(&at, distance)| distances[at] = distance);
        }
        let order = ranks.into_iter().zip(distances);
        all.into_iter().zip(order).map(|(told, (rank, crowding))| Member { told, rank, crowding }).collect()
    }
}

impl Strategy for Nsga2 {
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
        let data = Data {
            random: self.draws.drawn(),
            children: self.children,
            members: self.members.iter().map(|member| member.told.clone()).collect(),
            told: self.told.clone(),
        };
        frame(self.config.name, &self.region, self.seed, data)
    }

    fn restore(&mut self, state: &Value) -> Result<(), SearchError> {
        let strategy = self.config.name;
        let data: Data = unframe(state, strategy, &self.region, self.seed)?;
        let told = data.members.iter().chain(&data.told);
        Told::check(told, &self.region).map_err(|problem| SearchError::State { strategy, problem })?;
        self.draws = self.draws.at(data.random)?;
        self.children = data.children;
        self.members = self.ordered(data.members);
        self.told = data.told;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_front;
    use crate::testing::landscape::Chain;

    #[test]
    fn the_front_is_beyond_that_of_random_search() {
        check_front(|region, seed| Ok(Box::new(Nsga2::new(region, seed, Nsga2Config::DEFAULT)?)));
    }

    #[test]
    fn the_first_fronts_survive_and_of_the_last_one_the_least_crowded() {
        let config = Nsga2Config { population: 4, ..Nsga2Config::DEFAULT };
        let mut search = Nsga2::new(Chain::region(6), 1, config).unwrap();
        // All of the kind of 100 multiply-adds: the cost is 100 times the depth.
        for (depth, score) in [(1, 1.0), (3, 3.0), (5, 9.0), (4, 3.5)] {
            let mut options = vec![0; 7];
            options[0] = depth;
            search.tell(&Arch::new(options), score);
        }
        let depths = |search: &Nsga2| {
            let mut depths: Vec<usize> = search.members.iter().map(|member| member.told.arch.get(0)).collect();
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
        assert!(search.members.iter().all(|member| member.rank == 0), "{:?}", search.members);
        assert!(depths(&search).starts_with(&[1]) && depths(&search).ends_with(&[5]), "the ends stay");
    }
}
