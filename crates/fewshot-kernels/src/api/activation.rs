//! Activation functions, of tensors of any rank.

use burn::tensor::Tensor;

use super::check::check_sizes;
use crate::kernels::activation::Activation;
use crate::{flex, portable};

/// `max(x, 0)`; NaN stays NaN.
pub fn relu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    check_sizes("relu", &x.dims());
    if flex::is_fast(&x) { flex::activate(x, Activation::Relu) } else { portable::relu(x) }
}

/// `min(max(x, 0), 6)`.
pub fn relu6<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    check_sizes("relu6", &x.dims());
    if flex::is_fast(&x) { flex::activate(x, Activation::Relu6) } else { portable::relu6(x) }
}

/// `min(max(x + 3, 0), 6) / 6`.
pub fn hardsigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    check_sizes("hardsigmoid", &x.dims());
    if flex::is_fast(&x) { flex::activate(x, Activation::HardSigmoid) } else { portable::hardsigmoid(x) }
}

/// `x * hardsigmoid(x)` ([Howard et al. 2019](https://arxiv.org/abs/1905.02244), section 5.2).
pub fn hardswish<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    check_sizes("hardswish", &x.dims());
    if flex::is_fast(&x) { flex::activate(x, Activation::HardSwish) } else { portable::hardswish(x) }
}

/// `1 / (1 + exp(-x))`, in 0 to 1.
pub fn sigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    check_sizes("sigmoid", &x.dims());
    if flex::is_fast(&x) { flex::activate(x, Activation::Sigmoid) } else { portable::sigmoid(x) }
}

/// The hyperbolic tangent, in -1 to 1.
pub fn tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    check_sizes("tanh", &x.dims());
    if flex::is_fast(&x) { flex::activate(x, Activation::Tanh) } else { portable::tanh(x) }
}
