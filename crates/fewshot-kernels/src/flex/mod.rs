//! The fast path: the operations as an extension of Burn's `Flex` backend, with their gradients.

mod backend;
mod conv;
mod depthwise;
mod norm;
mod simple;

pub(crate) use simple::{Unary, sgd_step, sum_squares};

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::ops::NodeGuard;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Dispatch, ExtensionType, Flex, backend_extension};
use burn::tensor::{DType, Int, Shape, Tensor};
use burn_flex::FlexTensor;

use crate::{Conv, Norm, Normed, Stats};

/// A tensor that may be left out.
#[derive(ExtensionType)]
pub enum Maybe<B: Backend> {
    /// It is there.
    Present(FloatTensor<B>),
    /// It is not.
    Absent,
}

impl<B: Backend> Maybe<B> {
    fn into_option(self) -> Option<FloatTensor<B>> {
        match self {
            Self::Present(tensor) => Some(tensor),
            Self::Absent => None,
        }
    }
}

/// The tensors of a batch norm.
#[derive(ExtensionType)]
pub struct NormParts<B: Backend> {
    /// Scale per channel.
    #[extension_type]
    pub scale: Maybe<B>,
    /// Shift per channel.
    #[extension_type]
    pub shift: Maybe<B>,
    /// Mean from outside.
    #[extension_type]
    pub mean: Maybe<B>,
    /// Variance from outside.
    #[extension_type]
    pub var: Maybe<B>,
}

/// The operations that `Flex` has kernels for.
#[backend_extension(Flex, Autodiff)]
pub trait Kernels: Backend {
    /// Dense convolution.
    fn conv2d(x: FloatTensor<Self>, weight: FloatTensor<Self>, conv: Conv) -> FloatTensor<Self>;
    /// Depthwise convolution.
    fn depthwise_conv2d(x: FloatTensor<Self>, weight: FloatTensor<Self>, conv: Conv) -> FloatTensor<Self>;
    /// Batch norm: output, mean, variance.
    fn batch_norm(
        x: FloatTensor<Self>,
        #[extension_type] norm: NormParts<Self>,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// Convolution, batch norm and sum: output, mean, variance.
    fn conv_bn(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] norm: NormParts<Self>,
        #[extension_type] add: Maybe<Self>,
        conv: Conv,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// An operation of one feature map.
    fn unary(x: FloatTensor<Self>, op: Unary) -> FloatTensor<Self>;
    /// The sum of two feature maps.
    fn add(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Mean softmax cross entropy.
    fn cross_entropy(logits: FloatTensor<Self>, labels: IntTensor<Self>, smoothing: f32) -> FloatTensor<Self>;
}

/// A tensor in the autodiff graph.
type Tracked = FloatTensor<Autodiff<Flex>>;

/// Whether the tensor lives where the kernels run.
pub(crate) fn is_fast<const D: usize>(tensor: &Tensor<D>) -> bool {
    use burn::backend::DispatchDevice;
    tensor.dtype() == DType::F32 && matches!(tensor.device().without_autodiff().as_dispatch(), DispatchDevice::Flex(_))
}

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

pub(crate) fn conv2d(x: Tensor<4>, weight: Tensor<4>, conv: Conv) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Kernels>::conv2d(x.into_dispatch(), weight.into_dispatch(), conv))
}

pub(crate) fn depthwise_conv2d(x: Tensor<4>, weight: Tensor<3>, conv: Conv) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Kernels>::depthwise_conv2d(x.into_dispatch(), weight.into_dispatch(), conv))
}

pub(crate) fn batch_norm(x: Tensor<4>, norm: Norm) -> Normed {
    let (parts, eps) = norm_parts(norm);
    normed(<Dispatch as Kernels>::batch_norm(x.into_dispatch(), parts, eps))
}

pub(crate) fn conv_bn(x: Tensor<4>, weight: Tensor<4>, conv: Conv, norm: Norm, add: Option<Tensor<4>>) -> Normed {
    let (parts, eps) = norm_parts(norm);
    normed(<Dispatch as Kernels>::conv_bn(x.into_dispatch(), weight.into_dispatch(), parts, maybe(add), conv, eps))
}

pub(crate) fn unary<const D: usize>(x: Tensor<4>, op: Unary) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Kernels>::unary(x.into_dispatch(), op))
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

fn normed((out, mean, var): (FloatTensor<Dispatch>, FloatTensor<Dispatch>, FloatTensor<Dispatch>)) -> Normed {
    Normed { out: Tensor::from_dispatch(out), mean: Tensor::from_dispatch(mean), var: Tensor::from_dispatch(var) }
}

/// Sizes of a tensor of known rank.
fn dims<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    let shape = tensor.layout().shape();
    std::array::from_fn(|i| shape[i])
}

/// Splits a tensor of the autodiff graph into its values and its place in the graph; what is left
/// out becomes a constant.
fn split<C: CheckpointStrategy>(maybe: Maybe<Autodiff<Flex, C>>) -> (Option<FlexTensor>, NodeGuard) {
    match maybe.into_option() {
        Some(tensor) => {
            let (primitive, guard) = tensor.into_parts();
            (Some(primitive), guard)
        }
        None => {
            let nothing = FlexTensor::zeros(Shape::from([1]), DType::F32);
            (None, Tracked::new(nothing).node())
        }
    }
}
