//! Dense convolution and its fusion with batch norm against Burn's own.

mod common;

use burn::tensor::Tensor;
use common::{Random, Values, compare, floats};
use fewshot_kernels::{Conv, Norm, Normed, Stats, portable};
use proptest::prelude::*;

/// One random convolution.
#[derive(Debug, Clone)]
struct Case {
    batch: usize,
    size: [usize; 2],
    cin: usize,
    cout: usize,
    kernel: [usize; 2],
    conv: Conv,
    affine: bool,
    fixed: bool,
    add: bool,
    seed: u64,
}

/// Any geometry on small images, or the common ones, which have kernels of their own, on images of several tiles.
fn case() -> impl Strategy<Value = Case> {
    let any_geometry = (
        prop_oneof![Just([1, 1]), Just([3, 3]), Just([5, 5]), Just([7, 7]), Just([2, 3])],
        1..=3usize,
        0..=3usize,
        1..=2usize,
    );
    let common = prop_oneof![2 => Just(([3, 3], 1, 1, 1)), 1 => Just(([1, 1], 1, 0, 1))];
    prop_oneof![2 => cases(13, any_geometry), 1 => cases(37, common)]
}

type Geometry = ([usize; 2], usize, usize, usize);

fn cases(largest: usize, geometry: impl Strategy<Value = Geometry>) -> impl Strategy<Value = Case> {
    let width = || prop_oneof![4 => 1..=20usize, 2 => 21..=70usize, 1 => 71..=130usize];
    ((1..=5usize, 1..=largest, 1..=largest, width(), width()), geometry, any::<[bool; 4]>(), any::<u64>())
        .prop_map(|(sizes, geometry, flags, seed)| {
            let (batch, height, width, cin, cout) = sizes;
            let (kernel, stride, padding, dilation) = geometry;
            Case {
                batch,
                size: [height, width],
                cin,
                cout,
                kernel,
                conv: Conv { stride, padding, dilation, relu_input: flags[0] },
                affine: flags[1],
                fixed: flags[2],
                add: flags[3],
                seed,
            }
        })
        .prop_filter("the kernel fits", |case| {
            (0..2).all(|i| case.conv.output_size(case.size[i], case.kernel[i]).is_some())
        })
}

impl Case {
    fn inputs(&self) -> Vec<Values> {
        let mut random = Random::new(self.seed);
        let [height, width] = self.size;
        let out = |i: usize| self.conv.output_size(self.size[i], self.kernel[i]).unwrap();
        let shapes = [
            vec![self.batch, height, width, self.cin],
            vec![self.kernel[0], self.kernel[1], self.cin, self.cout],
            vec![self.cout],
            vec![self.cout],
            vec![self.batch, out(0), out(1), self.cout],
        ];
        shapes.iter().map(|shape| Values::random(shape, &mut random)).collect()
    }

    /// What a norm's output and gradients may be apart, of the largest of them. A value less a mean that it makes up itself is what
    /// rounding leaves of two large numbers: with one value a channel the right output is 0, and all of it is that.
    fn tolerance(&self) -> f32 {
        let sides = [0, 1].map(|i| self.conv.output_size(self.size[i], self.kernel[i]).unwrap());
        if self.batch * sides[0] * sides[1] < 8 { 3e-4 } else { 1e-4 }
    }

    fn norm(&self, t: &[Tensor<4>]) -> Norm {
        let mut norm = Norm::batch();
        // Large enough that the variance of few values does not amplify rounding.
        norm.eps = 0.05;
        let row = |t: &Tensor<4>| t.clone().reshape([self.cout]);
        if self.affine {
            norm.affine = Some((row(&t[2]), row(&t[3])));
        }
        if self.fixed {
            norm.stats = Stats::Fixed { mean: row(&t[3]), var: row(&t[2]).powi_scalar(2) };
        }
        norm
    }

    fn add(&self, t: &[Tensor<4>]) -> Option<Tensor<4>> {
        // A product that nothing else holds: the sum then happens in its buffer.
        self.add.then(|| t[4].clone() * 1.0)
    }
}

fn result(normed: Normed) -> (Tensor<4>, Vec<Vec<f32>>) {
    (normed.out, vec![floats(normed.mean), floats(normed.var)])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn conv2d_agrees(case in case()) {
        let inputs = &case.inputs()[..2];
        compare(
            "conv2d",
            inputs,
            1e-4,
            |t| (fewshot_kernels::conv2d(t[0].clone(), t[1].clone(), case.conv), vec![]),
            |t| (portable::conv2d(t[0].clone(), t[1].clone(), case.conv), vec![]),
        );
    }

    #[test]
    fn conv_bn_agrees(case in case()) {
        compare(
            "conv_bn",
            &case.inputs(),
            case.tolerance(),
            |t| result(fewshot_kernels::conv_bn(
                t[0].clone(), t[1].clone(), case.conv, case.norm(t), case.add(t),
            )),
            |t| result(portable::conv_bn(
                t[0].clone(), t[1].clone(), case.conv, case.norm(t), case.add(t),
            )),
        );
    }

    #[test]
    fn batch_norm_agrees(case in case()) {
        let inputs = case.inputs();
        let inputs = [&inputs[4], &inputs[1], &inputs[2], &inputs[3]].map(Clone::clone);
        compare(
            "batch_norm",
            &inputs,
            1e-4,
            |t| result(fewshot_kernels::batch_norm(t[0].clone(), case.norm(t))),
            |t| result(portable::batch_norm(t[0].clone(), case.norm(t))),
        );
    }
}
