//! Convolutions by way of Burn's channels-first ones.

use burn::tensor::module;
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Tensor, activation};

use crate::Conv;

/// NHWC to NCHW.
pub(super) fn channels_first(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 3, 1, 2])
}

/// NCHW to NHWC.
pub(super) fn channels_last(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 2, 3, 1])
}

fn options(conv: Conv, groups: usize) -> ConvOptions<2> {
    ConvOptions::new([conv.stride; 2], [conv.padding; 2], [conv.dilation; 2], groups)
}

fn input(x: Tensor<4>, conv: Conv) -> Tensor<4> {
    channels_first(if conv.relu_input { activation::relu(x) } else { x })
}

/// Dense convolution; see [`crate::conv2d`].
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, conv: Conv) -> Tensor<4> {
    let weight = weight.permute([3, 2, 0, 1]);
    channels_last(module::conv2d(input(x, conv), weight, None, options(conv, 1)))
}

/// Depthwise convolution; see [`crate::depthwise_conv2d`].
pub fn depthwise_conv2d(x: Tensor<4>, weight: Tensor<3>, conv: Conv) -> Tensor<4> {
    let [kernel_h, kernel_w, channels] = weight.dims();
    let weight = weight.permute([2, 0, 1]).reshape([channels, 1, kernel_h, kernel_w]);
    channels_last(module::conv2d(input(x, conv), weight, None, options(conv, channels)))
}

/// Dense convolution with a bias; see [`crate::conv2d_bias`].
pub fn conv2d_bias(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, conv: Conv) -> Tensor<4> {
    let weight = weight.permute([3, 2, 0, 1]);
    channels_last(module::conv2d(input(x, conv), weight, Some(bias), options(conv, 1)))
}

/// A bias per channel; see [`crate::add_bias`].
pub fn add_bias(x: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
    let channels = bias.dims()[0];
    x + bias.reshape([1, 1, 1, channels])
}

/// Transposed convolution; see [`crate::transposed_conv2d`].
pub fn transposed_conv2d(x: Tensor<4>, weight: Tensor<4>, conv: Conv) -> Tensor<4> {
    let weight = weight.permute([2, 3, 0, 1]);
    let options = ConvTransposeOptions::new([conv.stride; 2], [conv.padding; 2], [0; 2], [conv.dilation; 2], 1);
    channels_last(module::conv_transpose2d(input(x, conv), weight, None, options))
}
