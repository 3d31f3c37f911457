//! Networks against the numbers of the specification, and against each other.

use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};
use fewshot_space::{Arch, CellSkeleton, CellSpace, OptionSet, Region, Space, cell1296, nasbench201, random};
use rand::RngExt;

use super::*;

fn tiny(name: &str) -> Arc<CellSpace> {
    deep(name, 1)
}

fn deep(name: &str, cells: usize) -> Arc<CellSpace> {
    let default = CellSkeleton::default_for(name).unwrap();
    let skeleton =
        CellSkeleton { image_height: 8, image_width: 8, channels_in: 1, classes: 3, width: 4, cells, ..default };
    Arc::new(CellSpace::by_name(name, skeleton).unwrap())
}

fn images(batch: usize, [height, width, channels]: [usize; 3], seed: u64) -> Tensor<4> {
    let mut rng = random::stream(seed, "test images", 0, 0);
    let data: Vec<f32> = (0..batch * height * width * channels).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(data, [batch, height, width, channels]), &Device::flex())
}

fn bits(tensor: &Tensor<2>) -> Vec<u32> {
    to_vec(tensor).into_iter().map(f32::to_bits).collect()
}

#[test]
fn parameter_counts_of_the_specification() {
    let space = Arc::new(nasbench201::nasbench201(nasbench201::default_skeleton()));
    let whole = Region::full(space.clone());
    let count = |region| Net::supernet(space.clone(), region, &Device::flex(), 0).weights().count();
    assert_eq!(count(whole.clone()), 1_686_106);
    let by_e0: Vec<u64> = whole.split(&[0]).unwrap().into_iter().map(count).collect();
    assert_eq!(by_e0, [1_417_306, 1_417_306, 1_444_186, 1_659_226, 1_417_306]);
}

#[test]
fn a_standalone_network_has_the_parameters_that_the_cost_model_says() {
    for name in ["nasbench201", "cell1296"] {
        let space = tiny(name);
        let whole = Region::full(space.clone());
        for draw in 0..20 {
            let arch = whole.sample(&mut random::stream(1, "archs", draw, 0)).unwrap();
            let net = Net::standalone(space.clone(), &arch, &Device::flex(), 0).unwrap();
            assert_eq!(net.weights().count(), space.cost(&arch).params, "{}", space.format(&arch));
        }
    }
}

#[test]
fn a_deeper_child_starts_each_cell_as_the_one_at_its_place() {
    for name in ["nasbench201", "cell1296"] {
        let of_depth = |cells| deep(name, cells);
        let whole = |cells| Region::full(of_depth(cells));
        for (cells, deeper, places) in
            [(1, 3, [0, 0, 0, 1, 1, 1, 2, 2, 2].as_slice()), (2, 3, &[0, 0, 1, 2, 2, 3, 4, 4, 5])]
        {
            let parent = Net::supernet(of_depth(cells), whole(cells), &Device::flex(), 7);
            let (child, transfer) = parent.child_in(of_depth(deeper), whole(deeper), 8).unwrap();
            assert!(transfer.fresh.is_empty(), "{:?}", transfer.fresh);
            let (ours, theirs) = (child.weights().to_values().unwrap(), parent.weights().to_values().unwrap());
            for (cell, place) in places.iter().enumerate() {
                let own = format!("cells.{cell}.");
                let of_cell: Vec<_> = ours.iter().filter(|(name, _)| name.starts_with(&own)).collect();
                assert!(!of_cell.is_empty());
                for (name, value) in of_cell {
                    assert_eq!(value, &theirs[&name.replace(&own, &format!("cells.{place}."))], "{name}");
                }
            }
            assert_eq!(ours["head.linear.weight"], theirs["head.linear.weight"]);
        }
    }
}

#[test]
fn right_after_transfer_each_child_scores_each_of_its_architectures_as_the_parent_does() {
    for (name, decisions) in [("nasbench201", vec![0]), ("cell1296", vec![1, 3])] {
        let space = tiny(name);
        let whole = Region::full(space.clone());
        let mut parent = Net::supernet(space.clone(), whole.clone(), &Device::flex(), 7);
        let batch = images(6, [8, 8, 1], 1);
        for region in whole.split(&decisions).unwrap() {
            // Another seed: nothing may be left of the child's own start.
            let (mut child, transfer) = parent.child(region.clone(), 8).unwrap();
            assert!(transfer.fresh.is_empty(), "{:?}", transfer.fresh);
            let mut rng = random::stream(3, "archs", 0, 0);
            for _ in 0..8 {
                let path = Path::Shared(region.sample(&mut rng).unwrap());
                for mode in [NormMode::Batch, NormMode::Running] {
                    let theirs = parent.score(batch.clone(), &path, mode, None).unwrap();
                    let ours = child.score(batch.clone(), &path, mode, None).unwrap();
                    assert_eq!(bits(&ours), bits(&theirs), "{}", region.label());
                }
            }
        }
    }
}

