//! From rows of numbers to an architecture.

use std::ops::Range;

use super::encoding::Encoding;
use super::genotype::{CellPairs, Genotype, Pair};
use super::layout::CellKind;
use super::op::DartsOp;
use crate::arch::Arch;
use crate::option_set::OptionSet;
use crate::relaxed::{Relaxed, RelaxedRow};
use crate::shares::softmax;

/// An edge of one of the two cells, with what gradient-based search weighs there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelaxedEdge {
    /// The cell.
    pub kind: CellKind,
    /// The state that the edge reads.
    pub from: usize,
    /// The node that it adds to.
    pub to: usize,
    /// Position of the [`Decision`](crate::Decision) on its operation.
    pub decision: usize,
    /// What the numbers of its row stand for, `None` for zeros. Without any the region has no member with this edge;
    /// with just one there is nothing to weigh.
    pub columns: Vec<Option<DartsOp>>,
}

/// The relaxation of a region of [`DartsSpace`](super::DartsSpace): the rows of numbers, called alpha, that a mixed
/// network has, and the architecture that they stand for (Liu et al., ICLR 2019, section 2.4).
///
/// In the whole space, with zeros, these are 14 rows of 8 numbers for the normal cell and then as many for the
/// reduction cell, sorted by the node they lead to, then by the state they read.
#[derive(Clone, Debug)]
pub struct Relaxation {
    encoding: Encoding,
    rows: Vec<RelaxedEdge>,
    nodes: Vec<RelaxedNode>,
}

/// What a node may read.
#[derive(Clone, Debug)]
struct RelaxedNode {
    kind: CellKind,
    /// Its number as a state.
    node: usize,
    /// The rows of its edges.
    rows: Range<usize>,
    /// The pairs of different inputs that are allowed.
    pairs: Vec<(usize, usize)>,
}

impl Relaxation {
    /// `allowed` are a region's options at each decision.
    pub(super) fn new(encoding: Encoding, allowed: &[OptionSet], none: bool) -> Relaxation {
        let mut rows = Vec::new();
        let mut nodes = Vec::new();
        for slot in &encoding.nodes {
            let mut pairs = slot.allowed_pairs(allowed);
            pairs.retain(|(first, second)| first != second);
            let start = rows.len();
            for edge in &slot.edges {
                let ops = encoding.named(slot.single_ops(edge, &pairs, allowed));
                let zeros = (none && ops.len() > 1).then_some(None);
                let columns = zeros.into_iter().chain(ops.into_iter().map(Some)).collect();
                rows.push(RelaxedEdge { kind: slot.kind, from: edge.from, to: slot.node, decision: edge.op, columns });
            }
            nodes.push(RelaxedNode { kind: slot.kind, node: slot.node, rows: start..rows.len(), pairs });
        }
        Relaxation { encoding, rows, nodes }
    }

    /// What the rows stand for.
    pub fn rows(&self) -> &[RelaxedEdge] {
        &self.rows
    }

    /// The architecture of the region that DARTS derives from `alpha`, one row per edge with one number per column.
    ///
    /// An edge is as strong as the largest softmax of its operations, zeros taking part in it and never chosen. Each
    /// node reads its two strongest edges, of those pairs that the region allows; of equal ones the first. The
    /// region's filters change nothing.
    ///
    /// # Errors
    /// [`AlphaError`] when rows or numbers are too few or too many, or not finite.
    pub fn derive<V: Copy + Into<f64>>(&self, alpha: &[Vec<V>]) -> Result<Arch, AlphaError> {
        let choices = self.choices(alpha)?;
        self.strongest(&choices)
    }

