//! The operations of an architecture as a graph, and what can be counted on it.

/// What one operation of a network does, as far as structural features tell operations apart.
///
/// Zero operations are not listed: they carry nothing, so a [`Graph`] leaves them out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpKind {
    /// Passes its input on unchanged; sums and concatenations are made of these.
    Identity,
    /// A linear map without convolution weights: average pooling, interpolation.
    Linear,
    /// Not linear, without convolution weights: max pooling, a bare activation.
    Nonlinear,
    /// A convolution without activation.
    LinearConv,
    /// A convolution, or a block of several, together with its activation.
    Conv,
}

impl OpKind {
    /// Whether it holds convolution weights.
    pub fn is_conv(self) -> bool {
        matches!(self, OpKind::LinearConv | OpKind::Conv)
    }

    /// Whether it is more than a linear map.
    pub fn is_nonlinear(self) -> bool {
        matches!(self, OpKind::Nonlinear | OpKind::Conv)
    }
}

/// One operation, from a node to a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The node that it reads.
    pub from: usize,
    /// The node that it adds to; larger than `from`.
    pub to: usize,
    /// What it does.
    pub kind: OpKind,
}

/// A directed acyclic graph of operations from an input (node 0) to an output (the last node).
///
/// It holds one copy of what is searched: of a cell that the network repeats, the cell once.
///
/// An operation is *live* when it lies on a path from input to output. All counts are over live operations, since dead
/// ones do not change what the network computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    nodes: usize,
    /// Sorted by `to`. In this order every edge into a node comes before every edge out of it.
    edges: Vec<Edge>,
}

impl Graph {
    /// The graph with `nodes` nodes and these operations, in any order; parallel ones are allowed.
    ///
    /// # Panics
    /// When there is no node, or an edge does not lead from a node to a later one.
    pub fn new(nodes: usize, mut edges: Vec<Edge>) -> Graph {
        assert!(nodes > 0, "a graph needs an input");
        for edge in &edges {
            assert!(edge.from < edge.to && edge.to < nodes, "{edge:?} does not lead forward among {nodes} nodes");
        }
        edges.sort_by_key(|edge| (edge.to, edge.from));
        Graph { nodes, edges }
    }

    /// Operations in a row, from input to output; without any, output and input are one.
    pub fn chain(kinds: impl IntoIterator<Item = OpKind>) -> Graph {
        let edge = |(from, kind)| Edge { from, to: from + 1, kind };
        let edges: Vec<Edge> = kinds.into_iter().enumerate().map(edge).collect();
        Graph::new(edges.len() + 1, edges)
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// All operations, sorted by the node they lead to, then by the one they come from.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// The live operations, in the order of [`Graph::edges`].
    pub fn live(&self) -> impl Iterator<Item = Edge> {
        let mut reached = vec![false; self.nodes];
        reached[0] = true;
        for edge in &self.edges {
            reached[edge.to] |= reached[edge.from];
        }
        let mut used = vec![false; self.nodes];
        used[self.nodes - 1] = true;
        for edge in self.edges.iter().rev() {
            used[edge.from] |= used[edge.to];
        }
        self.edges.iter().copied().filter(move |edge| reached[edge.from] && used[edge.to])
    }

    /// Whether no path leads from input to output: the network's output does not depend on its input.
    pub fn is_dead(&self) -> bool {
        self.path_length(u64::min).is_none()
    }

    /// Number of live operations but identities.
    pub fn live_ops(&self) -> u64 {
        self.live().filter(|edge| edge.kind != OpKind::Identity).count() as u64
    }

    /// Number of live operations that are not linear.
    pub fn live_nonlinear(&self) -> u64 {
        self.live().filter(|edge| edge.kind.is_nonlinear()).count() as u64
    }

    /// Number of live convolutions.
    pub fn live_convs(&self) -> u64 {
        self.live().filter(|edge| edge.kind.is_conv()).count() as u64
    }

    /// The most non-linear operations on any path from input to output; 0 when no path exists.
    pub fn longest_path(&self) -> u64 {
        self.path_length(u64::max).unwrap_or(0)
    }

    /// The fewest non-linear operations on any path from input to output; 0 when no path exists.
    pub fn shortest_path(&self) -> u64 {
        self.path_length(u64::min).unwrap_or(0)
    }

    /// The `better` number of non-linear operations over all paths from input to output, if any.
    fn path_length(&self, better: fn(u64, u64) -> u64) -> Option<u64> {
        let mut best = vec![None; self.nodes];
        best[0] = Some(0);
        for edge in &self.edges {
            if let Some(length) = best[edge.from] {
                let length = length + u64::from(edge.kind.is_nonlinear());
                best[edge.to] = Some(best[edge.to].map_or(length, |other| better(other, length)));
            }
        }
        best[self.nodes - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(usize, usize, OpKind)]) -> Graph {
        Graph::new(4, edges.iter().map(|&(from, to, kind)| Edge { from, to, kind }).collect())
    }

    #[test]
    fn only_live_operations_count() {
        // 0 -conv-> 1 -pool-> 3 and 0 -skip-> 3 are live; 0 -conv-> 2 leads nowhere.
        let graph =
            graph(&[(1, 3, OpKind::Linear), (0, 2, OpKind::Conv), (0, 1, OpKind::Conv), (0, 3, OpKind::Identity)]);
        assert_eq!(graph.live().count(), 3);
        assert_eq!((graph.live_ops(), graph.live_nonlinear(), graph.live_convs()), (2, 1, 1));
        assert_eq!((graph.shortest_path(), graph.longest_path(), graph.is_dead()), (0, 1, false));
    }

    #[test]
    fn an_operation_that_nothing_feeds_is_dead() {
        let graph = graph(&[(2, 3, OpKind::Conv), (0, 1, OpKind::Conv)]);
        assert!(graph.is_dead());
        assert_eq!((graph.live_ops(), graph.shortest_path(), graph.longest_path()), (0, 0, 0));
    }

    #[test]
    fn a_chain_lives_from_end_to_end() {
        let chain = Graph::chain([OpKind::Conv, OpKind::Identity, OpKind::Nonlinear]);
        assert_eq!((chain.nodes(), chain.live().count()), (4, 3));
        assert_eq!((chain.shortest_path(), chain.longest_path(), chain.live_ops()), (2, 2, 2));
        let none = Graph::chain([]);
        assert_eq!((none.nodes(), none.is_dead()), (1, false));
    }

    #[test]
    fn kinds_differ_in_what_they_count_for() {
        let graph = graph(&[
            (0, 1, OpKind::LinearConv),
            (1, 2, OpKind::Nonlinear),
            (1, 2, OpKind::Conv),
            (2, 3, OpKind::Conv),
            (1, 3, OpKind::Nonlinear),
        ]);
        assert_eq!((graph.live_ops(), graph.live_nonlinear(), graph.live_convs()), (5, 4, 3));
        assert_eq!((graph.shortest_path(), graph.longest_path()), (1, 2));
    }
}
