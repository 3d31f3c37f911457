//! What the stage that searches leaves.

use serde::{Deserialize, Serialize};

use crate::run::Handle;

/// The stage that searches.
pub static SEARCH: Handle<Found> = Handle::new("search");

/// One line of `history.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The architecture.
    pub arch: String,
    /// Its score: accuracy on held-out training images (under `scoring.on_test`: test images), 0 to 1.
    pub score: f64,
    /// Multiply-adds per image of the network trained alone.
    pub macs: u64,
    /// Parameters of the network trained alone.
    pub params: u64,
    /// Seconds that the scoring took, its share where several were scored together; 0 for a repeat.
    pub seconds: f64,
}

/// An architecture and its score.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scored {
    /// As text.
    pub arch: String,
    /// Supernet accuracy, 0 to 1.
    pub score: f64,
}

/// What the search stage returns.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Found {
    /// The best-scored of different function, best first; one, or as many as there are finalists.
    pub best: Vec<Scored>,
    /// The front, cheapest first; empty unless one is wanted. Its last one is the best-scored.
    #[serde(default)]
    pub front: Vec<Scored>,
    /// Architectures scored, repeats counted.
    pub evaluations: usize,
    /// Different ones.
    pub distinct: usize,
}
