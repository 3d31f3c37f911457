//! Weights as functions of other weights.

mod common;

use burn::tensor::Tensor;
use common::{Random, Values, assert_close, compare, config, device, floats, run};
use fewshot_kernels::portable;
use fewshot_kernels::weights::{kernel_transform, spectral_norm, standardise};
use proptest::prelude::*;

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn standardised_weights_agree(
        kernel in 1..=5usize, cin in 1..=40usize, cout in 1..=40usize, mean in -2.0..2.0f32, seed in any::<u64>(),
    ) {
        // One weight alone has deviation 0, whose slope in the oracle is infinite; of very few, nearly equal ones occur, which
        // lose digits.
        prop_assume!(kernel * kernel * cin >= 4);
        let weight = [Values::random(&[kernel, kernel, cin, cout], &mut Random::new(seed)).map(|v| v + mean)];
        compare("standardise", &weight, 1e-3,
            |t| (standardise(t[0].clone()), vec![]),
            |t| (portable::standardise(t[0].clone(), 1e-5), vec![]));
    }

    #[test]
    fn kernels_are_centres_times_matrices(
        size in 1..=9usize, smaller in 0..=4usize, channels in 1..=20usize, seed in any::<u64>(),
    ) {
        prop_assume!(size > 2 * smaller);
        let kernel = size - 2 * smaller;
        let taps = kernel * kernel;
        let mut random = Random::new(seed);
        let inputs = [Values::random(&[size, size, channels], &mut random), Values::random(&[taps, taps], &mut random)];
        let found = run(&inputs, |t| {
            let (weight, matrix) = (t[0].clone().reshape([size, size, channels]), t[1].clone().reshape([taps, taps]));
            (kernel_transform(weight, kernel, matrix).reshape([1, kernel, kernel, channels]), vec![])
        });
        let place = |tap: usize, channel: usize| {
            ((tap / kernel + smaller) * size + tap % kernel + smaller) * channels + channel
        };
        let g = Values::random(&[1, kernel, kernel, channels], &mut Random::new(99)).values;
        let (weight, matrix) = (&inputs[0].values, &inputs[1].values);
        let (mut out, mut d_weight, mut d_matrix) =
            (vec![0.0; taps * channels], vec![0.0; weight.len()], vec![0.0; matrix.len()]);
        for to in 0..taps {
            for from in 0..taps {
                for channel in 0..channels {
                    let at = place(from, channel);
                    out[to * channels + channel] += matrix[to * taps + from] * weight[at];
                    d_weight[at] += matrix[to * taps + from] * g[to * channels + channel];
                    d_matrix[to * taps + from] += weight[at] * g[to * channels + channel];
                }
            }
        }
        assert_close("kernel", &found.outputs[0], &out, 1e-4);
        assert_close("gradient of the weight", &found.gradients[0], &d_weight, 1e-4);
        assert_close("gradient of the matrix", &found.gradients[1], &d_matrix, 1e-4);
    }
}

#[test]
fn standardised_filters_have_mean_zero_and_deviation_one() {
    let weight = Values::random(&[3, 3, 7, 5], &mut Random::new(4)).map(|v| 0.2 * v + 3.0);
    let found = floats(standardise(weight.tensor(&device())));
    for filter in 0..5 {
        let values: Vec<f64> = found.iter().skip(filter).step_by(5).map(|v| f64::from(*v)).collect();
        let mean = values.iter().sum::<f64>() / 63.0;
        let var = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 62.0;
        assert!(mean.abs() < 1e-5 && (var.sqrt() - 1.0).abs() < 1e-3, "filter {filter}: mean {mean}, variance {var}");
    }
    // PyTorch: w = torch.tensor([1., 2., 4.]); (w - w.mean()) / (w.std() + 1e-5)
    let three = Tensor::<4>::from_data([[[[1.0f32], [2.0], [4.0]]]], &device());
    assert_close("three weights", &floats(standardise(three)), &[-0.872_866, -0.218_216, 1.091_082], 1e-5);
}

#[test]
fn equal_weights_become_zero_and_stay_finite() {
    for shape in [[1, 1, 1, 3], [3, 3, 2, 3]] {
        let weight = Tensor::<4>::ones(shape, &device()).require_grad();
        let out = standardise(weight.clone());
        assert!(floats(out.clone()).iter().all(|v| *v == 0.0));
        let grads = (out * 2.0).sum().backward();
        assert!(floats(weight.grad(&grads).unwrap()).iter().all(|v| v.is_finite()));
    }
}

