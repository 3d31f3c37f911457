use super::edge::CellEdge;
use super::op::CellOp;
use super::skeleton::CellSkeleton;
use super::text;
use crate::arch::Arch;
use crate::cost::Cost;
use crate::decision::Decision;
use crate::graph::{Edge, Graph};
use crate::region::Region;
use crate::space::Space;
use crate::text::ParseArchError;

/// A space of cells: one operation per edge of a fixed graph, the same cell everywhere in a fixed skeleton.
///
/// Node 0 is the cell's input, the last node its output; every node but the input is the sum of the operations on its
/// incoming edges. Decisions are named `e0`, `e1`, ... after the edges, their options after the operations.
/// Made by [`nasbench201`](crate::nasbench201::nasbench201), [`cell1296`](crate::cell1296::cell1296), or
/// [by name](CellSpace::by_name).
#[derive(Clone, Debug)]
pub struct CellSpace {
    name: &'static str,
    nodes: usize,
    edges: Vec<CellEdge>,
    ops: Vec<CellOp>,
    skeleton: CellSkeleton,
    decisions: Vec<Decision>,
    /// Cost of the skeleton without cells.
    fixed: Cost,
    /// Per operation: cost of one edge that has it, in all cells together.
    per_edge: Vec<Cost>,
}

impl CellSpace {
    /// `edges` as (to, from), sorted by `to`; every node but the input has at least one.
    pub(super) fn new(
        name: &'static str,
        edges: &[(usize, usize)],
        ops: &[CellOp],
        skeleton: CellSkeleton,
    ) -> CellSpace {
        let edges: Vec<CellEdge> = edges.iter().map(|&(to, from)| CellEdge { to, from }).collect();
        let names = || ops.iter().map(|op| op.name());
        CellSpace {
            name,
            nodes: edges.iter().map(|edge| edge.to + 1).max().unwrap_or(1),
            decisions: (0..edges.len()).map(|edge| Decision::new(format!("e{edge}"), names())).collect(),
            fixed: skeleton.fixed_cost(),
            per_edge: ops.iter().map(|&op| skeleton.edge_cost(op, true)).collect(),
            edges,
            ops: ops.to_vec(),
            skeleton,
        }
    }

    /// Number of nodes, input and output included.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// The edges in the order of the decisions, sorted by the node they lead to.
    pub fn edges(&self) -> &[CellEdge] {
        &self.edges
    }

    /// The operations to choose from on every edge, in the order of the options.
    pub fn ops(&self) -> &[CellOp] {
        &self.ops
    }

    /// The network around the cells.
    pub fn skeleton(&self) -> &CellSkeleton {
        &self.skeleton
    }

    /// The operation of `arch` on edge `edge`.
    ///
    /// # Panics
    /// When there is no such edge or `arch` is not valid for this space.
    pub fn op(&self, arch: &Arch, edge: usize) -> CellOp {
        self.ops[arch.get(edge)]
    }

    /// The edges with their operations.
    fn assigned(&self, arch: &Arch) -> impl Iterator<Item = (CellEdge, CellOp)> {
        self.edges.iter().enumerate().map(|(index, &edge)| (edge, self.op(arch, index)))
    }
}

/// Trainable parameters of a supernet for `region`, which holds on every edge just the operations that the region allows
/// there; `affine`: whether the batch normalisations in its cells have scale and shift (those around them always have).
///
/// `region` must be one of `space`; its filters change nothing.
pub fn supernet_params(space: &CellSpace, region: &Region, affine: bool) -> u64 {
    let weights = |edge: usize| -> Cost {
        region.allowed(edge).iter().map(|op| space.skeleton.edge_cost(space.ops[op], affine)).sum()
    };
    (space.fixed + (0..space.edges.len()).map(weights).sum()).params
}

impl Space for CellSpace {
    fn name(&self) -> &str {
        self.name
    }

    fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// The graph of one cell.
    fn graph(&self, arch: &Arch) -> Graph {
        let edge = |(edge, op): (CellEdge, CellOp)| op.kind().map(|kind| Edge { from: edge.from, to: edge.to, kind });
        Graph::new(self.nodes, self.assigned(arch).filter_map(edge).collect())
    }

    /// Multiply-accumulates of all convolutions and of the linear layer with bias; parameters with affine batch
    /// normalisation everywhere. That is the convention of the tables of NAS-Bench-201 and NATS-Bench.
    fn cost(&self, arch: &Arch) -> Cost {
        let edges = arch.options().iter().map(|&option| self.per_edge[usize::from(option)]);
        self.fixed + edges.sum()
    }

    /// The output node written out, by the rule under which NAS-Bench-201 has 6,466 structures: a node is the sorted list of
    /// its terms joined by `+`, where a zero edge and any edge from a node that is just `#` give `#`, a skip gives its
    /// source's text, and another operation `op` gives `(source)@op`. The input is `0`.
    fn structure(&self, arch: &Arch) -> String {
        let mut terms: Vec<Vec<String>> = vec![Vec::new(); self.nodes];
        terms[0].push("0".into());
        // Edges are sorted by the node they lead to, so a node is complete before it is read.
        for (edge, op) in self.assigned(arch) {
            let term = match (joined(&mut terms[edge.from]), op) {
                (_, CellOp::None) => "#".into(),
                (source, CellOp::Skip) => source,
                (source, _) if source == "#" => source,
                (source, op) => format!("({source})@{}", op.name()),
            };
            terms[edge.to].push(term);
        }
        joined(&mut terms[self.nodes - 1])
    }

    /// As in NAS-Bench-201: one `|op~source|op~source|` per node but the input, joined by `+`.
    fn format(&self, arch: &Arch) -> String {
        text::format(&self.edges, &self.decisions, arch)
    }

    /// Reads the form of [`format`](Space::format), and the Python one of the released NAS-Bench-201 tables: a list with one
    /// tuple of `('op', source)` pairs per node.
    fn parse(&self, text: &str) -> Result<Arch, ParseArchError> {
        text::parse(self.name, &self.edges, &self.decisions, text)
    }
}

fn joined(terms: &mut [String]) -> String {
    terms.sort_unstable();
    terms.join("+")
}
