//! The classifier's end of a network.

use burn::tensor::{Int, Tensor};

use super::check::check_sizes;
use crate::{flex, portable};

/// Fully connected layer `x * weight + bias`.
///
/// # Shapes
/// `x`: `[batch, in]`, `weight`: `[in, out]`, `bias`: `[out]`; the output is `[batch, out]`.
///
/// # Panics
/// When the shapes do not fit.
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    let ([batch, inputs], [rows, outputs], [shifts]) = (x.dims(), weight.dims(), bias.dims());
    check_sizes("linear", &[batch, inputs, outputs]);
    assert!(
        rows == inputs && shifts == outputs,
        "linear: weight [{rows}, {outputs}] and bias [{shifts}] do not fit an input of [{batch}, {inputs}]"
    );
    portable::linear(x, weight, bias)
}

/// Softmax cross entropy, its mean over the batch, with label smoothing
/// ([Szegedy et al. 2016](https://arxiv.org/abs/1512.00567), section 7):
/// the target is `1 - smoothing` on the label plus `smoothing / classes` everywhere.
///
/// # Shapes
/// `logits`: `[batch, classes]`, `labels`: `[batch]`, each in `0..classes`; the output is `[1]`.
///
/// # Panics
/// When the batch sizes differ.
pub fn cross_entropy(logits: Tensor<2>, labels: Tensor<1, Int>, smoothing: f32) -> Tensor<1> {
    check_sizes("cross_entropy", &logits.dims());
    assert!(
        logits.dims()[0] == labels.dims()[0],
        "cross_entropy: {} rows of logits for {} labels",
        logits.dims()[0],
        labels.dims()[0]
    );
    if flex::is_fast(&logits) {
        flex::cross_entropy(logits, labels, smoothing)
    } else {
        portable::cross_entropy(logits, labels, smoothing)
    }
}

/// Softmax cross entropy with a target for every class, its mean over the batch: for mixed images, or for a teacher's softmax
/// ([Hinton et al. 2015](https://arxiv.org/abs/1503.02531)). With label smoothing as in [`cross_entropy`]: the target is
/// `1 - smoothing` of the given one plus `smoothing / classes`.
///
/// Targets are constants and get no gradient. A row of them usually adds up to 1, but need not.
///
/// # Shapes
/// `logits` and `targets`: `[batch, classes]`; the output is `[1]`.
///
/// # Panics
/// When the shapes differ.
pub fn soft_cross_entropy(logits: Tensor<2>, targets: Tensor<2>, smoothing: f32) -> Tensor<1> {
    check_sizes("soft_cross_entropy", &logits.dims());
    assert!(
        logits.dims() == targets.dims(),
        "soft_cross_entropy: logits {:?} and targets {:?} must have one shape",
        logits.dims(),
        targets.dims()
    );
    if flex::is_fast(&logits) && flex::is_fast(&targets) {
        flex::soft_cross_entropy(logits, targets, smoothing)
    } else {
        portable::soft_cross_entropy(logits, targets, smoothing)
    }
}
