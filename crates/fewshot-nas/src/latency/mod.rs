//! Latency of networks on this machine: one image, one thread.
//!
//! A network is a sequence of [`Block`](crate::nets::Block)s, and networks of a space have few different ones. Each is timed once; a network is
//! predicted by a line over the sum of its blocks, the same for all networks, laid through a few that were timed as a whole.
//! Networks that had no part in that tell how far off predictions are.

mod clock;
mod model;
mod table;

pub use model::{LatencyModel, measure, plausible, time};
pub use table::{LatencyError, LatencyTable, NetworkLatency};
