//! Depthwise and transposed convolutions, and biases, against Burn's own.

mod common;

use burn::tensor::Tensor;
use common::{Random, Values, assert_close, compare, config, map_shape, run};
use fewshot_kernels::{Conv, portable};
use proptest::prelude::*;

/// Kernels, square and not, with the geometries of the common ones and any other.
fn geometry() -> impl Strategy<Value = ([usize; 2], Conv)> {
    let kernel =
        prop_oneof![Just([1, 1]), Just([2, 2]), Just([3, 3]), Just([5, 5]), Just([7, 7]), Just([2, 3]), Just([1, 5])];
    (kernel, 1..=3usize, 0..=4usize, 1..=2usize, any::<bool>()).prop_map(
        |(kernel, stride, padding, dilation, relu_input)| (kernel, Conv { stride, padding, dilation, relu_input }),
    )
}

proptest! {
    #![proptest_config(config(80))]

    #[test]
    fn depthwise_agrees(shape in map_shape(3), (kernel, conv) in geometry(), seed in any::<u64>()) {
        let [_, height, width, channels] = shape;
        prop_assume!(conv.output_size(height, kernel[0]).is_some() && conv.output_size(width, kernel[1]).is_some());
        let mut random = Random::new(seed);
        let inputs = [
            Values::random(&shape, &mut random),
            Values::random(&[1, kernel[0], kernel[1], channels], &mut random),
        ];
        let weight = |t: &Tensor<4>| t.clone().reshape([kernel[0], kernel[1], channels]);
        compare("depthwise_conv2d", &inputs, 1e-4,
            |t| (fewshot_kernels::depthwise_conv2d(t[0].clone(), weight(&t[1]), conv), vec![]),
            |t| (portable::depthwise_conv2d(t[0].clone(), weight(&t[1]), conv), vec![]));
    }

    #[test]
    fn transposed_convolution_agrees(
        shape in map_shape(3), (kernel, conv) in geometry(), cout in 1..=40usize, seed in any::<u64>(),
    ) {
        let [_, height, width, cin] = shape;
        prop_assume!(conv.transposed_size(height, kernel[0]).is_some() && conv.transposed_size(width, kernel[1]).is_some());
        let mut random = Random::new(seed);
        let inputs =
            [Values::random(&shape, &mut random), Values::random(&[kernel[0], kernel[1], cin, cout], &mut random)];
        compare("transposed_conv2d", &inputs, 1e-4,
            |t| (fewshot_kernels::transposed_conv2d(t[0].clone(), t[1].clone(), conv), vec![]),
            |t| (portable::transposed_conv2d(t[0].clone(), t[1].clone(), conv), vec![]));
    }

    #[test]
    fn biases_agree(
        shape in map_shape(3), (kernel, conv) in geometry(), cout in 1..=40usize, seed in any::<u64>(),
    ) {
        let [_, height, width, cin] = shape;
        prop_assume!(conv.output_size(height, kernel[0]).is_some() && conv.output_size(width, kernel[1]).is_some());
        let mut random = Random::new(seed);
        let inputs = [
            Values::random(&shape, &mut random),
            Values::random(&[kernel[0], kernel[1], cin, cout], &mut random),
            Values::random(&[cout], &mut random),
        ];
        let bias = |t: &Tensor<4>| t.clone().reshape([cout]);
        let oracle = |t: &[Tensor<4>]| (portable::conv2d_bias(t[0].clone(), t[1].clone(), bias(&t[2]), conv), vec![]);
        compare("conv2d_bias", &inputs, 1e-4,
            |t| (fewshot_kernels::conv2d_bias(t[0].clone(), t[1].clone(), bias(&t[2]), conv), vec![]), oracle);
        compare("conv2d and add_bias", &inputs, 1e-4, |t| {
            let plain = fewshot_kernels::conv2d(t[0].clone(), t[1].clone(), conv);
            (fewshot_kernels::add_bias(plain, bias(&t[2])), vec![])
        }, oracle);
        let pair = [inputs[0].clone(), Values::random(&[cin], &mut random)];
        let bias = |t: &Tensor<4>| t.clone().reshape([cin]);
        compare("add_bias", &pair, 1e-4,
            |t| (fewshot_kernels::add_bias(t[0].clone(), bias(&t[1])), vec![]),
            |t| (portable::add_bias(t[0].clone(), bias(&t[1])), vec![]));
    }
}

/// The two operations of DARTS that are dilated keep the image's size.
#[test]
fn dilated_kernels_keep_the_size() {
    for (kernel, padding) in [(3, 2), (5, 4)] {
        let conv = Conv::same(kernel).with_dilation(2);
        assert_eq!(conv.padding, padding);
        assert_eq!(conv, Conv { dilation: 2, ..Conv::valid().with_padding(padding) });
        assert_eq!([conv.output_size(32, kernel), conv.with_stride(2).output_size(32, kernel)], [Some(32), Some(16)]);
    }
    assert_eq!(Conv::valid().output_size(2, 2), Some(1));
}

#[test]
fn sizes_of_transposed_convolutions_come_back() {
    for kernel in 1..=5 {
        for size in 1..=9 {
            for (stride, padding, dilation) in [(1, 0, 1), (2, 0, 1), (2, 1, 1), (3, 1, 2), (2, 2, 2), (1, 4, 1)] {
                let conv = Conv { stride, padding, dilation, relu_input: false };
                if let Some(out) = conv.transposed_size(size, kernel) {
                    assert_eq!(conv.output_size(out, kernel), Some(size), "{conv:?}, {size} pixels, kernel {kernel}");
                }
            }
        }
    }
    assert_eq!(Conv::valid().with_stride(2).transposed_size(5, 2), Some(10));
    assert_eq!(Conv::valid().with_padding(1).transposed_size(1, 1), None);
}

/// On one pixel a 1x1 convolution with a bias is a fully connected layer.
#[test]
fn convolutions_of_one_pixel_are_linear() {
    let mut random = Random::new(3);
    let inputs = [[5, 1, 1, 24], [1, 1, 24, 6], [1, 1, 1, 6]].map(|shape| Values::random(&shape, &mut random));
    let found = run(&inputs, |t| {
        let bias = t[2].clone().reshape([6]);
        (fewshot_kernels::conv2d_bias(t[0].clone(), t[1].clone(), bias, Conv::valid()), vec![])
    });
    let wanted = run(&inputs, |t| {
        let (x, weight) = (t[0].clone().reshape([5, 24]), t[1].clone().reshape([24, 6]));
        (fewshot_kernels::linear(x, weight, t[2].clone().reshape([6])).reshape([5, 1, 1, 6]), vec![])
    });
    assert_close("output", &found.outputs[0], &wanted.outputs[0], 1e-5);
    for (found, wanted) in found.gradients.iter().zip(&wanted.gradients) {
        assert_close("gradient", found, wanted, 1e-5);
    }
}
