//! Every strategy by its name.

use fewshot_space::{Region, suggest};

use super::bohb::{Bohb, BohbConfig};
use super::error::SearchError;
use super::evolution::{Evolution, EvolutionConfig};
use super::hyperband::Hyperband;
use super::local::{Local, LocalConfig};
use super::modelled::Modelled;
use super::nsga2::{Nsga2, Nsga2Config};
use super::random::Random;
use super::rea::{Rea, ReaConfig};
use super::reinforce::{Reinforce, ReinforceConfig};
use super::smac::Smac;
use super::strategy::Strategy;
use super::tpe::Tpe;
use super::tree::Latent;

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
        name: EvolutionConfig::DEFAULT.name,
        about: "evolution by truncation, as Once-for-All searches: the best 10 live on, 40 children a generation",
        make: |region, seed| Ok(Box::new(Evolution::new(region, seed, EvolutionConfig::DEFAULT)?)),
    },
    StrategyInfo {
        name: EvolutionConfig::PUBLISHED.name,
        about: "evolution as Once-for-All published it: 25 parents, 100 children a generation",
        make: |region, seed| Ok(Box::new(Evolution::new(region, seed, EvolutionConfig::PUBLISHED)?)),
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
        make: |region, seed| Ok(Box::new(Nsga2::new(region, seed, Nsga2Config::DEFAULT.into())?)),
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
