//! The operations as an extension of Burn's backends.

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, backend_extension};

use super::parts::{Maybe, NormParts};
use super::unary::Unary;
use crate::Conv;
use crate::kernels::activation::Activation;
use crate::kernels::channels::Part;

/// The operations that `Flex` has kernels for.
#[backend_extension(Flex, Autodiff)]
pub trait Kernels: Backend {
    /// Dense convolution, with a bias or without.
    fn conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Maybe<Self>,
        conv: Conv,
    ) -> FloatTensor<Self>;
    /// A bias per channel.
    fn add_bias(x: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Transposed convolution.
    fn transposed_conv2d(x: FloatTensor<Self>, weight: FloatTensor<Self>, conv: Conv) -> FloatTensor<Self>;
    /// Depthwise convolution.
    fn depthwise_conv2d(x: FloatTensor<Self>, weight: FloatTensor<Self>, conv: Conv) -> FloatTensor<Self>;
    /// Batch norm: output, mean, variance.
    fn batch_norm(
        x: FloatTensor<Self>,
        #[extension_type] norm: NormParts<Self>,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// Instance norm.
    fn instance_norm(x: FloatTensor<Self>, #[extension_type] norm: NormParts<Self>, eps: f32) -> FloatTensor<Self>;
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
    /// An activation function, of a tensor of any rank.
    fn activate(x: FloatTensor<Self>, f: Activation) -> FloatTensor<Self>;
    /// Factors per image, `[batch, channels]` or `[batch, 1]`; only `learned` ones get a gradient.
    fn scale(x: FloatTensor<Self>, factors: FloatTensor<Self>, learned: bool) -> FloatTensor<Self>;
    /// A feature map in its place among the channels of another one.
    fn place(#[extension_type] into: Maybe<Self>, x: FloatTensor<Self>, target: Part) -> FloatTensor<Self>;
    /// The sum of two feature maps.
    fn add(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Mean softmax cross entropy.
    fn cross_entropy(logits: FloatTensor<Self>, labels: IntTensor<Self>, smoothing: f32) -> FloatTensor<Self>;
    /// Mean softmax cross entropy with targets for all classes.
    fn soft_cross_entropy(logits: FloatTensor<Self>, targets: FloatTensor<Self>, smoothing: f32) -> FloatTensor<Self>;
    /// A weight's filters with mean 0 and deviation 1.
    fn standardise(weight: FloatTensor<Self>, eps: f32) -> FloatTensor<Self>;
}
