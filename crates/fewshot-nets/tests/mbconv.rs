//! Networks of inverted bottlenecks: costs, nested weights, what is cut out of a supernet, gradients, order of channels.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use fewshot_data::Normalise;
use fewshot_run::TensorF32;
use fewshot_space::{
    Arch, OfaMbv3Skeleton, OfaMbv3Space, OptionSet, ProxylessSkeleton, ProxylessSpace, Region, Space, random,
};
use rand::RngExt;

use fewshot_nets::testing::precise_loss;
use fewshot_nets::{Blend, Blueprint, Mix, Net, NetError, NormMode, Path, Term, tensor, to_vec};

const SIDE: usize = 16;

fn ofa() -> Arc<OfaMbv3Space> {
    let skeleton =
        OfaMbv3Skeleton { width: 0.25, channels_in: 1, classes: 3, resolutions: vec![SIDE], ..OfaMbv3Skeleton::tiny() };
    Arc::new(OfaMbv3Space::new(skeleton).unwrap())
}

fn proxyless() -> Arc<ProxylessSpace> {
    let skeleton = ProxylessSkeleton {
        width: 0.25,
        channels_in: 1,
        classes: 3,
        image_height: SIDE,
        image_width: SIDE,
        ..ProxylessSkeleton::tiny()
    };
    Arc::new(ProxylessSpace::new(skeleton).unwrap())
}

fn both() -> [Arc<dyn Blueprint>; 2] {
    [ofa(), proxyless()]
}

fn images(batch: usize) -> Tensor<4> {
    let mut rng = random::stream(3, "test images", 0, 0);
    let data: Vec<f32> = (0..batch * SIDE * SIDE).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(data, [batch, SIDE, SIDE, 1]), &Device::flex())
}

fn draws(region: &Region, count: u64) -> Vec<Arch> {
    (0..count).map(|draw| region.sample(&mut random::stream(1, "archs", draw, 0)).unwrap()).collect()
}

/// A supernet none of whose kernel transforms and biases is as trivial as at the start.
fn trained(space: Arc<dyn Blueprint>, region: Region) -> Net {
    let mut net = Net::supernet(space, region, &Device::flex(), 5);
    let mut values = net.weights().to_values().unwrap();
    for (name, value) in values.iter_mut().filter(|(name, _)| name.contains(".to") || name.ends_with(".bias")) {
        let mut rng = random::stream(2, name, 0, 0);
        let moved = value.data().iter().map(|value| value + rng.random_range(-0.3..0.3)).collect();
        *value = TensorF32::new(value.shape().to_vec(), moved).unwrap();
    }
    net.weights_mut().load_values(&values).unwrap();
    net
}

fn logits(net: &mut Net, arch: &Arch) -> Vec<f32> {
    to_vec(&net.score(images(8), &Path::Shared(arch.clone()), NormMode::Batch, None).unwrap())
}

fn assert_close(a: &[f32], b: &[f32], text: &str) {
    assert!(a.iter().any(|value| value.abs() > 1e-3), "{text}: {a:?}");
    let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-5, "{text}: {worst}");
}

#[test]
fn a_network_alone_costs_what_its_space_says() {
    for space in both() {
        let whole = Region::full(space.clone());
        for arch in draws(&whole, 30) {
            let (text, cost) = (space.format(&arch), space.cost(&arch));
            let net = Net::standalone(space.clone(), &arch, &Device::flex(), 0).unwrap();
            assert_eq!(net.weights().count(), cost.params, "{text}");
            let plain = Normalise { mean: vec![0.0], std: vec![1.0] };
            assert_eq!(net.graph(&space.canonical(&arch), [SIDE, SIDE, 1], &plain).unwrap().cost(), cost, "{text}");
        }
    }
}

