//! Element-wise operations.

use burn::tensor::{Tensor, activation};

/// The sum of two feature maps of one shape.
pub fn add(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    a + b
}

/// `max(x, 0)`.
pub fn relu(x: Tensor<4>) -> Tensor<4> {
    activation::relu(x)
}

/// `min(max(x, 0), 6)`.
pub fn relu6(x: Tensor<4>) -> Tensor<4> {
    x.clamp(0.0, 6.0)
}

/// `min(max(x + 3, 0), 6) / 6`.
pub fn hardsigmoid(x: Tensor<4>) -> Tensor<4> {
    relu6(x + 3.0) / 6.0
}

/// `x * hardsigmoid(x)` ([Howard et al. 2019](https://arxiv.org/abs/1905.02244), section 5.2).
pub fn hardswish(x: Tensor<4>) -> Tensor<4> {
    x.clone() * hardsigmoid(x)
}
