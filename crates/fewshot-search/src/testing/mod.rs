//! What a strategy must hold to, as suites that its own tests call, here and outside of this crate.
//!
//! [`check_strategy`] is for every strategy, the others for abilities that not every one has: [`check_seeded`] for one that draws,
//! [`check_search`] for one that follows the scores, [`check_front`] for one that follows score and cost. Each takes a function that
//! makes the strategy for a region and a seed.
//!
//! ```
//! use fewshot_search::{Random, testing};
//!
//! testing::check_strategy(|region, seed| Ok(Box::new(Random::new(region, seed)?)));
//! testing::check_seeded(|region, seed| Ok(Box::new(Random::new(region, seed)?)));
//! ```

mod ability;
mod contract;
mod driver;
pub(crate) mod landscape;
mod regions;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use self::ability::mean_best;
pub use self::ability::{check_front, check_search, check_seeded};
pub use self::contract::check_strategy;
