//! Feature maps scaled, put together, taken apart and normalised by image, against Burn's own.

mod common;

use burn::tensor::Tensor;
use common::{Random, Values, compare, config, device, floats, map_shape};
use fewshot_kernels::{Conv, Norm, portable};
use proptest::prelude::*;

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn factors_agree(shape in map_shape(1), seed in any::<u64>()) {
        let [batch, _, _, channels] = shape;
        let mut random = Random::new(seed);
        let inputs = [Values::random(&shape, &mut random), Values::random(&[batch, channels], &mut random)];
        let factors = |t: &Tensor<4>| t.clone().reshape([batch, channels]);
        compare("scale_channels", &inputs, 1e-4,
            |t| (fewshot_kernels::scale_channels(t[0].clone(), factors(&t[1])), vec![]),
            |t| (portable::scale_channels(t[0].clone(), factors(&t[1])), vec![]));
        let kept = Values::random(&[batch], &mut random).map(|v| if v > 0.0 { 1.25 } else { 0.0 }).tensor(&device());
        compare("scale_samples", &inputs[..1], 1e-6,
            |t| (fewshot_kernels::scale_samples(t[0].clone(), kept.clone()), vec![]),
            |t| (portable::scale_samples(t[0].clone(), kept.clone()), vec![]));
    }

    #[test]
    fn concatenations_agree(
        shape in map_shape(1), channels in proptest::collection::vec(1..=40usize, 1..=9), seed in any::<u64>(),
    ) {
        let mut random = Random::new(seed);
        let inputs: Vec<Values> =
            channels.iter().map(|count| Values::random(&[shape[0], shape[1], shape[2], *count], &mut random)).collect();
        compare("concat", &inputs, 1e-6,
            |t| (fewshot_kernels::concat(t.to_vec()), vec![]),
            |t| (portable::concat(t.to_vec()), vec![]));
        // A map that is used twice, and one that was computed.
        compare("concat of one with itself", &inputs[..1], 1e-6,
            |t| (fewshot_kernels::concat(vec![t[0].clone(), t[0].clone() * 3.0, t[0].clone()]), vec![]),
            |t| (portable::concat(vec![t[0].clone(), t[0].clone() * 3.0, t[0].clone()]), vec![]));
    }

    #[test]
    fn subsampling_agrees(shape in map_shape(1), stride in 1..=3usize, offset in any::<[u8; 2]>(), seed in any::<u64>()) {
        let offset = offset.map(|offset| usize::from(offset) % stride);
        let x = [Values::random(&shape, &mut Random::new(seed))];
        compare("subsample", &x, 1e-6,
            |t| (fewshot_kernels::subsample(t[0].clone(), stride, offset), vec![]),
            |t| (portable::subsample(t[0].clone(), stride, offset), vec![]));
    }

    #[test]
    fn instance_norms_agree(shape in map_shape(1), affine in any::<bool>(), seed in any::<u64>()) {
        let channels = shape[3];
        let mut random = Random::new(seed);
        let inputs = [
            Values::random(&shape, &mut random),
            Values::random(&[channels], &mut random),
            Values::random(&[channels], &mut random),
        ];
        let parts = |t: &[Tensor<4>]| affine.then(|| (t[1].clone().reshape([channels]), t[2].clone().reshape([channels])));
        // Large enough that the variance of few values does not amplify rounding.
        compare("instance_norm", &inputs, 1e-4,
            |t| (fewshot_kernels::instance_norm(t[0].clone(), parts(t), 0.05), vec![]),
            |t| (portable::instance_norm(t[0].clone(), parts(t), 0.05), vec![]));
    }

    #[test]
    fn squeeze_and_excitation_agrees(shape in map_shape(1), hidden in 1..=9usize, seed in any::<u64>()) {
        let channels = shape[3];
        let mut random = Random::new(seed);
        let shapes: [&[usize]; 5] = [&shape, &[channels, hidden], &[hidden], &[hidden, channels], &[channels]];
        let inputs = shapes.map(|shape| Values::random(shape, &mut random));
        let [reduce, expand] = [[channels, hidden], [hidden, channels]];
        compare("squeeze and excitation", &inputs, 1e-4, |t| {
            let means = fewshot_kernels::global_avg_pool(t[0].clone());
            let squeezed = fewshot_kernels::linear(means, t[1].clone().reshape(reduce), t[2].clone().reshape([hidden]));
            let hidden = fewshot_kernels::relu(squeezed);
            let excited = fewshot_kernels::linear(hidden, t[3].clone().reshape(expand), t[4].clone().reshape([channels]));
            (fewshot_kernels::scale_channels(t[0].clone(), fewshot_kernels::hardsigmoid(excited)), vec![])
        }, |t| {
            let means = portable::global_avg_pool(t[0].clone());
            let squeezed = portable::linear(means, t[1].clone().reshape(reduce), t[2].clone().reshape([hidden]));
            let excited =
                portable::linear(portable::relu(squeezed), t[3].clone().reshape(expand), t[4].clone().reshape([channels]));
            (portable::scale_channels(t[0].clone(), portable::hardsigmoid(excited)), vec![])
        });
    }
}

