//! Feature maps times factors of each image on `Flex`.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn_flex::FlexTensor;

use super::tensors::dims;
use crate::kernels::scale;
use crate::memory::{Buffer, contiguous, elements};
use crate::simd::level;

/// Forward pass on contiguous tensors; `factors` is `[batch, channels]` or `[batch, 1]`.
pub(super) fn forward(x: &FlexTensor, factors: &FlexTensor) -> FlexTensor {
    let dims = dims::<4>(x);
    let mut out = Buffer::new(elements(x).len());
    scale::forward(level(), elements(x), elements(factors), dims[1] * dims[2] * dims[3], &mut out);
    out.into_tensor(dims)
}

#[derive(Debug)]
pub(super) struct ScaleBackward;

impl Backward<Flex, 2> for ScaleBackward {
    /// The input where the factors are learned, and the factors.
    type State = (Option<FlexTensor>, FlexTensor);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let (x, factors) = ops.state;
        let g = contiguous(grads.consume::<Flex>(&ops.node));
        let [node_x, node_factors] = ops.parents;
        if let (Some(node), Some(x)) = (node_factors, x) {
            let [_, height, width, channels] = dims::<4>(&x);
            let mut to = Buffer::new(elements(&factors).len());
            scale::factor_gradient(level(), elements(&x), elements(&g), height * width * channels, &mut to);
            grads.register::<Flex>(node.id, to.into_tensor(dims::<2>(&factors)));
        }
        if let Some(node) = node_x {
            grads.register::<Flex>(node.id, forward(&g, &factors));
        }
    }
}
