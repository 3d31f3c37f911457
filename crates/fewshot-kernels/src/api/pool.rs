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

/// Nearest-neighbour upsampling: height and width double.
pub fn upsample_nearest2x(x: Tensor<4>) -> Tensor<4> {
    check_sizes("upsample_nearest2x", &x.dims());
    if flex::is_fast(&x) { flex::unary(x, Unary::Nearest) } else { portable::upsample_nearest2x(x) }
}

/// Bilinear upsampling, corners not aligned (half-pixel centres): height and width double.
pub fn upsample_bilinear2x(x: Tensor<4>) -> Tensor<4> {
    check_sizes("upsample_bilinear2x", &x.dims());
    if flex::is_fast(&x) { flex::unary(x, Unary::Bilinear) } else { portable::upsample_bilinear2x(x) }
}