/// Two halves of the channels, one from the pixels at even places and one from those between, as in NASNet and DARTS.
fn factorised_reduction(x: Tensor<4>, weights: [Tensor<4>; 2]) -> Tensor<4> {
    let x = fewshot_kernels::relu(x);
    let [even, odd] = weights;
    let even = fewshot_kernels::conv2d(fewshot_kernels::subsample(x.clone(), 2, [0, 0]), even, Conv::valid());
    let odd = fewshot_kernels::conv2d(fewshot_kernels::subsample(x, 2, [1, 1]), odd, Conv::valid());
    fewshot_kernels::batch_norm(fewshot_kernels::concat(vec![even, odd]), Norm { eps: 0.05, ..Norm::batch() }).out
}

#[test]
fn a_factorised_reduction_is_two_strided_convolutions() {
    let mut random = Random::new(12);
    for [height, width] in [[8, 6], [6, 10]] {
        let inputs =
            [[3, height, width, 5], [1, 1, 5, 4], [1, 1, 5, 4]].map(|shape| Values::random(&shape, &mut random));
        compare(
            "factorised reduction",
            &inputs,
            1e-4,
            |t| (factorised_reduction(t[0].clone(), [t[1].clone(), t[2].clone()]), vec![]),
            |t| {
                let x = portable::relu(t[0].clone());
                let strided = Conv::valid().with_stride(2);
                let even = portable::conv2d(x.clone(), t[1].clone(), strided);
                let shifted = x.slice([0..3, 1..height, 1..width, 0..5]);
                let odd = portable::conv2d(shifted, t[2].clone(), strided);
                let norm = Norm { eps: 0.05, ..Norm::batch() };
                (portable::batch_norm(portable::concat(vec![even, odd]), norm).out, vec![])
            },
        );
    }
}

#[test]
fn a_factorised_reduction_of_an_odd_size_has_zeros_beyond_the_end() {
    let x = Values { shape: vec![1, 3, 3, 1], values: (1..=9).map(|v| v as f32).collect() }.tensor::<4>(&device());
    assert_eq!(floats(fewshot_kernels::subsample(x.clone(), 2, [0, 0])), [1.0, 3.0, 7.0, 9.0]);
    assert_eq!(floats(fewshot_kernels::subsample(x, 2, [1, 1])), [5.0, 0.0, 0.0, 0.0]);
}

#[test]
fn maps_that_others_hold_stay_as_they_are() {
    let x = Values::random(&[2, 3, 3, 4], &mut Random::new(8));
    for device in [burn::tensor::Device::flex(), device()] {
        let held = x.tensor::<4>(&device);
        let bias = Tensor::<1>::ones([4], &device);
        drop(fewshot_kernels::add_bias(held.clone(), bias));
        drop(fewshot_kernels::concat(vec![held.clone(), held.clone()]));
        assert_eq!(floats(held), x.values);
    }
}
