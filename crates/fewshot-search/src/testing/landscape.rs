//! A made-up space: larger than any table, with decisions that depth switches off, and a score whose optimum is known.

use std::sync::Arc;

use fewshot_space::{Arch, Cost, Decision, Graph, OpKind, OptionSet, Region, Space};

/// Options of a slot.
const KINDS: usize = 4;

/// A chain of up to `slots` operations of four kinds: first the depth is decided, then the kind
/// of each slot, which is inert beyond the depth. It has 4^0 + 4^1 + .. + 4^slots networks.
#[derive(Debug)]
pub(crate) struct Chain {
    decisions: Vec<Decision>,
}

impl Chain {
    pub(crate) fn new(slots: usize) -> Chain {
        let mut decisions = vec![Decision::new("depth", (0..=slots).map(|d| format!("d{d}")))];
        for slot in 0..slots {
            let deep_enough: OptionSet = (slot + 1..=slots).collect();
            let kinds = (0..KINDS).map(|kind| format!("k{kind}"));
            decisions.push(Decision::new(format!("s{slot}"), kinds).active_if(0, deep_enough));
        }
        Chain { decisions }
    }

    pub(crate) fn region(slots: usize) -> Region {
        Region::full(Arc::new(Chain::new(slots)))
    }
}

impl Space for Chain {
    fn name(&self) -> &str {
        "chain"
    }

    fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    fn graph(&self, arch: &Arch) -> Graph {
        Graph::chain((0..arch.get(0)).map(|_| OpKind::Conv))
    }

    fn cost(&self, arch: &Arch) -> Cost {
        let kinds = arch.options()[1..=arch.get(0)].iter();
        let macs = kinds.map(|&kind| 100 * (1 + u64::from(kind))).sum();
        Cost { macs, params: macs }
    }
}

/// One point for each slot in use that holds the kind `slot % 4`; at most the number of slots.
/// A deeper chain can only gain.
pub(crate) fn score(arch: &Arch) -> f64 {
    let kinds = arch.options()[1..=arch.get(0)].iter().enumerate();
    kinds.filter(|&(slot, &kind)| usize::from(kind) == slot % KINDS).count() as f64
}
