/// A compound edge of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CellEdge {
    /// The node that sums up what the edge computes.
    pub to: usize,
    /// The node that it reads; smaller than `to`.
    pub from: usize,
}
