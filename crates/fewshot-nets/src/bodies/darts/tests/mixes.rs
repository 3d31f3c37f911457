//! Relaxed networks: all edges of a cell at once.

use burn::tensor::{Device, Int, Tensor, TensorData};
use fewshot_space::darts::CellKind;
use fewshot_space::{Arch, OptionSet, Region, Space};

use super::{drawn, images, lanas, plain, small};
use crate::mix::{Blend, Mix, Path, Term};
use crate::net::Net;
use crate::net_error::NetError;
use crate::pass::NormMode;
use crate::testing::precise_loss;
use crate::values::to_vec;

fn one(value: f32) -> Tensor<1> {
    crate::tensor(vec![value], &Device::flex())
}

/// The region in which all nodes read what they read in `arch`.
fn with_inputs_of(whole: &Region, arch: &Arch) -> Region {
    let decisions = whole.space().decisions().iter().enumerate();
    let inputs = decisions.filter(|(_, decision)| decision.name.ends_with(".inputs")).map(|(index, _)| index);
    inputs.fold(whole.clone(), |region, index| region.restrict(index, OptionSet::single(arch.get(index))).unwrap())
}

#[test]
fn a_mix_of_one_operation_per_edge_is_the_path() {
    let networks = plain(small([8, 8], 5));
    let whole = Region::full(networks.clone());
    for arch in drawn(&networks, 6) {
        // Where inputs are settled, no other edge is there to be mixed in.
        let region = with_inputs_of(&whole, &arch);
        let mut net = Net::supernet(networks.clone(), region.clone(), &Device::flex(), 7);
        let path = net.score(images(6, [8, 8]), &Path::Shared(arch.clone()), NormMode::Batch, None).unwrap();
        let mix = Mix::one_hot(&region, &arch, &one(1.0));
        let mixed = net.score_mixed(images(6, [8, 8]), &mix, NormMode::Batch).unwrap();
        for (a, b) in to_vec(&path).into_iter().zip(to_vec(&mixed)) {
            assert!((a - b).abs() < 1e-4, "{}: {a} {b}", networks.format(&arch));
        }
    }
}

/// Every option of every decision of `region`, weighed by `scales` in order; where `edge_weights`, each edge by the one behind its
/// options too.
fn mix(region: &Region, scales: &[Tensor<1>], edge_weights: bool) -> Mix {
    let mut scales = scales.iter().cloned();
    let mut next = || scales.next().unwrap_or_else(|| one(0.3));
    let blend = |decision: usize| match region.allowed(decision).iter().collect::<Vec<_>>()[..] {
        [only] => Blend::Only(only),
        ref options => {
            let terms = options.iter().map(|&option| Term { option, scale: next(), shift: None }).collect();
            Blend::Sum { terms, whole: edge_weights.then(&mut next) }
        }
    };
    Mix { blends: (0..region.space().decisions().len()).map(blend).collect() }
}

