//! Pooling and upsampling.

use burn::tensor::ops::{AvgPoolOptions, InterpolateMode, InterpolateOptions, MaxPoolOptions};
use burn::tensor::{Tensor, module};

use super::conv::{channels_first, channels_last};

/// Average pool that does not count the padding; see [`crate::avg_pool2d`].
pub fn avg_pool2d(x: Tensor<4>, kernel: usize, stride: usize, padding: usize) -> Tensor<4> {
    let options = AvgPoolOptions::new([kernel; 2])
        .with_stride([stride; 2])
        .with_padding([padding; 2])
        .with_count_include_pad(false);
    channels_last(module::avg_pool2d(channels_first(x), options))
}

/// Max pool; see [`crate::max_pool2d`].
pub fn max_pool2d(x: Tensor<4>, kernel: usize, stride: usize, padding: usize) -> Tensor<4> {
    let options = MaxPoolOptions::new([kernel; 2]).with_stride([stride; 2]).with_padding([padding; 2]);
    channels_last(module::max_pool2d(channels_first(x), options))
}

/// Mean over height and width; see [`crate::global_avg_pool`].
pub fn global_avg_pool(x: Tensor<4>) -> Tensor<2> {
    let [batch, _, _, channels] = x.dims();
    x.mean_dims(&[1, 2]).reshape([batch, channels])
}

/// Nearest-neighbour upsampling by two; see [`crate::upsample_nearest2x`].
pub fn upsample_nearest2x(x: Tensor<4>) -> Tensor<4> {
    let [batch, height, width, channels] = x.dims();
    x.reshape([batch, height, 1, width, 1, channels]).expand([batch, height, 2, width, 2, channels]).reshape([
        batch,
        2 * height,
        2 * width,
        channels,
    ])
}

/// Bilinear upsampling by two; see [`crate::upsample_bilinear2x`].
pub fn upsample_bilinear2x(x: Tensor<4>) -> Tensor<4> {
    let [_, height, width, _] = x.dims();
    let options = InterpolateOptions::new(InterpolateMode::Bilinear)
        .with_align_corners(false)
        .with_output_size([2 * height, 2 * width]);
    channels_last(module::interpolate(channels_first(x), options))
}
