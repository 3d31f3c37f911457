//! Search strategies behind one ask/tell interface.
//!
//! A [`Strategy`] proposes architectures of a [`Region`](fewshot_space::Region) and hears their scores; it knows nothing of how
//! they are scored. [`strategies`] lists all of them and [`build`] makes one by name. A new strategy is one file here and one
//! line in that list (`registry.rs`); the suites of [`testing`] then run over it, as they do over one from elsewhere whose tests
//! call them.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod bohb;
mod brackets;
mod density;
mod draws;
mod error;
mod evolution;
mod forest;
mod generations;
mod hyperband;
mod local;
mod modelled;
mod nsga2;
mod onehot;
mod pareto;
mod random;
mod rea;
mod registry;
mod reinforce;
mod rows;
mod saved;
mod smac;
mod strategy;
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
pub use registry::{StrategyInfo, build, names, strategies};
pub use saved::{frame, unframe};
pub use strategy::Strategy;
