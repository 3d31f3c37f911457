//! Counting, drawing, splitting, limits and mutation in a space of 10^18.

use std::collections::BTreeMap;

use fewshot_space::darts::{CellKind, Pair};
use fewshot_space::{
    Arch, DartsSpace, Extent, Feature, Filter, OptionSet, Partition, Region, RegionError, RegionSpec, Space, Timed,
};
use rand::RngExt;

use super::{drawn, lanas, published, space};
use crate::rng;
use crate::sampling::assert_uniform;

#[test]
fn sizes_are_those_of_the_papers() {
    let cells = 180 * 7_u128.pow(8);
    assert_eq!(cells, 1_037_664_180);
    let whole = Region::full(space());
    assert_eq!(whole.size(), Ok(cells * cells));
    let mut one = whole.clone();
    let fixed = space().parse("few-shot").unwrap();
    for (index, decision) in space().decisions().iter().enumerate() {
        if decision.name.starts_with("reduce") {
            one = one.restrict(index, OptionSet::single(fixed.get(index))).unwrap();
        }
    }
    assert_eq!(one.size(), Ok(cells));
    // Two of the 4(i+2) places of each node of LaNAS.
    let lanas_cells: u128 = (0..5).map(|node| 4 * (node + 2)).map(|slots| slots * (slots - 1) / 2).product();
    assert_eq!(lanas_cells, 11_629_094_400);
    assert_eq!(Region::full(lanas()).size(), Ok(lanas_cells * lanas_cells));
}

#[test]
fn decisions_are_named_after_nodes_and_edges() {
    let space = space();
    let names: Vec<&str> = space.decisions().iter().map(|decision| decision.name.as_str()).collect();
    assert_eq!(names.len(), 34);
    assert_eq!(
        names[..10],
        [
            "normal.0-2",
            "normal.1-2",
            "normal.3.inputs",
            "normal.0-3",
            "normal.1-3",
            "normal.2-3",
            "normal.4.inputs",
            "normal.0-4",
            "normal.1-4",
            "normal.2-4"
        ]
    );
    assert_eq!(space.decisions()[2].options, ["0+1", "0+2", "1+2"]);
    assert_eq!(space.decisions()[6].options, ["0+1", "0+2", "1+2", "0+3", "1+3", "2+3"]);
    assert_eq!(space.decisions()[0].options[2], "skip_connect");
}

/// Section 4.2 of the specification: the edge from the first input to the first node of the normal cell.
#[test]
fn seven_sub_spaces_of_one_edge() {
    let whole = Region::full(space());
    let parts = Partition::new(whole.clone(), whole.split(&[whole.decision("normal.0-2").unwrap()]).unwrap()).unwrap();
    assert_eq!(parts.regions().len(), 7);
    assert_eq!(parts.regions()[3].label(), "normal.0-2=sep_conv_3x3");
    for region in parts.regions() {
        assert_eq!(region.size().unwrap() * 7, whole.size().unwrap());
    }
    for arch in drawn(&space(), 100, 9) {
        let pair = space().genotype(&arch).normal[0][0];
        assert_eq!(parts.regions()[parts.route(&arch).unwrap()].label(), format!("normal.0-2={}", pair.op.name()));
    }
}

/// On an edge that a node need not read there are eight: one per operation, and one without the edge.
#[test]
fn eight_sub_spaces_of_an_edge_that_may_be_absent() {
    let whole = Region::full(space());
    let (inputs, edge) = (whole.decision("normal.3.inputs").unwrap(), whole.decision("normal.0-3").unwrap());
    let error = whole.split(&[edge]).unwrap_err().to_string();
    assert_eq!(
        error,
        "region all cannot be split on normal.0-3, which is inert unless normal.3.inputs=0+1|0+2: split or restrict \
         normal.3.inputs first"
    );
    let mut regions = whole.restrict(inputs, OptionSet::full(2)).unwrap().split(&[edge]).unwrap();
    regions.push(whole.restrict(inputs, OptionSet::single(2)).unwrap());
    let parts = Partition::new(whole.clone(), regions).unwrap();
    assert_eq!(parts.regions().len(), 8);
    assert_eq!(parts.regions()[7].size().unwrap() * 3, whole.size().unwrap());
}