/// Largest singular value of a matrix, by many iterations in double precision.
fn largest_singular_value(matrix: &[f32], columns: usize) -> f64 {
    let mut u = vec![1.0f64; columns];
    let mut sigma = 0.0;
    for _ in 0..2000 {
        let v: Vec<f64> =
            matrix.chunks(columns).map(|row| row.iter().zip(&u).map(|(w, u)| f64::from(*w) * u).sum()).collect();
        let mut next = vec![0.0; columns];
        for (row, v) in matrix.chunks(columns).zip(&v) {
            for (next, w) in next.iter_mut().zip(row) {
                *next += f64::from(*w) * v;
            }
        }
        let length = next.iter().map(|v| v * v).sum::<f64>().sqrt();
        sigma = length.sqrt();
        u = next.into_iter().map(|v| v / length).collect();
    }
    sigma
}

#[test]
fn fifty_iterations_find_the_largest_singular_value() {
    let mut random = Random::new(31);
    let weight = Values::random(&[3, 3, 8, 12], &mut random);
    let wanted = largest_singular_value(&weight.values, 12);
    let (tensor, mut u) = (weight.tensor::<4>(&device()), Values::random(&[12], &mut random).tensor::<1>(&device()));
    for _ in 0..50 {
        u = spectral_norm(tensor.clone(), u, 1).u;
    }
    let length: f32 = floats(u.clone()).iter().map(|u| u * u).sum();
    assert!((length - 1.0).abs() < 1e-5);
    let evaluated = spectral_norm(tensor, u.clone(), 0);
    assert_eq!(floats(evaluated.u), floats(u), "evaluation leaves the vector as it is");
    let sigma = f64::from(floats(evaluated.sigma)[0]);
    assert!((sigma / wanted - 1.0).abs() < 0.01, "found {sigma}, wanted {wanted}");
    let largest = largest_singular_value(&floats(evaluated.weight), 12);
    assert!((largest - 1.0).abs() < 0.01, "the result's largest singular value is {largest}");
}

/// The gradient is that of `W / (v W u)` with both vectors as constants.
#[test]
fn the_gradient_of_spectral_norm_holds_its_vectors() {
    let mut random = Random::new(5);
    let (weight, u) = (Values::random(&[6, 4], &mut random), Values::random(&[4], &mut random));
    let found = run(std::slice::from_ref(&weight), |t| {
        let spectral = spectral_norm(t[0].clone().reshape([6, 4]), u.tensor(&device()), 1);
        (spectral.weight.reshape([1, 1, 6, 4]), vec![floats(spectral.u), floats(spectral.sigma)])
    });
    let unit = |values: Vec<f64>| {
        let length = values.iter().map(|v| v * v).sum::<f64>().sqrt();
        values.into_iter().map(|v| v / length).collect::<Vec<_>>()
    };
    let w = |row: usize, column: usize| f64::from(weight.values[row * 4 + column]);
    let v = unit((0..6).map(|row| (0..4).map(|c| w(row, c) * f64::from(u.values[c])).sum()).collect());
    let u = unit((0..4).map(|c| (0..6).map(|row| w(row, c) * v[row]).sum()).collect());
    let sigma: f64 = (0..6).map(|row| (0..4).map(|c| v[row] * w(row, c) * u[c]).sum::<f64>()).sum();
    let g: Vec<f64> = Values::random(&[1, 1, 6, 4], &mut Random::new(99)).values.into_iter().map(f64::from).collect();
    let inner: f64 = g.iter().zip(&weight.values).map(|(g, w)| g * f64::from(*w)).sum();
    let wanted: Vec<f32> = (0..24).map(|at| ((g[at] - inner / sigma * v[at / 4] * u[at % 4]) / sigma) as f32).collect();
    let singles = |values: &[f64]| values.iter().map(|v| *v as f32).collect::<Vec<_>>();
    assert_close("u", &found.outputs[1], &singles(&u), 1e-5);
    assert_close("sigma", &found.outputs[2], &[sigma as f32], 1e-5);
    assert_close("gradient", &found.gradients[0], &wanted, 1e-4);
}

#[test]
fn a_layer_with_one_output_is_divided_by_its_length() {
    let weight = Tensor::<2>::from_data([[3.0f32], [4.0]], &device());
    let found = spectral_norm(weight, Tensor::from_floats([0.3], &device()), 1);
    assert_close("weight", &floats(found.weight), &[0.6, 0.8], 1e-6);
    assert_close("sigma", &floats(found.sigma), &[5.0], 1e-6);
}
