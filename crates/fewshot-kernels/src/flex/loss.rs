//! The loss on `Flex`.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::tensor::DType;
use burn_flex::FlexTensor;

use super::tensors::{dims, vector};
use crate::kernels::head;
use crate::memory::{Buffer, contiguous, elements};

/// The labels, negative ones as something that is no class.
pub(super) fn labels(tensor: FlexTensor) -> Vec<usize> {
    let tensor = tensor.to_contiguous();
    let outside = usize::MAX;
    match tensor.dtype() {
        DType::I64 => (tensor.as_slice::<i64>().unwrap_or_default().iter())
            .map(|label| usize::try_from(*label).unwrap_or(outside))
            .collect(),
        DType::I32 => (tensor.as_slice::<i32>().unwrap_or_default().iter())
            .map(|label| usize::try_from(*label).unwrap_or(outside))
            .collect(),
        _ => tensor.into_data().iter::<i64>().map(|label| usize::try_from(label).unwrap_or(outside)).collect(),
    }
}

/// What the loss keeps for its gradient.
#[derive(Debug, Clone)]
pub(super) struct Loss {
    softmax: FlexTensor,
    labels: Vec<usize>,
    smoothing: f32,
}

/// The loss and what its gradient needs.
pub(super) fn cross_entropy(logits: FlexTensor, labels: Vec<usize>, smoothing: f32) -> (FlexTensor, Loss) {
    let logits = contiguous(logits);
    let [batch, classes] = dims::<2>(&logits);
    let mut softmax = Buffer::new(batch * classes);
    let loss = head::cross_entropy(elements(&logits), &labels, classes, smoothing, &mut softmax);
    let saved = Loss { softmax: softmax.into_tensor([batch, classes]), labels, smoothing };
    (vector(&[loss]), saved)
}

#[derive(Debug)]
pub(super) struct CrossEntropyBackward;

impl Backward<Flex, 1> for CrossEntropyBackward {
    type State = Loss;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let g = contiguous(grads.consume::<Flex>(&ops.node));
        let Loss { softmax, labels, smoothing } = ops.state;
        let [batch, classes] = dims::<2>(&softmax);
        let [node] = ops.parents;
        if let (Some(node), Some(g)) = (node, elements(&g).first()) {
            let mut to = Buffer::new(batch * classes);
            let softmax = elements(&softmax);
            head::cross_entropy_backward(softmax, &labels, classes, smoothing, *g, &mut to);
            grads.register::<Flex>(node.id, to.into_tensor([batch, classes]));
        }
    }
}

/// What the loss with targets for all classes keeps for its gradient.
#[derive(Debug, Clone)]
pub(super) struct SoftLoss {
    softmax: FlexTensor,
    targets: FlexTensor,
    smoothing: f32,
}

/// The loss with targets for all classes, and what its gradient needs.
pub(super) fn soft_cross_entropy(logits: FlexTensor, targets: FlexTensor, smoothing: f32) -> (FlexTensor, SoftLoss) {
    let (logits, targets) = (contiguous(logits), contiguous(targets));
    let [batch, classes] = dims::<2>(&logits);
    let mut softmax = Buffer::new(batch * classes);
    let loss = head::soft_cross_entropy(elements(&logits), elements(&targets), classes, smoothing, &mut softmax);
    let saved = SoftLoss { softmax: softmax.into_tensor([batch, classes]), targets, smoothing };
    (vector(&[loss]), saved)
}

#[derive(Debug)]
pub(super) struct SoftCrossEntropyBackward;

impl Backward<Flex, 1> for SoftCrossEntropyBackward {
    type State = SoftLoss;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let g = contiguous(grads.consume::<Flex>(&ops.node));
        let SoftLoss { softmax, targets, smoothing } = ops.state;
        let [batch, classes] = dims::<2>(&softmax);
        let [node] = ops.parents;
        if let (Some(node), Some(g)) = (node, elements(&g).first()) {
            let mut to = Buffer::new(batch * classes);
            let (softmax, targets) = (elements(&softmax), elements(&targets));
            head::soft_cross_entropy_backward(softmax, targets, classes, smoothing, *g, &mut to);
            grads.register::<Flex>(node.id, to.into_tensor([batch, classes]));
        }
    }
}