#[test]
fn draws_are_uniform() {
    // Few enough to count: all but nodes 2 and 3 of one cell is settled, and of operations three are left.
    let arch = published(&space(), "darts-v1");
    let mut small = Region::full(space());
    for (index, decision) in space().decisions().iter().enumerate() {
        let is_free = ["normal.3.inputs", "normal.0-3", "normal.1-3", "normal.2-3"].contains(&decision.name.as_str());
        let options = match (is_free, decision.name.ends_with("inputs")) {
            (true, true) => decision.option_set(),
            (true, false) => OptionSet::full(3),
            (false, _) => OptionSet::single(arch.get(index)),
        };
        small = small.restrict(index, options).unwrap();
    }
    assert_eq!(small.size(), Ok(3 * 3 * 3));
    assert_uniform(&small, 10);

    // In all of it, inputs and operations of a node are.
    let space = space();
    let mut seen: BTreeMap<_, usize> = BTreeMap::new();
    let draws = 49_000;
    for arch in drawn(&space, draws, 11) {
        let pairs = space.genotype(&arch).reduce[1];
        *seen.entry(pairs.map(|pair| (pair.op, pair.from))).or_default() += 1;
    }
    assert_eq!(seen.len(), 3 * 49);
    let expected = draws as f64 / 147.0;
    let statistic: f64 = seen.values().map(|&count| (count as f64 - expected).powi(2) / expected).sum();
    assert!(statistic < 146.0 + 5.0 * 292.0_f64.sqrt() + 25.0, "{statistic}");
}

#[test]
fn limits_hold_and_tight_ones_are_found() {
    let space = space();
    let whole = Region::full(space.clone());
    let limited = whole.filtered(Filter::at_most(Feature::Params, 3_300_000));
    assert!(matches!(limited.size(), Err(RegionError::TooLarge { .. })));
    let Extent::About { members, passed, drawn } = limited.extent().unwrap() else { panic!("it cannot be counted") };
    assert!(passed > 100 && passed < drawn && members > 1e16, "{passed} of {drawn}");
    let mut rng = rng(12);
    let mut arch = limited.sample(&mut rng).unwrap();
    for _ in 0..200 {
        arch = limited.mutate(&arch, &mut rng).unwrap();
        assert!(space.cost(&arch).params <= 3_300_000 && space.canonical(&arch) == arch);
    }
    // What no uniform draw passes.
    let pools = ["|max_pool_3x3~0|max_pool_3x3~1|"; 4].join("+");
    let least = space.cost(&space.parse(&format!("normal{pools}reduce{pools}")).unwrap());
    let bare = whole.filtered(Filter::at_most(Feature::Params, least.params + 50_000));
    let found = bare.sample(&mut rng).unwrap();
    assert!(bare.contains(&found));
    let none = whole.filtered(Filter::at_most(Feature::Params, least.params - 1));
    assert!(none.is_empty().unwrap());
}

/// The pairs that differ between two architectures: (cell, node, before, after), each side without what is common.
fn differences(space: &DartsSpace, before: &Arch, after: &Arch) -> Vec<(CellKind, usize, Vec<Pair>, Vec<Pair>)> {
    let (before, after) = (space.genotype(before), space.genotype(after));
    let mut differences = Vec::new();
    for kind in CellKind::ALL {
        for (index, (old, new)) in before.cell(kind).iter().zip(after.cell(kind)).enumerate() {
            let only = |own: &[Pair; 2], other: &[Pair; 2]| -> Vec<Pair> {
                own.iter().copied().filter(|pair| !other.contains(pair)).collect()
            };
            if old != new {
                differences.push((kind, index + 2, only(old, new), only(new, old)));
            }
        }
    }
    differences
}

