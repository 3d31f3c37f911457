//! What training sees: gradients, dropped paths, the auxiliary head, standardised filters.

use std::collections::BTreeSet;
use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};
use fewshot_space::darts::DartsOp;
use fewshot_space::{Arch, Region, Space};

use super::{DartsNetworks, DartsSwitches, drawn, images, networks, outline, plain, small};
use crate::blueprint::Blueprint;
use crate::graph::{Graph, GraphBuilder};
use crate::layers::Builder;
use crate::mix::{Path, Route};
use crate::net::Net;
use crate::norm::NormKind;
use crate::op::Op;
use crate::pass::{Moment, Pass};
use crate::testing::precise_loss;
use crate::values::to_vec;
use crate::view::Transform;
use crate::weights::Weights;

const LABELS: [u32; 8] = [0, 1, 2, 0, 1, 2, 0, 1];

fn dropping(drop_path: f32) -> DartsSwitches {
    DartsSwitches { drop_path, ..DartsSwitches::default() }
}

/// What a network alone runs in training.
fn training_graph(networks: &Arc<DartsNetworks>, arch: &Arch, image: [usize; 3]) -> Graph {
    let mut builder = Builder::new(Weights::outline(Device::flex()));
    let region = Region::single(networks.clone(), arch).unwrap();
    let body = networks.build(&region, NormKind::FULL, &mut builder);
    let mut graph = GraphBuilder::new(image).training();
    let logits = body.append(&mut graph, 0, Route::Path(&Path::Shared(arch.clone())));
    graph.root(logits);
    graph.finish()
}

/// Large enough for f32, small enough that few ReLUs and maxima change sides.
const STEP: f32 = 4e-3;

#[test]
fn gradients_agree_with_finite_differences() {
    let switches = DartsSwitches { standardise: true, ..DartsSwitches::default() };
    // Between them they have every operation with either stride, and a factorised reduction of an odd map.
    for (name, image, switches) in
        [("pc-darts", [9, 7], dropping(0.0)), ("few-shot", [9, 7], switches), ("darts-v1", [8, 8], dropping(0.0))]
    {
        let networks = networks(small(image, 4), switches);
        let arch = networks.parse(name).unwrap();
        let mut net = Net::standalone(networks, &arch, &Device::flex(), 5).unwrap();
        let path = Path::Shared(arch);
        let batch = images(LABELS.len(), image);
        // Where ReLUs are mostly linear finite differences tell more.
        let mut base = net.weights().to_values().unwrap();
        for (_, value) in base.iter_mut().filter(|(name, _)| name.ends_with("norm.shift")) {
            *value = fewshot_run::TensorF32::new(value.shape().to_vec(), vec![1.5; value.data().len()]).unwrap();
        }
        net.weights_mut().load_values(&base).unwrap();
        let (logits, leaves) = net.train(batch.clone(), &path).unwrap();
        let targets = LABELS.map(|label| label as i32).to_vec();
        let targets = Tensor::<1, Int>::from_data(TensorData::new(targets, [LABELS.len()]), &Device::flex());
        let mut gradients = fewshot_kernels::cross_entropy(logits, targets, 0.0).backward();
        let grads: Vec<Option<Vec<f32>>> =
            leaves.into_iter().map(|leaf| Some(to_vec(&leaf?.grad_remove(&mut gradients)?))).collect();
        let (mut checked, mut errors) = (0, 0.0);
        for (param, grad) in net.weights().params().to_vec().iter().zip(grads) {
            let grad = grad.unwrap_or_else(|| panic!("no gradient reaches {}", param.name));
            let at = (0..grad.len()).max_by(|&a, &b| grad[a].abs().total_cmp(&grad[b].abs())).unwrap();
            let mut loss_at = |delta: f32| {
                let mut values = base.clone();
                let mut data = values[&param.name].data().to_vec();
                data[at] += delta;
                values.insert(param.name.clone(), fewshot_run::TensorF32::new(param.shape.clone(), data).unwrap());
                net.weights_mut().load_values(&values).unwrap();
                precise_loss(&net.train(batch.clone(), &path).unwrap().0.inner(), &LABELS)
            };
            let numeric = (loss_at(STEP) - loss_at(-STEP)) / (2.0 * f64::from(STEP));
            let exact = f64::from(grad[at]);
            let error = (numeric - exact).abs() / (exact.abs() + 0.02);
            assert!(error < 0.2, "{name}, {}: {numeric} {exact}", param.name);
            errors += error;
            checked += 1;
        }
        assert!(checked > 60, "{name}: {checked}");
        assert!(errors / f64::from(checked) < 0.02, "{name}: {}", errors / f64::from(checked));
    }
}

