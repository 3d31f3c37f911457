//! Activation functions.

use burn::tensor::Tensor;

use super::check::check_sizes;
use crate::flex::Unary;
use crate::kernels::elementwise::Activation;
use crate::{flex, portable};

/// `max(x, 0)`; NaN stays NaN.
pub fn relu(x: Tensor<4>) -> Tensor<4> {
    check_sizes("relu", &x.dims());
    if flex::is_fast(&x) { flex::unary(x, Unary::Activation(Activation::Relu)) } else { portable::relu(x) }
}

/// `min(max(x, 0), 6)`.
pub fn relu6(x: Tensor<4>) -> Tensor<4> {
    check_sizes("relu6", &x.dims());
    if flex::is_fast(&x) { flex::unary(x, Unary::Activation(Activation::Relu6)) } else { portable::relu6(x) }
}

/// `min(max(x + 3, 0), 6) / 6`.
pub fn hardsigmoid(x: Tensor<4>) -> Tensor<4> {
    check_sizes("hardsigmoid", &x.dims());
    if flex::is_fast(&x) {
        flex::unary(x, Unary::Activation(Activation::HardSigmoid))
    } else {
        portable::hardsigmoid(x)
    }
}

/// `x * hardsigmoid(x)` ([Howard et al. 2019](https://arxiv.org/abs/1905.02244), section 5.2).
pub fn hardswish(x: Tensor<4>) -> Tensor<4> {
    check_sizes("hardswish", &x.dims());
    if flex::is_fast(&x) { flex::unary(x, Unary::Activation(Activation::HardSwish)) } else { portable::hardswish(x) }
}
