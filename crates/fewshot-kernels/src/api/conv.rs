//! Convolutions.

use burn::tensor::Tensor;

use super::check::{check_conv, check_norm, check_sizes};
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
    if flex::is_fast(&x) { flex::conv2d(x, weight, conv) } else { portable::conv2d(x, weight, conv) }
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

/// Transposed 2x2 convolution of stride 2: height and width double.
///
/// # Shapes
/// `x`: `[batch, height, width, cin]`, `weight`: `[2, 2, cin, cout]`.
///
/// # Panics
/// When the weight has another shape.
pub fn transposed_conv2x2(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    let [kernel_h, kernel_w, cin, cout] = weight.dims();
    check_sizes("transposed_conv2x2", &x.dims());
    assert!(
        [kernel_h, kernel_w, cin] == [2, 2, x.dims()[3]] && cout > 0,
        "transposed_conv2x2: weight {:?} does not fit an input of {:?}",
        weight.dims(),
        x.dims()
    );
    if !flex::is_fast(&x) {
        return portable::transposed_conv2x2(x, weight);
    }
    // Every input pixel makes a 2x2 square of its own: a 1x1 convolution to four times the
    // channels, whose squares are then put in their places.
    let [batch, height, width, _] = x.dims();
    let weight = weight.permute([2, 0, 1, 3]).reshape([1, 1, cin, 4 * cout]);
    flex::conv2d(x, weight, Conv::same(1))
        .reshape([batch, height, width, 2, 2, cout])
        .permute([0, 1, 3, 2, 4, 5])
        .reshape([batch, 2 * height, 2 * width, cout])
}