#[test]
fn dropped_paths_are_as_many_as_the_moment_says_and_the_mean_stays() {
    let mut graph = GraphBuilder::new([1, 1, 2]).training();
    let dropped = graph.drop_path(0, 3, 0.4);
    let pooled = graph.global_avg_pool(dropped);
    graph.root(pooled);
    let graph = graph.finish();
    let batch = 20_000;
    let mut weights = Weights::new(Device::flex(), 0);
    let mut at = |step, progress| {
        let moment = Moment { seed: 1, step, progress };
        let mut pass = Pass::train(&mut weights).at(moment);
        let mut values = Vec::new();
        let ones = Tensor::<4>::ones([batch, 1, 1, 2], &Device::flex());
        let Ok(()) = graph.run(&mut pass, ones, |_, value| -> Result<(), std::convert::Infallible> {
            values = to_vec(&value.into_rows());
            Ok(())
        });
        values
    };
    assert!(at(5, 0.0).iter().all(|&value| value == 1.0));
    let half_way = at(5, 0.5);
    // All channels of an image together, kept ones divided by the chance to be kept.
    assert!(half_way.chunks(2).all(|image| image[0] == image[1] && (image[0] == 0.0 || image[0] == 1.25)));
    let share = half_way.iter().filter(|&&value| value == 0.0).count() as f64 / half_way.len() as f64;
    // Four standard deviations of a share of 0.2 among 20,000.
    assert!((share - 0.2).abs() < 0.0114, "{share}");
    let mean = half_way.iter().map(|&value| f64::from(value)).sum::<f64>() / half_way.len() as f64;
    assert!((mean - 1.0).abs() < 0.0142, "{mean}");
    assert_eq!(at(5, 0.5), half_way);
    assert_ne!(at(6, 0.5), half_way);
}

#[test]
fn every_operation_but_the_identity_is_dropped_by_a_draw_of_its_own() {
    let networks = networks(small([8, 8], 5), dropping(0.2));
    for arch in drawn(&networks, 10) {
        let graph = training_graph(&networks, &arch, [8, 8, 1]);
        let places: Vec<usize> = graph
            .nodes
            .iter()
            .filter_map(|node| match &node.op {
                Op::DropPath(drop) => Some(drop.place),
                _ => None,
            })
            .collect();
        let genotype = networks.space().genotype(&arch);
        let dropped = networks.space().skeleton().layout().into_iter().map(|place| {
            let is_identity = |from: usize, op| op == DartsOp::SkipConnect && place.kind.stride(from) == 1;
            genotype.edges(place.kind).filter(|(pair, _)| !is_identity(pair.from, pair.op)).count()
        });
        assert_eq!(places.len(), dropped.sum::<usize>(), "{}", networks.format(&arch));
        assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), places.len());
    }
}

#[test]
fn drop_path_acts_in_training_of_networks_alone() {
    let (dropping, plain) = (networks(small([8, 8], 4), dropping(0.5)), plain(small([8, 8], 4)));
    let arch = &drawn(&plain, 1)[0];
    let trained = |networks: &Arc<DartsNetworks>, is_alone: bool, progress: f64| {
        let mut net = match is_alone {
            true => Net::standalone(networks.clone(), arch, &Device::flex(), 3).unwrap(),
            false => Net::supernet(networks.clone(), Region::full(networks.clone()), &Device::flex(), 3),
        };
        let moment = Moment { seed: 2, step: 7, progress };
        to_vec(&net.train_at(images(4, [8, 8]), &Path::Shared(arch.clone()), moment).unwrap().logits)
    };
    assert_eq!(trained(&dropping, true, 0.0), trained(&plain, true, 0.0));
    assert_ne!(trained(&dropping, true, 1.0), trained(&plain, true, 1.0));
    assert_eq!(trained(&dropping, false, 1.0), trained(&plain, false, 1.0));
}

