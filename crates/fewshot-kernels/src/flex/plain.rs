//! The operations on plain tensors of `Flex`.

use burn::backend::Flex;
use burn_flex::FlexTensor;

use super::conv::fused_once;
use super::extension::Kernels;
use super::norm::Settings;
use super::parts::{Maybe, NormParts};
use super::unary::Unary;
use super::{
    activation, bias, concat, conv, depthwise, instance_norm, loss, norm, scale, standardise, sum, transposed, unary,
};
use crate::Conv;
use crate::kernels::activation::Activation;
use crate::kernels::channels::Part;
use crate::memory::contiguous;

impl Kernels for Flex {
    fn conv2d(x: FlexTensor, weight: FlexTensor, bias: Maybe<Self>, conv: Conv) -> FlexTensor {
        conv::forward(&contiguous(x), &contiguous(weight), bias.into_option(), conv)
    }

    fn add_bias(x: FlexTensor, bias: FlexTensor) -> FlexTensor {
        bias::forward(x, &bias)
    }

    fn transposed_conv2d(x: FlexTensor, weight: FlexTensor, conv: Conv) -> FlexTensor {
        transposed::forward(&contiguous(x), &contiguous(weight), conv)
    }

    fn depthwise_conv2d(x: FlexTensor, weight: FlexTensor, conv: Conv) -> FlexTensor {
        depthwise::forward(&contiguous(x), &contiguous(weight), conv)
    }

    fn batch_norm(x: FlexTensor, norm: NormParts<Self>, eps: f32) -> (FlexTensor, FlexTensor, FlexTensor) {
        let settings = Settings::from_parts(norm, eps);
        let (out, applied) = norm::forward(&contiguous(x), settings);
        let (mean, var) = applied.statistics();
        (out, mean, var)
    }

    fn instance_norm(x: FlexTensor, norm: NormParts<Self>, eps: f32) -> FlexTensor {
        instance_norm::forward(&contiguous(x), &Settings::from_parts(norm, eps)).0
    }

    fn conv_bn(
        x: FlexTensor,
        weight: FlexTensor,
        norm: NormParts<Self>,
        add: Maybe<Self>,
        conv: Conv,
        eps: f32,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let settings = Settings::from_parts(norm, eps);
        let (x, weight) = (contiguous(x), contiguous(weight));
        let (out, applied) = fused_once(&x, &weight, conv, settings, add.into_option());
        let (mean, var) = applied.statistics();
        (out, mean, var)
    }

    fn unary(x: FlexTensor, op: Unary) -> FlexTensor {
        unary::forward(&contiguous(x), op)
    }

    fn activate(x: FlexTensor, f: Activation) -> FlexTensor {
        activation::forward(&contiguous(x), f)
    }

    fn scale(x: FlexTensor, factors: FlexTensor, _learned: bool) -> FlexTensor {
        scale::forward(&contiguous(x), &contiguous(factors))
    }

    fn place(into: Maybe<Self>, x: FlexTensor, target: Part) -> FlexTensor {
        concat::place(into.into_option(), &contiguous(x), target)
    }

    fn add(a: FlexTensor, b: FlexTensor) -> FlexTensor {
        sum::add(a, b)
    }

    fn cross_entropy(logits: FlexTensor, labels: FlexTensor, smoothing: f32) -> FlexTensor {
        loss::cross_entropy(logits, loss::labels(labels), smoothing).0
    }

    fn soft_cross_entropy(logits: FlexTensor, targets: FlexTensor, smoothing: f32) -> FlexTensor {
        loss::soft_cross_entropy(logits, targets, smoothing).0
    }

    fn standardise(weight: FlexTensor, eps: f32) -> FlexTensor {
        standardise::forward(&contiguous(weight), eps).0
    }
}
