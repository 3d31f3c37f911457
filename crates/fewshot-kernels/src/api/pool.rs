//! Pooling and upsampling.

use burn::tensor::Tensor;

use super::check::{check_pool, check_sizes};
use crate::flex::Unary;
use crate::{flex, portable};

/// Average pool over `kernel` x `kernel` windows; padding is not counted in the mean.
///
/// # Panics
/// When the window does not fit or the padding exceeds half the kernel.
pub fn avg_pool2d(x: Tensor<4>, kernel: usize, stride: usize, padding: usize) -> Tensor<4> {
    check_pool("avg_pool2d", x.dims(), kernel, stride, padding);
    if flex::is_fast(&x) {
        flex::unary(x, Unary::Average([kernel, stride, padding]))
    } else {
        portable::avg_pool2d(x, kernel, stride, padding)
    }
}

/// Max pool over `kernel` x `kernel` windows; padding never wins. The gradient goes to the first
/// largest value of each window in row order.
///
/// # Panics
/// As [`avg_pool2d`].
pub fn max_pool2d(x: Tensor<4>, kernel: usize, stride: usize, padding: usize) -> Tensor<4> {
    check_pool("max_pool2d", x.dims(), kernel, stride, padding);
    if flex::is_fast(&x) {
        flex::unary(x, Unary::Max([kernel, stride, padding]))
    } else {
        portable::max_pool2d(x, kernel, stride, padding)
    }
}

/// Mean over height and width: `[batch, height, width, channels] -> [batch, channels]`.
pub fn global_avg_pool(x: Tensor<4>) -> Tensor<2> {
    check_sizes("global_avg_pool", &x.dims());
    if flex::is_fast(&x) { flex::unary(x, Unary::GlobalAverage) } else { portable::global_avg_pool(x) }
}

/// Sum over height and width: `[batch, height, width, channels] -> [batch, channels]`.
pub fn global_sum_pool(x: Tensor<4>) -> Tensor<2> {
    check_sizes("global_sum_pool", &x.dims());
    if flex::is_fast(&x) { flex::unary(x, Unary::GlobalSum) } else { portable::global_sum_pool(x) }
}

/// Every `stride`th pixel along height and width, from the one in row `offset[0]` and column `offset[1]` on; where that lies
/// beyond the image, zeros.
///
/// Two of them, with offsets `[0, 0]` and `[1, 1]`, a 1x1 convolution of each and [`crate::concat`] are the factorised reduction
/// of [Zoph et al. 2018](https://arxiv.org/abs/1707.07012), for images of odd sizes too.
///
/// # Shapes
/// `[batch, height, width, channels] -> [batch, height / stride, width / stride, channels]`, rounded up, whatever the offset.
///
/// # Panics
/// When the stride is 0 or an offset not below it.
pub fn subsample(x: Tensor<4>, stride: usize, offset: [usize; 2]) -> Tensor<4> {
    check_sizes("subsample", &x.dims());
    assert!(
        offset.iter().all(|offset| *offset < stride),
        "subsample: the stride must be at least 1 and the offsets below it, not {stride} and {offset:?}"
    );
    if flex::is_fast(&x) {
        flex::unary(x, Unary::Subsample { stride, offset })
    } else {
        portable::subsample(x, stride, offset)
    }
}

/// Nearest-neighbour upsampling: `factor` times the height and width.
///
/// # Panics
/// When the factor is 0.
pub fn upsample_nearest(x: Tensor<4>, factor: usize) -> Tensor<4> {
    check_factor("upsample_nearest", &x, factor);
    if flex::is_fast(&x) { flex::unary(x, Unary::Nearest(factor)) } else { portable::upsample_nearest(x, factor) }
}

/// Bilinear upsampling, corners not aligned (half-pixel centres): `factor` times the height and width.
///
/// # Panics
/// When the factor is 0.
pub fn upsample_bilinear(x: Tensor<4>, factor: usize) -> Tensor<4> {
    check_factor("upsample_bilinear", &x, factor);
    if flex::is_fast(&x) { flex::unary(x, Unary::Bilinear(factor)) } else { portable::upsample_bilinear(x, factor) }
}

fn check_factor(name: &str, x: &Tensor<4>, factor: usize) {
    check_sizes(name, &x.dims());
    assert!(factor > 0, "{name}: the factor must be at least 1");
}
