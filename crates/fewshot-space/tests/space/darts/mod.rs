//! The space `darts`.

mod network;
mod regions;
mod relaxation;
mod text;

use fewshot_space::darts::{CellDesign, CellKind, Genotype, PUBLISHED, Pair};
use fewshot_space::{Arch, DartsSkeleton, DartsSpace, Region, Space};
use std::sync::Arc;

use crate::rng;

/// The small network of the field.
pub fn space() -> Arc<DartsSpace> {
    sized(36, 20)
}

fn sized(width: usize, cells: usize) -> Arc<DartsSpace> {
    let skeleton = DartsSkeleton { width, cells, ..DartsSkeleton::cifar10() };
    Arc::new(DartsSpace::new(skeleton).expect("sizes in range"))
}

/// One-shot LaNAS: five nodes, four operations.
pub fn lanas() -> Arc<DartsSpace> {
    let skeleton = DartsSkeleton { width: 48, cells: 8, design: CellDesign::LaNas, ..DartsSkeleton::cifar10() };
    Arc::new(DartsSpace::new(skeleton).expect("sizes in range"))
}

/// Architectures drawn from all of the space.
fn drawn(space: &Arc<DartsSpace>, count: usize, seed: u64) -> Vec<Arch> {
    let whole = Region::full(space.clone());
    let mut rng = rng(seed);
    (0..count).map(|_| whole.sample(&mut rng).unwrap()).collect()
}

fn published(space: &DartsSpace, name: &str) -> Arch {
    space.parse(name).unwrap()
}

#[test]
fn every_genotype_has_one_code() {
    for space in [space(), lanas()] {
        for arch in drawn(&space, 200, 1) {
            let mut genotype = space.genotype(&arch);
            assert_eq!(space.arch(&genotype).as_ref(), Ok(&arch));
            // The order of a node's pairs says nothing.
            for pairs in genotype.normal.iter_mut().chain(&mut genotype.reduce) {
                pairs.swap(0, 1);
            }
            assert_eq!(space.arch(&genotype).as_ref(), Ok(&arch));
        }
    }
}

#[test]
fn genotypes_of_other_designs_are_refused() {
    let (darts, lanas) = (space(), lanas());
    let genotype = darts.genotype(&published(&darts, "few-shot"));
    let error = |space: &DartsSpace, genotype: &Genotype| space.arch(genotype).unwrap_err().to_string();
    assert_eq!(error(&lanas, &genotype), "the normal cell has 4 nodes where this space has 5");
    let changed = |node: usize, pair: Pair| {
        let mut genotype = genotype.clone();
        genotype.reduce[node][1] = pair;
        genotype
    };
    let skip = genotype.normal[0][0].op;
    let late = changed(1, Pair { op: skip, from: 3 });
    assert_eq!(error(&darts, &late), "node 3 of the reduce cell reads 3: it can read 0 to 2");
    let twice = changed(3, Pair { op: genotype.normal[0][1].op, from: 2 });
    assert_eq!(
        error(&darts, &twice),
        "node 5 of the reduce cell reads 2 twice: its two operations need different inputs"
    );
    let same = changed(3, genotype.reduce[3][0]);
    let mut five = same.clone();
    five.normal.push(same.normal[3]);
    five.reduce.push(same.reduce[3]);
    five.normal[3] = five.normal[2];
    five.normal[4] = five.normal[2];
    assert_eq!(
        error(&lanas, &five),
        "node 5 of the reduce cell has the same operation on 2 twice: give another operation or input"
    );
    five.normal[0] = genotype.normal[3].map(|pair| Pair { from: 0, ..pair });
    assert!(
        error(&lanas, &five)
            .starts_with("node 2 of the normal cell has dil_conv_5x5, which this space lacks; there are: max")
    );
}

/// Renumbering nodes 3 and 4 where neither reads the other.
#[test]
fn structures_do_not_depend_on_the_numbering_of_nodes() {
    let space = space();
    let mut renumbered = 0;
    for arch in drawn(&space, 500, 2) {
        let genotype = space.genotype(&arch);
        if genotype.normal[2].iter().any(|pair| pair.from == 3) {
            continue;
        }
        renumbered += 1;
        let mut other = genotype.clone();
        other.normal.swap(1, 2);
        for pair in &mut other.normal[3] {
            pair.from = [0, 1, 2, 4, 3][pair.from];
        }
        let other = space.arch(&other).unwrap();
        assert_eq!(space.structure(&other), space.structure(&arch));
        assert_eq!(
            (space.cost(&other), space.graph(&other).live_ops()),
            (space.cost(&arch), space.graph(&arch).live_ops())
        );
        // A structure is the text of one of its architectures.
        let least = space.parse(&space.structure(&arch)).unwrap();
        assert_eq!(space.structure(&least), space.structure(&arch));
    }
    assert!(renumbered > 100);
}

#[test]
fn structures_tell_apart_what_differs_in_more_than_numbers() {
    let space = space();
    let archs = drawn(&space, 200, 3);
    for arch in &archs {
        let child = Region::full(space.clone()).mutate(arch, &mut rng(4)).unwrap();
        if space.cost(&child) != space.cost(arch) {
            assert_ne!(space.structure(&child), space.structure(arch));
        }
    }
    let structures: std::collections::BTreeSet<String> = archs.iter().map(|arch| space.structure(arch)).collect();
    assert!(structures.len() >= 199);
    // Node 2 of LaNAS is not part of the output, so it cannot change places with those that are.
    let lanas = lanas();
    let text = |first: &str, second: &str| {
        let nodes = |first: &str, second: &str| {
            let rest =
                "+|skip_connect~0|skip_connect~1|+|sep_conv_3x3~0|sep_conv_5x5~0|+|sep_conv_3x3~0|sep_conv_5x5~1|";
            format!("|{first}~0|{first}~1|+|{second}~0|{second}~1|{rest}")
        };
        format!("normal{}reduce{}", nodes(first, second), nodes("skip_connect", "max_pool_3x3"))
    };
    let structure = |text: String| lanas.structure(&lanas.parse(&text).unwrap());
    assert_ne!(structure(text("sep_conv_3x3", "max_pool_3x3")), structure(text("max_pool_3x3", "sep_conv_3x3")));
}

#[test]
fn cells_are_drawn_as_darts_does() {
    let space = space();
    let genotype = space.genotype(&published(&space, "few-shot"));
    let drawing = genotype.drawing(CellKind::Normal, CellDesign::Darts);
    assert_eq!(drawing.nodes, ["c_{k-2}", "c_{k-1}", "0", "1", "2", "3", "c_{k}"]);
    assert_eq!(drawing.edges.len(), 8 + 4);
    let first = drawing.edges[0];
    assert_eq!((first.from, first.to, first.op.map(|op| op.name())), (0, 2, Some("skip_connect")));
    assert!(drawing.edges[8..].iter().all(|edge| edge.to == 6 && edge.op.is_none()));
    assert!(drawing.edges.iter().all(|edge| edge.from < edge.to));
}

#[test]
fn names_are_of_what_was_published() {
    let space = space();
    for (name, text) in PUBLISHED {
        assert_eq!(space.format(&published(&space, name)), text, "{name} is written as texts are");
    }
}