#[test]
fn gradients_by_weights_of_operations_are_those_of_finite_differences() {
    const LABELS: [u32; 6] = [0, 1, 2, 0, 1, 2];
    for edge_weights in [false, true] {
        let networks = plain(small([8, 8], 3));
        let whole = Region::full(networks.clone());
        let split = whole.decision("normal.0-2").unwrap();
        let region = whole.restrict(split, OptionSet::single(3)).unwrap();
        let mut net = Net::supernet(networks, region.clone(), &Device::flex(), 7);
        let count = 28 * 8 + 6 * 10;
        let values: Vec<f32> = (0..count).map(|place| 0.1 + (place * 7 % 11) as f32 * 0.03).collect();
        let leaves: Vec<Tensor<1>> = values.iter().map(|&value| one(value).autodiff().require_grad()).collect();
        let batch = images(LABELS.len(), [8, 8]);
        let (logits, _) = net.train_mixed(batch.clone(), &mix(&region, &leaves, edge_weights), false).unwrap();
        let targets = LABELS.map(|label| label as i32).to_vec();
        let targets = Tensor::<1, Int>::from_data(TensorData::new(targets, [LABELS.len()]), &Device::flex());
        let mut gradients = fewshot_kernels::cross_entropy(logits, targets, 0.0).backward();
        let exact: Vec<Option<f64>> = leaves
            .iter()
            .map(|leaf| leaf.grad_remove(&mut gradients).map(|gradient| f64::from(to_vec(&gradient)[0])))
            .collect();
        // 27 edges of seven operations; what a node reads has no weight that matters.
        assert_eq!(exact.iter().flatten().count(), 27 * (7 + usize::from(edge_weights)));
        let (mut errors, mut largest, mut checked) = (0.0, 0.0_f64, 0);
        for (index, exact) in exact.iter().enumerate().filter_map(|(index, exact)| Some((index, (*exact)?))).step_by(7)
        {
            let mut at = |delta: f32| {
                let mut moved = values.clone();
                moved[index] += delta;
                let moved: Vec<Tensor<1>> = moved.into_iter().map(one).collect();
                let (logits, _) = net.train_mixed(batch.clone(), &mix(&region, &moved, edge_weights), false).unwrap();
                precise_loss(&logits, &LABELS)
            };
            let numeric = (at(0.01) - at(-0.01)) / 0.02;
            errors += (numeric - exact).abs();
            largest = largest.max(exact.abs());
            checked += 1;
        }
        let mean = errors / f64::from(checked);
        assert!(largest > 1e-2 && mean < 0.02 * largest, "{mean} {largest}");
    }
}

#[test]
fn edges_into_a_node_are_summed() {
    let networks = plain(small([8, 8], 5));
    let whole = Region::full(networks.clone());
    let names = |region: &Region| -> Vec<Vec<String>> {
        let net = Net::supernet(networks.clone(), region.clone(), &Device::flex(), 0);
        let name = |&decision: &usize| networks.decisions()[decision].name.clone();
        net.sums().unwrap().iter().map(|sum| sum.iter().map(name).collect()).collect()
    };
    let all = names(&whole);
    assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [2, 3, 4, 5, 2, 3, 4, 5]);
    assert_eq!(all[1], ["normal.0-3", "normal.1-3", "normal.2-3"]);
    // Edges that no member of the region has are in no sum.
    let inputs = whole.decision("reduce.3.inputs").unwrap();
    let part = whole.restrict(inputs, OptionSet::single(0)).unwrap();
    assert_eq!(names(&part)[5], ["reduce.0-3", "reduce.1-3"]);
    assert_eq!(CellKind::ALL.len() * 4, all.len());
}

/// As where zeros are drawn on all edges into a node.
#[test]
fn a_node_that_nothing_is_added_to_is_zero() {
    let networks = plain(small([7, 7], 4));
    let whole = Region::full(networks.clone());
    let mut net = Net::supernet(networks.clone(), whole.clone(), &Device::flex(), 0);
    for kind in CellKind::ALL {
        let mut mix = mix(&whole, &[], false);
        for (decision, blend) in networks.decisions().iter().zip(&mut mix.blends) {
            if decision.name.starts_with(kind.name()) && !decision.name.ends_with("inputs") {
                *blend = Blend::Sum { terms: Vec::new(), whole: Some(one(1.0)) };
            }
        }
        let logits = to_vec(&net.score_mixed(images(4, [7, 7]), &mix, NormMode::Batch).unwrap());
        assert!(logits.iter().all(|logit| logit.is_finite()));
        let (logits, _) = net.train_mixed(images(4, [7, 7]), &mix, true).unwrap();
        assert_eq!(logits.dims(), [4, 3]);
    }
}

#[test]
fn networks_of_lanas_are_not_mixed() {
    let networks = plain(lanas(small([8, 8], 3)));
    let net = Net::supernet(networks.clone(), Region::full(networks), &Device::flex(), 0);
    assert!(matches!(net.sums(), Err(NetError::NotMixed(_))));
}
