//! Searches by generations: random architectures first, then children of those that were selected.

use std::collections::BTreeSet;

use fewshot_space::random::stream;
use fewshot_space::{Arch, Region, RegionError};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::draws::{Draws, START};
use super::saved::{frame, unframe};
use super::told::Told;
use super::{SearchError, Strategy};

/// What makes one search by generations different from another: who lives on, and who their children are.
pub(super) trait Breeding: Send {
    /// Name of the strategy.
    fn name(&self) -> &'static str;

    /// Random architectures at the beginning, and children of a generation.
    fn population(&self) -> usize;

    /// A child of the survivors, of which there is at least one. `number` counts all children from 0; `draws` is for where no child
    /// can be had.
    fn child(&self, known: &Known, number: u64, draws: &mut Draws, rng: &mut ChaCha8Rng) -> Result<Arch, RegionError>;

    /// Those that live on, of all survivors and what was told since.
    fn select(&self, region: &Region, all: Vec<Told>) -> Vec<Told>;

    /// Hears of the survivors, whenever there are new ones or a saved search was read.
    fn survived(&mut self, _region: &Region, _survivors: &[Told]) {}
}

/// What a search by generations knows.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) region: Region,
    /// Each architecture once.
    pub(super) survivors: Vec<Told>,
    /// Told since the last selection.
    pub(super) told: Vec<Told>,
}

/// The search: whenever a population was told, the survivors are selected anew. Children may be asked for before all of their
/// generation was told, so any number may be outstanding.
#[derive(Debug, Clone)]
pub(super) struct Generations<B> {
    pub(super) breeding: B,
    pub(super) known: Known,
    seed: u64,
    draws: Draws,
    /// How many children were asked for: the counter of random numbers.
    children: u64,
}

/// A saved [`Generations`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    random: u64,
    children: u64,
    #[serde(rename = "members", alias = "parents")]
    survivors: Vec<Told>,
    told: Vec<Told>,
}

impl<B: Breeding> Generations<B> {
    /// Such a search in `region`.
    ///
    /// # Errors
    /// [`SearchError::Region`] when the region is found to be empty.
    pub fn new(region: Region, seed: u64, breeding: B) -> Result<Generations<B>, SearchError> {
        let draws = Draws::new(region.clone(), seed, START)?;
        let known = Known { region, survivors: Vec::new(), told: Vec::new() };
        Ok(Generations { breeding, known, seed, draws, children: 0 })
    }

    fn next(&mut self) -> Result<Arch, RegionError> {
        let told = (self.known.survivors.len() + self.known.told.len()) as u64;
        let begun = self.draws.drawn().max(told);
        if self.known.survivors.is_empty() || begun < self.breeding.population() as u64 {
            return self.draws.next();
        }
        let number = self.children;
        self.children = number.wrapping_add(1);
        let mut rng = stream(self.seed, self.breeding.name(), self.children, 1);
        self.breeding.child(&self.known, number, &mut self.draws, &mut rng)
    }

    /// Of an architecture told twice the last score counts.
    fn select(&mut self) {
        let mut seen = BTreeSet::new();
        let mut all: Vec<Told> = self.known.survivors.drain(..).chain(self.known.told.drain(..)).collect();
        all.reverse();
        all.retain(|told| seen.insert(told.arch.clone()));
        all.reverse();
        self.known.survivors = self.breeding.select(&self.known.region, all);
        self.breeding.survived(&self.known.region, &self.known.survivors);
    }
}

impl<B: Breeding> Strategy for Generations<B> {
    fn name(&self) -> &'static str {
        self.breeding.name()
    }

    fn ask(&mut self, n: usize) -> Result<Vec<Arch>, SearchError> {
        Ok((0..n).map(|_| self.next()).collect::<Result<_, _>>()?)
    }

    fn tell(&mut self, arch: &Arch, score: f64) {
        let Some(told) = Told::new(&self.known.region, arch, score) else { return };
        self.known.told.push(told);
        if self.known.told.len() >= self.breeding.population() {
            self.select();
        }
    }

    fn state(&self) -> Value {
        let Known { region, survivors, told } = self.known.clone();
        let data = Data { random: self.draws.drawn(), children: self.children, survivors, told };
        frame(self.name(), &region, self.seed, data)
    }

    fn restore(&mut self, state: &Value) -> Result<(), SearchError> {
        let strategy = self.name();
        let data: Data = unframe(state, strategy, &self.known.region, self.seed)?;
        let told = data.survivors.iter().chain(&data.told);
        Told::check(told, &self.known.region).map_err(|problem| SearchError::State { strategy, problem })?;
        self.draws = self.draws.at(data.random)?;
        self.children = data.children;
        (self.known.survivors, self.known.told) = (data.survivors, data.told);
        self.breeding.survived(&self.known.region, &self.known.survivors);
        Ok(())
    }
}
