//! Every instruction set of this machine gives the same results up to rounding. The level is set
//! for the whole process, so this file holds a single test.

mod common;

use burn::tensor::Tensor;
use common::{Random, Values, compare, floats};
use fewshot_kernels::simd::{Level, set_level};
use fewshot_kernels::{Conv, Norm, portable};

#[test]
fn all_levels_agree() {
    assert!(!Level::available().is_empty());
    for level in Level::available() {
        assert!(set_level(Some(level)));
        for (cin, cout) in [(1, 1), (3, 16), (5, 5), (8, 8), (16, 16), (20, 24), (33, 40), (64, 130)] {
            for (kernel, stride) in [(1, 1), (3, 1), (3, 2), (5, 1)] {
                let mut random = Random::new((cin * 1000 + cout) as u64);
                let conv = Conv::same(kernel).with_stride(stride).with_relu();
                let inputs = [
                    Values::random(&[2, 9, 8, cin], &mut random),
                    Values::random(&[kernel, kernel, cin, cout], &mut random),
                ];
                let what = format!("{level:?} {cin}->{cout} {kernel}x{kernel} stride {stride}");
                let norm = || Norm { eps: 0.05, ..Norm::batch() };
                compare(
                    &what,
                    &inputs,
                    1e-4,
                    |t| {
                        let (x, w) = (t[0].clone(), t[1].clone());
                        let normed = fewshot_kernels::conv_bn(x, w, conv, norm(), None);
                        (normed.out, vec![floats(normed.mean), floats(normed.var)])
                    },
                    |t| {
                        let (x, w) = (t[0].clone(), t[1].clone());
                        let normed = portable::conv_bn(x, w, conv, norm(), None);
                        (normed.out, vec![floats(normed.mean), floats(normed.var)])
                    },
                );
            }
        }
        for (channels, stride) in [(1, 1), (5, 2), (16, 1), (37, 1)] {
            let mut random = Random::new(channels as u64);
            let inputs =
                [Values::random(&[2, 9, 8, channels], &mut random), Values::random(&[1, 3, 3, channels], &mut random)];
            let conv = Conv::same(3).with_stride(stride).with_relu();
            let weight = |t: &Tensor<4>| t.clone().reshape([3, 3, channels]);
            compare(
                &format!("{level:?} depthwise {channels}"),
                &inputs,
                1e-4,
                |t| (fewshot_kernels::depthwise_conv2d(t[0].clone(), weight(&t[1]), conv), vec![]),
                |t| (portable::depthwise_conv2d(t[0].clone(), weight(&t[1]), conv), vec![]),
            );
        }
        let x = [Values::random(&[2, 9, 7, 11], &mut Random::new(8)).map(|v| 5.0 * v)];
        type Op = fn(Tensor<4>) -> Tensor<4>;
        let ops: [(&str, Op, Op); 11] = [
            ("nearest", |x| fewshot_kernels::upsample_nearest(x, 2), |x| portable::upsample_nearest(x, 2)),
            ("bilinear", |x| fewshot_kernels::upsample_bilinear(x, 3), |x| portable::upsample_bilinear(x, 3)),
            ("sigmoid", fewshot_kernels::sigmoid, portable::sigmoid),
            ("tanh", fewshot_kernels::tanh, portable::tanh),
            (
                "instance norm",
                |x| fewshot_kernels::instance_norm(x, None, 0.1),
                |x| portable::instance_norm(x, None, 0.1),
            ),
            ("standardised", fewshot_kernels::weights::standardise, |x| portable::standardise(x, 1e-5)),
            (
                "factors",
                |x| fewshot_kernels::scale_channels(x.clone(), fewshot_kernels::global_avg_pool(x)),
                |x| portable::scale_channels(x.clone(), portable::global_avg_pool(x)),
            ),
            ("hardswish", fewshot_kernels::hardswish, portable::hardswish),
            ("relu6", fewshot_kernels::relu6, portable::relu6),
            ("average", |x| fewshot_kernels::avg_pool2d(x, 3, 1, 1), |x| portable::avg_pool2d(x, 3, 1, 1)),
            ("max", |x| fewshot_kernels::max_pool2d(x, 3, 2, 1), |x| portable::max_pool2d(x, 3, 2, 1)),
        ];
        for (name, op, oracle) in ops {
            compare(
                &format!("{level:?} {name}"),
                &x,
                1e-4,
                |t| (op(t[0].clone()), vec![]),
                |t| (oracle(t[0].clone()), vec![]),
            );
        }
    }
    assert!(set_level(None));
}
