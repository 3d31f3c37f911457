use super::genotype::Genotype;
use super::layout::CellKind;
use super::op::DartsOp;
use super::skeleton::CellDesign;

/// A cell as nodes and edges, for reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellDrawing {
    /// Which cell.
    pub kind: CellKind,
    /// Names of the nodes, as in the figures of DARTS: `c_{k-2}`, `c_{k-1}`, `0`, `1`, .., `c_{k}`. Edges lead from
    /// an earlier to a later one.
    pub nodes: Vec<String>,
    /// What lies between them.
    pub edges: Vec<DrawnEdge>,
}

/// An edge of a [`CellDrawing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrawnEdge {
    /// Place of the node where it begins.
    pub from: usize,
    /// Place of the node where it ends.
    pub to: usize,
    /// Its operation; `None` where a node becomes part of the output.
    pub op: Option<DartsOp>,
}

impl Genotype {
    /// The cell of this kind; `design` says which of its nodes are its output.
    pub fn drawing(&self, kind: CellKind, design: CellDesign) -> CellDrawing {
        let states = self.cell(kind).len() + 2;
        let mut nodes = vec!["c_{k-2}".to_string(), "c_{k-1}".to_string()];
        nodes.extend((2..states).map(|state| (state - 2).to_string()));
        nodes.push("c_{k}".to_string());
        let op = |(pair, to): (super::Pair, usize)| DrawnEdge { from: pair.from, to, op: Some(pair.op) };
        let mut edges: Vec<DrawnEdge> = self.edges(kind).map(op).collect();
        let output = design.concat().filter(|&state| state < states);
        edges.extend(output.map(|from| DrawnEdge { from, to: states, op: None }));
        CellDrawing { kind, nodes, edges }
    }
}
