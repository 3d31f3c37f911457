//! The few-shot NAS engine.
//!
//! Few-shot NAS (Zhao, Wang, Tian, Fonseca, Guo; ICML 2021) splits a supernet on compound edges into a few
//! sub-supernets, starts each from the parent's weights, and scores every network in the sub-supernet that owns it.
//!
//! The modules, in the order of the data: [`recipe`] says an experiment, [`nets`] builds networks for regions of a
//! space, [`train`] trains them for a [`task`], [`estimate`] turns them into scores, [`search`] asks for architectures and is told
//! their scores ([`gradient`] finds them by gradients instead, [`adversarial`] finds generators of images), [`rank`] compares
//! scores with the truth in a [`table`],
//! [`stats`] says how sure a number is, [`run`] makes all of it resumable, and [`experiments`] put it together, each kind in a
//! [`lab`] of images and networks. [`latency`] predicts how long networks take. A [`model`] is what is left in the end, and
//! [`export`] takes it elsewhere.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
// A library says nothing itself; it tells `run::Progress`.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod adversarial;
pub mod device;
pub mod estimate;
pub mod experiments;
pub mod export;
pub mod families;
pub mod gradient;
pub mod lab;
pub mod latency;
mod latent;
pub mod model;
pub mod recipe;
mod stages;
pub mod task;
pub mod train;

pub use fewshot_nets as nets;
pub use fewshot_rank::{rank, stats, table};
pub use fewshot_run as run;
pub use fewshot_search as search;
