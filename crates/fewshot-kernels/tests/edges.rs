//! Values that are not finite, and sizes of nothing, through every operation.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::tensor::{Device, Int, Tensor, TensorData};
use common::{Random, Values, device, floats};
use fewshot_kernels as kernels;
use fewshot_kernels::{Conv, Norm, Sgd};

const SHAPE: [usize; 4] = [2, 5, 6, 5];

type Op = Box<dyn Fn(Tensor<4>) -> Tensor<4>>;

/// Every differentiable operation as a function of one feature map of five channels.
fn operations() -> Vec<(&'static str, Op)> {
    fn op(f: impl Fn(Tensor<4>) -> Tensor<4> + 'static) -> Op {
        Box::new(f)
    }
    fn weights<const D: usize>(x: &Tensor<4>, shape: [usize; D]) -> Tensor<D> {
        Values::random(&shape, &mut Random::new(1)).tensor(&x.device())
    }
    fn fixed(x: &Tensor<4>, channels: usize) -> Norm {
        let ones = weights(x, [channels]) * 0.0 + 1.0;
        Norm::batch().with_fixed(ones.clone(), ones)
    }
    vec![
        ("conv2d", op(|x| kernels::conv2d(x.clone(), weights(&x, [3, 3, 5, 9]), Conv::same(3)))),
        ("conv2d 1x1", op(|x| kernels::conv2d(x.clone(), weights(&x, [1, 1, 5, 20]), Conv::same(1)))),
        ("strided", op(|x| kernels::conv2d(x.clone(), weights(&x, [3, 3, 5, 9]), Conv::same(3).with_stride(2)))),
        ("depthwise_conv2d", op(|x| kernels::depthwise_conv2d(x.clone(), weights(&x, [3, 3, 5]), Conv::same(3)))),
        (
            "conv2d_bias",
            op(|x| kernels::conv2d_bias(x.clone(), weights(&x, [3, 3, 5, 9]), weights(&x, [9]), Conv::same(3))),
        ),
        ("add_bias", op(|x| kernels::add_bias(x.clone(), weights(&x, [5])))),
        ("transposed_conv2d", op(|x| kernels::transposed_conv2d(x.clone(), weights(&x, [2, 2, 5, 3]), Conv::valid()))),
        ("instance_norm", op(|x| kernels::instance_norm(x, None, 1e-5))),
        ("scale_channels", op(|x| kernels::scale_channels(x.clone(), weights(&x, [2, 5])))),
        ("scale_samples", op(|x| kernels::scale_samples(x.clone(), weights(&x, [2])))),
        ("concat", op(|x| kernels::concat(vec![x.clone(), x]))),
        ("subsample", op(|x| kernels::subsample(x, 2, [0, 0]))),
        ("sigmoid", op(kernels::sigmoid)),
        ("tanh", op(kernels::tanh)),
        ("global_sum_pool", op(|x| kernels::global_sum_pool(x).unsqueeze())),
        ("standardise", op(kernels::weights::standardise)),
        ("batch_norm", op(|x| kernels::batch_norm(x, Norm::batch()).out)),
        ("batch_norm, fixed", op(|x| kernels::batch_norm(x.clone(), fixed(&x, 5)).out)),
        ("conv_bn", op(|x| conv_bn(x, Norm::batch(), false))),
        ("conv_bn, fixed", op(|x| conv_bn(x.clone(), fixed(&x, 5), false))),
        ("conv_bn, fixed, sum", op(|x| conv_bn(x.clone(), fixed(&x, 5), true))),
        ("conv_bn, sum", op(|x| conv_bn(x, Norm::batch(), true))),
        ("add", op(|x| kernels::add(x.clone(), x * 0.5 + 1.0))),
        ("relu", op(kernels::relu)),
        ("relu6", op(kernels::relu6)),
        ("hardsigmoid", op(kernels::hardsigmoid)),
        ("hardswish", op(kernels::hardswish)),
        ("avg_pool2d", op(|x| kernels::avg_pool2d(x, 3, 1, 1))),
        ("max_pool2d", op(|x| kernels::max_pool2d(x, 3, 1, 1))),
        ("global_avg_pool", op(|x| kernels::global_avg_pool(x).unsqueeze())),
        ("pad_channels", op(|x| kernels::pad_channels(x, 8))),
        ("upsample_nearest", op(|x| kernels::upsample_nearest(x, 3))),
        ("upsample_bilinear", op(|x| kernels::upsample_bilinear(x, 2))),
        (
            "linear",
            op(|x| {
                let (weight, bias) = (weights(&x, [150, 4]), weights(&x, [4]));
                kernels::linear(x.reshape([2, 150]), weight, bias).unsqueeze()
            }),
        ),
        (
            "cross_entropy",
            op(|x| {
                let labels = Tensor::<1, Int>::from_ints([1, 3], &x.device());
                kernels::cross_entropy(x.reshape([2, 150]), labels, 0.1).reshape([1, 1, 1, 1])
            }),
        ),
        (
            "soft_cross_entropy",
            op(|x| {
                let targets = weights(&x, [2, 150]);
                kernels::soft_cross_entropy(x.reshape([2, 150]), targets, 0.1).reshape([1, 1, 1, 1])
            }),
        ),
    ]
}

fn conv_bn(x: Tensor<4>, norm: Norm, sum: bool) -> Tensor<4> {
    let weight = Values::random(&[3, 3, 5, 5], &mut Random::new(1)).tensor(&x.device());
    let add = sum.then(|| x.clone() * 0.0 + 1.0);
    kernels::conv_bn(x, weight, Conv::same(3), norm, add).out
}

