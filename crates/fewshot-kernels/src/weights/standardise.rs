//! Weight standardisation.

use burn::tensor::Tensor;

use crate::{flex, portable};

/// Added to the deviation, so that a filter of equal weights stays finite.
const EPS: f32 = 1e-5;

/// Each filter with mean 0 and deviation 1: `(weight - mean) / (deviation + 1e-5)`, the deviation with Bessel's correction, both
/// over all weights that lead to one output channel. The gradient goes through mean and deviation.
/// ([Qiao et al. 2019](https://arxiv.org/abs/1903.10520), equations 2 to 5, with the deviation as PyTorch computes it.)
///
/// A filter of a single weight has deviation 0, so it becomes 0.
///
/// # Shapes
/// `weight`: `[kernel_h, kernel_w, cin, cout]`; the output is as `weight`.
///
/// # Panics
/// When a size is 0.
pub fn standardise(weight: Tensor<4>) -> Tensor<4> {
    let dims = weight.dims();
    assert!(dims.iter().all(|size| *size > 0), "standardise: every size must be at least 1, the weight is {dims:?}");
    if flex::is_fast(&weight) { flex::standardise(weight, EPS) } else { portable::standardise(weight, EPS) }
}
