//! Generators and discriminators of AutoGAN: sizes, sharing, gradients, levels.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use fewshot_data::Normalise;
use fewshot_kernels as kernels;
use fewshot_space::autogan::{AutoGanSkeleton, AutoGanSpace, Discriminator};
use fewshot_space::{Arch, OptionSet, Region, Space, random};
use rand::RngExt;

use fewshot_nets::{DiscriminatorNet, Net, NormMode, Path, tensor, to_vec};

/// The generator that AutoGAN found.
const AUTOGAN_A: &str = "1 0 1 1 | 1 0 0 1 1 | 1 0 1 0 3";

fn small(level: usize) -> Arc<AutoGanSpace> {
    let skeleton = AutoGanSkeleton { level, latent: 5, channels: 4, bottom: 2, channels_out: 3 };
    Arc::new(AutoGanSpace::new(skeleton).unwrap())
}

fn normal(count: usize, purpose: &str, seed: u64) -> Vec<f32> {
    let mut rng = random::stream(seed, purpose, 0, 0);
    (0..count).map(|_| rng.random_range(-1.5..1.5)).collect()
}

fn latent(batch: usize, count: usize) -> Tensor<2> {
    Tensor::from_data(TensorData::new(normal(batch * count, "latent", 0), [batch, count]), &Device::flex())
}

fn draws(space: &Arc<AutoGanSpace>, count: u64) -> Vec<Arch> {
    let whole = Region::full(space.clone());
    (0..count).map(|draw| whole.sample(&mut random::stream(1, "archs", draw, 0)).unwrap()).collect()
}

fn images(net: &mut Net, arch: &Arch, mode: NormMode) -> Vec<f32> {
    to_vec(&net.run(latent(3, 5), &Path::Shared(arch.clone()), mode, None).unwrap().into_map())
}

fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// A shared generator none of whose biases and norms is as trivial as at the start.
fn stirred(space: Arc<AutoGanSpace>, region: Region) -> Net {
    let mut net = Net::supernet(space, region, &Device::flex(), 5);
    for param in net.weights_mut().params_mut() {
        let moved = normal(param.shape.iter().product(), &param.name, 2);
        param.value = param.value.clone() + tensor(moved, &Device::flex()).mul_scalar(0.1);
    }
    net
}

#[test]
fn published_networks_have_their_size() {
    let search = Arc::new(AutoGanSpace::new(AutoGanSkeleton::search()).unwrap());
    let shared = Net::supernet(search.clone(), Region::full(search), &Device::flex(), 0);
    assert_eq!(shared.weights().count(), 3_716_995);
    let alone = Arc::new(AutoGanSpace::new(AutoGanSkeleton::cifar10()).unwrap());
    let found = Net::standalone(alone.clone(), &alone.parse(AUTOGAN_A).unwrap(), &Device::flex(), 0).unwrap();
    assert_eq!(found.weights().count(), 4_405_251);
    for (channels, params) in [(64, 264_768), (128, 1_053_824)] {
        let judge = DiscriminatorNet::new(3, channels, &Device::flex(), 0);
        assert_eq!(judge.weights().count(), params);
        for level in 0..3 {
            let side = 8 << level;
            let cost = Discriminator::new(level, 3, channels).cost(side);
            assert_eq!(judge.graph(level, [side, side, 3]).cost(), cost, "level {level}");
        }
    }
}

#[test]
fn a_generator_alone_costs_what_its_space_says() {
    for level in 0..3 {
        let space = small(level);
        for arch in draws(&space, 60) {
            let (text, cost) = (space.format(&arch), space.cost(&arch));
            let net = Net::standalone(space.clone(), &arch, &Device::flex(), 0).unwrap();
            assert_eq!(net.weights().count(), cost.params, "{text}");
            let nothing = Normalise { mean: vec![0.0; 3], std: vec![1.0; 3] };
            let graph = net.graph(&arch, [2 << level; 3], &nothing).unwrap();
            assert_eq!(graph.cost(), cost, "{text}");
            assert_eq!(graph.nodes[graph.output()].size, [4 << level, 4 << level, 3], "{text}");
        }
    }
}

