//! The operations on tensors of `Flex` in the autodiff graph.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::ops::{Backward, NodeGuard, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Flex};
use burn_flex::FlexTensor;

use super::activation::{self, ActivationBackward};
use super::bias::{self, BiasBackward};
use super::concat::{self, PlaceBackward};
use super::conv::{self, ConvBackward, ConvBnBackward, Fused, fused};
use super::depthwise::{self, DepthwiseBackward};
use super::extension::Kernels;
use super::instance_norm::{self, InstanceNormBackward};
use super::loss::{self, CrossEntropyBackward, SoftCrossEntropyBackward};
use super::norm::{self, BatchNormBackward, Settings};
use super::parts::{Maybe, NormParts, Tracked, split};
use super::scale::{self, ScaleBackward};
use super::standardise::{self, StandardiseBackward};
use super::sum::{self, AddBackward};
use super::tensors::dims;
use super::transposed::{self, TransposedBackward};
use super::unary::{self, Saved, Unary, UnaryBackward};
use crate::Conv;
use crate::kernels::activation::Activation;
use crate::kernels::channels::Part;
use crate::memory::contiguous;

/// A result that carries no gradient.
fn constant(tensor: FlexTensor) -> Tracked {
    Tracked::new(tensor)
}

/// A result in the graph below its inputs' nodes, with what its gradient needs.
fn record<C: CheckpointStrategy, B: Backward<Flex, N>, const N: usize>(
    backward: B,
    nodes: [NodeGuard; N],
    state: B::State,
    out: FlexTensor,
) -> Tracked {
    match backward.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(state, out),
        OpsKind::UnTracked(prep) => prep.finish(out),
    }
}

impl<C: CheckpointStrategy> Kernels for Autodiff<Flex, C> {
    fn conv2d(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: Maybe<Self>, conv: Conv) -> FloatTensor<Self> {
        let (x, node_x) = x.into_parts();
        let (weight, node_weight) = weight.into_parts();
        let (bias, node_bias) = split(bias);
        let (x, weight) = (contiguous(x), contiguous(weight));
        let y = conv::forward(&x, &weight, bias, conv);
        record::<C, _, 3>(ConvBackward, [node_x, node_weight, node_bias], (x, weight, conv), y)
    }

