//! Weights with mean 0 and deviation 1 per output filter on `Flex`.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn_flex::FlexTensor;

use super::tensors::dims;
use crate::kernels::standardise::{self, Filters};
use crate::memory::{Buffer, contiguous, elements};
use crate::simd::level;

/// Forward pass on a contiguous tensor.
pub(super) fn forward(weight: &FlexTensor, eps: f32) -> (FlexTensor, Filters) {
    let dims = dims::<4>(weight);
    let mut to = Buffer::new(elements(weight).len());
    let filters = standardise::forward(level(), elements(weight), dims[3], eps, &mut to);
    (to.into_tensor(dims), filters)
}

#[derive(Debug)]
pub(super) struct StandardiseBackward;

impl Backward<Flex, 1> for StandardiseBackward {
    type State = (FlexTensor, Filters);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let (weight, filters) = ops.state;
        let g = contiguous(grads.consume::<Flex>(&ops.node));
        let [node] = ops.parents;
        if let Some(node) = node {
            let mut to = Buffer::new(elements(&weight).len());
            filters.backward(level(), elements(&weight), elements(&g), &mut to);
            grads.register::<Flex>(node.id, to.into_tensor(dims::<4>(&weight)));
        }
    }
}