/// The published network, written by hand, on the weights of the shared one: pre-activation blocks without norms; nearest,
/// bilinear, nearest; shortcuts in the first two cells; all skips, where a cell hands on what it has after its own skips were added.
#[test]
fn the_published_generator_is_what_the_shared_one_runs() {
    let space = small(2);
    let arch = space.parse(AUTOGAN_A).unwrap();
    let mut shared = stirred(space.clone(), Region::full(space));
    let by_net = images(&mut shared, &arch, NormMode::Running);
    let weights = shared.weights();
    let flat = |name: String| weights.params().iter().find(|param| param.name == name).unwrap().value.clone();
    let conv = |x: Tensor<4>, name: &str, kernel: usize, output: usize| {
        let input = x.dims()[3];
        let weight = flat(format!("{name}.weight")).reshape([kernel, kernel, input, output]);
        let geometry = kernels::Conv { stride: 1, padding: kernel / 2, dilation: 1, relu_input: false };
        kernels::portable::conv2d(x, weight, geometry) + flat(format!("{name}.bias")).reshape([1, 1, 1, output])
    };
    let relu = |x: Tensor<4>| x.clamp_min(0.0);
    let nearest = |x, factor| kernels::portable::upsample_nearest(x, factor);
    let bilinear = |x, factor| kernels::portable::upsample_bilinear(x, factor);
    let rows = latent(3, 5).matmul(flat("linear.weight".into()).reshape([5, 16]));
    let x = (rows + flat("linear.bias".into()).reshape([1, 16])).reshape([3, 2, 2, 4]);

    let first = conv(nearest(relu(x.clone()), 2), "cells.0.pre.0.conv", 3, 4);
    let out =
        conv(relu(first.clone()), "cells.0.pre.1.conv", 3, 4) + conv(nearest(x, 2), "cells.0.shortcut.conv", 1, 4);

    let second = conv(bilinear(relu(out.clone()), 2), "cells.1.pre.0.conv", 3, 4)
        + conv(bilinear(first.clone(), 2), "cells.1.skip.0.conv", 1, 4);
    let out =
        conv(relu(second.clone()), "cells.1.pre.1.conv", 3, 4) + conv(bilinear(out, 2), "cells.1.shortcut.conv", 1, 4);

    let third = conv(nearest(relu(out), 2), "cells.2.pre.0.conv", 3, 4)
        + conv(nearest(first, 4), "cells.2.skip.0.conv", 1, 4)
        + conv(nearest(second, 2), "cells.2.skip.1.conv", 1, 4);
    let out = conv(relu(third), "cells.2.pre.1.conv", 3, 4);

    // Running statistics are those of the start: mean 0, variance 1.
    let scale = flat("to_image.norm.scale".into()).reshape([1, 1, 1, 4]) / (1.0_f64 + 1e-5).sqrt();
    let normed = out * scale + flat("to_image.norm.shift".into()).reshape([1, 1, 1, 4]);
    let by_hand = to_vec(&conv(relu(normed), "to_image", 3, 3).tanh());
    assert!(worst(&by_net, &by_hand) < 1e-6, "{}", worst(&by_net, &by_hand));
    assert!(by_hand.iter().any(|value| value.abs() > 0.05));
}

#[test]
fn what_is_cut_out_of_a_shared_generator_is_what_it_runs() {
    let space = small(2);
    let mut shared = stirred(space.clone(), Region::full(space.clone()));
    for arch in draws(&space, 30) {
        let (mut alone, transfer) = shared.cut_out(&arch).unwrap();
        assert!(transfer.fresh.is_empty(), "{:?}", transfer.fresh);
        let (theirs, own) =
            (images(&mut shared, &arch, NormMode::Running), images(&mut alone, &arch, NormMode::Running));
        assert!(worst(&theirs, &own) < 1e-6, "{}", space.format(&arch));
    }
}

