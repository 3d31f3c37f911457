//! Depthwise convolution on `Flex`.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn_flex::FlexTensor;

use super::tensors::dims;
use crate::Conv;
use crate::kernels::depthwise;
use crate::kernels::shape::Shape;
use crate::memory::{Buffer, contiguous, elements};
use crate::simd::level;

fn shape(x: &FlexTensor, weight: &FlexTensor, conv: Conv) -> Shape {
    let [kernel_h, kernel_w, channels] = dims::<3>(weight);
    Shape::new(dims(x), [kernel_h, kernel_w, 1, channels], conv)
}

/// Forward pass on contiguous tensors.
pub(super) fn forward(x: &FlexTensor, weight: &FlexTensor, conv: Conv) -> FlexTensor {
    let shape = shape(x, weight, conv);
    let mut y = Buffer::new(shape.batch * shape.out_len());
    depthwise::forward(level(), &shape, elements(x), elements(weight), &mut y);
    y.into_tensor(shape.out_dims())
}

#[derive(Debug)]
pub(super) struct DepthwiseBackward;

impl Backward<Flex, 2> for DepthwiseBackward {
    type State = (FlexTensor, FlexTensor, Conv);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let (x, weight, conv) = ops.state;
        let shape = shape(&x, &weight, conv);
        let g = contiguous(grads.consume::<Flex>(&ops.node));
        let [node_x, node_weight] = ops.parents;
        let (x_values, g) = (elements(&x), elements(&g));
        if let Some(node) = node_x {
            let mut dx = Buffer::new(x_values.len());
            let weight = elements(&weight);
            depthwise::input_gradient(level(), &shape, x_values, weight, g, &mut dx);
            grads.register::<Flex>(node.id, dx.into_tensor(dims::<4>(&x)));
        }
        if let Some(node) = node_weight {
            let dw = depthwise::weight_gradient(level(), &shape, x_values, g);
            grads.register::<Flex>(node.id, dw.into_tensor(dims::<3>(&weight)));
        }
    }
}