#[test]
fn paths_outside_the_region_are_refused() {
    let space = tiny("nasbench201");
    let region = Region::full(space.clone()).restrict(0, OptionSet::single(3)).unwrap();
    let mut net = Net::supernet(space.clone(), region, &Device::flex(), 0);
    let outside = Path::Shared(Arch::new(vec![2, 0, 0, 0, 0, 0]));
    let error = net.score(images(2, [8, 8, 1], 0), &outside, NormMode::Batch, None).unwrap_err();
    assert!(matches!(error, NetError::OutsideRegion { .. }), "{error}");
    let short = Path::PerCell(vec![Arch::new(vec![3, 0, 0, 0, 0, 0])]);
    let error = net.score(images(2, [8, 8, 1], 0), &short, NormMode::Batch, None).unwrap_err();
    assert!(matches!(error, NetError::PathLength { found: 1, expected: 3 }), "{error}");
}

#[test]
fn a_dead_network_says_the_same_of_every_image() {
    let space = tiny("nasbench201");
    let mut net = Net::supernet(space.clone(), Region::full(space.clone()), &Device::flex(), 0);
    let dead = Path::Shared(Arch::new(vec![3, 3, 3, 0, 0, 0]));
    let logits = to_vec(&net.score(images(4, [8, 8, 1], 0), &dead, NormMode::Batch, None).unwrap());
    assert!(logits.chunks(3).all(|row| row == &logits[..3]));
}

#[test]
fn a_cell_computes_the_sum_of_its_edges() {
    // With every edge a skip, the output is x (shortcut) + x (chain) = 2x; reductions are linear, and scaling by 2 before
    // the last batch norm changes nothing but the share of ε.
    let space = tiny("cell1296");
    let mut net = Net::supernet(space.clone(), Region::full(space.clone()), &Device::flex(), 0);
    let all_skip = Path::Shared(Arch::new(vec![1; 4]));
    let one_skip = Path::Shared(Arch::new(vec![0, 0, 1, 0]));
    let batch = images(16, [8, 8, 1], 2);
    let many = to_vec(&net.score(batch.clone(), &all_skip, NormMode::Batch, None).unwrap());
    let one = to_vec(&net.score(batch, &one_skip, NormMode::Batch, None).unwrap());
    let worst = many.iter().zip(&one).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-2, "{worst}");
}

#[test]
fn calibrating_on_the_scored_batch_gives_its_batch_statistics() {
    let space = tiny("cell1296");
    let mut net = Net::supernet(space.clone(), Region::full(space.clone()), &Device::flex(), 0);
    let path = Path::Shared(Arch::new(vec![3, 2, 5, 3]));
    let batch = images(8, [8, 8, 1], 3);
    let mut calibration = Calibration::default();
    let by_batch = net.score(batch.clone(), &path, NormMode::Collect, Some(&mut calibration)).unwrap();
    let fixed = net.score(batch, &path, NormMode::Calibrated, Some(&mut calibration)).unwrap();
    for (a, b) in to_vec(&by_batch).into_iter().zip(to_vec(&fixed)) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
}

#[test]
fn measured_statistics_are_the_mean_over_the_batches() {
    let space = tiny("cell1296");
    let fresh = Net::supernet(space.clone(), Region::full(space.clone()), &Device::flex(), 0);
    let path = Path::Shared(Arch::new(vec![1; 4]));
    let batches = [images(8, [8, 8, 1], 3), images(8, [8, 8, 1], 4)];
    let stem = |net: &Net, what: &str| {
        net.weights().to_values().unwrap()[&format!("stem.norm.running_{what}")].data().to_vec()
    };
    let [one, other] = batches.clone().map(|batch| {
        let mut net = fresh.clone();
        net.measure_norms([batch], &path).unwrap();
        net
    });
    let mut both = fresh.clone();
    both.train(images(8, [8, 8, 1], 5), &path).unwrap();
    both.measure_norms(batches, &path).unwrap();
    for what in ["mean", "var"] {
        let (one, other, both) = (stem(&one, what), stem(&other, what), stem(&both, what));
        assert_ne!(one, other);
        for ((one, other), both) in one.iter().zip(&other).zip(&both) {
            assert!(((one + other) / 2.0 - both).abs() < 1e-6, "{what}: {one} {other} {both}");
        }
    }
}