/// The check values of the published networks, for 1000 classes.
#[test]
fn published_networks_have_their_published_costs() {
    let cost = |space: Arc<dyn Blueprint>, arch: &str, side: usize| {
        let arch = space.parse(arch).unwrap();
        let region = Region::single(space.clone(), &arch).unwrap();
        let net = Net::catalogue(space, region, &Device::flex());
        let plain = Normalise { mean: vec![0.0; 3], std: vec![1.0; 3] };
        let cost = net.graph(&arch, [side, side, 3], &plain).unwrap().cost();
        assert_eq!(net.weights().count(), cost.params);
        (cost.macs, cost.params)
    };
    let ofa = |width: f64, [kernel, expansion, depth]: [usize; 3], side: usize| {
        let skeleton = OfaMbv3Skeleton { width, resolutions: vec![side], ..OfaMbv3Skeleton::imagenet() };
        let list = |value: usize, count: usize| vec![value.to_string(); count].join(",");
        let arch = format!("d={};k={};e={}", list(depth, 5), list(kernel, 20), list(expansion, 20));
        cost(Arc::new(OfaMbv3Space::new(skeleton).unwrap()), &arch, side)
    };
    assert_eq!(ofa(1.0, [7, 6, 4], 224), (566_170_656, 7_664_760));
    assert_eq!(ofa(1.0, [5, 4, 3], 128), (84_099_584, 4_551_792));
    let thousands = |(macs, params): (u64, u64)| ((macs + 500) / 1000, (params + 500) / 1000);
    assert_eq!(thousands(ofa(1.2, [3, 3, 2], 160)), (100_321, 4_602));

    let proxyless = |op: &str| {
        let stage = [op; 4].join(",");
        let arch = format!("{};{op}", [stage.as_str(); 5].join(";"));
        cost(Arc::new(ProxylessSpace::new(ProxylessSkeleton::imagenet()).unwrap()), &arch, 224)
    };
    assert_eq!(thousands(proxyless("k7e6")), (606_591, 5_103));
    assert_eq!(thousands(proxyless("k3e3")), (257_422, 3_192));
}

#[test]
fn a_path_is_the_network_that_is_cut_out_for_it() {
    for space in both() {
        let whole = Region::full(space.clone());
        let mut supernet = trained(space.clone(), whole.clone());
        for arch in draws(&whole, 12) {
            let (mut alone, transfer) = supernet.cut_out(&arch).unwrap();
            assert_eq!(alone.weights().count(), space.cost(&arch).params);
            let is_of_norm = |name: &&String| name.contains("norm");
            assert_eq!(transfer.fresh.iter().filter(is_of_norm).count(), transfer.fresh.len(), "{:?}", transfer.fresh);
            assert_close(&logits(&mut supernet, &arch), &logits(&mut alone, &arch), &space.format(&arch));
        }
    }
}

#[test]
fn a_child_starts_as_its_part_of_the_parent() {
    let space = ofa();
    let whole = Region::full(space.clone());
    let mut parent = trained(space.clone(), whole.clone());
    // Smaller kernels and widths in a stage, a shallower one; in another, kernels of which the middle one is missing.
    let mut region = whole.restrict(space.depth_of(0), OptionSet::from_iter([0, 1])).unwrap();
    for (slot, options) in [(0, [0, 1]), (1, [0, 1]), (3, [0, 2])] {
        region = region.restrict(space.kernel_of(slot), OptionSet::from_iter(options)).unwrap();
        region = region.restrict(space.expansion_of(slot), OptionSet::from_iter(options)).unwrap();
    }
    let (mut child, transfer) = parent.child(region.clone(), 9).unwrap();
    assert!(transfer.fresh.is_empty(), "{:?}", transfer.fresh);
    assert!(child.weights().count() < parent.weights().count());
    for arch in draws(&region, 12) {
        let arch = space.canonical(&arch);
        assert_close(&logits(&mut parent, &arch), &logits(&mut child, &arch), &space.format(&arch));
    }
}

#[test]
fn fresh_transforms_of_kernels_cut_to_the_centre() {
    let space = ofa();
    let whole = Region::full(space.clone());
    let supernet = Net::supernet(space.clone(), whole.clone(), &Device::flex(), 5);
    let arch = space.parse("d=1,1,1;k=3,3,3;e=6,6,6").unwrap();
    let (alone, _) = supernet.cut_out(&arch).unwrap();
    let name = "stages.0.0.depthwise.weight";
    let [large, small] = [&supernet, &alone].map(|net| net.weights().to_values().unwrap()[name].clone());
    let (&[7, 7, channels], &[3, 3, same]) = (large.shape(), small.shape()) else { panic!("{:?}", small.shape()) };
    assert_eq!(channels, same);
    for (row, column) in (0..9).map(|tap| (tap / 3, tap % 3)) {
        let at = |side: usize, row: usize, column: usize| (row * side + column) * channels;
        let (from, to) = (at(7, row + 2, column + 2), at(3, row, column));
        assert_eq!(small.data()[to..to + channels], large.data()[from..from + channels]);
    }
}

