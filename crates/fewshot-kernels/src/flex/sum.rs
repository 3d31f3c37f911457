//! The sum of two feature maps on `Flex`.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn_flex::FlexTensor;

use super::tensors::dims;
use crate::kernels::elementwise;
use crate::memory::{Buffer, contiguous, elements, elements_mut};
use crate::simd::level;

/// The sum, into the buffer of an operand that nothing else holds.
pub(super) fn add(a: FlexTensor, b: FlexTensor) -> FlexTensor {
    let (mut a, mut b) = (contiguous(a), contiguous(b));
    if let Some(to) = elements_mut(&mut a) {
        elementwise::add_to(level(), elements(&b), to);
        return a;
    }
    if let Some(to) = elements_mut(&mut b) {
        elementwise::add_to(level(), elements(&a), to);
        return b;
    }
    let mut out = Buffer::new(elements(&a).len());
    elementwise::add(level(), elements(&a), elements(&b), &mut out);
    out.into_tensor(dims::<4>(&a))
}

#[derive(Debug)]
pub(super) struct AddBackward;

impl Backward<Flex, 2> for AddBackward {
    type State = ();

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let g = grads.consume::<Flex>(&ops.node);
        for node in ops.parents.into_iter().flatten() {
            grads.register::<Flex>(node.id, g.clone());
        }
    }
}
