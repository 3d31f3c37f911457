//! The list itself.

use std::hash::{DefaultHasher, Hash, Hasher};

use burn::tensor::Tensor;
use fewshot_space::Cost;
use smallvec::SmallVec;

use crate::geometry::Size;
use crate::op::Op;

/// Which value: the place of the operation that makes it.
pub type Value = usize;

/// The operations of one network, or of several that have some in common.
#[derive(Debug, Clone)]
pub struct Graph {
    /// The operations. The first is [`Op::Input`]; each reads earlier ones only.
    pub nodes: Vec<Node>,
    /// The values that are wanted, one per network, and then what it gives in training besides.
    pub roots: Vec<Value>,
    /// Numbers that operations are weighed by, each `[1]`.
    pub(crate) factors: Vec<Tensor<1>>,
}

/// One operation, what it reads, and the size of what it makes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Node {
    /// What is computed.
    pub op: Op,
    /// What from: as many values as the operation needs.
    pub inputs: SmallVec<[Value; 2]>,
    /// Of the value.
    pub size: Size,
    /// Whether what follows stays apart from the operation ([`GraphBuilder::settled`](super::GraphBuilder::settled)).
    pub is_settled: bool,
}

/// By what a value was computed, in 128 bits: the same for values that the same operations of the same layers make of the same
/// inputs.
pub type Fingerprint = [u64; 2];

impl Graph {
    /// Height, width and channels of the input.
    pub fn input(&self) -> Size {
        self.nodes[0].size
    }

    /// The value that is wanted first: the logits of a classifier.
    pub fn output(&self) -> Value {
        self.roots[0]
    }

    /// What the operations that are there cost. [`Space::cost`](fewshot_space::Space::cost) counts those too that the logits do
    /// not depend on.
    pub fn cost(&self) -> Cost {
        self.nodes.iter().map(|node| node.op.cost(node.size)).sum()
    }

    /// How many times each value is read, as input or as root.
    pub fn readers(&self) -> Vec<usize> {
        let mut readers = vec![0; self.nodes.len()];
        let read = self.nodes.iter().flat_map(|node| &node.inputs).chain(&self.roots);
        read.for_each(|&value| readers[value] += 1);
        readers
    }

    /// The sizes that a node reads.
    pub fn input_sizes(&self, node: &Node) -> Vec<Size> {
        node.inputs.iter().map(|&input| self.nodes[input].size).collect()
    }

    /// By what each root is computed.
    pub fn fingerprints(&self) -> Vec<Fingerprint> {
        let mut known: Vec<Fingerprint> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let both = [0_u64, 1].map(|key| {
                let mut hasher = DefaultHasher::new();
                key.hash(&mut hasher);
                node.op.hash(&mut hasher);
                node.inputs.iter().for_each(|&input| known[input].hash(&mut hasher));
                hasher.finish()
            });
            known.push(both);
        }
        self.roots.iter().map(|&root| known[root]).collect()
    }

    /// The same without what no root depends on.
    #[must_use]
    pub fn pruned(self) -> Graph {
        let mut needed = vec![false; self.nodes.len()];
        needed[0] = true;
        self.roots.iter().for_each(|&root| needed[root] = true);
        for index in (0..self.nodes.len()).rev() {
            if needed[index] {
                self.nodes[index].inputs.iter().for_each(|&input| needed[input] = true);
            }
        }
        if needed.iter().all(|needed| *needed) {
            return self;
        }
        let mut place = vec![0; self.nodes.len()];
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for (index, mut node) in self.nodes.into_iter().enumerate().filter(|(index, _)| needed[*index]) {
            place[index] = nodes.len();
            node.inputs.iter_mut().for_each(|input| *input = place[*input]);
            nodes.push(node);
        }
        let roots = self.roots.into_iter().map(|root| place[root]).collect();
        Graph { nodes, roots, factors: self.factors }
    }

    /// Checks what every rewriting must keep: inputs earlier, sizes as the operations give them.
    ///
    /// # Panics
    /// When it does not hold.
    pub fn check(&self) {
        for (index, node) in self.nodes.iter().enumerate() {
            assert!(node.inputs.iter().all(|&input| input < index), "node {index} reads a later one: {node:?}");
            let size = node.op.size(&self.input_sizes(node));
            assert!(index == 0 || size == node.size, "node {index} makes {size:?}, not {:?}: {:?}", node.size, node.op);
        }
        assert!(self.roots.iter().all(|&root| root < self.nodes.len()));
    }
}
