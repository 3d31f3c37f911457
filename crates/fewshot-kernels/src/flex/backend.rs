//! The extension's operations on `Flex`, without and with the autodiff graph.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::ops::{Backward, NodeGuard, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Flex};
use burn_flex::FlexTensor;

use super::conv::{ConvBackward, ConvBnBackward, Fused, convolve, fused, fused_once};
use super::depthwise::{self, DepthwiseBackward};
use super::extension::Kernels;
use super::loss::{self, CrossEntropyBackward};
use super::norm::{self, BatchNormBackward, Settings};
use super::parts::{Maybe, NormParts, Tracked, split};
use super::sum::{self, AddBackward};
use super::unary::{self, Saved, Unary, UnaryBackward};
use crate::Conv;
use crate::memory::contiguous;

impl Kernels for Flex {
    fn conv2d(x: FlexTensor, weight: FlexTensor, conv: Conv) -> FlexTensor {
        convolve(&contiguous(x), &contiguous(weight), conv, false).0
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

    fn add(a: FlexTensor, b: FlexTensor) -> FlexTensor {
        sum::add(a, b)
    }

    fn cross_entropy(logits: FlexTensor, labels: FlexTensor, smoothing: f32) -> FlexTensor {
        loss::cross_entropy(logits, loss::labels(labels), smoothing).0
    }
}

/// A result that carries no gradient.
fn constant(tensor: FlexTensor) -> Tracked {
    Tracked::new(tensor)
}

impl<C: CheckpointStrategy> Kernels for Autodiff<Flex, C> {
    fn conv2d(x: FloatTensor<Self>, weight: FloatTensor<Self>, conv: Conv) -> FloatTensor<Self> {
        let (x, node_x) = x.into_parts();
        let (weight, node_weight) = weight.into_parts();
        let (x, weight) = (contiguous(x), contiguous(weight));
        let (y, _) = convolve(&x, &weight, conv, false);
        match ConvBackward.prepare::<C>([node_x, node_weight]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, weight, conv), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn depthwise_conv2d(x: FloatTensor<Self>, weight: FloatTensor<Self>, conv: Conv) -> FloatTensor<Self> {
        let (x, node_x) = x.into_parts();
        let (weight, node_weight) = weight.into_parts();
        let (x, weight) = (contiguous(x), contiguous(weight));
        let y = depthwise::forward(&x, &weight, conv);
        match DepthwiseBackward.prepare::<C>([node_x, node_weight]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, weight, conv), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
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
        let out = match BatchNormBackward.prepare::<C>([node_x, node_scale, node_shift]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, applied), out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        };
        (out, constant(mean), constant(var))
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
        let out = match ConvBnBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let state = Fused { x, weight, y, conv, applied };
                prep.finish(state, out)
            }
            OpsKind::UnTracked(prep) => prep.finish(out),
        };
        (out, constant(mean), constant(var))
    }

    fn unary(x: FloatTensor<Self>, op: Unary) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let x = contiguous(x);
        let out = unary::forward(&x, op);
        match UnaryBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(Saved::new(op, x, &out), out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn add(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        let (a, node_a) = a.into_parts();
        let (b, node_b) = b.into_parts();
        AddBackward.prepare::<C>([node_a, node_b]).compute_bound().stateless(sum::add(a, b))
    }

    fn cross_entropy(logits: FloatTensor<Self>, labels: IntTensor<Self>, smoothing: f32) -> FloatTensor<Self> {
        let (logits, node) = logits.into_parts();
        let (loss, saved) = loss::cross_entropy(logits, loss::labels(labels), smoothing);
        match CrossEntropyBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(saved, loss),
            OpsKind::UnTracked(prep) => prep.finish(loss),
        }
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