#[test]
fn each_choice_changes_the_images_and_blocks_of_both_kinds_share_nothing() {
    let space = small(2);
    let mut shared = stirred(space.clone(), Region::full(space.clone()));
    for base in draws(&space, 4) {
        for (decision, options) in space.decisions().iter().enumerate().map(|(place, d)| (place, d.options.len())) {
            let all: Vec<Vec<f32>> = (0..options)
                .map(|option| {
                    let mut arch = base.options().to_vec();
                    arch[decision] = option as u8;
                    images(&mut shared, &Arch::new(arch), NormMode::Batch)
                })
                .collect();
            for (place, one) in all.iter().enumerate() {
                assert!(all[..place].iter().all(|other| worst(one, other) > 1e-5), "{decision} of {base:?}");
            }
        }
    }
    let with = |kind: usize| {
        let arch = Arch::new(vec![kind as u8, 1, 2, 1]);
        let mut net = Net::supernet(small(0), Region::full(small(0)), &Device::flex(), 5);
        let (_, leaves) = net.run_tracked(latent(3, 5), &Path::Shared(arch)).unwrap();
        let used = net.weights().params().iter().zip(leaves).filter(|(_, leaf)| leaf.is_some());
        used.map(|(param, _)| param.name.clone()).collect::<Vec<_>>()
    };
    let blocks = |names: &[String]| names.iter().filter(|name| name.contains(".p")).cloned().collect::<Vec<_>>();
    let (post, pre) = (blocks(&with(0)), blocks(&with(1)));
    assert_eq!((post.len(), pre.len()), (10, 10));
    assert!(post.iter().all(|name| !pre.contains(name)));
}

/// Along a random direction of all weights, against finite differences.
#[test]
fn gradients_reach_all_weights_of_a_path() {
    let space = small(2);
    let texts = [
        "0 1 2 1 | 1 2 0 1 1 | 0 0 2 1 3",
        "1 2 2 1 | 0 1 1 1 1 | 1 1 0 0 2",
        "0 2 0 1 | 1 1 2 0 1 | 0 0 1 1 1",
        "1 0 1 0 | 0 0 2 1 1 | 1 2 2 1 3",
    ];
    for text in texts {
        let arch = space.parse(text).unwrap();
        let region = Region::single(space.clone(), &arch).unwrap();
        let mut net = stirred(space.clone(), region);
        let path = Path::Shared(arch);
        let wanted = normal(3 * 16 * 16 * 3, "wanted", 0);
        let (made, leaves) = net.run_tracked(latent(3, 5), &path).unwrap();
        let weighed = Tensor::<4>::from_data(TensorData::new(wanted.clone(), [3, 16, 16, 3]), &Device::flex());
        let mut gradients = (made.into_map() * weighed.autodiff()).sum().backward();
        let start = net.weights().values();
        let directions: Vec<Vec<f32>> = net
            .weights()
            .params()
            .iter()
            .map(|param| normal(param.shape.iter().product(), &format!("direction {}", param.name), 3))
            .collect();
        let mut slope = 0.0;
        for ((leaf, direction), param) in leaves.iter().zip(&directions).zip(net.weights().params()) {
            let leaf = leaf.as_ref().unwrap_or_else(|| panic!("{text}: {} is not used", param.name));
            let gradient =
                to_vec(&leaf.clone().grad_remove(&mut gradients).unwrap_or_else(|| panic!("{text}: {}", param.name)));
            slope += gradient.iter().zip(direction).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
        }
        let mut at = |step: f32| {
            let moved = start
                .iter()
                .zip(&directions)
                .map(|(value, direction)| value.clone() + tensor(direction.clone(), &Device::flex()).mul_scalar(step));
            net.weights_mut().set_values(moved.collect());
            let made = to_vec(&net.run(latent(3, 5), &path, NormMode::Batch, None).unwrap().into_map());
            made.iter().zip(&wanted).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>()
        };
        // Too small a step drowns in rounding, which instance norms of flat maps enlarge, too large a one meets kinks: one must fit.
        let found = [1e-3, 2e-4, 5e-5, 1e-5].map(|step| (at(step) - at(-step)) / (2.0 * f64::from(step)));
        let fits = |found: &f64| (found - slope).abs() < 0.01 * slope.abs().max(1.0);
        assert!(found.iter().any(fits), "{text}: {found:?} for {slope}");
    }
}

#[test]
fn a_generator_grows_with_its_weights() {
    let mut small_net = stirred(small(0), Region::full(small(0)));
    let (larger, transfer) = small_net.child_in(small(1), Region::full(small(1)), 9).unwrap();
    assert!(transfer.fresh.iter().all(|name| name.starts_with("cells.1.")), "{:?}", transfer.fresh);
    // Back at the lower level it is what it was.
    let (mut back, transfer) = larger.child_in(small(0), Region::full(small(0)), 3).unwrap();
    assert!(transfer.fresh.is_empty());
    let arch = Arch::new(vec![1, 1, 2, 1]);
    let (then, now) = (images(&mut small_net, &arch, NormMode::Running), images(&mut back, &arch, NormMode::Running));
    assert_eq!(then, now);
}

