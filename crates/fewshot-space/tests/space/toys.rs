//! Miniatures of large spaces, with graphs and costs that tests can foresee: DARTS cells with topology, block slots that go inert
//! with depth, AutoGAN's integers. And random small spaces with nested conditions for the property tests.

use fewshot_space::{Arch, Cost, Decision, Edge, Feature, Filter, Graph, OpKind, OptionSet, Region, Space};
use proptest::prelude::*;
use std::sync::Arc;

/// A space given by its decisions; what its options do depends on `kind`.
#[derive(Debug)]
pub struct Toy {
    name: String,
    decisions: Vec<Decision>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Node-major: (inputs, op, op) per node.
    Darts,
    /// A chain of operations: option 0 passes on, 1 is a convolution, 2 is max pooling, 3 cuts the chain.
    Chain,
}

/// One DARTS cell with `nodes` intermediate nodes: each takes two of the states before it (the two inputs and the earlier
/// nodes) and one of seven operations on each.
pub fn darts(nodes: usize) -> Arc<Toy> {
    const OPS: [&str; 7] = ["max_pool", "avg_pool", "skip", "sep_3x3", "sep_5x5", "dil_3x3", "dil_5x5"];
    let node = |node: usize| {
        let pairs = (0..node + 2).flat_map(|second| (0..second).map(move |first| format!("{first}+{second}")));
        [
            Decision::new(format!("n{node}.in"), pairs),
            Decision::new(format!("n{node}.a"), OPS),
            Decision::new(format!("n{node}.b"), OPS),
        ]
    };
    let decisions = (0..nodes).flat_map(node).collect();
    Arc::new(Toy { name: "darts".into(), decisions, kind: Kind::Darts })
}

/// Stages of 2 to `depth` inverted-bottleneck blocks, each with three kernel sizes and three expansions; the slots past
/// the end of a stage are inert.
pub fn mbconv(stages: usize, depth: usize) -> Arc<Toy> {
    let mut decisions = Vec::new();
    for stage in 0..stages {
        let depth_at = decisions.len();
        decisions.push(Decision::new(format!("s{stage}.depth"), (2..=depth).map(|depth| depth.to_string())));
        for slot in 0..depth {
            for (what, options) in [("k", ["3", "5", "7"]), ("e", ["3", "4", "6"])] {
                let decision = Decision::new(format!("s{stage}.b{slot}.{what}"), options);
                // Option i is depth i + 2; slot j exists from depth j + 1 on.
                let deep_enough = (slot.saturating_sub(1)..depth - 1).collect();
                decisions.push(if slot < 2 { decision } else { decision.active_if(depth_at, deep_enough) });
            }
        }
    }
    Arc::new(Toy { name: "mbconv".into(), decisions, kind: Kind::Chain })
}

/// The three cells of AutoGAN's generator, 14 integers.
pub fn autogan() -> Arc<Toy> {
    let cell = |cell: usize| {
        let counts = [("conv", 2), ("norm", 3), ("up", 3), ("shortcut", 2), ("skip", [1, 2, 4][cell])];
        counts.into_iter().filter(|&(_, count)| count > 1).map(move |(what, count)| {
            Decision::new(format!("c{}.{what}", cell + 1), (0..count).map(|value| value.to_string()))
        })
    };
    let decisions = (0..3).flat_map(cell).collect();
    Arc::new(Toy { name: "autogan".into(), decisions, kind: Kind::Chain })
}

/// A small space with conditions on conditions.
pub fn nested() -> Arc<Toy> {
    let set = |options: &[usize]| options.iter().copied().collect::<OptionSet>();
    let decisions = vec![
        Decision::new("a", ["0", "1", "2"]),
        Decision::new("b", ["0", "1"]).active_if(0, set(&[1, 2])),
        Decision::new("c", ["0", "1", "2"]).active_if(1, set(&[1])),
        Decision::new("d", ["0", "1"]),
        Decision::new("e", ["0", "1", "2", "3"]).active_if(0, set(&[2])),
        Decision::new("f", ["0", "1"]).active_if(3, set(&[0])),
    ];
    Arc::new(Toy { name: "nested".into(), decisions, kind: Kind::Chain })
}

impl Space for Toy {
    fn name(&self) -> &str {
        &self.name
    }

    fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    fn graph(&self, arch: &Arch) -> Graph {
        match self.kind {
            Kind::Darts => self.darts_graph(arch),
            Kind::Chain => {
                let active = self.active(arch);
                let kinds = [Some(OpKind::Identity), Some(OpKind::Conv), Some(OpKind::Nonlinear), None];
                let kind = |index: usize| {
                    if active[index] { kinds[arch.get(index) % 4] } else { kinds[0] }
                };
                let edge = |index: usize| kind(index).map(|kind| Edge { from: index, to: index + 1, kind });
                Graph::new(active.len() + 1, (0..active.len()).filter_map(edge).collect())
            }
        }
    }

    /// An invented cost: something different for every option of every active decision.
    fn cost(&self, arch: &Arch) -> Cost {
        let cost = |(index, active): (usize, bool)| match active {
            true => Cost::conv(1, index + 1, arch.get(index), (2, 2)),
            false => Cost::ZERO,
        };
        self.active(arch).into_iter().enumerate().map(cost).sum()
    }
}

impl Toy {
    /// Nodes: a source, the two inputs, the intermediate nodes, their concatenation.
    fn darts_graph(&self, arch: &Arch) -> Graph {
        let nodes = self.decisions.len() / 3;
        let output = nodes + 3;
        let identity = |from, to| Edge { from, to, kind: OpKind::Identity };
        let mut edges = vec![identity(0, 1), identity(0, 2)];
        for node in 0..nodes {
            let pair = &self.decisions[3 * node].options[arch.get(3 * node)];
            for (position, state) in pair.split('+').enumerate() {
                let from = state.parse::<usize>().expect("pairs are written as numbers") + 1;
                let kind = match arch.get(3 * node + 1 + position) {
                    0 => OpKind::Nonlinear,
                    1 => OpKind::Linear,
                    2 => OpKind::Identity,
                    _ => OpKind::Conv,
                };
                edges.push(Edge { from, to: node + 3, kind });
            }
            edges.push(identity(node + 3, output));
        }
        Graph::new(output + 1, edges)
    }
}

prop_compose! {
    /// A space of 1 to 6 decisions with 1 to 4 options, about half of them conditional.
    pub fn small_space()(
        raw in prop::collection::vec((1..=4usize, any::<bool>(), any::<prop::sample::Index>(), any::<u8>()), 1..=6)
    ) -> Arc<Toy> {
        let mut decisions: Vec<Decision> = Vec::new();
        for (index, (options, conditional, parent, bits)) in raw.into_iter().enumerate() {
            let decision = Decision::new(format!("d{index}"), (0..options).map(|option| format!("o{option}")));
            let condition = (conditional && index > 0).then(|| {
                let parent = parent.index(index);
                (parent, subset(decisions[parent].option_set(), bits.into()))
            });
            decisions.push(match condition {
                Some((parent, options)) => decision.active_if(parent, options),
                None => decision,
            });
        }
        Arc::new(Toy { name: "small".into(), decisions, kind: Kind::Chain })
    }
}

prop_compose! {
    /// A region of a small space without filters.
    pub fn small_product()(space in small_space(), bits in prop::collection::vec(any::<u64>(), 6)) -> Region {
        let mut region = Region::full(space.clone());
        for (index, decision) in space.decisions().iter().enumerate() {
            region = region.restrict(index, subset(decision.option_set(), bits[index])).expect("a subset is not empty");
        }
        region
    }
}

prop_compose! {
    /// A region of a small space with up to two filters, whose bounds are values that features take in it.
    pub fn small_region()(
        product in small_product(),
        filters in prop::collection::vec((0..Feature::ALL.len(), any::<u64>(), any::<u64>()), 0..=2),
    ) -> Region {
        filters.into_iter().fold(product.clone(), |region, (feature, a, b)| {
            region.filtered(some_filter(&product, Feature::ALL[feature], a, b))
        })
    }
}

/// A filter that something in the region passes.
pub fn some_filter(region: &Region, feature: Feature, a: u64, b: u64) -> Filter {
    let mut values: Vec<u64> = region.iter().map(|arch| feature.of(region.space().as_ref(), &arch)).collect();
    values.sort_unstable();
    let value = |n: u64| values.get((n % values.len().max(1) as u64) as usize).copied().unwrap_or(0);
    Filter { feature, min: value(a).min(value(b)), max: value(a).max(value(b)) }
}

/// A non-empty subset of a non-empty set, chosen by `bits`.
pub fn subset(set: OptionSet, bits: u64) -> OptionSet {
    let chosen: OptionSet = set.iter().filter(|option| bits >> option & 1 == 1).collect();
    if chosen.is_empty() { set } else { chosen }
}
