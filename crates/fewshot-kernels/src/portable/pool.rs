//! Pooling and upsampling.

use burn::tensor::ops::{AvgPoolOptions, InterpolateMode, InterpolateOptions, MaxPoolOptions};
use burn::tensor::{Slice, Tensor, module};

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

/// Sum over height and width; see [`crate::global_sum_pool`].
pub fn global_sum_pool(x: Tensor<4>) -> Tensor<2> {
    let [batch, _, _, channels] = x.dims();
    x.sum_dims(&[1, 2]).reshape([batch, channels])
}

/// Every `stride`th pixel; see [`crate::subsample`].
pub fn subsample(x: Tensor<4>, stride: usize, offset: [usize; 2]) -> Tensor<4> {
    let [batch, height, width, channels] = x.dims();
    let mut padded = x;
    if offset[0] > 0 {
        let below = Tensor::zeros([batch, offset[0], width, channels], &padded.device());
        padded = Tensor::cat(vec![padded, below], 1);
    }
    if offset[1] > 0 {
        let beside = Tensor::zeros([batch, height + offset[0], offset[1], channels], &padded.device());
        padded = Tensor::cat(vec![padded, beside], 2);
    }
    let every = |first: usize, size: usize| Slice::new(first as isize, Some((first + size) as isize), stride as isize);
    padded.slice([Slice::full(), every(offset[0], height), every(offset[1], width), Slice::full()])
}

/// Nearest-neighbour upsampling; see [`crate::upsample_nearest`].
pub fn upsample_nearest(x: Tensor<4>, factor: usize) -> Tensor<4> {
    let [batch, height, width, channels] = x.dims();
    x.reshape([batch, height, 1, width, 1, channels])
        .expand([batch, height, factor, width, factor, channels])
        .reshape([batch, factor * height, factor * width, channels])
}

/// Bilinear upsampling; see [`crate::upsample_bilinear`].
pub fn upsample_bilinear(x: Tensor<4>, factor: usize) -> Tensor<4> {
    let [_, height, width, _] = x.dims();
    let options = InterpolateOptions::new(InterpolateMode::Bilinear)
        .with_align_corners(false)
        .with_output_size([factor * height, factor * width]);
    channels_last(module::interpolate(channels_first(x), options))
}
