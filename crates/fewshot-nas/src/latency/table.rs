//! What was measured, and why nothing could be.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::nets::NetError;
use crate::run::NoThreads;

/// What was measured; part of a run's recipe, so that a resumed run predicts the same, and that a table of another
/// machine can be given instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatencyTable {
    /// Version of this form.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub format: u32,
    /// What every network takes besides its blocks, in milliseconds.
    pub base_ms: f64,
    /// What a network takes more when the sum of its blocks is more, as a share of that; near 1.
    pub scale: f64,
    /// Mean of |predicted − measured| / measured over networks timed as a whole to check; 0.1 is 10 %.
    pub mean_error: f64,
    /// The greatest of them.
    pub worst_error: f64,
    /// Milliseconds of each block, by its name.
    pub blocks: BTreeMap<String, f64>,
}

impl LatencyTable {
    /// The newest form, which this program reads.
    pub const FORMAT: u32 = 1;
}

/// What tables say that were written before they had a version.
fn first() -> u32 {
    1
}

/// The first form is written as it was, so that programs of that time read it.
fn is_first(format: &u32) -> bool {
    *format == first()
}

impl fmt::Display for LatencyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [mean, worst] = [self.mean_error, self.worst_error].map(|error| 100.0 * error);
        let blocks = self.blocks.len();
        write!(
            f,
            "of latency from {blocks} blocks, off by {mean:.1} % on average and {worst:.1} % at worst on other networks"
        )
    }
}

/// Latency of one network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NetworkLatency {
    /// By its blocks, in milliseconds.
    pub predicted_ms: f64,
    /// As a whole, in milliseconds.
    pub measured_ms: f64,
}

impl NetworkLatency {
    /// |predicted − measured| / measured.
    pub fn error(&self) -> f64 {
        (self.predicted_ms - self.measured_ms).abs() / self.measured_ms
    }
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum LatencyError {
    /// A network.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The space.
    #[error(transparent)]
    Region(#[from] fewshot_space::RegionError),
    /// The system gives no thread.
    #[error("cannot start a thread to measure latency: {0}")]
    Thread(#[from] NoThreads),
    /// The table was written by a newer program.
    #[error("the recipe's [latency] has format {0}, this program knows {known}: leave it out to measure", known = LatencyTable::FORMAT)]
    NewerTable(u32),
    /// The table is of another space, size or version.
    #[error(
        "the recipe's [latency] lacks the block `{0}`: it was measured for other networks; leave [latency] out to measure"
    )]
    UnknownBlock(String),
}
