//! Activation functions on `Flex`, of tensors of any rank.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn_flex::FlexTensor;

use crate::kernels::activation::{self, Activation};
use crate::memory::{Buffer, contiguous, elements};
use crate::simd::level;

/// Forward pass on a contiguous tensor.
pub(super) fn forward(x: &FlexTensor, f: Activation) -> FlexTensor {
    let mut out = Buffer::new(elements(x).len());
    activation::activate(level(), f, elements(x), &mut out);
    out.into_tensor(x.layout().shape().clone())
}

#[derive(Debug)]
pub(super) struct ActivationBackward;

impl Backward<Flex, 1> for ActivationBackward {
    /// The function, and its input or output, whichever its slope is computed from.
    type State = (Activation, FlexTensor);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let (f, kept) = ops.state;
        let g = contiguous(grads.consume::<Flex>(&ops.node));
        let [node] = ops.parents;
        let Some(node) = node else { return };
        let kept = contiguous(kept);
        let mut dx = Buffer::new(elements(&g).len());
        activation::activate_backward(level(), f, elements(&kept), elements(&g), &mut dx);
        grads.register::<Flex>(node.id, dx.into_tensor(kept.layout().shape().clone()));
    }
}