#[test]
fn running_statistics_move_by_a_tenth() {
    let space = tiny("cell1296");
    let mut net = Net::supernet(space.clone(), Region::full(space.clone()), &Device::flex(), 0);
    let path = Path::Shared(Arch::new(vec![1; 4]));
    let batch = images(8, [8, 8, 1], 3);
    let mut calibration = Calibration::default();
    net.score(batch.clone(), &path, NormMode::Collect, Some(&mut calibration)).unwrap();
    let before = net.weights().to_values().unwrap();
    net.train(batch, &path).unwrap();
    let after = net.weights().to_values().unwrap();
    let stem = after["stem.norm.running_mean"].data();
    assert_eq!(before["stem.norm.running_mean"].data(), vec![0.0; 4]);
    assert!(stem.iter().any(|&x| x != 0.0));
    // var ← 0.9·1 + 0.1·unbiased batch variance, of 8 × 64 values.
    let biased = calibration.first_variance();
    for (var, biased) in after["stem.norm.running_var"].data().iter().zip(biased) {
        let expected = 0.9 + 0.1 * biased * 512.0 / 511.0;
        assert!((var - expected).abs() < 1e-5, "{var} {expected}");
    }
}

/// Large enough for f32, small enough that few ReLUs and maxima change sides.
const STEP: f32 = 5e-4;

#[test]
fn gradients_agree_with_finite_differences() {
    for (name, arch) in [("nasbench201", vec![3, 2, 1, 4, 3, 2]), ("cell1296", vec![3, 5, 4, 2])] {
        let space = tiny(name);
        let mut net = Net::supernet(space.clone(), Region::full(space.clone()), &Device::flex(), 5);
        let path = Path::Shared(Arch::new(arch));
        let batch = images(6, [8, 8, 1], 4);
        let loss = |net: &mut Net| {
            let logits = net.train(batch.clone(), &path).unwrap();
            let labels = Tensor::<1, Int>::from_data([0_i32, 1, 2, 0, 1, 2], &Device::flex());
            (fewshot_kernels::cross_entropy(logits.0, labels, 0.1), logits.1)
        };
        let (value, leaves) = loss(&mut net);
        let mut gradients = value.backward();
        let grads: Vec<Option<Vec<f32>>> =
            leaves.into_iter().map(|leaf| Some(to_vec(&leaf?.grad_remove(&mut gradients)?))).collect();
        let base = net.weights().to_values().unwrap();
        let (mut checked, mut errors) = (0, 0.0);
        for (param, grad) in net.weights().params().to_vec().iter().zip(grads) {
            let Some(grad) = grad else { continue };
            // The value with the largest gradient of each parameter: finite differences in f32 drown in noise elsewhere.
            let at = (0..grad.len()).max_by(|&a, &b| grad[a].abs().total_cmp(&grad[b].abs())).unwrap();
            let mut ends = [0.0; 2];
            for (end, sign) in ends.iter_mut().zip([1.0, -1.0]) {
                let mut values = base.clone();
                let mut data = values[&param.name].data().to_vec();
                data[at] += sign * STEP;
                values.insert(param.name.clone(), fewshot_run::TensorF32::new(param.shape.clone(), data).unwrap());
                net.weights_mut().load_values(&values).unwrap();
                *end = to_vec(&loss(&mut net).0.inner())[0];
            }
            let numeric = (ends[0] - ends[1]) / (2.0 * STEP);
            let error = (numeric - grad[at]).abs() / (grad[at].abs() + 0.01);
            // A ReLU that changes sides within the step costs a few percent here and there, a wrong gradient far more.
            assert!(error < 0.12, "{}: {numeric} {}", param.name, grad[at]);
            errors += error;
            checked += 1;
        }
        assert!(checked > 10, "{checked}");
        assert!(errors / (checked as f32) < 0.02, "{}", errors / checked as f32);
        net.weights_mut().load_values(&base).unwrap();
    }
}

#[test]
fn cells_of_cell1296_are_a_chain_with_a_shortcut() {
    let space = cell1296::cell1296(tiny("cell1296").skeleton().clone());
    let edges: Vec<_> = space.edges().iter().map(|edge| (edge.to, edge.from)).collect();
    assert_eq!(edges, [(1, 0), (2, 1), (3, 0), (3, 2)]);
}

/// Every edge drawn by itself: dead edges and nodes that nothing reaches are frequent.
fn random_archs(space: &Arc<CellSpace>, count: u64) -> Vec<Arch> {
    let whole = Region::full(space.clone());
    (0..count).map(|draw| whole.sample(&mut random::stream(11, "shared", draw, 0)).unwrap()).collect()
}

