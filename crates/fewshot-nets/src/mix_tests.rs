//! Mixed forward passes against paths, and their gradients against finite differences.

use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};
use fewshot_space::{Arch, CellSkeleton, CellSpace, OptionSet, Region, random};
use rand::RngExt;

use super::testing::{CLASSES, patterns, precise_loss, without_kinks};
use super::*;

fn tiny(name: &str) -> Arc<CellSpace> {
    let default = CellSkeleton::default_for(name).unwrap();
    let skeleton = CellSkeleton {
        image_height: 8,
        image_width: 8,
        channels_in: 1,
        classes: CLASSES,
        width: 4,
        cells: 1,
        ..default
    };
    Arc::new(CellSpace::by_name(name, skeleton).unwrap())
}

fn images(batch: usize) -> Tensor<4> {
    let mut rng = random::stream(5, "mixed images", 0, 0);
    let data: Vec<f32> = (0..batch * 64).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(data, [batch, 8, 8, 1]), &Device::flex())
}

fn one(value: f32) -> Tensor<1> {
    tensor(vec![value], &Device::flex())
}

#[test]
fn a_mix_of_one_operation_per_edge_is_the_path() {
    for name in ["nasbench201", "cell1296"] {
        let space = tiny(name);
        let whole = Region::full(space.clone());
        // The split edge of a sub-supernet is run unweighted; the others with weight 1.
        for region in [whole.clone(), whole.restrict(0, OptionSet::single(3)).unwrap()] {
            let mut net = Net::supernet(space.clone(), region.clone(), &Device::flex(), 7);
            for draw in 0..30 {
                let arch = region.sample(&mut random::stream(1, "mixed archs", draw, 0)).unwrap();
                let path = net.score(images(6), &Path::Shared(arch.clone()), NormMode::Batch, None).unwrap();
                let mix = Mix::one_hot(&region, &arch, &one(1.0));
                let mixed = net.score_mixed(images(6), &mix, NormMode::Batch).unwrap();
                for (a, b) in to_vec(&path).into_iter().zip(to_vec(&mixed)) {
                    assert!((a - b).abs() < 1e-5, "{name} {arch:?}: {a} {b}");
                }
            }
        }
    }
}

/// Logits of a mix whose scales, shifts and edge weights are `numbers`, in order.
fn logits(net: &mut Net, numbers: &[Tensor<1>], edge_weights: bool) -> Tensor<2> {
    let mut numbers = numbers.iter().cloned();
    let mut next = || numbers.next().unwrap();
    let region = net.region().clone();
    let mut blend = |edge: usize| {
        let terms = (region.allowed(edge).iter()).map(|option| {
            // Every other operation has a shift too.
            let shift = (option % 2 == 1).then(&mut next);
            Term { option, scale: next(), shift }
        });
        let terms: Vec<Term> = terms.collect();
        match terms.len() {
            1 => Blend::Only(terms[0].option),
            _ => Blend::Sum { terms, whole: edge_weights.then(&mut next) },
        }
    };
    let mix = Mix { blends: (0..region.space().decisions().len()).map(&mut blend).collect() };
    net.train_mixed(patterns(1).0, &mix, false).unwrap().0
}

#[test]
fn gradients_by_weights_and_shifts_are_those_of_finite_differences() {
    let labels = patterns(1).1;
    for (name, partial, edge_weights) in
        [("nasbench201", 1, false), ("nasbench201", 4, false), ("nasbench201", 2, true), ("cell1296", 1, true)]
    {
        let space = tiny(name);
        // An edge is settled on `none`, so that a node is zero and all that reads it gives shifts alone.
        let region = Region::full(space.clone()).restrict(0, OptionSet::single(0)).unwrap();
        let mut net = Net::partial_supernet(space, region, partial, &Device::flex(), 7).unwrap();
        without_kinks(&mut net);
        let mut rng = random::stream(3, "mixed weights", 0, 0);
        let values: Vec<f32> = (0..60).map(|_| rng.random_range(0.1..0.6)).collect();
        let leaves: Vec<Tensor<1>> = values.iter().map(|&value| one(value).autodiff().require_grad()).collect();
        let tracked = logits(&mut net, &leaves, edge_weights);
        let targets: Vec<i32> = labels.iter().map(|&label| label as i32).collect();
        let targets = Tensor::<1, Int>::from_data(TensorData::new(targets, [labels.len()]), &Device::flex());
        let mut gradients = fewshot_kernels::cross_entropy(tracked, targets, 0.0).backward();
        let (mut exact, mut numeric) = (Vec::new(), Vec::new());
        for (index, leaf) in leaves.iter().enumerate() {
            let Some(gradient) = leaf.grad_remove(&mut gradients) else { continue };
            let mut at = |delta: f32| {
                let mut moved = values.clone();
                moved[index] += delta;
                let moved: Vec<Tensor<1>> = moved.into_iter().map(one).collect();
                precise_loss(&logits(&mut net, &moved, edge_weights), &labels)
            };
            numeric.push((at(0.01) - at(-0.01)) / 0.02);
            exact.push(f64::from(to_vec(&gradient)[0]));
        }
        let largest = numeric.iter().map(|value| value.abs()).fold(0.0, f64::max);
        assert!(exact.len() >= 15 && largest > 1e-2, "{name}: {numeric:?}");
        for (place, (exact, numeric)) in exact.iter().zip(&numeric).enumerate() {
            assert!((exact - numeric).abs() < 0.03 * largest, "{name}, 1/{partial}, {place}: {exact} {numeric}");
        }
    }
}

