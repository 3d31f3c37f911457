//! What is wrong with an architecture that gradients led to.

use fewshot_space::{Arch, CellOp, Region, Space};
use serde::{Deserialize, Serialize};

/// The option of a decision that passes its input on.
const SKIP: &str = CellOp::Skip.name();
/// The cell that a network has most of, where there are several.
const NORMAL: &str = "normal";

/// How many of a cell's operations are skips: the measure of the collapse that DARTS is known for when it runs long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skips {
    /// Which cell, where there are several: `normal`, `reduce`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cell: String,
    /// Skips among the operations.
    pub skips: usize,
    /// Operations of the cell that are a choice and matter.
    pub operations: usize,
}

/// The skips of each cell of an architecture.
pub fn skips(space: &dyn Space, arch: &Arch) -> Vec<Skips> {
    let mut cells: Vec<Skips> = Vec::new();
    for ((position, decision), active) in space.decisions().iter().enumerate().zip(space.active(arch)) {
        if !active || !decision.options.iter().any(|option| option == SKIP) {
            continue;
        }
        let name = decision.name.split_once('.').map_or("", |(cell, _)| cell);
        if cells.last().is_none_or(|last| last.cell != name) {
            cells.push(Skips { cell: name.to_string(), skips: 0, operations: 0 });
        }
        if let Some(cell) = cells.last_mut() {
            cell.operations += 1;
            cell.skips += usize::from(decision.options[arch.get(position)] == SKIP);
        }
    }
    cells
}

/// What is wrong with an architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// No path leads from input to output.
    Dead,
    /// Nothing but skips is live: the cell is the identity, or a multiple of it.
    AllSkip,
    /// Every edge with a choice became a skip: what the network can do is the split edge alone. Where there is a normal cell, also
    /// when half of its operations or more are skips.
    Collapsed,
}

impl Flag {
    /// Those of an architecture found in `region`.
    pub fn all(space: &dyn Space, region: &Region, arch: &Arch) -> Vec<Flag> {
        let (graph, active) = (space.graph(arch), space.active(arch));
        let is_skip = |decision: usize| space.decisions()[decision].options[arch.get(decision)] == SKIP;
        let relaxed = space.relaxed(region.product());
        let mut free = relaxed.rows().iter().map(|row| row.decision).filter(|&decision| active[decision]).peekable();
        let all_free = free.peek().is_some() && free.all(is_skip);
        let crowded = |cell: &Skips| cell.cell == NORMAL && 2 * cell.skips >= cell.operations;
        let collapsed = all_free || skips(space, arch).iter().any(crowded);
        let flags = [
            (Flag::Dead, graph.is_dead()),
            (Flag::AllSkip, !graph.is_dead() && graph.live_ops() == 0),
            (Flag::Collapsed, collapsed),
        ];
        flags.into_iter().filter(|(_, holds)| *holds).map(|(flag, _)| flag).collect()
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Flag::Dead => "dead",
            Flag::AllSkip => "all skip",
            Flag::Collapsed => "collapsed to skips",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fewshot_space::{DartsSkeleton, DartsSpace, OptionSet, nasbench201};

    use super::*;

    #[test]
    fn dead_and_skipping_cells_are_flagged() {
        let space = Arc::new(nasbench201::nasbench201(nasbench201::default_skeleton()));
        let whole = Region::full(space.clone());
        let split = whole.restrict(0, OptionSet::single(3)).unwrap();
        let flags = |region: &Region, options: [u8; 6]| Flag::all(space.as_ref(), region, &Arch::new(options.to_vec()));
        assert_eq!(flags(&whole, [1; 6]), [Flag::AllSkip, Flag::Collapsed]);
        // Skips that lie dead do not save a cell whose one live edge is a skip.
        assert_eq!(flags(&whole, [3, 0, 0, 1, 0, 0]), [Flag::AllSkip]);
        assert_eq!(flags(&whole, [3, 3, 3, 0, 0, 0]), [Flag::Dead]);
        assert_eq!(flags(&split, [3, 1, 1, 1, 1, 1]), [Flag::Collapsed]);
        assert_eq!(flags(&split, [3, 1, 2, 1, 1, 1]), []);
        assert_eq!(flags(&whole, [3, 1, 1, 1, 1, 1]), []);
    }

    #[test]
    fn skips_are_counted_per_cell_and_half_of_the_normal_one_is_a_collapse() {
        let space = Arc::new(DartsSpace::new(DartsSkeleton::cifar10()).unwrap());
        let whole = Region::full(space.clone());
        let count = |name: &str| {
            let cells = skips(space.as_ref(), &space.parse(name).unwrap());
            cells.into_iter().map(|cell| (cell.cell, cell.skips, cell.operations)).collect::<Vec<_>>()
        };
        // Released cells: first order has more skips than second.
        assert_eq!(count("darts-v1"), [("normal".to_string(), 3, 8), ("reduce".to_string(), 3, 8)]);
        assert_eq!(count("darts-v2"), [("normal".to_string(), 2, 8), ("reduce".to_string(), 3, 8)]);
        let cell = |skips: usize| {
            let pair = |place: usize, from: usize| {
                format!("{}~{from}", if place < skips { "skip_connect" } else { "sep_conv_3x3" })
            };
            let nodes: Vec<String> =
                (0..4).map(|node| format!("|{}|{}|", pair(2 * node, 0), pair(2 * node + 1, 1))).collect();
            nodes.join("+")
        };
        let flags = |normal: usize, reduce: usize| {
            let text = format!("normal{}reduce{}", cell(normal), cell(reduce));
            Flag::all(space.as_ref(), &whole, &space.parse(&text).unwrap())
        };
        assert_eq!(flags(3, 8), []);
        assert_eq!(flags(4, 0), [Flag::Collapsed]);
    }
}
