//! The classifier's end of a network.

use burn::tensor::{Int, Tensor, activation};

/// `x * weight + bias`; see [`crate::linear`].
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    x.matmul(weight) + bias.unsqueeze()
}

/// Mean softmax cross entropy; see [`crate::cross_entropy`].
pub fn cross_entropy(logits: Tensor<2>, labels: Tensor<1, Int>, smoothing: f32) -> Tensor<1> {
    let [batch, _] = logits.dims();
    let log_p = activation::log_softmax(logits, 1);
    let hit = log_p.clone().gather(1, labels.reshape([batch, 1])).mean();
    let all = log_p.mean();
    -(hit * (1.0 - smoothing) + all * smoothing)
}

/// Mean softmax cross entropy with a target for every class; see [`crate::soft_cross_entropy`].
pub fn soft_cross_entropy(logits: Tensor<2>, targets: Tensor<2>, smoothing: f32) -> Tensor<1> {
    let [batch, classes] = logits.dims();
    let targets = targets.detach() * (1.0 - smoothing) + smoothing / classes as f32;
    -(activation::log_softmax(logits, 1) * targets).sum() / batch as f32
}
