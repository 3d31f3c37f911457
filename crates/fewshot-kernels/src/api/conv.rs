//! Convolutions.

use burn::tensor::Tensor;

use super::activation::relu;
use super::check::{check_conv, check_norm, check_per_channel, check_sizes, check_transposed};
use crate::{Conv, Norm, Normed, flex, portable};

/// Dense convolution `[batch, height, width, cin] -> [batch, height', width', cout]`.
///
/// # Shapes
/// `x`: `[batch, height, width, cin]`, `weight`: `[kernel_h, kernel_w, cin, cout]`; the output's
/// height and width are [`Conv::output_size`].
///
/// # Panics
/// When the channels differ or the kernel does not fit the padded image.
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, conv: Conv) -> Tensor<4> {
    let [kernel_h, kernel_w, cin, cout] = weight.dims();
    check_conv("conv2d", x.dims(), [kernel_h, kernel_w], [cin, cout], conv);
    if flex::is_fast(&x) { flex::conv2d(x, weight, None, conv) } else { portable::conv2d(x, weight, conv) }
}

/// Dense convolution with a bias per output channel: [`conv2d`] and [`add_bias`] in one pass.
///
/// A 1x1 convolution of maps of one pixel is a fully connected layer, which [`crate::linear`] computes sooner.
///
/// # Shapes
/// As [`conv2d`]; `bias`: `[cout]`.
///
/// # Panics
/// As [`conv2d`], and when the bias has not as many values as the output has channels.
pub fn conv2d_bias(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, conv: Conv) -> Tensor<4> {
    let [kernel_h, kernel_w, cin, cout] = weight.dims();
    check_conv("conv2d_bias", x.dims(), [kernel_h, kernel_w], [cin, cout], conv);
    check_per_channel("conv2d_bias", "bias", bias.dims()[0], cout);
    if flex::is_fast(&x) {
        flex::conv2d(x, weight, Some(bias), conv)
    } else {
        portable::conv2d_bias(x, weight, bias, conv)
    }
}

/// `x + bias` with a value per channel; in place where `x` has no other handle.
///
/// # Shapes
/// `x`: `[batch, height, width, channels]`, `bias`: `[channels]`; the output is as `x`.
///
/// # Panics
/// When the bias has not as many values as `x` has channels.
pub fn add_bias(x: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
    check_sizes("add_bias", &x.dims());
    check_per_channel("add_bias", "bias", bias.dims()[0], x.dims()[3]);
    if flex::is_fast(&x) { flex::add_bias(x, bias) } else { portable::add_bias(x, bias) }
}

/// Depthwise convolution: channel `c` of the output sees channel `c` of the input alone.
///
/// # Shapes
/// `x`: `[batch, height, width, channels]`, `weight`: `[kernel_h, kernel_w, channels]`.
///
/// # Panics
/// As [`conv2d`].
pub fn depthwise_conv2d(x: Tensor<4>, weight: Tensor<3>, conv: Conv) -> Tensor<4> {
    let [kernel_h, kernel_w, channels] = weight.dims();
    check_conv("depthwise_conv2d", x.dims(), [kernel_h, kernel_w], [channels, channels], conv);
    if flex::is_fast(&x) {
        flex::depthwise_conv2d(x, weight, conv)
    } else {
        portable::depthwise_conv2d(x, weight, conv)
    }
}

/// The fused edge of a cell: `[ReLU ->] convolution -> batch norm [-> + add]`.
///
/// Equal to [`conv2d`], [`batch_norm`] and [`add`] in turn, in fewer passes over memory. Pass
/// the sum of the node's earlier edges as `add` and keep no other handle on it: it is then
/// updated in place.
///
/// # Panics
/// As [`conv2d`] and [`batch_norm`], and when `add` has not the output's shape.
pub fn conv_bn(x: Tensor<4>, weight: Tensor<4>, conv: Conv, norm: Norm, add: Option<Tensor<4>>) -> Normed {
    let [kernel_h, kernel_w, cin, cout] = weight.dims();
    check_conv("conv_bn", x.dims(), [kernel_h, kernel_w], [cin, cout], conv);
    check_norm("conv_bn", cout, &norm);
    if let Some(add) = &add {
        let [batch, height, width, _] = x.dims();
        let out = [
            batch,
            conv.output_size(height, kernel_h).unwrap_or(0),
            conv.output_size(width, kernel_w).unwrap_or(0),
            cout,
        ];
        assert!(add.dims() == out, "conv_bn: `add` has shape {:?}, the output {out:?}", add.dims());
    }
    if flex::is_fast(&x) {
        flex::conv_bn(x, weight, conv, norm, add)
    } else {
        portable::conv_bn(x, weight, conv, norm, add)
    }
}

/// Transposed convolution: the gradient of the [`conv2d`] of this geometry with respect to its input, as a layer of its own.
///
/// Each input pixel adds its kernel, `stride` pixels further from one to the next, to an output whose outermost `padding` rows
/// and columns are then cut off. A 2x2 kernel with stride 2 doubles height and width.
///
/// # Shapes
/// `x`: `[batch, height, width, cin]`, `weight`: `[kernel_h, kernel_w, cin, cout]`; the output's height and width are
/// [`Conv::transposed_size`].
///
/// # Panics
/// When the channels differ or the padding leaves nothing of the output.
pub fn transposed_conv2d(x: Tensor<4>, weight: Tensor<4>, conv: Conv) -> Tensor<4> {
    check_transposed("transposed_conv2d", x.dims(), weight.dims(), conv);
    let x = if conv.relu_input { relu(x) } else { x };
    let conv = Conv { relu_input: false, ..conv };
    if flex::is_fast(&x) {
        flex::transposed_conv2d(x, weight, conv)
    } else {
        portable::transposed_conv2d(x, weight, conv)
    }
}
