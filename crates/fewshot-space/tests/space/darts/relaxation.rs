//! From alpha to architectures and back.

use std::sync::Arc;

use fewshot_space::darts::{DartsOp, Relaxation};
use fewshot_space::{Arch, DartsSpace, OptionSet, Region, RelaxedRow, Space};
use proptest::prelude::*;
use rand::RngExt;

use super::{drawn, lanas, published, space};
use crate::rng;

fn relaxation(space: &Arc<DartsSpace>, none: bool) -> Relaxation {
    space.relaxation(&Region::full(space.clone()), none)
}

/// Alpha that is nearly zero, as at the start of a search.
fn start(relaxation: &Relaxation, seed: u64) -> Vec<Vec<f64>> {
    let mut rng = rng(seed);
    let row = |columns: usize, rng: &mut rand_chacha::ChaCha8Rng| -> Vec<f64> {
        (0..columns).map(|_| rng.random_range(-1e-3..1e-3)).collect()
    };
    relaxation.rows().iter().map(|edge| row(edge.columns.len(), &mut rng)).collect()
}

#[test]
fn rows_are_in_the_order_of_darts() {
    let relaxation = relaxation(&space(), true);
    let rows = relaxation.rows();
    assert_eq!(rows.len(), 28);
    let edges: Vec<(usize, usize)> = rows[..14].iter().map(|row| (row.from, row.to)).collect();
    let expected = [
        (0, 2),
        (1, 2),
        (0, 3),
        (1, 3),
        (2, 3),
        (0, 4),
        (1, 4),
        (2, 4),
        (3, 4),
        (0, 5),
        (1, 5),
        (2, 5),
        (3, 5),
        (4, 5),
    ];
    assert_eq!(edges, expected);
    for row in rows {
        let names: Vec<&str> = row.columns.iter().map(|op| op.map_or("none", DartsOp::name)).collect();
        let darts = ["none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5"];
        assert_eq!(names[..6], darts);
        assert_eq!(names[6..], ["dil_conv_3x3", "dil_conv_5x5"]);
        assert_eq!(space().decisions()[row.decision].name, format!("{}.{}-{}", row.kind, row.from, row.to));
    }
}