#[test]
fn the_auxiliary_head_reads_the_second_reduction() {
    let helped = networks(small([32, 32], 8), DartsSwitches { auxiliary: true, ..DartsSwitches::default() });
    let arch = helped.parse("few-shot").unwrap();
    let graph = training_graph(&helped, &arch, [32, 32, 1]);
    assert_eq!(graph.roots.len(), 2);
    // Four nodes make an output of a cell, two halves a factorised reduction.
    let is_output =
        |&value: &usize| matches!(graph.nodes[value].op, Op::Concat(_)) && graph.nodes[value].inputs.len() == 4;
    let outputs: Vec<usize> = (0..graph.nodes.len()).filter(is_output).collect();
    assert_eq!(outputs.len(), 8);
    let pool = graph.nodes.iter().position(|node| matches!(node.op, Op::AvgPool(pool) if pool.window.kernel == [5, 5]));
    let pool = &graph.nodes[pool.unwrap()];
    assert_eq!(graph.nodes[pool.inputs[0]].inputs[0], outputs[5]);
    assert_eq!((pool.size, graph.nodes[outputs[5]].size), ([2, 2, 64], [8, 8, 64]));
    // It learns, and so does what is below it.
    let mut net = Net::standalone(helped, &arch, &Device::flex(), 0).unwrap();
    let trained = net.train_at(images(4, [32, 32]), &Path::Shared(arch), Moment::default()).unwrap();
    let [logits] = &trained.auxiliary[..] else { panic!("one head") };
    assert_eq!((trained.logits.dims(), logits.dims()), ([4, 3], [4, 3]));
    let mut gradients = logits.clone().powi_scalar(2).sum().backward();
    for (param, leaf) in net.weights().params().iter().zip(trained.leaves) {
        let is_reached = leaf.and_then(|leaf| leaf.grad_remove(&mut gradients)).is_some();
        let is_above = ["head.", "cells.6.", "cells.7."].iter().any(|above| param.name.starts_with(above));
        assert_eq!(is_reached, !is_above, "{}", param.name);
    }
    // Maps below 8x8 have none.
    let tiny = networks(small([16, 16], 8), DartsSwitches { auxiliary: true, ..DartsSwitches::default() });
    let arch = tiny.parse("few-shot").unwrap();
    assert_eq!(outline(&tiny, &arch).weights().count(), tiny.cost(&arch).params);
}

#[test]
fn filters_that_are_standardised() {
    let switches = DartsSwitches { standardise: true, ..DartsSwitches::default() };
    let (standardised, plain) = (networks(small([8, 8], 5), switches), plain(small([8, 8], 5)));
    let arch = plain.parse("few-shot").unwrap();
    let mut seen = 0;
    for node in &training_graph(&standardised, &arch, [8, 8, 1]).nodes {
        let (view, is_pointwise) = match &node.op {
            Op::Conv(conv) => {
                let layer = conv.weight.layer().rsplit('.').next().unwrap_or_default();
                (&conv.weight, ["pointwise", "input0", "input1"].contains(&layer))
            }
            Op::Depthwise(conv) => (&conv.weight, false),
            _ => continue,
        };
        assert_eq!(view.transform == Transform::Standardise, is_pointwise, "{}", view.name);
        seen += usize::from(is_pointwise);
    }
    // Of ten inputs of cells two are reductions. A normal cell has six separable convolutions of two blocks and a dilated one, a
    // reduction cell one separable convolution.
    assert_eq!(seen, 8 + 3 * 13 + 2 * 2);
    let logits = |networks: &Arc<DartsNetworks>| {
        let mut net = Net::standalone(networks.clone(), &arch, &Device::flex(), 3).unwrap();
        to_vec(&net.train(images(4, [8, 8]), &Path::Shared(arch.clone())).unwrap().0)
    };
    assert_ne!(logits(&standardised), logits(&plain));
}
