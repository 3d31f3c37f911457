//! Cells as decisions.
//!
//! Per node, decision `inputs` says which two states it reads; per edge, a decision says which operation it has, and
//! is active only where `inputs` takes that edge. So a network has one code, an edge that a node does not read has
//! none, and a change of inputs leaves alone what stays. A node with a single pair of states has no decision on them:
//! its edges are always active, and a space can be split on them directly.

use super::genotype::{CellPairs, Genotype, Pair};
use super::layout::CellKind;
use super::op::DartsOp;
use super::skeleton::CellDesign;
use crate::arch::Arch;
use crate::decision::Decision;
use crate::option_set::OptionSet;

/// An edge of a cell: from a state to a later one that is a node.
#[derive(Clone, Debug)]
pub(super) struct EdgeSlot {
    pub from: usize,
    /// Position of the decision on its operation, where a node takes one operation from this state.
    pub op: usize,
    /// Position of the decision on its two operations, where a node may take both from this state.
    both: Option<usize>,
}

/// A node of a cell, and where its decisions stand.
#[derive(Clone, Debug)]
pub(super) struct NodeSlot {
    pub kind: CellKind,
    /// Its number as a state.
    pub node: usize,
    /// Position of the decision on its inputs; `None` where there is just one pair of them.
    pub inputs: Option<usize>,
    /// The states that it may read, in the order of that decision's options.
    pub pairs: Vec<(usize, usize)>,
    /// Its incoming edges by the state that they read.
    pub edges: Vec<EdgeSlot>,
}

impl NodeSlot {
    /// The pairs of inputs among the options `allowed` at each decision.
    pub fn allowed_pairs(&self, allowed: &[OptionSet]) -> Vec<(usize, usize)> {
        let options = self.inputs.map_or(OptionSet::full(self.pairs.len()), |inputs| allowed[inputs]);
        options.iter().map(|option| self.pairs[option]).collect()
    }

    /// The operations among those `allowed` that an edge may have beside one on another edge, if one of the `pairs` of inputs
    /// reads it so.
    pub fn single_ops(&self, edge: &EdgeSlot, pairs: &[(usize, usize)], allowed: &[OptionSet]) -> OptionSet {
        let is_read = pairs.iter().any(|&pair| times_read(pair, edge.from) == 1);
        if is_read { allowed[edge.op] } else { OptionSet::EMPTY }
    }
}

/// An edge of one of the two cells, with what a supernet holds there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupernetEdge {
    /// The cell.
    pub kind: CellKind,
    /// The state that the edge reads.
    pub from: usize,
    /// The node that it adds to.
    pub to: usize,
    /// Its operations; none where no member of the region has the edge.
    pub ops: Vec<DartsOp>,
}

/// Where everything stands in an [`Arch`].
#[derive(Clone, Debug)]
pub(super) struct Encoding {
    pub design: CellDesign,
    /// The nodes of the normal cell, then those of the reduction cell.
    pub nodes: Vec<NodeSlot>,
    /// Two different operations, in the order of the options where both stand on one edge.
    twins: Vec<(usize, usize)>,
}

/// All (a, b) with a < b < `count`, those with small b first: so that the place of one does not depend on `count`.
fn ascending_pairs(count: usize) -> Vec<(usize, usize)> {
    (0..count).flat_map(|second| (0..second).map(move |first| (first, second))).collect()
}

/// How often a node with these inputs reads state `from`.
fn times_read((first, second): (usize, usize), from: usize) -> usize {
    usize::from(first == from) + usize::from(second == from)
}

/// A decision that matters where `inputs`, if it is one, takes one of `options`.
fn active_where(decision: Decision, inputs: Option<usize>, options: OptionSet) -> Decision {
    match inputs {
        Some(inputs) => decision.active_if(inputs, options),
        None => decision,
    }
}

impl Encoding {
    pub fn new(design: CellDesign) -> (Encoding, Vec<Decision>) {
        let mut encoding = Encoding { design, nodes: Vec::new(), twins: ascending_pairs(design.ops().len()) };
        let mut decisions = Vec::new();
        for kind in CellKind::ALL {
            for node in 2..design.states() {
                let slot = encoding.add_node(kind, node, &mut decisions);
                encoding.nodes.push(slot);
            }
        }
        (encoding, decisions)
    }