#[test]
fn channels_are_interleaved() {
    let values: Vec<f32> = (0..8).map(|channel| channel as f32).collect();
    let x = Tensor::<4>::from_data(TensorData::new(values, [1, 1, 1, 8]), &Device::flex());
    let mut graph = GraphBuilder::new([1, 1, 8]);
    // Four groups of two: first the firsts of each, then the seconds.
    let shuffled = graph.shuffle(0, 4);
    graph.root(shuffled);
    let mut found = Vec::new();
    let mut weights = Weights::new(Device::flex(), 0);
    let mut pass = Pass::score(&mut weights, NormMode::Batch, None);
    let taken: Result<(), ()> = graph.finish().run(&mut pass, x, |_, value| {
        found = to_vec(&value.into_map());
        Ok(())
    });
    assert_eq!((taken, found), (Ok(()), vec![0.0, 2.0, 4.0, 6.0, 1.0, 3.0, 5.0, 7.0]));
}

#[test]
fn partial_channels_pass_what_is_not_convolved() {
    let space = tiny("nasbench201");
    let whole = Region::full(space.clone());
    let split = whole.restrict(0, OptionSet::single(3)).unwrap();
    let net = |region: &Region| Net::partial_supernet(space.clone(), region.clone(), 4, &Device::flex(), 0).unwrap();
    let shape = |net: &Net, name: &str| {
        net.weights().params().iter().find(|param| param.name == name).map(|param| param.shape.clone()).unwrap()
    };
    assert_eq!(shape(&net(&whole), "cells.2.e0.nor_conv_3x3.weight"), [3, 3, 4, 4]);
    // The split edge works on all channels.
    assert_eq!(shape(&net(&split), "cells.2.e0.nor_conv_3x3.weight"), [3, 3, 16, 16]);
    assert_eq!(shape(&net(&split), "cells.2.e1.nor_conv_3x3.weight"), [3, 3, 4, 4]);
    // An edge from a node that nothing reaches takes nothing away from what others add.
    let empty = whole.restrict(0, OptionSet::single(0)).unwrap();
    let logits = |options: [u8; 6]| {
        let mix = Mix::one_hot(&empty, &Arch::new(options.to_vec()), &one(1.0));
        to_vec(&net(&empty).score_mixed(images(4), &mix, NormMode::Batch).unwrap())
    };
    assert_ne!(logits([0, 3, 1, 0, 0, 3]), logits([0, 2, 1, 0, 0, 3]));
    // With `none` everywhere the passed channels still reach the output.
    let dead = Mix::one_hot(&whole, &Arch::new(vec![0; 6]), &one(1.0));
    let logits = to_vec(&net(&whole).score_mixed(images(4), &dead, NormMode::Batch).unwrap());
    assert!(logits.chunks(CLASSES).any(|row| row != &logits[..CLASSES]));
}

#[test]
fn what_cannot_be_mixed_is_refused() {
    let space = tiny("nasbench201");
    let whole = Region::full(space.clone());
    let error = Net::partial_supernet(space.clone(), whole.clone(), 3, &Device::flex(), 0).unwrap_err();
    assert!(error.to_string().contains("multiple of 3"), "{error}");
    let mut net = Net::partial_supernet(space.clone(), whole.clone(), 4, &Device::flex(), 0).unwrap();
    let path = Path::Shared(Arch::new(vec![1; 6]));
    assert!(matches!(net.score(images(2), &path, NormMode::Batch, None), Err(NetError::PartialPath)));
    let short = Mix { blends: vec![Blend::Only(1); 5] };
    let error = net.score_mixed(images(2), &short, NormMode::Batch).unwrap_err();
    assert!(matches!(error, NetError::MixLength { found: 5, expected: 6 }), "{error}");
    let mut split = Net::supernet(space, whole.restrict(0, OptionSet::single(3)).unwrap(), &Device::flex(), 0);
    let outside = Mix { blends: vec![Blend::Only(1); 6] };
    let error = split.score_mixed(images(2), &outside, NormMode::Batch).unwrap_err();
    assert!(matches!(error, NetError::OutsideRegion { .. }), "{error}");
}