/// Worked by hand for node 3 of the normal cell.
#[test]
fn zeros_weigh_edges_and_are_never_chosen() {
    let space = space();
    let relaxation = relaxation(&space, true);
    let mut alpha = vec![vec![0.0; 8]; 28];
    // Edge 0-3 has the largest number, but zeros take nearly all of its softmax; 1-3 and 2-3 are left.
    alpha[2] = vec![9.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0];
    alpha[3] = vec![0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    alpha[4] = vec![0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0];
    let genotype = space.genotype(&relaxation.derive(&alpha).unwrap());
    let pairs = genotype.normal[1].map(|pair| (pair.from, pair.op.name()));
    assert_eq!(pairs, [(1, "avg_pool_3x3"), (2, "dil_conv_5x5")]);
    // Without zeros the first edge is the strongest.
    let without: Vec<Vec<f64>> = alpha.iter().map(|row| row[1..].to_vec()).collect();
    let relaxation = space.relaxation(&Region::full(space.clone()), false);
    let genotype = space.genotype(&relaxation.derive(&without).unwrap());
    let pairs = genotype.normal[1].map(|pair| (pair.from, pair.op.name()));
    assert_eq!(pairs, [(0, "skip_connect"), (2, "dil_conv_5x5")]);
}

#[test]
fn of_equal_ones_the_first_is_chosen() {
    let space = space();
    let arch = relaxation(&space, true).derive(&vec![vec![0.0_f32; 8]; 28]).unwrap();
    assert_eq!(arch, Arch::new(vec![0; 34]));
}

/// DARTS' derivation written down as its authors describe it.
fn derived_by_definition(alpha: &[Vec<f64>]) -> Vec<Vec<(usize, usize)>> {
    let mut nodes = Vec::new();
    let mut rows = alpha.iter();
    for node in [2, 3, 4, 5, 2, 3, 4, 5] {
        let mut edges: Vec<(f64, usize, usize)> = Vec::new();
        for from in 0..node {
            let powers: Vec<f64> = rows.next().unwrap().iter().map(|value| value.exp()).collect();
            let real = &powers[1..];
            let best = (0..7).rev().max_by(|&a, &b| real[a].total_cmp(&real[b])).unwrap();
            edges.push((real[best] / powers.iter().sum::<f64>(), from, best));
        }
        edges.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut kept: Vec<(usize, usize)> = edges[..2].iter().map(|&(_, from, op)| (from, op)).collect();
        kept.sort_unstable();
        nodes.push(kept);
    }
    nodes
}

fn kept(space: &DartsSpace, arch: &Arch) -> Vec<Vec<(usize, usize)>> {
    let genotype = space.genotype(arch);
    let place = |op: DartsOp| DartsOp::ALL.iter().position(|&other| other == op).unwrap();
    let nodes = genotype.normal.iter().chain(&genotype.reduce);
    nodes.map(|pairs| pairs.iter().map(|pair| (pair.from, place(pair.op))).collect()).collect()
}

proptest! {
    #[test]
    fn derivation_is_that_of_the_definition(
        alpha in prop::collection::vec(prop::collection::vec(-3.0..3.0_f64, 8), 28),
    ) {
        let space = space();
        let arch = relaxation(&space, true).derive(&alpha).unwrap();
        prop_assert_eq!(kept(&space, &arch), derived_by_definition(&alpha));
        // Equal weights of edges change nothing.
        prop_assert_eq!(relaxation(&space, true).derive_weighted(&alpha, &[0.5; 28]).unwrap(), arch);
    }

    /// Whatever the numbers, what is derived for a sub-space is a member of it.
    #[test]
    fn derived_architectures_are_members(seed in any::<u64>(), none in any::<bool>()) {
        let space = space();
        let mut rng = rng(seed);
        let mut region = Region::full(space.clone());
        for (index, decision) in space.decisions().iter().enumerate() {
            let bits: u64 = rng.random_range(1..1 << decision.options.len());
            let options: OptionSet = (0..decision.options.len()).filter(|option| bits >> option & 1 == 1).collect();
            if rng.random_bool(0.5) {
                region = region.restrict(index, options).unwrap();
            }
        }
        let relaxation = space.relaxation(&region, none);
        let alpha = start(&relaxation, seed);
        let arch = relaxation.derive(&alpha).unwrap();
        prop_assert!(region.contains(&arch), "{} in {}", space.format(&arch), region.label());
        let beta: Vec<f64> = (0..28).map(|_| rng.random_range(-1.0..1.0)).collect();
        prop_assert!(region.contains(&relaxation.derive_weighted(&alpha, &beta).unwrap()));
    }
}

/// Numbers that are large where an architecture is give that architecture.
#[test]
fn what_an_architecture_uses_derives_it() {
    let space = space();
    for none in [true, false] {
        let relaxation = relaxation(&space, none);
        for arch in drawn(&space, 100, 20) {
            let mut alpha = start(&relaxation, 21);
            let uses = relaxation.uses(&arch);
            assert_eq!(uses.iter().map(Vec::len).sum::<usize>(), 16);
            for (row, columns) in alpha.iter_mut().zip(&uses) {
                for &column in columns {
                    row[column] = 3.0;
                }
            }
            assert_eq!(relaxation.derive(&alpha).unwrap(), arch);
        }
    }
}

#[test]
fn an_edge_that_is_settled_has_no_zeros_and_stays() {
    let space = space();
    let whole = Region::full(space.clone());
    for (option, part) in whole.split(&[0]).unwrap().iter().enumerate() {
        let relaxation = space.relaxation(part, true);
        assert_eq!(relaxation.rows()[0].columns, [Some(DartsOp::ALL[option])]);
        assert_eq!(relaxation.rows()[1].columns.len(), 8);
        let arch = relaxation.derive(&start(&relaxation, 22)).unwrap();
        assert_eq!(arch.get(0), option);
    }
    // Edges that no pair of inputs takes have nothing to weigh.
    let inputs = whole.decision("reduce.5.inputs").unwrap();
    let part = whole.restrict(inputs, OptionSet::single(0)).unwrap();
    let relaxation = space.relaxation(&part, true);
    let columns: Vec<usize> = relaxation.rows()[23..].iter().map(|row| row.columns.len()).collect();
    assert_eq!(columns, [8, 8, 0, 0, 0]);
    assert!(part.contains(&relaxation.derive(&start(&relaxation, 23)).unwrap()));
}

/// PC-DARTS: an edge with a large weight is read though its operations are less certain.
#[test]
fn weights_of_edges_decide_between_them() {
    let space = space();
    let relaxation = relaxation(&space, true);
    let mut alpha = vec![vec![0.0; 8]; 28];
    alpha[2][4] = 2.0;
    alpha[3][4] = 2.0;
    let mut beta = vec![0.0; 28];
    let inputs = |arch: Arch| space.genotype(&arch).normal[1].map(|pair| pair.from);
    assert_eq!(inputs(relaxation.derive_weighted(&alpha, &beta).unwrap()), [0, 1]);
    beta[4] = 3.0;
    assert_eq!(inputs(relaxation.derive_weighted(&alpha, &beta).unwrap()), [0, 2]);
    // Weights of another node's edges do not.
    beta[4] = 0.0;
    beta[5] = 9.0;
    assert_eq!(inputs(relaxation.derive_weighted(&alpha, &beta).unwrap()), [0, 1]);
}

#[test]
fn errors_name_the_row() {
    let space = space();
    let relaxation = relaxation(&space, true);
    let alpha = vec![vec![0.0; 8]; 28];
    let error = |alpha: &[Vec<f64>]| relaxation.derive(alpha).unwrap_err().to_string();
    assert_eq!(error(&alpha[1..]), "the relaxation has 28 rows, alpha has 27: give one per edge");
    let mut other = alpha.clone();
    other[3].pop();
    assert_eq!(error(&other), "row 3 of alpha needs 8 numbers and has 7: give one per column of the relaxation");
    other[3].push(f64::NAN);
    assert_eq!(error(&other), "row 3 has a value that is not finite: the search has diverged, lower its learning rate");
    let error = relaxation.derive_weighted(&alpha, &[0.0; 14]).unwrap_err().to_string();
    assert_eq!(error, "the relaxation has 28 edges, beta has 14 numbers: give one per edge");
    let mut beta = [0.0; 28];
    beta[27] = f64::INFINITY;
    let error = relaxation.derive_weighted(&alpha, &beta).unwrap_err().to_string();
    assert!(error.starts_with("row 27 has a value"), "{error}");
}

/// Large numbers do not overflow the softmax.
#[test]
fn numbers_may_be_large() {
    let space = space();
    let relaxation = relaxation(&space, true);
    let arch = published(&space, "pc-darts");
    let mut alpha = vec![vec![-1e300; 8]; 28];
    for (row, columns) in alpha.iter_mut().zip(relaxation.uses(&arch)) {
        for column in columns {
            row[column] = 1e300;
        }
    }
    assert_eq!(relaxation.derive(&alpha).unwrap(), arch);
}

#[test]
fn lanas_edges_may_carry_two_operations() {
    let lanas = lanas();
    let relaxation = relaxation(&lanas, false);
    assert_eq!(relaxation.rows().len(), 40);
    let arch = drawn(&lanas, 50, 24).into_iter().find(|arch| {
        let genotype = lanas.genotype(arch);
        genotype.normal.iter().any(|[first, second]| first.from == second.from)
    });
    let uses = relaxation.uses(&arch.expect("nearly all have such a node"));
    assert_eq!(uses.iter().map(Vec::len).sum::<usize>(), 20);
    assert!(uses.iter().any(|columns| columns.len() == 2));
    assert!(relaxation.derive(&start(&relaxation, 25)).is_ok());
}

/// What every space says of itself is the relaxation of this one without zeros.
#[test]
fn the_rows_of_the_space_derive_what_its_relaxation_does() {
    let space = space();
    let whole = Region::full(space.clone());
    // An edge that is settled is not weighed: the split of the first edge of the normal cell.
    let split = whole.restrict(whole.decision("normal.0-2").unwrap(), OptionSet::single(3)).unwrap();
    for (region, rows) in [(whole, 28), (split, 27)] {
        let (relaxed, relaxation) = (space.relaxed(region.product()), space.relaxation(&region, false));
        assert_eq!(relaxed.rows().len(), rows);
        // A network costs what has no row, and the option of each edge that it reads; a settled edge counts as if it were read.
        let arch = region.sample(&mut rng(7)).unwrap();
        let active = space.active(&arch);
        let read = (0..rows).filter(|&row| active[relaxed.rows()[row].decision]);
        let added: u64 = read
            .map(|row| {
                let RelaxedRow { decision, options } = &relaxed.rows()[row];
                let place = options.iter().position(|&option| option == arch.get(*decision)).unwrap();
                relaxed.macs(row)[place]
            })
            .sum();
        assert_eq!(relaxed.fixed_macs() + added, space.cost(&arch).macs);
        for seed in 0..20 {
            let alpha = start(&relaxation, seed);
            let softmax = |row: &[f64]| {
                let sum: f64 = row.iter().map(|value| value.exp()).sum();
                row.iter().map(|value| value.exp() / sum).collect::<Vec<f64>>()
            };
            let open = alpha.iter().filter(|row| row.len() > 1);
            let shares: Vec<Vec<f64>> = open.map(|row| softmax(row)).collect();
            let found = relaxed.derive(&shares, None);
            assert_eq!(found, relaxation.derive(&alpha).unwrap());
            assert!(region.contains(&found));
            // Edges that are weighed against each other: one into each node so strongly that it is read.
            let mut strengths = vec![0.01; rows];
            strengths[rows - 1] = 0.9;
            let forced = relaxed.derive(&shares, Some(&strengths));
            let last = relaxed.rows()[rows - 1].decision;
            assert!(space.active(&forced)[last]);
        }
    }
}