#[test]
fn blocks_past_the_depth_change_nothing() {
    let space = ofa();
    let mut net = trained(space.clone(), Region::full(space.clone()));
    let base = space.parse("d=1,2,3;k=3,5,7,3,5,7,3,5,7;e=3,4,6,3,4,6,3,4,6").unwrap();
    let wanted = logits(&mut net, &base);
    for slot in [1, 2, 5] {
        for option in 0..3 {
            let mut options = base.options().to_vec();
            options[space.kernel_of(slot)] = option;
            options[space.expansion_of(slot)] = 2 - option;
            let arch = Arch::new(options);
            assert_eq!(logits(&mut net, &arch), wanted);
            assert_eq!(net.computation(&arch).unwrap(), net.computation(&base).unwrap());
        }
    }
}

#[test]
fn sorted_channels_keep_every_function_of_the_trained_region() {
    let space = ofa();
    // The phases of progressive shrinking: the widest alone, and two widths.
    for widths in [[2].as_slice(), &[1, 2]] {
        let mut region = Region::full(space.clone());
        for slot in 0..space.slots().len() {
            region = region.restrict(space.expansion_of(slot), widths.iter().copied().collect()).unwrap();
        }
        // The network has narrower blocks too, which no phase has trained yet.
        let mut net = trained(space.clone(), Region::full(space.clone()));
        let archs = draws(&region, 12);
        let before: Vec<Vec<f32>> = archs.iter().map(|arch| logits(&mut net, arch)).collect();
        let unsorted = net.weights().to_values().unwrap();
        net.sort_channels(&region);
        let sorted = net.weights().to_values().unwrap();
        assert_ne!(unsorted, sorted);
        for (arch, before) in archs.iter().zip(&before) {
            assert_close(before, &logits(&mut net, arch), &space.format(arch));
        }
        // Within each width what goes out of a channel is less and less.
        let [mid, narrower] = [6, 4].map(|expansion| space.block(4, 7, expansion, SIDE).mid);
        let project = &sorted["stages.1.1.project.weight"];
        let rows: Vec<f32> =
            project.data().chunks(project.data().len() / mid).map(|row| row.iter().map(|w| w.abs()).sum()).collect();
        let parts = if widths.len() == 1 { vec![&rows[..]] } else { vec![&rows[..narrower], &rows[narrower..]] };
        assert!(parts.iter().all(|part| part.is_sorted_by(|a, b| a >= b)), "{rows:?}");
    }
}

#[test]
fn a_child_with_a_kernel_that_its_parent_lacks_starts_from_the_centre() {
    let space = ofa();
    let full = Region::full(space.clone());
    let kernels = |options: &[usize]| {
        let allowed: OptionSet = options.iter().copied().collect();
        (0..space.slots().len())
            .fold(full.clone(), |region, slot| region.restrict(space.kernel_of(slot), allowed).unwrap())
    };
    let centre = |data: &[f32], from: usize, to: usize| -> Vec<f32> {
        let (channels, first) = (data.len() / (from * from), (from - to) / 2);
        let tap = |row: usize, column: usize| &data[((first + row) * from + first + column) * channels..][..channels];
        (0..to * to).flat_map(|place| tap(place / to, place % to).to_vec()).collect()
    };
    let name = "stages.0.0.depthwise.weight";
    // Without any matrix, and behind the one that there is.
    for (held, wanted) in [(&[2][..], &[0][..]), (&[1, 2], &[0]), (&[2], &[1]), (&[1], &[0])] {
        let parent = trained(space.clone(), kernels(held));
        let (child, _) = parent.child(kernels(wanted), 0).unwrap();
        let child = child.weights().to_values().unwrap();
        let (from, to) = (3 + 2 * held[held.len() - 1], 3 + 2 * wanted[0]);
        let whole = parent.weights().to_values().unwrap()[name].data().to_vec();
        assert_eq!(child[name].shape()[..2], [to, to]);
        if held.len() == 1 {
            assert_eq!(child[name].data(), centre(&whole, from, to), "{held:?} {wanted:?}");
        } else {
            let mut wider = parent.clone();
            let five = wider.child(kernels(&[1]), 0).unwrap().0.weights().to_values().unwrap();
            assert_eq!(child[name].data(), centre(five[name].data(), 5, 3));
            assert_ne!(child[name].data(), centre(&whole, 7, 3), "the matrix of 5 counts");
            let arch = kernels(&[1]).sample(&mut random::stream(0, "arch", 0, 0)).unwrap();
            logits(&mut wider, &arch);
        }
    }
}

