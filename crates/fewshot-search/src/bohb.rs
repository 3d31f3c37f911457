//! BOHB: Hyperband whose fresh architectures come from a model.

use std::collections::HashSet;

use fewshot_space::random::stream;
use fewshot_space::{Arch, Region, RegionError};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::brackets::{Brackets, LEVELS};
use super::density::Density;
use super::draws::{Draws, START};
use super::rows::member;
use super::saved::{frame, unframe};
use super::told::{Told, best};
use super::{SearchError, Strategy};

/// Share of a level's architectures that are good.
const GOOD: f64 = 0.15;
/// Densities below this are alike.
const FLOOR: f64 = 1e-32;

/// Parameters of [`Bohb`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct BohbConfig {
    /// Name of the strategy with these parameters.
    pub name: &'static str,
    /// Candidates per proposal, of which the one with the greatest ratio of densities is taken.
    pub candidates: usize,
    /// Share of fresh architectures that are random though there is a model.
    pub random: f64,
    /// Least and greatest bandwidth of a kernel: chance that a candidate draws an option anew instead of taking that of the
    /// good one it comes from.
    pub bandwidth: [f64; 2],
    /// Whether a candidate that has been told gives way to any that has not: evaluated again it teaches nothing.
    pub new_first: bool,
}

impl BohbConfig {
    /// A third at random, as HpBandSter has it. The bandwidth's rule takes the deviation of option indices, which mean nothing
    /// where options have no order: unbounded, candidates are all but random until nearly all good ones agree.
    pub const DEFAULT: BohbConfig =
        BohbConfig { name: "bohb", candidates: 24, random: 1.0 / 3.0, bandwidth: [0.1, 0.3], new_first: true };

    /// What few-shot NAS ran (Zhao et al. 2021): 4 candidates, none at random, bandwidths of 0.3 and more.
    pub const PUBLISHED: BohbConfig =
        BohbConfig { name: "bohb.published", candidates: 4, random: 0.0, bandwidth: [0.3, 1.0], new_first: false };
}

/// BOHB (Falkner, Klein and Hutter 2018, <https://arxiv.org/abs/1807.01774>): the brackets of
/// [`Hyperband`](super::hyperband::Hyperband); fresh architectures are those, of some made from good ones, whose density
/// among the best 15 % of a level is greatest compared with that among the rest.
///
/// The model is of the highest level (budget) with twice as many scores as decisions, and two more. Scores from elsewhere
/// are of the highest level.
#[derive(Debug)]
pub(super) struct Bohb {
    region: Region,
    seed: u64,
    config: BohbConfig,
    draws: Draws,
    /// How many the model was asked for, the random share included: the counter of random numbers.
    proposed: u64,
    brackets: Brackets,
    /// All scores by level.
    told: [Vec<Told>; LEVELS],
    /// What was told; only looked up, never iterated.
    known: HashSet<Arch>,
    /// Made when it is needed, dropped when something is told.
    model: Option<Model>,
}

#[derive(Debug)]
struct Model {
    good: Density,
    bad: Density,
}

/// A saved [`Bohb`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    random: u64,
    proposed: u64,
    brackets: Brackets,
    told: [Vec<Told>; LEVELS],
}

impl Bohb {
    /// BOHB in `region`.
    ///
    /// # Errors
    /// [`SearchError::Region`] when the region is found to be empty.
    pub fn new(region: Region, seed: u64, config: BohbConfig) -> Result<Bohb, SearchError> {
        let draws = Draws::new(region.clone(), seed, START)?;
        let (brackets, told, known) = (Brackets::default(), Default::default(), HashSet::new());
        Ok(Bohb { region, seed, config, draws, proposed: 0, brackets, told, known, model: None })
    }

    /// The least number of scores in each of the two parts.
    fn least(&self) -> usize {
        self.region.space().decisions().len() + 1
    }

    fn fit(&self) -> Option<Model> {
        let level = self.told.iter().rev().find(|told| told.len() >= 2 * self.least())?;
        let count = level.len() as f64;
        let part = |share: f64| self.least().max((share * count) as usize);
        let order = best(level, part(GOOD) + part(1.0 - GOOD));
        let (good, bad) = order.split_at(part(GOOD).min(order.len()));
        let density = |part: &[usize]| {
            let archs = part.iter().map(|&at| level[at].arch.clone()).collect();
            Density::new(&self.region, archs, self.config.bandwidth)
        };
        Some(Model { good: density(good), bad: density(bad) })
    }