fn any(values: &[f32], what: impl Fn(f32) -> bool) -> bool {
    values.iter().any(|value| what(*value))
}

#[test]
fn what_is_not_a_number_stays_so_forth_and_back() {
    for device in [Device::flex(), device()] {
        for (name, op) in operations() {
            // The place must not be one that a stride of two leaves out.
            let mut x = Values::random(&SHAPE, &mut Random::new(3));
            x.values[2 * 30 + 2 * 5 + 1] = f32::NAN;
            assert!(any(&floats(op(x.tensor(&device))), f32::is_nan), "{name}");
        }
    }
    let device = device();
    for (name, op) in operations() {
        // Values above zero, so that no ReLU or clip cuts the gradient off.
        let x = Values::random(&SHAPE, &mut Random::new(3)).map(|v| 0.1 + 0.5 * v.abs());
        let x = x.tensor::<4>(&device).require_grad();
        let out = op(x.clone());
        let mut factors = vec![1.0; out.shape().num_elements()];
        factors[0] = f32::NAN;
        let factors = Tensor::from_data(TensorData::new(factors, out.dims()), &device);
        let grads = (out * factors).sum().backward();
        assert!(any(&floats(x.grad(&grads).unwrap()), f32::is_nan), "gradient of {name}");
    }
}

#[test]
fn what_is_infinite_stays_so_unless_the_definition_bounds_it() {
    for (bad, bounded) in [
        (f32::INFINITY, vec!["relu6", "hardsigmoid", "sigmoid", "tanh"]),
        (f32::NEG_INFINITY, vec!["relu", "relu6", "hardsigmoid", "sigmoid", "tanh", "max_pool2d"]),
    ] {
        for (name, op) in operations() {
            let mut x = Values::random(&SHAPE, &mut Random::new(3));
            x.values[2 * 30 + 2 * 5 + 1] = bad;
            let out = floats(op(x.tensor(&Device::flex())));
            assert_eq!(any(&out, |v| !v.is_finite()), !bounded.contains(&name), "{name} of {bad}");
        }
    }
}

#[test]
fn an_infinite_weight_or_sum_or_gradient_stays_so() {
    let flex = Device::flex();
    let values = |shape: &[usize]| Values::random(shape, &mut Random::new(3));
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let spoil = |shape: &[usize]| {
            let mut spoilt = values(shape);
            spoilt.values[7] = bad;
            spoilt
        };
        let ones = || Tensor::<1>::ones([9], &flex);
        for norm in [Norm::batch(), Norm::batch().with_fixed(ones(), ones())] {
            for [weight, add] in [[true, false], [false, true]] {
                let pick = |spoilt: bool, shape: &[usize]| if spoilt { spoil(shape) } else { values(shape) };
                let weight = pick(weight, &[3, 3, 5, 9]).tensor(&flex);
                let add = pick(add, &[2, 5, 6, 9]).tensor(&flex);
                let x = values(&SHAPE).tensor(&flex);
                let out = kernels::conv_bn(x, weight, Conv::same(3), norm.clone(), Some(add)).out;
                assert!(any(&floats(out), |v| !v.is_finite()), "{bad}");
            }
        }
        let sgd = Sgd { lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 0.0 };
        let (w, v) = kernels::sgd_step(values(&[9]).tensor::<1>(&flex), spoil(&[9]).tensor(&flex), None, &sgd);
        assert!(!floats(w)[7].is_finite() && !floats(v)[7].is_finite());
        assert!(!kernels::sum_squares(spoil(&[9]).tensor::<1>(&flex)).is_finite());
    }
}

#[test]
fn a_size_of_zero_is_refused_with_the_shape() {
    for at in 0..4 {
        let mut shape = SHAPE;
        shape[at] = 0;
        let shown = format!("{shape:?}");
        for (name, op) in operations() {
            if ["linear", "cross_entropy", "soft_cross_entropy"].contains(&name) {
                continue;
            }
            let x = Tensor::<4>::zeros(shape, &Device::flex());
            let panic = catch_unwind(AssertUnwindSafe(|| op(x))).expect_err(name);
            let message = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            assert!(message.contains("at least 1") && message.contains(&shown), "{name}: {message}");
        }
    }
    let flex = Device::flex();
    let refused = |what: &str, f: &dyn Fn()| {
        let panic = catch_unwind(AssertUnwindSafe(f)).expect_err(what);
        let message = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        assert!(message.contains("at least 1"), "{what}: {message}");
    };
    refused("linear", &|| {
        let (weight, bias) = (Tensor::zeros([3, 4], &flex), Tensor::zeros([4], &flex));
        drop(kernels::linear(Tensor::zeros([0, 3], &flex), weight, bias));
    });
    refused("cross_entropy", &|| {
        let labels = Tensor::<1, Int>::zeros([0], &flex);
        drop(kernels::cross_entropy(Tensor::zeros([0, 3], &flex), labels, 0.0));
    });
    refused("an empty weight", &|| {
        drop(kernels::conv2d(Tensor::zeros(SHAPE, &flex), Tensor::zeros([3, 3, 5, 0], &flex), Conv::same(3)));
    });
    let sgd = Sgd { lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 0.0 };
    let nothing = || Tensor::<1>::zeros([0], &flex);
    let (w, v) = kernels::sgd_step(nothing(), nothing(), Some(nothing()), &sgd);
    assert_eq!((w.dims(), v.dims(), kernels::sum_squares(nothing())), ([0], [0], 0.0));
}
