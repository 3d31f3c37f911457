//! What must hold beyond agreement: true derivatives, the same bits for any number of threads,
//! values that are not finite, large means.

mod common;

use burn::tensor::{Tensor, TensorData};
use common::{Random, Values, assert_close, device, floats};
use fewshot_kernels::{Conv, Norm, Normed, conv_bn};

const SHAPE: [usize; 4] = [3, 7, 6, 5];
const WEIGHT: [usize; 4] = [3, 3, 5, 9];

fn inputs(seed: u64) -> Vec<Values> {
    let mut random = Random::new(seed);
    let shapes: [&[usize]; 5] = [&SHAPE, &WEIGHT, &[9], &[9], &[3, 7, 6, 9]];
    shapes.iter().map(|shape| Values::random(shape, &mut random)).collect()
}

fn fused(inputs: &[Values], relu_input: bool) -> (Vec<Tensor<4>>, Vec<Tensor<1>>, Normed) {
    let device = device();
    let t4 = [0, 1, 4].map(|i| inputs[i].tensor::<4>(&device).require_grad());
    let t1 = [2, 3].map(|i| inputs[i].tensor::<1>(&device).require_grad());
    let conv = Conv { relu_input, ..Conv::same(3) };
    let norm = Norm::batch().with_affine(t1[0].clone(), t1[1].clone());
    let add = Some(t4[2].clone());
    let normed = conv_bn(t4[0].clone(), t4[1].clone(), conv, norm, add);
    (t4.to_vec(), t1.to_vec(), normed)
}

/// A smooth loss of the output, in double precision.
fn loss(inputs: &[Values]) -> f64 {
    let (_, _, normed) = fused(inputs, false);
    let mut random = Random::new(7);
    floats(normed.out).into_iter().map(|y| f64::from(y) * f64::from(random.value())).sum()
}

#[test]
fn gradients_are_the_finite_differences() {
    let inputs = inputs(3);
    let (t4, t1, normed) = fused(&inputs, false);
    let weights = {
        let mut random = Random::new(7);
        let dims = normed.out.dims();
        let values = random.values(dims.iter().product());
        Tensor::<4>::from_data(TensorData::new(values, dims), &device())
    };
    let grads = (normed.out * weights).sum().backward();
    let gradients = [
        floats(t4[0].grad(&grads).unwrap()),
        floats(t4[1].grad(&grads).unwrap()),
        floats(t1[0].grad(&grads).unwrap()),
        floats(t1[1].grad(&grads).unwrap()),
        floats(t4[2].grad(&grads).unwrap()),
    ];
    for (which, gradient) in gradients.iter().enumerate() {
        let mut random = Random::new(which as u64);
        let direction = random.values(gradient.len());
        let step = 2e-3;
        let at = |sign: f32| {
            let mut moved = inputs.clone();
            for (value, d) in moved[which].values.iter_mut().zip(&direction) {
                *value += sign * step * d;
            }
            loss(&moved)
        };
        let numeric = (at(1.0) - at(-1.0)) / (2.0 * f64::from(step));
        let exact: f64 = gradient.iter().zip(&direction).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
        let size = gradient.iter().map(|g| f64::from(*g).abs()).sum::<f64>();
        assert!((numeric - exact).abs() <= 2e-3 * size.max(1.0), "input {which}: numeric {numeric}, exact {exact}");
    }
}

/// All bits of a forward and backward pass over a batch that does not divide evenly.
fn bits() -> Vec<u32> {
    let mut random = Random::new(5);
    let shapes: [&[usize]; 3] = [&[37, 9, 8, 6], &[3, 3, 6, 17], &[37, 9, 8, 17]];
    let device = device();
    let [x, w, add] = shapes.map(|shape| Values::random(shape, &mut random).tensor::<4>(&device).require_grad());
    let conv = Conv::same(3).with_relu();
    let normed = conv_bn(x.clone(), w.clone(), conv, Norm::batch(), Some(add.clone()));
    let out = fewshot_kernels::batch_norm(normed.out, Norm::batch()).out;
    let out = fewshot_kernels::max_pool2d(fewshot_kernels::avg_pool2d(out, 3, 1, 1), 3, 1, 1);
    let mut all = floats(out.clone());
    all.extend(floats(normed.mean));
    all.extend(floats(normed.var));
    let grads = (out.clone() * out).sum().backward();
    for tensor in [&x, &w, &add] {
        all.extend(floats(tensor.grad(&grads).unwrap()));
    }
    all.into_iter().map(f32::to_bits).collect()
}

#[test]
fn bits_do_not_depend_on_the_threads() {
    let run = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(bits);
    let one = run(1);
    for threads in [2, 3, 5, 8] {
        assert!(one == run(threads), "{threads} threads change the result");
    }
}

#[test]
fn what_is_not_finite_stays_so() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for relu in [false, true] {
            let mut inputs = inputs(11);
            inputs[0].values[4] = bad;
            let (t4, _, normed) = fused(&inputs, relu);
            let hidden = relu && bad == f32::NEG_INFINITY;
            let out = floats(normed.out.clone());
            assert_eq!(out.iter().any(|v| !v.is_finite()), !hidden, "{bad} relu {relu}");
            let grads = normed.out.sum().backward();
            let gradient = floats(t4[1].grad(&grads).unwrap());
            assert_eq!(gradient.iter().any(|v| !v.is_finite()), !hidden, "{bad} relu {relu}");
        }
        let device = device();
        let mut x = Values::random(&SHAPE, &mut Random::new(1));
        x.values[17] = bad;
        let x = x.tensor::<4>(&device);
        let pooled = floats(fewshot_kernels::avg_pool2d(x.clone(), 3, 1, 1));
        assert!(pooled.iter().any(|v| !v.is_finite()));
        let pooled = floats(fewshot_kernels::max_pool2d(x.clone(), 3, 1, 1));
        let smallest = bad == f32::NEG_INFINITY;
        assert_eq!(pooled.iter().any(|v| !v.is_finite()), !smallest);
        assert_eq!(pooled.iter().any(|v| v.is_nan()), bad.is_nan());
        let values = floats(fewshot_kernels::relu(x.clone()));
        assert_eq!(values[17].is_nan(), bad.is_nan());
        let normed = fewshot_kernels::batch_norm(x, Norm::batch());
        assert!(floats(normed.out).iter().any(|v| v.is_nan()));
    }
}

