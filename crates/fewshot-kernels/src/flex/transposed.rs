//! Transposed convolution on `Flex`.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn_flex::FlexTensor;

use super::tensors::dims;
use crate::Conv;
use crate::kernels::shape::Shape;
use crate::kernels::transposed;
use crate::memory::{Buffer, contiguous, elements};
use crate::simd::level;

/// The convolution that is transposed: it leads from the output to the input.
fn shape(x: &FlexTensor, weight: &FlexTensor, conv: Conv) -> Shape {
    let [batch, height, width, cin] = dims::<4>(x);
    let [kernel_h, kernel_w, _, cout] = dims::<4>(weight);
    let size = |size, kernel| {
        conv.transposed_size(size, kernel).expect("the public function has checked that an output is left")
    };
    Shape::new([batch, size(height, kernel_h), size(width, kernel_w), cout], [kernel_h, kernel_w, cout, cin], conv)
}

/// Forward pass on contiguous tensors.
pub(super) fn forward(x: &FlexTensor, weight: &FlexTensor, conv: Conv) -> FlexTensor {
    let shape = shape(x, weight, conv);
    let mut y = Buffer::new(shape.batch * shape.in_len());
    transposed::forward(level(), &shape, elements(x), elements(weight), &mut y);
    y.into_tensor([shape.batch, shape.height, shape.width, shape.cin])
}

#[derive(Debug)]
pub(super) struct TransposedBackward;

impl Backward<Flex, 2> for TransposedBackward {
    type State = (FlexTensor, FlexTensor, Conv);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let (x, weight, conv) = ops.state;
        let shape = shape(&x, &weight, conv);
        let g = contiguous(grads.consume::<Flex>(&ops.node));
        let [node_x, node_weight] = ops.parents;
        if let Some(node) = node_x {
            let mut dx = Buffer::new(elements(&x).len());
            transposed::input_gradient(level(), &shape, elements(&weight), elements(&g), &mut dx);
            grads.register::<Flex>(node.id, dx.into_tensor(dims::<4>(&x)));
        }
        if let Some(node) = node_weight {
            let dw = transposed::weight_gradient(level(), &shape, elements(&x), elements(&weight), elements(&g));
            grads.register::<Flex>(node.id, dw.into_tensor(dims::<4>(&weight)));
        }
    }
}
