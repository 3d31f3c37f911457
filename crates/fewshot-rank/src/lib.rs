//! How good are scores? What networks reach when they are trained alone, as [`table`]s; how scores order them, as metrics
//! ([`rank`]); what their structure says for nothing ([`Fusion`]); how sure any of these numbers is ([`stats`]).
//!
//! No tensors: everything here follows from architectures and numbers.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod fusion;
pub mod rank;
pub mod stats;
pub mod table;
#[doc(hidden)]
pub mod testing;

pub use fusion::{Fusion, SCORE, STRUCTURE};
