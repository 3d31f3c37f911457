use rand::{Rng, RngExt};

use super::genotype::{Genotype, NodeOf, Pair};
use super::layout::CellKind;
use super::skeleton::CellDesign;

/// A copy that differs in one operation or one input: the cell, one of its pairs, and which of the two are drawn with
/// equal chances, then what takes its place from all that the node may have instead. What cannot change, as the
/// inputs of a node with just two states before it, is drawn again.
pub(super) fn mutate(design: CellDesign, genotype: &Genotype, rng: &mut dyn Rng) -> Genotype {
    let mut mutant = genotype.clone();
    loop {
        let kind = CellKind::ALL[rng.random_range(0..CellKind::ALL.len())];
        let index = rng.random_range(0..design.nodes());
        let place = rng.random_range(0..2);
        let pairs = &mut mutant.cell_mut(kind)[index];
        let (old, sibling) = (pairs[place], pairs[1 - place]);
        let node = NodeOf { design, kind, node: index + 2 };
        let mut others: Vec<Pair> = match rng.random_bool(0.5) {
            true => design.ops().iter().map(|&op| Pair { op, from: old.from }).collect(),
            false => (0..node.node).map(|from| Pair { op: old.op, from }).collect(),
        };
        others.retain(|&other| other != old && node.check(other, Some(sibling)).is_ok());
        if !others.is_empty() {
            pairs[place] = others[rng.random_range(0..others.len())];
            return mutant;
        }
    }
}
