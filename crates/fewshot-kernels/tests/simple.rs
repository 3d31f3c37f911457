//! Pools, activations, sums, the head and the optimizer against Burn's own.

mod common;

use burn::tensor::{Device, Int, Tensor, TensorData};
use common::{Random, Values, assert_close, compare, config, device, floats, map_shape, run};
use fewshot_kernels::{Sgd, portable};
use proptest::prelude::*;

type Op = fn(Tensor<4>) -> Tensor<4>;

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn pools_agree(
        shape in map_shape(3),
        geometry in prop_oneof![
            Just([3, 1, 1]), Just([2, 2, 0]), Just([3, 2, 1]), Just([2, 1, 0]), Just([3, 3, 0]),
        ],
        seed in any::<u64>(),
    ) {
        let x = [Values::random(&shape, &mut Random::new(seed))];
        let [k, s, p] = geometry;
        compare("avg_pool2d", &x, 1e-4,
            |t| (fewshot_kernels::avg_pool2d(t[0].clone(), k, s, p), vec![]),
            |t| (portable::avg_pool2d(t[0].clone(), k, s, p), vec![]));
        compare("max_pool2d", &x, 1e-4,
            |t| (fewshot_kernels::max_pool2d(t[0].clone(), k, s, p), vec![]),
            |t| (portable::max_pool2d(t[0].clone(), k, s, p), vec![]));
    }

    #[test]
    fn maps_agree(shape in map_shape(3), more in 0..9usize, seed in any::<u64>()) {
        let mut random = Random::new(seed);
        // At a kink itself any slope between the two sides is right, and implementations differ.
        let off_kinks = |v: f32| if [-3.0, 0.0, 3.0, 6.0].iter().any(|k| (v - k).abs() < 1e-3) { v + 2e-3 } else { v };
        let x = [Values::random(&shape, &mut random).map(|v| off_kinks(7.0 * v))];
        let ops: [(&str, Op, Op); 6] = [
            ("relu", fewshot_kernels::relu, portable::relu),
            ("relu6", fewshot_kernels::relu6, portable::relu6),
            ("hardsigmoid", fewshot_kernels::hardsigmoid, portable::hardsigmoid),
            ("hardswish", fewshot_kernels::hardswish, portable::hardswish),
            ("sigmoid", fewshot_kernels::sigmoid, portable::sigmoid),
            ("tanh", fewshot_kernels::tanh, portable::tanh),
        ];
        for (name, op, oracle) in ops {
            compare(name, &x, 1e-4, |t| (op(t[0].clone()), vec![]),
                |t| (oracle(t[0].clone()), vec![]));
        }
        let channels = shape[3] + more;
        compare("pad_channels", &x, 1e-6,
            |t| (fewshot_kernels::pad_channels(t[0].clone(), channels), vec![]),
            |t| (portable::pad_channels(t[0].clone(), channels), vec![]));
        compare("global_avg_pool", &x, 1e-4,
            |t| (fewshot_kernels::global_avg_pool(t[0].clone()).unsqueeze(), vec![]),
            |t| (portable::global_avg_pool(t[0].clone()).unsqueeze(), vec![]));
        compare("global_sum_pool", &x, 1e-4,
            |t| (fewshot_kernels::global_sum_pool(t[0].clone()).unsqueeze(), vec![]),
            |t| (portable::global_sum_pool(t[0].clone()).unsqueeze(), vec![]));
        let pair = [x[0].clone(), Values::random(&shape, &mut random)];
        compare("add", &pair, 1e-6,
            |t| (fewshot_kernels::add(t[0].clone(), t[1].clone()), vec![]),
            |t| (portable::add(t[0].clone(), t[1].clone()), vec![]));
        compare("add of one to itself", &x, 1e-6,
            |t| (fewshot_kernels::add(t[0].clone(), t[0].clone()), vec![]),
            |t| (portable::add(t[0].clone(), t[0].clone()), vec![]));
        compare("add in place", &pair, 1e-6,
            |t| (fewshot_kernels::add(t[0].clone() * 2.0, t[1].clone()), vec![]),
            |t| (portable::add(t[0].clone() * 2.0, t[1].clone()), vec![]));
    }

    #[test]
    fn upsampling_agrees(
        shape in map_shape(3), factor in 1..=5usize, [short, thin] in any::<[bool; 2]>(), seed in any::<u64>(),
    ) {
        let [batch, height, width, channels] = shape;
        // A single row or column is its own neighbour on both sides.
        let shape = [batch, if short { 1 } else { height }, if thin { 1 } else { width }, channels];
        let x = [Values::random(&shape, &mut Random::new(seed))];
        compare("nearest", &x, 1e-4,
            |t| (fewshot_kernels::upsample_nearest(t[0].clone(), factor), vec![]),
            |t| (portable::upsample_nearest(t[0].clone(), factor), vec![]));
        compare("bilinear", &x, 1e-4,
            |t| (fewshot_kernels::upsample_bilinear(t[0].clone(), factor), vec![]),
            |t| (portable::upsample_bilinear(t[0].clone(), factor), vec![]));
    }

    #[test]
    fn linear_agrees_with_the_definition(
        [batch, inputs, outputs] in [1..=9usize, 1..=130usize, 1..=30usize], seed in any::<u64>(),
    ) {
        let mut random = Random::new(seed);
        let [x, w, b] = [vec![batch, inputs], vec![inputs, outputs], vec![outputs]]
            .map(|shape| Values::random(&shape, &mut random));
        let found = run(&[x.clone(), w.clone(), b.clone()], |t| {
            let x = t[0].clone().reshape([batch, inputs]);
            let w = t[1].clone().reshape([inputs, outputs]);
            (fewshot_kernels::linear(x, w, t[2].clone().reshape([outputs])).unsqueeze(), vec![])
        });
        // The gradient that `run` sends back.
        let g = Values::random(&[batch, outputs], &mut Random::new(99)).values;
        let (x, w, b) = (x.values, w.values, b.values);
        let (mut y, mut dx, mut dw, mut db) =
            (vec![0.0; batch * outputs], vec![0.0; x.len()], vec![0.0; w.len()], vec![0.0; outputs]);
        for n in 0..batch {
            for o in 0..outputs {
                y[n * outputs + o] += b[o];
                db[o] += g[n * outputs + o];
                for i in 0..inputs {
                    y[n * outputs + o] += x[n * inputs + i] * w[i * outputs + o];
                    dx[n * inputs + i] += g[n * outputs + o] * w[i * outputs + o];
                    dw[i * outputs + o] += g[n * outputs + o] * x[n * inputs + i];
                }
            }
        }
        assert_close("linear", &found.outputs[0], &y, 1e-4);
        for (what, found, wanted) in
            [("input", &found.gradients[0], dx), ("weight", &found.gradients[1], dw), ("bias", &found.gradients[2], db)]
        {
            assert_close(&format!("linear: gradient of the {what}"), found, &wanted, 1e-4);
        }
    }

    #[test]
    fn soft_cross_entropy_agrees(
        batch in 1..=20usize, classes in 1..=30usize, smoothing in 0.0..0.3f32, mixed in any::<bool>(), seed in any::<u64>(),
    ) {
        let mut random = Random::new(seed);
        let logits = [Values::random(&[batch, classes], &mut random).map(|v| 9.0 * v)];
        let labels: Vec<i64> = (0..batch).map(|_| random.below(classes) as i64).collect();
        let mut targets = Values::random(&[batch, classes], &mut random).map(f32::abs);
        if !mixed {
            for (row, label) in targets.values.chunks_mut(classes).zip(&labels) {
                row.fill(0.0);
                row[*label as usize] = 1.0;
            }
        }
        let targets = targets.tensor::<2>(&device());
        let flat = |t: &Tensor<4>| t.clone().reshape([batch, classes]);
        let soft = |t: &[Tensor<4>]| {
            let loss = fewshot_kernels::soft_cross_entropy(flat(&t[0]), targets.clone(), smoothing);
            (loss.reshape([1, 1, 1, 1]), vec![])
        };
        compare("soft_cross_entropy", &logits, 1e-4, soft,
            |t| (portable::soft_cross_entropy(flat(&t[0]), targets.clone(), smoothing).reshape([1, 1, 1, 1]), vec![]));
        if !mixed {
            let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [batch]), &device());
            compare("soft_cross_entropy of labels", &logits, 1e-5, soft,
                |t| (fewshot_kernels::cross_entropy(flat(&t[0]), labels.clone(), smoothing).reshape([1, 1, 1, 1]), vec![]));
        }
    }

    #[test]
    fn cross_entropy_agrees(
        batch in 1..=20usize, classes in 1..=30usize, smoothing in 0.0..0.3f32, seed in any::<u64>(),
    ) {
        let mut random = Random::new(seed);
        let logits = [Values::random(&[batch, classes], &mut random).map(|v| 9.0 * v)];
        let labels: Vec<i64> = (0..batch).map(|_| random.below(classes) as i64).collect();
        let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [batch]), &device());
        let flat = |t: &Tensor<4>| t.clone().reshape([batch, classes]);
        compare("cross_entropy", &logits, 1e-4,
            |t| (fewshot_kernels::cross_entropy(flat(&t[0]), labels.clone(), smoothing)
                .reshape([1, 1, 1, 1]), vec![]),
            |t| (portable::cross_entropy(flat(&t[0]), labels.clone(), smoothing)
                .reshape([1, 1, 1, 1]), vec![]));
    }

    #[test]
    fn optimizer_agrees(
        len in prop_oneof![1..=100usize, 16_000..=40_000usize],
        nesterov in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let device = Device::flex();
        let mut random = Random::new(seed);
        let [w, g, h] = [0; 3].map(|_| Values::random(&[len], &mut random).tensor::<1>(&device));
        let sgd = Sgd { lr: 0.1, momentum: 0.9, nesterov, weight_decay: 0.01 };
        let (fast_w, fast_v) = fewshot_kernels::sgd_step(w.clone(), g.clone(), None, &sgd);
        let (slow_w, slow_v) = portable::sgd_step(w.clone(), g.clone(), None, &sgd);
        assert_close("velocity", &floats(fast_v.clone()), &floats(slow_v.clone()), 1e-5);
        let before = floats(w.clone());
        assert_close("shared weight untouched", &before, &floats(w), 0.0);
        let (fast_w, fast_v) = fewshot_kernels::sgd_step(fast_w, h.clone(), Some(fast_v), &sgd);
        let (slow_w, slow_v) = portable::sgd_step(slow_w, h.clone(), Some(slow_v), &sgd);
        assert_close("weight", &floats(fast_w), &floats(slow_w), 1e-5);
        assert_close("velocity", &floats(fast_v), &floats(slow_v), 1e-5);
        let (found, wanted) = (fewshot_kernels::sum_squares(h.clone()), portable::sum_squares(h));
        prop_assert!((found - wanted).abs() <= 1e-9 * wanted);
    }
}

#[test]
fn steps_of_shared_tensors_leave_the_others_alone() {
    let device = Device::flex();
    let w = Tensor::<1>::from_floats([1.0, 2.0, 3.0], &device);
    let g = Tensor::<1>::from_floats([1.0, 1.0, 1.0], &device);
    let sgd = Sgd { lr: 0.5, momentum: 0.0, nesterov: false, weight_decay: 0.0 };
    let (new, _) = fewshot_kernels::sgd_step(w.clone(), g, None, &sgd);
    assert_eq!(floats(new), [0.5, 1.5, 2.5]);
    assert_eq!(floats(w), [1.0, 2.0, 3.0]);
}