    fn add_node(&self, kind: CellKind, node: usize, decisions: &mut Vec<Decision>) -> NodeSlot {
        let repeats = self.design.may_repeat_input();
        let mut pairs = ascending_pairs(node);
        if repeats {
            pairs.extend((0..node).map(|from| (from, from)));
        }
        let inputs = (pairs.len() > 1).then_some(decisions.len());
        if inputs.is_some() {
            let names = pairs.iter().map(|(first, second)| format!("{first}+{second}"));
            decisions.push(Decision::new(format!("{kind}.{node}.inputs"), names));
        }
        let ops = self.design.ops();
        let mut edges = Vec::new();
        for from in 0..node {
            let name = format!("{kind}.{from}-{node}");
            let reads = |times| (0..pairs.len()).filter(|&at| times_read(pairs[at], from) == times).collect();
            let one = Decision::new(name.clone(), ops.iter().map(|op| op.name()));
            let op = decisions.len();
            decisions.push(active_where(one, inputs, reads(1)));
            let both = repeats.then_some(decisions.len());
            if repeats {
                let twins = self.twins.iter().map(|&(a, b)| format!("{}+{}", ops[a].name(), ops[b].name()));
                let two = Decision::new(format!("{name}.both"), twins);
                decisions.push(active_where(two, inputs, reads(2)));
            }
            edges.push(EdgeSlot { from, op, both });
        }
        NodeSlot { kind, node, inputs, pairs, edges }
    }

    pub fn genotype(&self, arch: &Arch) -> Genotype {
        let cell = |kind| -> CellPairs {
            let nodes = self.nodes.iter().filter(|slot| slot.kind == kind);
            nodes.map(|slot| self.node_pairs(slot, arch)).collect()
        };
        Genotype { normal: cell(CellKind::Normal), reduce: cell(CellKind::Reduction) }
    }

    fn node_pairs(&self, slot: &NodeSlot, arch: &Arch) -> [Pair; 2] {
        let (first, second) = slot.pairs[slot.inputs.map_or(0, |inputs| arch.get(inputs))];
        let ops = self.design.ops();
        match slot.edges[first].both.filter(|_| first == second) {
            Some(both) => {
                let (a, b) = self.twins[arch.get(both)];
                [Pair { op: ops[a], from: first }, Pair { op: ops[b], from: first }]
            }
            None => [first, second].map(|from| Pair { op: ops[arch.get(slot.edges[from].op)], from }),
        }
    }

    /// The code of a genotype that the design has.
    pub fn arch(&self, genotype: &Genotype) -> Arch {
        let last = self.nodes.last().and_then(|slot| slot.edges.last());
        let decisions = last.map_or(0, |edge| edge.both.unwrap_or(edge.op) + 1);
        let mut options = vec![0; decisions];
        for slot in &self.nodes {
            let pairs = genotype.cell(slot.kind)[slot.node - 2];
            self.set_node(slot, pairs, &mut options);
        }
        Arch::new(options)
    }

    fn set_node(&self, slot: &NodeSlot, mut pairs: [Pair; 2], options: &mut [u8]) {
        pairs.sort_by_key(|pair| (pair.from, self.op_index(pair.op)));
        let [first, second] = pairs;
        if let Some(inputs) = slot.inputs {
            options[inputs] = position(&slot.pairs, &(first.from, second.from));
        }
        if let Some(both) = slot.edges[first.from].both.filter(|_| first.from == second.from) {
            let twins = (self.op_index(first.op), self.op_index(second.op));
            options[both] = position(&self.twins, &twins);
            return;
        }
        for pair in pairs {
            options[slot.edges[pair.from].op] = self.op_index(pair.op) as u8;
        }
    }

    /// What a supernet for the options `allowed` at each decision holds on every edge.
    pub fn supernet_edges(&self, allowed: &[OptionSet]) -> Vec<SupernetEdge> {
        let mut edges = Vec::new();
        for slot in &self.nodes {
            let pairs = slot.allowed_pairs(allowed);
            for edge in &slot.edges {
                let mut ops = slot.single_ops(edge, &pairs, allowed);
                if let Some(both) = edge.both.filter(|_| pairs.contains(&(edge.from, edge.from))) {
                    let twins = allowed[both].iter().map(|option| self.twins[option]);
                    ops = ops.union(twins.flat_map(|(first, second)| [first, second]).collect());
                }
                let ops = self.named(ops);
                edges.push(SupernetEdge { kind: slot.kind, from: edge.from, to: slot.node, ops });
            }
        }
        edges
    }

    /// The operations with these places among the design's.
    pub fn named(&self, ops: OptionSet) -> Vec<DartsOp> {
        ops.iter().map(|op| self.design.ops()[op]).collect()
    }

    /// Place of an operation among the design's.
    pub fn op_index(&self, op: DartsOp) -> usize {
        usize::from(position(self.design.ops(), &op))
    }
}

/// Place of an item that is in the list. A decision has at most 64 options, so it fits.
fn position<T: PartialEq>(items: &[T], item: &T) -> u8 {
    items.iter().position(|other| other == item).expect("the genotype was checked against the design") as u8
}