/// Section 3.5 of the specification: one pair, and of it the operation or the input.
#[test]
fn mutation_replaces_an_operation_or_an_input() {
    for space in [space(), lanas()] {
        let whole = Region::full(space.clone());
        let mut rng = rng(13);
        let mut arch = whole.sample(&mut rng).unwrap();
        let (mut ops, mut by_node) = (0, BTreeMap::<(CellKind, usize), usize>::new());
        let mutations = 14_000;
        for _ in 0..mutations {
            let child = whole.mutate(&arch, &mut rng).unwrap();
            let differences = differences(&space, &arch, &child);
            assert_eq!(differences.len(), 1);
            let (kind, node, old, new) = &differences[0];
            assert_eq!((old.len(), new.len()), (1, 1), "{old:?} became {new:?}");
            assert!((old[0].op == new[0].op) != (old[0].from == new[0].from), "{old:?} became {new:?}");
            ops += usize::from(old[0].op != new[0].op);
            *by_node.entry((*kind, *node)).or_default() += 1;
            arch = child;
        }
        let share = ops as f64 / f64::from(mutations);
        assert_eq!(by_node.len(), 2 * space.skeleton().design.nodes());
        if space.skeleton().design.may_repeat_input() {
            continue;
        }
        // An eighth of all draws are of an input of node 2, which has no other, and are made again.
        assert!((share - 4.0 / 7.0).abs() < 0.02, "{share}");
        for ((kind, node), count) in by_node {
            let expected = if node == 2 { 1.0 / 14.0 } else { 1.0 / 7.0 };
            assert!((count as f64 / f64::from(mutations) - expected).abs() < 0.012, "{kind} {node}: {count}");
        }
    }
}

#[test]
fn mutation_keeps_to_a_sub_space() {
    let space = space();
    let whole = Region::full(space.clone());
    let part = whole.split(&[0]).unwrap().remove(5);
    let mut rng = rng(14);
    let mut arch = part.sample(&mut rng).unwrap();
    for _ in 0..500 {
        arch = part.mutate(&arch, &mut rng).unwrap();
        assert!(part.contains(&arch));
    }
    // Where the space's own neighbours are rare, one decision with a choice is changed instead.
    let mut settled = Region::single(space.clone(), &arch).unwrap();
    let error = settled.mutate(&arch, &mut rng).unwrap_err();
    assert!(matches!(error, RegionError::NoNeighbour { .. }), "{error}");
    let last = space.decisions().len() - 1;
    let other = (0..7).find(|&option| option != arch.get(0)).unwrap();
    settled = Region::full(space.clone());
    for index in 0..=last {
        let options = OptionSet::single(arch.get(index));
        let options = if index == 0 { options.union(OptionSet::single(other)) } else { options };
        settled = settled.restrict(index, options).unwrap();
    }
    assert_eq!(settled.size(), Ok(2));
    assert_eq!(settled.mutate(&arch, &mut rng).unwrap().get(0), other);
}

/// A space with predictions mutates as the one that it is made of.
#[test]
fn mutation_is_the_same_under_a_limit_on_latency() {
    let plain = Region::full(space());
    let timed = Region::full(std::sync::Arc::new(Timed::new(space(), |_| Some(1))));
    for seed in 0..50 {
        let arch = plain.sample(&mut rng(seed)).unwrap();
        assert_eq!(timed.mutate(&arch, &mut rng(seed)), plain.mutate(&arch, &mut rng(seed)));
    }
}

#[test]
fn crossover_takes_edges_from_parents() {
    let space = space();
    let whole = Region::full(space.clone());
    let mut rng = rng(15);
    for _ in 0..200 {
        let (a, b) = (whole.sample(&mut rng).unwrap(), whole.sample(&mut rng).unwrap());
        let child = space.genotype(&whole.crossover(&a, &b, &mut rng).unwrap());
        let (a, b) = (space.genotype(&a), space.genotype(&b));
        for kind in CellKind::ALL {
            for (node, pairs) in child.cell(kind).iter().enumerate() {
                let inherited = |pair: &Pair| a.cell(kind)[node].contains(pair) || b.cell(kind)[node].contains(pair);
                assert!(pairs.iter().all(inherited));
            }
        }
    }
}

#[test]
fn regions_come_back_from_their_spec() {
    let whole = Region::full(space());
    let mut rng = rng(16);
    for _ in 0..50 {
        let decision = rng.random_range(0..space().decisions().len());
        let region = whole.restrict(decision, [0, 2].into_iter().collect()).unwrap();
        let spec = serde_json::to_string(&region.spec()).unwrap();
        let read: RegionSpec = serde_json::from_str(&spec).unwrap();
        assert_eq!(Region::from_spec(whole.space().clone(), &read), Ok(region));
    }
}
