use super::layout::CellKind;
use super::op::DartsOp;
use super::skeleton::CellDesign;

/// An operation with the state that it reads: 0 and 1 are the cell's inputs, node 2 is the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pair {
    /// The operation.
    pub op: DartsOp,
    /// The state that it reads.
    pub from: usize,
}

/// Per node, the two operations that it sums up. Their order says nothing.
pub type CellPairs = Vec<[Pair; 2]>;

/// What the cells of one architecture are made of, as DARTS writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Genotype {
    /// Of the normal cells.
    pub normal: CellPairs,
    /// Of the reduction cells.
    pub reduce: CellPairs,
}

impl Genotype {
    /// The cell of this kind.
    pub fn cell(&self, kind: CellKind) -> &CellPairs {
        match kind {
            CellKind::Normal => &self.normal,
            CellKind::Reduction => &self.reduce,
        }
    }

    /// The operations of a cell in the order of its nodes, each with the state that it adds to.
    pub fn edges(&self, kind: CellKind) -> impl Iterator<Item = (Pair, usize)> + '_ {
        self.cell(kind).iter().enumerate().flat_map(|(node, pairs)| pairs.iter().map(move |&pair| (pair, node + 2)))
    }

    pub(super) fn cell_mut(&mut self, kind: CellKind) -> &mut CellPairs {
        match kind {
            CellKind::Normal => &mut self.normal,
            CellKind::Reduction => &mut self.reduce,
        }
    }

    /// Checks that `design` has all its cells.
    ///
    /// # Errors
    /// [`GenotypeError`] names the first node that it does not have.
    pub fn check(&self, design: CellDesign) -> Result<(), GenotypeError> {
        for kind in CellKind::ALL {
            let cell = self.cell(kind);
            if cell.len() != design.nodes() {
                return Err(GenotypeError::Nodes { kind, expected: design.nodes(), found: cell.len() });
            }
            for (index, [first, second]) in cell.iter().enumerate() {
                let node = NodeOf { design, kind, node: index + 2 };
                node.check(*first, None)?;
                node.check(*second, Some(*first))?;
            }
        }
        Ok(())
    }
}

/// A node, for saying what it may read.
#[derive(Clone, Copy)]
pub(super) struct NodeOf {
    pub design: CellDesign,
    pub kind: CellKind,
    /// Its number as a state.
    pub node: usize,
}

impl NodeOf {
    /// Checks that `pair` may be one of the node's, beside `sibling`.
    pub fn check(self, pair: Pair, sibling: Option<Pair>) -> Result<(), GenotypeError> {
        let NodeOf { design, kind, node } = self;
        if !design.ops().contains(&pair.op) {
            let ops = design.ops().iter().map(|op| op.name()).collect::<Vec<_>>().join(", ");
            return Err(GenotypeError::Op { kind, node, op: pair.op.name(), ops });
        }
        if pair.from >= node {
            return Err(GenotypeError::Later { kind, node, from: pair.from });
        }
        match sibling {
            Some(sibling) if sibling == pair => Err(GenotypeError::Twice { kind, node, from: pair.from }),
            Some(sibling) if sibling.from == pair.from && !design.may_repeat_input() => {
                Err(GenotypeError::SameInput { kind, node, from: pair.from })
            }
            _ => Ok(()),
        }
    }
}

/// Why a [`Genotype`] is none of a [`CellDesign`]'s.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenotypeError {
    /// A cell with too few or too many nodes.
    #[error("the {kind} cell has {found} nodes where this space has {expected}")]
    Nodes {
        /// Which cell.
        kind: CellKind,
        /// Nodes that it should have.
        expected: usize,
        /// Nodes that it has.
        found: usize,
    },
    /// An operation that the design lacks.
    #[error("node {node} of the {kind} cell has {op}, which this space lacks; there are: {ops}")]
    Op {
        /// Which cell.
        kind: CellKind,
        /// Number of the node.
        node: usize,
        /// The operation.
        op: &'static str,
        /// All that there are.
        ops: String,
    },
    /// A state that is not before the node.
    #[error("node {node} of the {kind} cell reads {from}: it can read 0 to {}", .node - 1)]
    Later {
        /// Which cell.
        kind: CellKind,
        /// Number of the node.
        node: usize,
        /// What it reads.
        from: usize,
    },
    /// Both operations on one input.
    #[error("node {node} of the {kind} cell reads {from} twice: its two operations need different inputs")]
    SameInput {
        /// Which cell.
        kind: CellKind,
        /// Number of the node.
        node: usize,
        /// What it reads.
        from: usize,
    },
    /// The same operation on the same input.
    #[error("node {node} of the {kind} cell has the same operation on {from} twice: give another operation or input")]
    Twice {
        /// Which cell.
        kind: CellKind,
        /// Number of the node.
        node: usize,
        /// What it reads.
        from: usize,
    },
}
