//! Search strategies behind one ask/tell interface.
//!
//! A [`Strategy`] proposes architectures of a [`Region`] and hears their scores; it knows nothing
//! of how they are scored. [`strategies`] lists all of them and [`build`] makes one by name. A new
//! strategy is one file here and one line in that list; the suites of [`testing`] then run over it, as they do over one from
//! elsewhere whose tests call them.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod bohb;
mod brackets;
mod density;
mod draws;
mod error;
mod forest;
mod hyperband;
mod local;
mod modelled;
mod nsga2;
mod onehot;
mod pareto;
mod random;
mod rea;
mod reinforce;
mod rows;
mod saved;
mod smac;
pub mod testing;
mod told;
mod tpe;
mod tree;

#[cfg(test)]
mod contract_tests;
#[cfg(test)]
mod rea_tests;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod searching;

pub use error::SearchError;
pub use pareto::front;
pub use random::Random;
pub use rea::{Rea, ReaConfig};
pub use saved::{frame, unframe};

use fewshot_space::{Arch, Region, suggest};
use serde_json::Value;

use self::bohb::{Bohb, BohbConfig};
use self::hyperband::Hyperband;
use self::local::{Local, LocalConfig};
use self::modelled::Modelled;
use self::nsga2::{Nsga2, Nsga2Config};
use self::reinforce::{Reinforce, ReinforceConfig};
use self::smac::Smac;
use self::tpe::Tpe;
use self::tree::Latent;

/// A search that is asked for architectures and told their scores.
///
/// Any number may be asked for before anything is told, and scores may be told in any order, for
/// asked architectures or for others (known from elsewhere). What is asked next depends only on
/// the strategy's region and seed, on how often it was asked and on what it was told, in order:
/// no clock and no thread has a say. A caller that evaluates in parallel tells in the order of
/// asking.
///
/// # Scores
/// Higher is better. A score that is NaN or infinite stands for an evaluation that failed: it
/// counts as evaluated, and as worse than every number. A score of an architecture outside of the
/// region is ignored.
pub trait Strategy: Send {
    /// The name by which [`build`] knows the strategy.
    fn name(&self) -> &'static str;

    /// The next `n` architectures to evaluate, all in the region and in canonical form. Asking
    /// for 5 is the same as asking for 2 and, with nothing told between, for 3. Whether an
    /// architecture may come twice is for the strategy to say.
    ///
    /// # Errors
    /// [`SearchError::Region`] when the region gives none, say because no architecture passes its
    /// filters.
    fn ask(&mut self, n: usize) -> Result<Vec<Arch>, SearchError>;

    /// Hands in the score of an architecture.
    fn tell(&mut self, arch: &Arch, score: f64);

    /// All that the strategy has to know to go on, at any moment, also with scores outstanding.
    /// It may be written as JSON text and read back.
    fn state(&self) -> Value;

    /// Goes on where [`state`](Strategy::state) was taken: from there, both ask the same for ever.
    /// The strategy must have been built with the same name, region and seed.
    ///
    /// # Errors
    /// [`SearchError::State`] when the state is of another search or damaged; the strategy is
    /// unchanged then. [`SearchError::Region`] as for [`ask`](Strategy::ask).
    fn restore(&mut self, state: &Value) -> Result<(), SearchError>;
}

/// A strategy that can be chosen by name.
#[derive(Debug)]
pub struct StrategyInfo {
    /// Name to choose it by.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    make: fn(Region, u64) -> Result<Box<dyn Strategy>, SearchError>,
}

impl StrategyInfo {
    /// The strategy for one region and seed.
    ///
    /// # Errors
    /// [`SearchError::Region`] when the region is found to be empty.
    pub fn build(&self, region: Region, seed: u64) -> Result<Box<dyn Strategy>, SearchError> {
        (self.make)(region, seed)
    }
}