#[test]
fn a_label_that_is_no_class_makes_the_loss_nan() {
    let device = device();
    let logits = Tensor::<2>::zeros([2, 3], &device).require_grad();
    let labels = Tensor::<1, burn::tensor::Int>::from_ints([1, 3], &device);
    let loss = fewshot_kernels::cross_entropy(logits, labels, 0.0);
    assert!(floats(loss)[0].is_nan());
}

#[test]
fn a_large_mean_leaves_the_variance_right() {
    let device = device();
    let mut random = Random::new(21);
    let x = Values::random(&[6, 8, 8, 7], &mut random).map(|v| 1000.0 + v);
    let wanted: Vec<f32> = (0..7)
        .map(|c| {
            let of = |v: &f32| f64::from(*v);
            let all: Vec<f64> = x.values.iter().skip(c).step_by(7).map(of).collect();
            let mean = all.iter().sum::<f64>() / all.len() as f64;
            (all.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / all.len() as f64) as f32
        })
        .collect();
    let normed = fewshot_kernels::batch_norm(x.tensor(&device), Norm::batch());
    assert_close("variance", &floats(normed.var), &wanted, 1e-4);
    // The same through a convolution that copies its input.
    let mut identity = Values::random(&[1, 1, 7, 7], &mut random).map(|_| 0.0);
    (0..7).for_each(|c| identity.values[c * 8] = 1.0);
    let weight = identity.tensor(&device);
    let normed = conv_bn(x.tensor(&device), weight, Conv::same(1), Norm::batch(), None);
    assert_close("variance", &floats(normed.var), &wanted, 1e-4);
}

#[test]
fn constants_and_tracked_tensors_mix() {
    let plain = burn::tensor::Device::flex();
    let inputs = inputs(2);
    let x = inputs[0].tensor::<4>(&plain);
    let w = inputs[1].tensor::<4>(&device()).require_grad();
    let normed = conv_bn(x, w.clone(), Conv::same(3), Norm::batch(), None);
    let grads = (normed.out.clone() * normed.out).sum().backward();
    assert!(w.grad(&grads).is_some());
}

#[test]
fn without_autodiff_the_results_are_the_same() {
    let plain = burn::tensor::Device::flex();
    let inputs = inputs(4);
    for [fixed, with_add, in_place] in
        [0, 1, 2, 3, 4, 5, 6, 7].map(|bits| [bits & 1, bits & 2, bits & 4].map(|bit| bit > 0))
    {
        let run = |device: &burn::tensor::Device| {
            let t = [0, 1, 4].map(|i| inputs[i].tensor::<4>(device));
            let [scale, shift] = [2, 3].map(|i| inputs[i].tensor::<1>(device));
            let mut norm = Norm::batch().with_affine(scale.clone(), shift.clone());
            if fixed {
                norm = norm.with_fixed(shift, scale.clone() * scale);
            }
            let handle = if in_place { t[2].clone() * 1.0 } else { t[2].clone() };
            let normed = conv_bn(t[0].clone(), t[1].clone(), Conv::same(3), norm, with_add.then_some(handle));
            let untouched = floats(t[2].clone());
            assert_eq!(untouched, inputs[4].values, "a shared `add` must stay as it is");
            (floats(normed.out), floats(normed.mean), floats(normed.var))
        };
        assert!(run(&plain) == run(&device()), "fixed {fixed}, add {with_add}, in place {in_place}");
    }
}

/// Each kernel finishes its images in the cache when statistics are given: in whole images, in parts of one, and with a
/// last task that is not full.
#[test]
fn every_kernel_finishes_all_of_its_images() {
    let mut random = Random::new(6);
    for (kernel, stride, size, [cin, cout]) in
        [(3, 1, 36, [16, 24]), (3, 1, 8, [16, 16]), (1, 1, 23, [5, 16]), (3, 2, 9, [8, 8]), (5, 1, 9, [8, 5])]
    {
        let conv = Conv::same(kernel).with_stride(stride).with_relu();
        let out = conv.output_size(size, kernel).unwrap();
        let x = Values::random(&[7, size, size, cin], &mut random);
        let weight = Values::random(&[kernel, kernel, cin, cout], &mut random);
        let add = Values::random(&[7, out, out, cout], &mut random);
        let [mean, scale] = [0, 1].map(|_| Values::random(&[cout], &mut random));
        let device = burn::tensor::Device::flex();
        let [mean, scale] = [mean, scale].map(|values| values.tensor::<1>(&device));
        let norm = Norm::batch().with_affine(scale.clone(), mean.clone()).with_fixed(mean, scale.clone() * scale + 0.1);
        let [x, weight, add] = [x, weight, add].map(|values| values.tensor::<4>(&device));
        let found = conv_bn(x.clone(), weight.clone(), conv, norm.clone(), Some(add.clone())).out;
        let wanted = fewshot_kernels::portable::conv_bn(x, weight, conv, norm, Some(add)).out;
        let what = format!("{kernel}x{kernel} stride {stride}, {size}x{size}x{cin} to {cout}");
        assert_close(&what, &floats(found), &floats(wanted), 1e-4);
    }
}
