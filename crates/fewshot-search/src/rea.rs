//! Regularized evolution.

use std::collections::VecDeque;

use fewshot_space::random::stream;
use fewshot_space::{Arch, Region, RegionError};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::draws::Draws;
use super::saved::{frame, unframe};
use super::told::Told;
use super::{SearchError, Strategy};

/// Parameters of [`Rea`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReaConfig {
    /// Name of the strategy with these parameters.
    pub name: &'static str,
    /// Members of the population, at least 1; as many random architectures come first.
    pub population: usize,
    /// Members drawn, with replacement, per child, at least 1; the best of them is the parent.
    /// The more, the greedier; 1 is a random walk.
    pub sample: usize,
}

impl ReaConfig {
    /// 50 members, samples of 10: for searches of some hundred to a few thousand evaluations.
    pub const DEFAULT: ReaConfig = ReaConfig { name: "rea", population: 50, sample: 10 };

    /// 10 members, samples of 20: what few-shot NAS ran on NAS-Bench-201 (Zhao et al. 2021). A
    /// sample larger than the population nearly always holds its best member, so this is close to
    /// greedy. Those runs drew a node and then one of its incoming edges to mutate; here, as for
    /// every space, all decisions are alike. On the published tables that makes no difference
    /// beyond the noise of 20 runs.
    pub const PUBLISHED: ReaConfig = ReaConfig { name: "rea.published", population: 10, sample: 20 };
}

impl Default for ReaConfig {
    fn default() -> ReaConfig {
        ReaConfig::DEFAULT
    }
}

/// Regularized (aging) evolution (Real et al. 2019, <https://arxiv.org/abs/1802.01548>, algorithm
/// 1): of a random sample of the population the best member is mutated in one decision; the child
/// enters the population and the *oldest* member leaves it, however good.
///
/// Age counts from the moment that a score was told. The first architectures are random and
/// distinct, until the population has been asked for (or told from elsewhere). Further ones are
/// children of the members known so far, so any number may be outstanding; while nothing at all
/// is known they are random. A child may have been asked for before, as in the paper: a caller
/// that keeps scores need not evaluate it again. A parent without a neighbour in the region gives
/// way to a random architecture.
#[derive(Debug, Clone)]
pub struct Rea {
    region: Region,
    seed: u64,
    config: ReaConfig,
    /// Random architectures, and how many were asked for.
    draws: Draws,
    /// How many children were asked for: the counter of their random numbers.
    children: u64,
    /// At most `config.population` members, the oldest first.
    population: VecDeque<Told>,
}

/// A saved [`Rea`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    population_size: usize,
    sample_size: usize,
    random: u64,
    children: u64,
    population: Vec<Told>,
}

impl Rea {
    /// Regularized evolution in `region`.
    ///
    /// # Errors
    /// [`SearchError::Zero`] for a parameter of 0; [`SearchError::Region`] when the region is
    /// found to be empty.
    pub fn new(region: Region, seed: u64, config: ReaConfig) -> Result<Rea, SearchError> {
        for (parameter, value) in [("population", config.population), ("sample", config.sample)] {
            if value == 0 {
                let strategy = config.name;
                return Err(SearchError::Zero { strategy, parameter });
            }
        }
        let draws = Draws::new(region.clone(), seed, "search/rea/random")?;
        Ok(Rea { region, seed, config, draws, children: 0, population: VecDeque::new() })
    }

    fn next(&mut self) -> Result<Arch, RegionError> {
        let begun = self.draws.drawn().max(self.population.len() as u64);
        if begun < self.config.population as u64 || self.population.is_empty() {
            return self.draws.next();
        }
        let mut rng = stream(self.seed, "search/rea/child", self.children, 0);
        let mut draw = || &self.population[rng.random_range(0..self.population.len())];
        let mut parent = draw();
        for _ in 1..self.config.sample {
            let other = draw();
            if other.score > parent.score {
                parent = other;
            }
        }
        let child = match self.region.mutate(&parent.arch, &mut rng) {
            Err(RegionError::NoNeighbour { .. }) => self.draws.next()?,
            child => child?,
        };
        self.children += 1;
        Ok(child)
    }

    /// Checks a saved population like all that comes from outside.
    fn check(&self, data: &Data) -> Result<(), String> {
        let config = (data.population_size, data.sample_size);
        if config != (self.config.population, self.config.sample) {
            let (population, sample) = config;
            return Err(format!("it has population {population} and sample {sample}"));
        }
        if data.population.len() > data.population_size {
            return Err("it is damaged (more members than the population holds)".to_owned());
        }
        Told::check(&data.population, &self.region)
    }
}

impl Strategy for Rea {
    fn name(&self) -> &'static str {
        self.config.name
    }

    fn ask(&mut self, n: usize) -> Result<Vec<Arch>, SearchError> {
        Ok((0..n).map(|_| self.next()).collect::<Result<_, _>>()?)
    }

    fn tell(&mut self, arch: &Arch, score: f64) {
        let Some(told) = Told::new(&self.region, arch, score) else { return };
        self.population.push_back(told);
        if self.population.len() > self.config.population {
            self.population.pop_front();
        }
    }

    fn state(&self) -> Value {
        let data = Data {
            population_size: self.config.population,
            sample_size: self.config.sample,
            random: self.draws.drawn(),
            children: self.children,
            population: self.population.iter().cloned().collect(),
        };
        frame(self.config.name, &self.region, self.seed, data)
    }

    fn restore(&mut self, state: &Value) -> Result<(), SearchError> {
        let strategy = self.config.name;
        let data: Data = unframe(state, strategy, &self.region, self.seed)?;
        self.check(&data).map_err(|problem| SearchError::State { strategy, problem })?;
        self.draws = self.draws.at(data.random)?;
        self.children = data.children;
        self.population = data.population.into();
        Ok(())
    }
}
