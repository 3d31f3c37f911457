//! Activation functions.

use burn::tensor::{Tensor, activation};

/// `max(x, 0)`.
pub fn relu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activation::relu(x)
}

/// `min(max(x, 0), 6)`.
pub fn relu6<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.clamp(0.0, 6.0)
}

/// `min(max(x + 3, 0), 6) / 6`.
pub fn hardsigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    relu6(x + 3.0) / 6.0
}

/// `x * hardsigmoid(x)` ([Howard et al. 2019](https://arxiv.org/abs/1905.02244), section 5.2).
pub fn hardswish<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.clone() * hardsigmoid(x)
}

/// `1 / (1 + exp(-x))`.
pub fn sigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activation::sigmoid(x)
}

/// The hyperbolic tangent.
pub fn tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activation::tanh(x)
}