    /// The same with edge normalisation (PC-DARTS, Xu et al., ICLR 2020): `beta` holds one number per row; their
    /// softmax over the edges into a node multiplies how strong these are.
    ///
    /// # Errors
    /// As [`derive`](Relaxation::derive).
    pub fn derive_weighted<V: Copy + Into<f64>>(&self, alpha: &[Vec<V>], beta: &[V]) -> Result<Arch, AlphaError> {
        let mut choices = self.choices(alpha)?;
        if beta.len() != self.rows.len() {
            return Err(AlphaError::Betas { expected: self.rows.len(), found: beta.len() });
        }
        for node in &self.nodes {
            let live: Vec<usize> = node.rows.clone().filter(|&row| choices[row].is_some()).collect();
            let values: Vec<f64> = live.iter().map(|&row| beta[row].into()).collect();
            if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                return Err(AlphaError::NotFinite { row: live[at] });
            }
            for (&row, share) in live.iter().zip(softmax(&values)) {
                if let Some(choice) = &mut choices[row] {
                    choice.strength *= share;
                }
            }
        }
        self.strongest(&choices)
    }

    /// Per row, the columns that an architecture of the region takes: none where a node does not read the edge.
    ///
    /// # Panics
    /// When `arch` is not valid for the space.
    pub fn uses(&self, arch: &Arch) -> Vec<Vec<usize>> {
        let genotype = self.encoding.genotype(arch);
        let columns = |row: &RelaxedEdge| {
            let edges = genotype.edges(row.kind).filter(|(pair, to)| pair.from == row.from && *to == row.to);
            edges.filter_map(|(pair, _)| row.columns.iter().position(|column| *column == Some(pair.op))).collect()
        };
        self.rows.iter().map(columns).collect()
    }

    /// Per row its likeliest operation; `None` where it has no column.
    fn choices<V: Copy + Into<f64>>(&self, alpha: &[Vec<V>]) -> Result<Vec<Option<Choice>>, AlphaError> {
        if alpha.len() != self.rows.len() {
            return Err(AlphaError::Rows { expected: self.rows.len(), found: alpha.len() });
        }
        let mut choices = Vec::new();
        for (index, (row, values)) in self.rows.iter().zip(alpha).enumerate() {
            if values.len() != row.columns.len() {
                return Err(AlphaError::Columns { row: index, expected: row.columns.len(), found: values.len() });
            }
            let values: Vec<f64> = values.iter().map(|&value| value.into()).collect();
            if values.iter().any(|value| !value.is_finite()) {
                return Err(AlphaError::NotFinite { row: index });
            }
            choices.push(likeliest(&row.columns, &softmax(&values)));
        }
        Ok(choices)
    }

    /// Each node's two strongest edges among the allowed pairs.
    fn strongest(&self, choices: &[Option<Choice>]) -> Result<Arch, AlphaError> {
        let mut genotype = Genotype { normal: CellPairs::new(), reduce: CellPairs::new() };
        for node in &self.nodes {
            let edges = &choices[node.rows.clone()];
            let strength = |from: usize| edges[from].map_or(0.0, |choice| choice.strength);
            let mut order: Vec<usize> = (0..edges.len()).collect();
            // Stable: of equal ones the first state comes first.
            order.sort_by(|&a, &b| strength(b).total_cmp(&strength(a)));
            let mut rank = vec![0; order.len()];
            for (place, &from) in order.iter().enumerate() {
                rank[from] = place;
            }
            let ranks = |&(a, b): &(usize, usize)| (rank[a].min(rank[b]), rank[a].max(rank[b]));
            let best = node.pairs.iter().copied().min_by_key(ranks);
            let pair = |from: usize| edges[from].map(|choice| Pair { op: choice.op, from });
            let Some((first, second)) = best.and_then(|(a, b)| pair(a).zip(pair(b))) else {
                return Err(AlphaError::NoPair { kind: node.kind, node: node.node });
            };
            genotype.cell_mut(node.kind).push([first, second]);
        }
        Ok(self.encoding.arch(&genotype))
    }
}

/// What a row would put on its edge.
#[derive(Clone, Copy)]
struct Choice {
    op: DartsOp,
    strength: f64,
}

/// The operation with the largest share, of equal ones the first; zeros are never it.
fn likeliest(columns: &[Option<DartsOp>], shares: &[f64]) -> Option<Choice> {
    let mut best: Option<Choice> = None;
    for (&column, &strength) in columns.iter().zip(shares) {
        let Some(op) = column else { continue };
        if best.is_none_or(|best| strength > best.strength) {
            best = Some(Choice { op, strength });
        }
    }
    best
}