#[test]
fn parts_hold_what_their_architectures_run() {
    let space = small(2);
    let whole = Region::full(space.clone());
    let mut parent = stirred(space.clone(), whole.clone());
    for option in 0..3 {
        let part = whole.restrict(AutoGanSpace::norm_of(0), OptionSet::single(option)).unwrap();
        let (mut child, transfer) = parent.child(part.clone(), 4).unwrap();
        assert!(transfer.fresh.is_empty());
        let arch = part.sample(&mut random::stream(1, "member", option as u64, 0)).unwrap();
        assert_eq!(images(&mut parent, &arch, NormMode::Running), images(&mut child, &arch, NormMode::Running));
    }
}

#[test]
fn a_discriminator_guides_by_its_images_alone() {
    let mut judge = DiscriminatorNet::new(3, 4, &Device::flex(), 1);
    for level in 0..3 {
        let side = 8 << level;
        let values = normal(2 * side * side * 3, "judged", level as u64);
        let batch = Tensor::<4>::from_data(TensorData::new(values, [2, side, side, 3]), &Device::flex());
        let (judged, leaves) = judge.train(batch.clone(), level);
        let mut gradients = judged.sum().backward();
        let used =
            leaves.into_iter().flatten().filter(|leaf| leaf.clone().grad_remove(&mut gradients).is_some()).count();
        // Two convolutions in each block, a shortcut in the first two, each with a bias, and the linear layer.
        assert_eq!(used, [11, 17, 21][level]);
        let tracked = batch.clone().autodiff().require_grad();
        let guided = judge.guide(tracked.clone(), level).sum().backward();
        assert!(to_vec(&tracked.grad(&guided).unwrap()).iter().any(|value| *value != 0.0));
        assert_eq!(to_vec(&judge.judge(batch.clone(), level)), to_vec(&judge.judge(batch, level)));
    }
}

/// After as many passes in training as an estimate takes to come within a hundredth.
#[test]
fn spectral_norms_come_near_the_largest_singular_values() {
    let mut judge = DiscriminatorNet::new(3, 6, &Device::flex(), 1);
    let values = normal(2 * 16 * 16 * 3, "judged", 0);
    let batch = Tensor::<4>::from_data(TensorData::new(values, [2, 16, 16, 3]), &Device::flex());
    let vectors = |judge: &DiscriminatorNet| -> Vec<Vec<f32>> {
        judge.weights().buffers().iter().map(|buffer| to_vec(&buffer.value)).collect()
    };
    let start = vectors(&judge);
    judge.judge(batch.clone(), 2);
    assert_eq!(vectors(&judge), start, "no iteration outside of training");
    judge.guide(batch.clone(), 2);
    assert_ne!(vectors(&judge), start, "one while the generator learns");
    for _ in 0..50 {
        judge.train(batch.clone(), 2);
    }
    let weights = judge.weights();
    assert_eq!(weights.buffers().len(), 11);
    for buffer in weights.buffers() {
        let layer = buffer.name.strip_suffix(".u").unwrap();
        let weight = weights.params().iter().find(|param| param.name == format!("{layer}.weight")).unwrap();
        let outputs = *weight.shape.last().unwrap();
        let matrix: Vec<f64> = to_vec(&weight.value).into_iter().map(f64::from).collect();
        let forward = |u: &[f64]| -> Vec<f64> {
            matrix.chunks(outputs).map(|row| row.iter().zip(u).map(|(a, b)| a * b).sum()).collect()
        };
        let length = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>().sqrt();
        let mut exact = vec![1.0; outputs];
        for _ in 0..3000 {
            let v = forward(&exact);
            let mut u = vec![0.0; outputs];
            for (row, v) in matrix.chunks(outputs).zip(&v) {
                row.iter().zip(&mut u).for_each(|(a, u)| *u += a * v);
            }
            let size = length(&u);
            exact = u.into_iter().map(|value| value / size).collect();
        }
        let kept: Vec<f64> = to_vec(&buffer.value).into_iter().map(f64::from).collect();
        let (found, wanted) = (length(&forward(&kept)), length(&forward(&exact)));
        assert!(
            (length(&kept) - 1.0).abs() < 1e-5 && (found / wanted - 1.0).abs() < 0.01,
            "{layer}: {found}, {wanted}"
        );
    }
}