#[test]
fn sharing_changes_no_bit() {
    for name in ["nasbench201", "cell1296"] {
        let space = tiny(name);
        let mut net = Net::supernet(space.clone(), Region::full(space.clone()), &Device::flex(), 7);
        let (batch, training) = (images(6, [8, 8, 1], 1), images(10, [8, 8, 1], 2));
        let paths: Vec<Path> = random_archs(&space, 60).into_iter().map(Path::Shared).collect();
        let graph = net.shared([8, 8, 1], &paths).unwrap();
        for mode in [NormMode::Batch, NormMode::Running, NormMode::Calibrated] {
            let mut together = Calibration::default();
            if mode == NormMode::Calibrated {
                let nothing = |_, _| Ok::<_, NetError>(());
                net.score_shared(&graph, training.clone(), NormMode::Collect, Some(&mut together), nothing).unwrap();
            }
            let mut found = vec![Vec::new(); paths.len()];
            net.score_shared(&graph, batch.clone(), mode, Some(&mut together), |place, logits| {
                found[place] = bits(&logits);
                Ok::<_, NetError>(())
            })
            .unwrap();
            for (path, found) in paths.iter().zip(found) {
                let mut alone = Calibration::default();
                if mode == NormMode::Calibrated {
                    net.score(training.clone(), path, NormMode::Collect, Some(&mut alone)).unwrap();
                }
                let wanted = net.score(batch.clone(), path, mode, Some(&mut alone)).unwrap();
                assert_eq!(found, bits(&wanted), "{name} {mode:?} {}", space.format(path.cell(0)));
            }
        }
    }
}

#[test]
fn what_is_shared_is_not_computed_again() {
    let space = tiny("cell1296");
    let net = Net::supernet(space.clone(), Region::full(space.clone()), &Device::flex(), 7);
    let paths = [[3, 2, 3, 1], [3, 2, 3, 4]].map(|options: [u8; 4]| Path::Shared(Arch::new(options.to_vec())));
    let convs = |paths: &[Path]| {
        let graph = net.shared([8, 8, 1], paths).unwrap();
        graph.graph().nodes.iter().filter(|node| matches!(node.op, Op::Conv(_))).count()
    };
    let (first, second, both) = (convs(&paths[..1]), convs(&paths[1..]), convs(&paths));
    // The stem, both edges of the first cell's chain and its shortcut edge are in both.
    assert_eq!(first + second - both, 4);
}

#[test]
fn a_value_is_held_until_its_last_reader_had_it() {
    let mut graph = GraphBuilder::new([4, 4, 2]);
    let a = graph.relu(0);
    let b = graph.avg_pool(a, 3, 1, 1);
    let c = graph.add(a, b);
    let d = graph.global_avg_pool(c);
    graph.root(d);
    let map = 4 * 4 * 2 * size_of::<f32>();
    // a, b and what is made of them.
    assert_eq!(graph.finish().peak_bytes(), 3 * map);
}

#[test]
fn equal_computations_give_equal_bits() {
    for (name, smallest) in [("nasbench201", 40), ("cell1296", 20)] {
        let space = tiny(name);
        let mut net = Net::supernet(space.clone(), Region::full(space.clone()), &Device::flex(), 7);
        let batch = images(6, [8, 8, 1], 1);
        let mut known = std::collections::BTreeMap::new();
        let mut repeats = 0;
        for arch in random_archs(&space, 400) {
            let path = Path::Shared(arch.clone());
            let found = bits(&net.score(batch.clone(), &path, NormMode::Batch, None).unwrap());
            let first = known.entry(net.computation(&arch).unwrap()).or_insert_with(|| (arch.clone(), found.clone()));
            assert_eq!(found, first.1, "{} {}", space.format(&arch), space.format(&first.0));
            repeats += usize::from(first.0 != arch);
        }
        assert!(repeats >= smallest, "{name}: {repeats} of 400 architectures repeat another's computation");
    }
}

#[test]
fn an_operation_that_nothing_feeds_is_not_run() {
    // Edge 0 is zero, so the convolution on edge 1 would read zeros and give zeros.
    let space = tiny("cell1296");
    let mut net = Net::supernet(space.clone(), Region::full(space.clone()), &Device::flex(), 7);
    let [fed, plain] = [[0, 3, 3, 1], [0, 0, 3, 0]].map(|options| Arch::new(options.to_vec()));
    assert_eq!(net.computation(&fed).unwrap(), net.computation(&plain).unwrap());
    let used = |net: &mut Net, arch: &Arch| {
        let (_, leaves) = net.train(images(6, [8, 8, 1], 1), &Path::Shared(arch.clone())).unwrap();
        leaves.iter().flatten().count()
    };
    assert_eq!(used(&mut net, &fed), used(&mut net, &plain));
}
