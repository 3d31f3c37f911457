//! Where the decisions of the cells stand.

/// Cells of the largest generator.
pub const CELLS: usize = 3;

/// Decisions of each cell: conv block, norm, upsampling, shortcut, and skips of all but the first.
pub const CELL_DECISIONS: [usize; CELLS] = [4, 5, 5];

/// Position of the first decision of a cell (0, 1, 2).
pub(super) fn first_decision_of(cell: usize) -> usize {
    CELL_DECISIONS.iter().take(cell).sum()
}
