//! The operations on Burn's tensors of any device, for those that live where the kernels run.

use burn::backend::Dispatch;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{Int, Tensor};

use super::extension::Kernels;
use super::parts::{Maybe, NormParts};
use super::unary::Unary;
use crate::kernels::activation::Activation;
use crate::kernels::channels::Part;
use crate::{Conv, Norm, Normed, Stats};

fn maybe<const D: usize>(tensor: Option<Tensor<D>>) -> Maybe<Dispatch> {
    match tensor {
        Some(tensor) => Maybe::Present(tensor.into_dispatch()),
        None => Maybe::Absent,
    }
}

fn norm_parts(norm: Norm) -> (NormParts<Dispatch>, f32) {
    let (scale, shift) = norm.affine.unzip();
    let (mean, var) = match norm.stats {
        Stats::Batch => (None, None),
        Stats::Fixed { mean, var } => (Some(mean), Some(var)),
    };
    let parts = NormParts { scale: maybe(scale), shift: maybe(shift), mean: maybe(mean), var: maybe(var) };
    (parts, norm.eps)
}

pub(crate) fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, conv: Conv) -> Tensor<4> {
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Kernels>::conv2d(x, weight, maybe(bias), conv))
}

pub(crate) fn add_bias(x: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Kernels>::add_bias(x.into_dispatch(), bias.into_dispatch()))
}

pub(crate) fn transposed_conv2d(x: Tensor<4>, weight: Tensor<4>, conv: Conv) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Kernels>::transposed_conv2d(x.into_dispatch(), weight.into_dispatch(), conv))
}

pub(crate) fn depthwise_conv2d(x: Tensor<4>, weight: Tensor<3>, conv: Conv) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Kernels>::depthwise_conv2d(x.into_dispatch(), weight.into_dispatch(), conv))
}

pub(crate) fn batch_norm(x: Tensor<4>, norm: Norm) -> Normed {
    let (parts, eps) = norm_parts(norm);
    normed(<Dispatch as Kernels>::batch_norm(x.into_dispatch(), parts, eps))
}

pub(crate) fn instance_norm(x: Tensor<4>, affine: Option<(Tensor<1>, Tensor<1>)>, eps: f32) -> Tensor<4> {
    let (parts, eps) = norm_parts(Norm { affine, stats: Stats::Batch, eps });
    Tensor::from_dispatch(<Dispatch as Kernels>::instance_norm(x.into_dispatch(), parts, eps))
}

pub(crate) fn conv_bn(x: Tensor<4>, weight: Tensor<4>, conv: Conv, norm: Norm, add: Option<Tensor<4>>) -> Normed {
    let (parts, eps) = norm_parts(norm);
    normed(<Dispatch as Kernels>::conv_bn(x.into_dispatch(), weight.into_dispatch(), parts, maybe(add), conv, eps))
}

pub(crate) fn unary<const D: usize>(x: Tensor<4>, op: Unary) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Kernels>::unary(x.into_dispatch(), op))
}

pub(crate) fn activate<const D: usize>(x: Tensor<D>, f: Activation) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Kernels>::activate(x.into_dispatch(), f))
}

pub(crate) fn scale(x: Tensor<4>, factors: Tensor<2>, learned: bool) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Kernels>::scale(x.into_dispatch(), factors.into_dispatch(), learned))
}

/// The maps' channels in turn; at least one map.
pub(crate) fn concat(maps: Vec<Tensor<4>>) -> Tensor<4> {
    let channels = maps.iter().map(|map| map.dims()[3]).sum();
    let (mut into, mut first) = (Maybe::Absent, 0);
    for map in maps {
        let count = map.dims()[3];
        let placed = <Dispatch as Kernels>::place(into, map.into_dispatch(), Part { channels, first });
        into = Maybe::Present(placed);
        first += count;
    }
    Tensor::from_dispatch(into.into_option().expect("the public function has checked that there are maps"))
}

pub(crate) fn add(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    let (a, b) = (a.into_dispatch(), b.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Kernels>::add(a, b))
}

pub(crate) fn cross_entropy(logits: Tensor<2>, labels: Tensor<1, Int>, smoothing: f32) -> Tensor<1> {
    Tensor::from_dispatch(<Dispatch as Kernels>::cross_entropy(
        logits.into_dispatch(),
        labels.into_dispatch(),
        smoothing,
    ))
}

pub(crate) fn soft_cross_entropy(logits: Tensor<2>, targets: Tensor<2>, smoothing: f32) -> Tensor<1> {
    let (logits, targets) = (logits.into_dispatch(), targets.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Kernels>::soft_cross_entropy(logits, targets, smoothing))
}

pub(crate) fn standardise(weight: Tensor<4>, eps: f32) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Kernels>::standardise(weight.into_dispatch(), eps))
}

fn normed((out, mean, var): (FloatTensor<Dispatch>, FloatTensor<Dispatch>, FloatTensor<Dispatch>)) -> Normed {
    Normed { out: Tensor::from_dispatch(out), mean: Tensor::from_dispatch(mean), var: Tensor::from_dispatch(var) }
}