#[test]
fn a_network_of_another_resolution_resizes_the_images() {
    let skeleton = OfaMbv3Skeleton {
        width: 0.25,
        channels_in: 1,
        classes: 3,
        resolutions: vec![12, SIDE],
        ..OfaMbv3Skeleton::tiny()
    };
    let space = Arc::new(OfaMbv3Space::new(skeleton).unwrap());
    let full = Region::full(space.clone());
    let mut net = trained(space.clone(), full.clone());
    let arch = |side: usize| space.canonical(&space.parse(&format!("d=1,2,1;k=3,5,3,7;e=3,4,3,6;r={side}")).unwrap());
    assert_ne!(net.computation(&arch(12)).unwrap(), net.computation(&arch(SIDE)).unwrap());
    // Its cost is that of the network on images of its own size, and logits differ with what it sees.
    let plain = Normalise { mean: vec![0.0], std: vec![1.0] };
    for side in [12, SIDE] {
        let alone = Net::standalone(space.clone(), &arch(side), &Device::flex(), 0).unwrap();
        assert_eq!(alone.graph(&arch(side), [SIDE, SIDE, 1], &plain).unwrap().cost(), space.cost(&arch(side)));
        assert_eq!(alone.graph(&arch(side), [12, 12, 1], &plain).unwrap().cost(), space.cost(&arch(side)));
    }
    assert_ne!(logits(&mut net, &arch(12)), logits(&mut net, &arch(SIDE)));
    let (_, leaves) = net.train(images(8), &Path::Shared(arch(12))).unwrap();
    assert!(leaves.iter().flatten().count() > 10);
    // A step draws it once.
    let [small, large] = [12, SIDE].map(|side| Path::Shared(arch(side)));
    assert_eq!(net.in_step_with(&small, &large), large);
    let other = Path::Shared(full.sample(&mut random::stream(4, "arch", 0, 0)).unwrap());
    let joined = net.in_step_with(&other, &small);
    assert_eq!(space.resolution(joined.cell(0)), 12);
    net.check(&joined).unwrap();
}

#[test]
fn sharing_changes_no_bit() {
    for space in both() {
        let whole = Region::full(space.clone());
        let mut net = trained(space, whole.clone());
        let archs = draws(&whole, 20);
        let paths: Vec<Path> = archs.iter().cloned().map(Path::Shared).collect();
        let graph = net.shared([SIDE, SIDE, 1], &paths).unwrap();
        let mut shared = vec![Vec::new(); paths.len()];
        net.score_shared(&graph, images(8), NormMode::Batch, None, |place, logits| {
            shared[place] = to_vec(&logits);
            Ok::<_, NetError>(())
        })
        .unwrap();
        for (arch, shared) in archs.iter().zip(shared) {
            assert_eq!(logits(&mut net, arch), shared);
        }
    }
}

/// Small enough that few nonlinearities change sides, large enough for f32.
const STEP: f32 = 1e-3;

#[test]
fn gradients_agree_with_finite_differences() {
    let labels = [0, 1, 2, 0, 1, 2, 0, 1];
    // Kernel 3 goes through both transforms; the second stage has squeeze-and-excitation; prefixes everywhere.
    let cases: [(Arc<dyn Blueprint>, &str, usize); 2] =
        [(ofa(), "d=1,2,1;k=3,5,3,7;e=3,4,3,6", 30), (proxyless(), "k3e3,k5e6;k5e3,skip;k3e6,k3e3", 15)];
    for (space, text, least) in cases {
        let arch = space.canonical(&space.parse(text).unwrap());
        let path = Path::Shared(arch);
        let mut net = trained(space.clone(), Region::full(space.clone()));
        let (value, leaves) = net.train(images(8), &path).unwrap();
        let targets: Vec<i32> = labels.iter().map(|&label| label as i32).collect();
        let targets = Tensor::<1, burn::tensor::Int>::from_data(targets.as_slice(), &Device::flex());
        let mut gradients = fewshot_kernels::cross_entropy(value, targets, 0.0).backward();
        let grads: Vec<Option<Vec<f32>>> =
            leaves.into_iter().map(|leaf| Some(to_vec(&leaf?.grad_remove(&mut gradients)?))).collect();
        let base = net.weights().to_values().unwrap();
        let (mut checked, mut errors) = (0, 0.0);
        for (param, grad) in net.weights().params().to_vec().iter().zip(grads) {
            let Some(grad) = grad else { continue };
            let at = (0..grad.len()).max_by(|&a, &b| grad[a].abs().total_cmp(&grad[b].abs())).unwrap();
            let mut loss_at = |sign: f32| {
                let mut values = base.clone();
                let mut data = values[&param.name].data().to_vec();
                data[at] += sign * STEP;
                values.insert(param.name.clone(), TensorF32::new(param.shape.clone(), data).unwrap());
                net.weights_mut().load_values(&values).unwrap();
                precise_loss(&net.score(images(8), &path, NormMode::Batch, None).unwrap(), &labels)
            };
            let numeric = ((loss_at(1.0) - loss_at(-1.0)) / (2.0 * f64::from(STEP))) as f32;
            let error = (numeric - grad[at]).abs() / (grad[at].abs() + 0.01);
            assert!(error < 0.15, "{}: {numeric} {}", param.name, grad[at]);
            errors += error;
            checked += 1;
        }
        assert!(checked >= least, "{text}: {checked}");
        assert!(errors / (checked as f32) < 0.02, "{text}: {}", errors / checked as f32);
    }
}