    fn add_bias(x: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, node_x) = x.into_parts();
        let (bias, node_bias) = bias.into_parts();
        record::<C, _, 2>(BiasBackward, [node_x, node_bias], (), bias::forward(x, &bias))
    }

    fn transposed_conv2d(x: FloatTensor<Self>, weight: FloatTensor<Self>, conv: Conv) -> FloatTensor<Self> {
        let (x, node_x) = x.into_parts();
        let (weight, node_weight) = weight.into_parts();
        let (x, weight) = (contiguous(x), contiguous(weight));
        let y = transposed::forward(&x, &weight, conv);
        record::<C, _, 2>(TransposedBackward, [node_x, node_weight], (x, weight, conv), y)
    }

    fn depthwise_conv2d(x: FloatTensor<Self>, weight: FloatTensor<Self>, conv: Conv) -> FloatTensor<Self> {
        let (x, node_x) = x.into_parts();
        let (weight, node_weight) = weight.into_parts();
        let (x, weight) = (contiguous(x), contiguous(weight));
        let y = depthwise::forward(&x, &weight, conv);
        record::<C, _, 2>(DepthwiseBackward, [node_x, node_weight], (x, weight, conv), y)
    }

    fn batch_norm(
        x: FloatTensor<Self>,
        norm: NormParts<Self>,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (x, node_x) = x.into_parts();
        let x = contiguous(x);
        let (settings, node_scale, node_shift) = settings(norm, eps);
        let (out, applied) = norm::forward(&x, settings);
        let (mean, var) = applied.statistics();
        let out = record::<C, _, 3>(BatchNormBackward, [node_x, node_scale, node_shift], (x, applied), out);
        (out, constant(mean), constant(var))
    }

    fn instance_norm(x: FloatTensor<Self>, norm: NormParts<Self>, eps: f32) -> FloatTensor<Self> {
        let (x, node_x) = x.into_parts();
        let x = contiguous(x);
        let (settings, node_scale, node_shift) = settings(norm, eps);
        let (out, applied) = instance_norm::forward(&x, &settings);
        record::<C, _, 3>(InstanceNormBackward, [node_x, node_scale, node_shift], (x, applied), out)
    }

    fn conv_bn(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        norm: NormParts<Self>,
        add: Maybe<Self>,
        conv: Conv,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (x, node_x) = x.into_parts();
        let (weight, node_weight) = weight.into_parts();
        let (settings, node_scale, node_shift) = settings(norm, eps);
        let (add, node_add) = split(add);
        let (x, weight) = (contiguous(x), contiguous(weight));
        let (out, y, applied) = fused(&x, &weight, conv, settings, add);
        let (mean, var) = applied.statistics();
        let nodes = [node_x, node_weight, node_scale, node_shift, node_add];
        let out = record::<C, _, 5>(ConvBnBackward, nodes, Fused { x, weight, y, conv, applied }, out);
        (out, constant(mean), constant(var))
    }

    fn unary(x: FloatTensor<Self>, op: Unary) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let x = contiguous(x);
        let out = unary::forward(&x, op);
        let saved = Saved::new(op, x, &out);
        record::<C, _, 1>(UnaryBackward, [node], saved, out)
    }

    fn activate(x: FloatTensor<Self>, f: Activation) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let x = contiguous(x);
        let out = activation::forward(&x, f);
        let kept = if f.slope_of_output() { out.clone() } else { x };
        record::<C, _, 1>(ActivationBackward, [node], (f, kept), out)
    }

    fn scale(x: FloatTensor<Self>, factors: FloatTensor<Self>, learned: bool) -> FloatTensor<Self> {
        let (x, node_x) = x.into_parts();
        let (factors, node_factors) = factors.into_parts();
        let (x, factors) = (contiguous(x), contiguous(factors));
        let out = scale::forward(&x, &factors);
        record::<C, _, 2>(ScaleBackward, [node_x, node_factors], (learned.then_some(x), factors), out)
    }

    fn place(into: Maybe<Self>, x: FloatTensor<Self>, target: Part) -> FloatTensor<Self> {
        let (into, node_into) = split(into);
        let (x, node_x) = x.into_parts();
        let x = contiguous(x);
        let state = (dims::<4>(&x)[3], target);
        let out = concat::place(into, &x, target);
        record::<C, _, 2>(PlaceBackward, [node_into, node_x], state, out)
    }

    fn add(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        let (a, node_a) = a.into_parts();
        let (b, node_b) = b.into_parts();
        record::<C, _, 2>(AddBackward, [node_a, node_b], (), sum::add(a, b))
    }

    fn cross_entropy(logits: FloatTensor<Self>, labels: IntTensor<Self>, smoothing: f32) -> FloatTensor<Self> {
        let (logits, node) = logits.into_parts();
        let (loss, saved) = loss::cross_entropy(logits, loss::labels(labels), smoothing);
        record::<C, _, 1>(CrossEntropyBackward, [node], saved, loss)
    }

    fn soft_cross_entropy(logits: FloatTensor<Self>, targets: FloatTensor<Self>, smoothing: f32) -> FloatTensor<Self> {
        let (logits, node) = logits.into_parts();
        let (targets, _) = targets.into_parts();
        let (loss, saved) = loss::soft_cross_entropy(logits, targets, smoothing);
        record::<C, _, 1>(SoftCrossEntropyBackward, [node], saved, loss)
    }

    fn standardise(weight: FloatTensor<Self>, eps: f32) -> FloatTensor<Self> {
        let (weight, node) = weight.into_parts();
        let weight = contiguous(weight);
        let (out, filters) = standardise::forward(&weight, eps);
        record::<C, _, 1>(StandardiseBackward, [node], (weight, filters), out)
    }
}

/// The settings of a batch norm in the graph, and the places of scale and shift in it.
fn settings<C: CheckpointStrategy>(norm: NormParts<Autodiff<Flex, C>>, eps: f32) -> (Settings, NodeGuard, NodeGuard) {
    let (scale, node_scale) = split(norm.scale);
    let (shift, node_shift) = split(norm.shift);
    let (mean, _) = split(norm.mean);
    let (var, _) = split(norm.var);
    (Settings::new(scale, shift, mean, var, eps), node_scale, node_shift)
}
