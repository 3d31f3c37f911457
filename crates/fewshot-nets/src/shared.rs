//! Graphs of several networks that have operations in common.

use crate::graph::Graph;

/// What some architectures compute, with what they have in common once. It is good for any batches of images of one size; a
/// [`Calibration`](crate::Calibration) that was collected with it belongs to it.
#[derive(Debug, Clone)]
pub struct SharedGraph {
    graph: Graph,
    peak: usize,
}

impl SharedGraph {
    pub(crate) fn new(graph: Graph) -> Self {
        Self { peak: graph.peak_bytes(), graph }
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Networks that it holds.
    pub fn networks(&self) -> usize {
        self.graph.roots.len()
    }

    /// Bytes of feature maps that are held at most at one time while a batch of so many images is run.
    pub fn peak_bytes(&self, batch: usize) -> usize {
        self.peak.saturating_mul(batch)
    }
}