const STRATEGIES: &[StrategyInfo] = &[
    StrategyInfo {
        name: Random::NAME,
        about: "uniform draws without repetition: the baseline of every search",
        make: |region, seed| Ok(Box::new(Random::new(region, seed)?)),
    },
    StrategyInfo {
        name: ReaConfig::DEFAULT.name,
        about: "regularized evolution, population 50: mutate the best of 10, drop the oldest",
        make: |region, seed| Ok(Box::new(Rea::new(region, seed, ReaConfig::DEFAULT)?)),
    },
    StrategyInfo {
        name: ReaConfig::PUBLISHED.name,
        about: "the same with population 10 and the best of 20, as few-shot NAS published it",
        make: |region, seed| Ok(Box::new(Rea::new(region, seed, ReaConfig::PUBLISHED)?)),
    },
    StrategyInfo {
        name: ReinforceConfig::DEFAULT.name,
        about: "policy gradient: a softmax per decision that follows the scores",
        make: |region, seed| Ok(Box::new(Reinforce::new(region, seed, ReinforceConfig::DEFAULT)?)),
    },
    StrategyInfo {
        name: ReinforceConfig::PUBLISHED.name,
        about: "the same at a tenth of the learning rate, as few-shot NAS published it",
        make: |region, seed| Ok(Box::new(Reinforce::new(region, seed, ReinforceConfig::PUBLISHED)?)),
    },
    StrategyInfo {
        name: Tpe::DEFAULT.name,
        about: "Parzen estimators: options that are oftener good than bad, new architectures first",
        make: |region, seed| Ok(Box::new(Modelled::new(region, seed, Tpe::DEFAULT)?)),
    },
    StrategyInfo {
        name: Tpe::PUBLISHED.name,
        about: "the same as hyperopt has it: each decision by itself, repeats and all",
        make: |region, seed| Ok(Box::new(Modelled::new(region, seed, Tpe::PUBLISHED)?)),
    },
    StrategyInfo {
        name: Hyperband::NAME,
        about: "brackets of 9, 3, 1: random search that evaluates the better ones again",
        make: |region, seed| Ok(Box::new(Hyperband::new(region, seed)?)),
    },
    StrategyInfo {
        name: BohbConfig::DEFAULT.name,
        about: "Hyperband whose architectures come from a kernel density of the good ones",
        make: |region, seed| Ok(Box::new(Bohb::new(region, seed, BohbConfig::DEFAULT)?)),
    },
    StrategyInfo {
        name: BohbConfig::PUBLISHED.name,
        about: "the same with 4 candidates and wide kernels, as few-shot NAS published it",
        make: |region, seed| Ok(Box::new(Bohb::new(region, seed, BohbConfig::PUBLISHED)?)),
    },
    StrategyInfo {
        name: Smac::DEFAULT.name,
        about: "random forest and expected improvement, a forest every 20 scores",
        make: |region, seed| Ok(Box::new(Modelled::new(region, seed, Smac::DEFAULT)?)),
    },
    StrategyInfo {
        name: LocalConfig::DEFAULT.name,
        about: "local search: to the first better neighbour, else from another place",
        make: |region, seed| Ok(Box::new(Local::new(region, seed, LocalConfig::DEFAULT)?)),
    },
    StrategyInfo {
        name: LocalConfig::PUBLISHED.name,
        about: "the same to the best of all neighbours, as White et al. published it",
        make: |region, seed| Ok(Box::new(Local::new(region, seed, LocalConfig::PUBLISHED)?)),
    },
    StrategyInfo {
        name: Latent::LANAS.name,
        about: "LaNAS: tree of regressions, entered by upper bounds, a tree every 20 scores",
        make: |region, seed| Ok(Box::new(Modelled::new(region, seed, Latent::LANAS)?)),
    },
    StrategyInfo {
        name: Latent::PUBLISHED.name,
        about: "the same by the released rules, a tree for every score",
        make: |region, seed| Ok(Box::new(Modelled::new(region, seed, Latent::PUBLISHED)?)),
    },
    StrategyInfo {
        name: Latent::LAMCTS.name,
        about: "LA-MCTS: tree of clusters told apart by support vectors, a tree every 20 scores",
        make: |region, seed| Ok(Box::new(Modelled::new(region, seed, Latent::LAMCTS)?)),
    },
    StrategyInfo {
        name: Nsga2Config::DEFAULT.name,
        about: "NSGA-II: evolves the trade-off between score and multiply-adds",
        make: |region, seed| Ok(Box::new(Nsga2::new(region, seed, Nsga2Config::DEFAULT)?)),
    },
];

/// All strategies, in the order in which to list them.
pub fn strategies() -> &'static [StrategyInfo] {
    STRATEGIES
}

/// The names of all strategies.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    STRATEGIES.iter().map(|info| info.name)
}

/// The strategy called `name`, for one region and seed.
///
/// # Errors
/// [`SearchError::UnknownStrategy`], with the name that was probably meant;
/// [`SearchError::Region`] when the region is found to be empty.
pub fn build(name: &str, region: Region, seed: u64) -> Result<Box<dyn Strategy>, SearchError> {
    match STRATEGIES.iter().find(|info| info.name == name) {
        Some(info) => info.build(region, seed),
        None => Err(SearchError::UnknownStrategy { name: name.to_owned(), hint: suggest::hint(name, names()) }),
    }
}
