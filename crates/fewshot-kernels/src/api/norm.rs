//! Norms.

use burn::tensor::Tensor;

use super::check::{check_norm, check_per_channel, check_sizes};
use crate::{Norm, Normed, flex, portable};

/// Batch norm over batch, height and width; see [`Norm`] for the formula.
///
/// # Panics
/// When a per-channel tensor of `norm` has not as many values as `x` has channels.
pub fn batch_norm(x: Tensor<4>, norm: Norm) -> Normed {
    check_sizes("batch_norm", &x.dims());
    check_norm("batch_norm", x.dims()[3], &norm);
    if flex::is_fast(&x) { flex::batch_norm(x, norm) } else { portable::batch_norm(x, norm) }
}

/// Instance norm: each channel of each image by its own mean and variance over height and width
/// ([Ulyanov et al. 2016](https://arxiv.org/abs/1607.08022)), `(x - mean) / sqrt(var + eps)`, then scale and shift per channel
/// where there are any. The gradient goes through mean and variance.
///
/// # Shapes
/// `x`: `[batch, height, width, channels]`, scale and shift: `[channels]` each; the output is as `x`. `eps` is above 0, usually
/// `1e-5`.
///
/// # Panics
/// When scale or shift has not as many values as `x` has channels.
pub fn instance_norm(x: Tensor<4>, affine: Option<(Tensor<1>, Tensor<1>)>, eps: f32) -> Tensor<4> {
    check_sizes("instance_norm", &x.dims());
    if let Some((scale, shift)) = &affine {
        check_per_channel("instance_norm", "scale", scale.dims()[0], x.dims()[3]);
        check_per_channel("instance_norm", "shift", shift.dims()[0], x.dims()[3]);
    }
    if flex::is_fast(&x) { flex::instance_norm(x, affine, eps) } else { portable::instance_norm(x, affine, eps) }
}