/// As all spaces say it: the rows with something to weigh.
#[derive(Debug)]
pub(super) struct Weighed {
    relaxation: Relaxation,
    /// Positions among the rows of the relaxation.
    places: Vec<usize>,
    rows: Vec<RelaxedRow>,
    fixed_macs: u64,
    macs: Vec<Vec<u64>>,
}

impl Weighed {
    /// `option` is the place of an operation among those of its decision, `macs` what it costs in all cells of its kind, `fixed_macs`
    /// all that is on no edge.
    pub(super) fn new(
        relaxation: Relaxation,
        option: impl Fn(DartsOp) -> usize,
        macs: impl Fn(&RelaxedEdge, DartsOp) -> u64,
        fixed_macs: u64,
    ) -> Self {
        let is_open = |place: &usize| relaxation.rows[*place].columns.len() > 1;
        let places: Vec<usize> = (0..relaxation.rows.len()).filter(is_open).collect();
        let row = |place: &usize| {
            let edge = &relaxation.rows[*place];
            let options = edge.columns.iter().flatten().map(|&op| option(op)).collect();
            RelaxedRow { decision: edge.decision, options }
        };
        let rows = places.iter().map(row).collect();
        let of_edge = |edge: &RelaxedEdge| edge.columns.iter().flatten().map(|&op| macs(edge, op)).collect();
        let costs: Vec<Vec<u64>> = relaxation.rows.iter().map(of_edge).collect();
        // An edge that is settled costs what its one operation does.
        let settled = costs.iter().filter(|costs| costs.len() == 1).flatten().sum::<u64>();
        let open = costs.iter().filter(|costs| costs.len() > 1).cloned().collect();
        Self { places, rows, fixed_macs: fixed_macs + settled, macs: open, relaxation }
    }
}

impl Relaxed for Weighed {
    fn rows(&self) -> &[RelaxedRow] {
        &self.rows
    }

    fn derive(&self, shares: &[Vec<f64>], strengths: Option<&[f64]>) -> Arch {
        // What is settled has all of the share.
        let settled = |row: &RelaxedEdge| likeliest(&row.columns, &vec![1.0; row.columns.len()]);
        let mut choices: Vec<Option<Choice>> = self.relaxation.rows.iter().map(settled).collect();
        for (index, &place) in self.places.iter().enumerate() {
            let factor = strengths.map_or(1.0, |strengths| strengths[index]);
            let choice = likeliest(&self.relaxation.rows[place].columns, &shares[index]);
            choices[place] = choice.map(|choice| Choice { strength: factor * choice.strength, ..choice });
        }
        self.relaxation.strongest(&choices).expect("a region has a pair of inputs for every node")
    }

    fn fixed_macs(&self) -> u64 {
        self.fixed_macs
    }

    fn macs(&self, row: usize) -> &[u64] {
        &self.macs[row]
    }
}

/// Why numbers stand for no architecture. Rows and columns are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlphaError {
    /// Too few or too many rows.
    #[error("the relaxation has {expected} rows, alpha has {found}: give one per edge")]
    Rows {
        /// Edges of the relaxation.
        expected: usize,
        /// Rows given.
        found: usize,
    },
    /// Too few or too many numbers in a row.
    #[error("row {row} of alpha needs {expected} numbers and has {found}: give one per column of the relaxation")]
    Columns {
        /// The row.
        row: usize,
        /// Columns of the relaxation.
        expected: usize,
        /// Numbers given.
        found: usize,
    },
    /// Too few or too many weights of edges.
    #[error("the relaxation has {expected} edges, beta has {found} numbers: give one per edge")]
    Betas {
        /// Edges of the relaxation.
        expected: usize,
        /// Numbers given.
        found: usize,
    },
    /// Infinite, or no number.
    #[error("row {row} has a value that is not finite: the search has diverged, lower its learning rate")]
    NotFinite {
        /// The row.
        row: usize,
    },
    /// A region in which a node reads one state twice, which no alpha says.
    #[error("node {node} of the {kind} cell has no pair of different inputs in this region: allow one")]
    NoPair {
        /// The cell.
        kind: CellKind,
        /// The node.
        node: usize,
    },
}