#[test]
fn candidates_of_a_layer_can_be_mixed_where_each_has_layers_of_its_own() {
    let space = proxyless();
    let whole = Region::full(space.clone());
    let number = |value: f32| tensor(vec![value], &Device::flex());
    for region in [whole.clone(), whole.restrict(2, OptionSet::single(1)).unwrap()] {
        let mut net = Net::supernet(space.clone(), region.clone(), &Device::flex(), 5);
        for arch in draws(&region, 20) {
            let mixed =
                net.score_mixed(images(8), &Mix::one_hot(&region, &arch, &number(1.0)), NormMode::Batch).unwrap();
            assert_close(&logits(&mut net, &arch), &to_vec(&mixed), &space.format(&arch));
        }
    }
    // The last layer of a stage has all candidates: half of one and nothing of the skip is half of what the block adds.
    let mut net = Net::supernet(space.clone(), whole, &Device::flex(), 5);
    let mut with = |last: Blend| {
        let mut blends: Vec<Blend> = (0..6).map(|_| Blend::Only(0)).collect();
        blends[5] = last;
        to_vec(&net.score_mixed(images(8), &Mix { blends }, NormMode::Batch).unwrap())
    };
    let term = |option: usize, scale: f32| Term { option, scale: number(scale), shift: None };
    let skip = space.decisions()[5].options.len() - 1;
    let sum = |terms: Vec<Term>| Blend::Sum { terms, whole: None };
    assert_eq!(with(sum(vec![term(skip, 0.3)])), with(Blend::Only(skip)));
    assert_close(&with(sum(vec![term(0, 1.0), term(skip, 0.3)])), &with(Blend::Only(0)), "one and the skip");
    let whole = Blend::Sum { terms: vec![term(0, 1.0)], whole: Some(number(0.5)) };
    assert_close(&with(whole), &with(sum(vec![term(0, 0.25), term(0, 0.25)])), "half of a block");
    let mut ofa = Net::supernet(ofa(), Region::full(ofa()), &Device::flex(), 5);
    let only = Mix { blends: vec![Blend::Only(0); ofa.region().space().decisions().len()] };
    assert!(matches!(ofa.score_mixed(images(2), &only, NormMode::Batch), Err(NetError::NotMixed(_))));
}

/// What a path does not use has no gradient, or one of zeros.
#[test]
fn gradients_reach_the_channels_and_kernels_in_use_alone() {
    let space = ofa();
    let mut net = trained(space.clone(), Region::full(space.clone()));
    let arch = space.canonical(&space.parse("d=1,1,1;k=5,3,7;e=3,3,3").unwrap());
    let (logits, leaves) = net.train(images(8), &Path::Shared(arch)).unwrap();
    let mut gradients = logits.powi_scalar(2).sum().backward();
    let leaves: std::collections::BTreeMap<String, Vec<f32>> = net
        .weights()
        .params()
        .iter()
        .zip(leaves)
        .filter_map(|(param, leaf)| Some((param.name.clone(), to_vec(&leaf?.grad_remove(&mut gradients)?))))
        .collect();
    assert!(!leaves.keys().any(|name| name.starts_with("stages.0.1.")), "{:?}", leaves.keys());
    assert!(leaves.contains_key("stages.0.0.depthwise.to5") && !leaves.contains_key("stages.0.0.depthwise.to3"));
    assert!(leaves.contains_key("stages.1.0.depthwise.to3") && !leaves.contains_key("stages.2.0.depthwise.to5"));
    let (block, held) = (space.block(0, 5, 3, SIDE), space.block(0, 7, 6, SIDE).mid);
    for (place, value) in leaves["stages.0.0.depthwise.weight"].iter().enumerate() {
        let (tap, channel) = (place / held, place % held);
        let is_centre = [tap / 7, tap % 7].iter().all(|side| (1..6).contains(side));
        assert!(*value == 0.0 || (is_centre && channel < block.mid), "{tap} {channel}");
    }
}