    fn propose(&self, model: &Model, rng: &mut ChaCha8Rng) -> Result<Arch, RegionError> {
        let mut best: Option<((bool, f64), Arch)> = None;
        for _ in 0..self.config.candidates.max(1) {
            let arch = member(&self.region, rng, |rng| model.good.draw(&self.region, rng))?;
            let ratio = model.good.of(&self.region, &arch).max(FLOOR) / model.bad.of(&self.region, &arch).max(FLOOR);
            let worth = (self.config.new_first && !self.known.contains(&arch), ratio);
            if best.as_ref().is_none_or(|(best, _)| *best < worth) {
                best = Some((worth, arch));
            }
        }
        best.map_or_else(|| self.region.sample(rng), |(_, arch)| Ok(arch))
    }

    fn next(&mut self) -> Result<Arch, RegionError> {
        if self.model.is_none() {
            self.model = self.fit();
        }
        // Out of `self`, so that what is fresh can be made while a bracket waits for it.
        let mut brackets = std::mem::take(&mut self.brackets);
        let arch = brackets.next(|| self.fresh());
        self.brackets = brackets;
        arch
    }

    fn fresh(&mut self) -> Result<Arch, RegionError> {
        let Some(model) = &self.model else { return self.draws.next() };
        self.proposed = self.proposed.wrapping_add(1);
        let mut rng = stream(self.seed, self.config.name, self.proposed, 1);
        if rng.random::<f64>() < self.config.random { self.draws.next() } else { self.propose(model, &mut rng) }
    }
}

impl Strategy for Bohb {
    fn name(&self) -> &'static str {
        self.config.name
    }

    fn ask(&mut self, n: usize) -> Result<Vec<Arch>, SearchError> {
        Ok((0..n).map(|_| self.next()).collect::<Result<_, _>>()?)
    }

    fn tell(&mut self, arch: &Arch, score: f64) {
        let Some(told) = Told::new(&self.region, arch, score) else { return };
        let level = self.brackets.tell(&told).unwrap_or(LEVELS - 1);
        self.known.insert(told.arch.clone());
        self.told[level].push(told);
        self.model = None;
    }

    fn state(&self) -> Value {
        let (random, proposed) = (self.draws.drawn(), self.proposed);
        let data = Data { random, proposed, brackets: self.brackets.clone(), told: self.told.clone() };
        frame(self.config.name, &self.region, self.seed, data)
    }

    fn restore(&mut self, state: &Value) -> Result<(), SearchError> {
        let strategy = self.config.name;
        let refuse = |problem| SearchError::State { strategy, problem };
        let data: Data = unframe(state, strategy, &self.region, self.seed)?;
        data.brackets.check(&self.region).map_err(refuse)?;
        Told::check(data.told.iter().flatten(), &self.region).map_err(refuse)?;
        self.draws = self.draws.at(data.random)?;
        self.proposed = data.proposed;
        self.brackets = data.brackets;
        self.known = data.told.iter().flatten().map(|told| told.arch.clone()).collect();
        self.told = data.told;
        self.model = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewshot_rank::testing::space;

    fn told(count: usize) -> Bohb {
        let mut search = Bohb::new(Region::full(space()), 1, BohbConfig::PUBLISHED).unwrap();
        for index in 0..count {
            let arch = Arch::new((0..6).map(|decision| ((index >> decision) % 5) as u8).collect());
            search.tell(&arch, index as f64);
        }
        search
    }

    #[test]
    fn parts_have_the_published_sizes() {
        let sizes = |count| told(count).fit().map(|model| (model.good.len(), model.bad.len()));
        // Six decisions: at least 7 and 7. Fifteen per cent are more than 7 from 54 on.
        assert_eq!(sizes(13), None);
        assert_eq!(sizes(14), Some((7, 7)));
        assert_eq!(sizes(40), Some((7, 33)));
        assert_eq!(sizes(100), Some((15, 85)));
    }

    #[test]
    fn the_model_is_of_the_highest_level_that_has_one() {
        let mut search = Bohb::new(Region::full(space()), 1, BohbConfig::PUBLISHED).unwrap();
        // Random until the first level has 14: 9 of the first bracket and 5 of the third that begins one.
        let mut asked = 0;
        while search.fit().is_none() {
            let arch = search.ask(1).unwrap().remove(0);
            search.tell(&arch, asked as f64);
            asked += 1;
        }
        assert_eq!(search.told.each_ref().map(Vec::len), [14, 6, 5]);
        assert_eq!(search.draws.drawn(), 20);
    }
}
