//! Cells that differ in the numbering of their nodes alone.

use super::genotype::{CellPairs, Pair};
use super::op::DartsOp;
use super::skeleton::CellDesign;

/// The least of all cells that renumbering the nodes of `cell` gives, each node's pairs ascending: equal for two
/// cells if and only if one is a renumbering of the other.
///
/// The cell's output holds its nodes side by side, so a renumbering permutes channels and nothing else, as long as
/// nodes of the output stay there. There are at most 24 numberings.
pub(super) fn least(design: CellDesign, cell: &CellPairs) -> CellPairs {
    let mut search = Search { design, cell, number: vec![None; design.states()], least: None };
    search.number[0] = Some(0);
    search.number[1] = Some(1);
    search.extend(&mut Vec::new());
    search.least.unwrap_or_else(|| cell.clone())
}

struct Search<'a> {
    design: CellDesign,
    cell: &'a CellPairs,
    /// Per state, its new number once it has one.
    number: Vec<Option<usize>>,
    least: Option<CellPairs>,
}

impl Search<'_> {
    /// Tries every node that can come next behind those `placed`.
    fn extend(&mut self, placed: &mut CellPairs) {
        if placed.len() == self.cell.len() {
            if self.least.as_ref().is_none_or(|least| key(placed) < key(least)) {
                self.least = Some(placed.clone());
            }
            return;
        }
        let next = placed.len() + 2;
        for node in 2..self.design.states() {
            let keeps_output = self.design.concat().contains(&node) == self.design.concat().contains(&next);
            if self.number[node].is_some() || !keeps_output {
                continue;
            }
            let Some(pairs) = self.renumbered(self.cell[node - 2]) else {
                continue;
            };
            self.number[node] = Some(next);
            placed.push(pairs);
            self.extend(placed);
            placed.pop();
            self.number[node] = None;
        }
    }

    /// The pairs of a node with the new numbers of what they read, once all of that has one.
    fn renumbered(&self, [first, second]: [Pair; 2]) -> Option<[Pair; 2]> {
        let renumber = |pair: Pair| Some(Pair { op: pair.op, from: self.number[pair.from]? });
        let mut pairs = [renumber(first)?, renumber(second)?];
        pairs.sort_by_key(|pair| (pair.from, pair.op));
        Some(pairs)
    }
}

/// What cells are ordered by.
fn key(cell: &CellPairs) -> Vec<(usize, DartsOp)> {
    cell.iter().flatten().map(|pair| (pair.from, pair.op)).collect()
}
