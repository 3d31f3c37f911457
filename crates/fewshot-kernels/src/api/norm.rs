//! Norms.

use burn::tensor::Tensor;

use super::check::{check_norm, check_sizes};
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
