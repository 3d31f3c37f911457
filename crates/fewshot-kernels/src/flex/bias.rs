//! A bias per channel on `Flex`.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn_flex::FlexTensor;

use super::tensors::{dims, vector};
use crate::kernels::norm::{self, Added, Repeated};
use crate::memory::{Buffer, contiguous, elements, elements_mut};
use crate::simd::level;

/// A value per channel, as the passes over feature maps read it.
pub(super) fn repeated(values: &FlexTensor) -> Repeated {
    Repeated::new(elements(&contiguous(values.clone())))
}

/// `x + bias`, into the buffer of `x` where nothing else holds it.
pub(super) fn forward(x: FlexTensor, bias: &FlexTensor) -> FlexTensor {
    let [_, height, width, channels] = dims::<4>(&x);
    let image = height * width * channels;
    let (one, bias) = (Repeated::new(&vec![1.0; channels]), repeated(bias));
    let mut x = contiguous(x);
    if let Some(to) = elements_mut(&mut x) {
        norm::scale(level(), None, &one, &bias, Added::Nothing, to, image);
        return x;
    }
    let mut out = Buffer::new(elements(&x).len());
    norm::scale(level(), Some(elements(&x)), &one, &bias, Added::Nothing, &mut out, image);
    out.into_tensor(dims::<4>(&x))
}

/// Gradient of the bias: per channel the sum of the output's gradient.
pub(super) fn gradient(g: &FlexTensor) -> FlexTensor {
    let [_, height, width, channels] = dims::<4>(g);
    let sums = norm::channel_sums(level(), elements(g), height * width * channels, channels);
    vector(&sums.into_iter().map(|sum| sum as f32).collect::<Vec<_>>())
}

#[derive(Debug)]
pub(super) struct BiasBackward;

impl Backward<Flex, 2> for BiasBackward {
    type State = ();

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let g = contiguous(grads.consume::<Flex>(&ops.node));
        let [node_x, node_bias] = ops.parents;
        if let Some(node) = node_bias {
            grads.register::<Flex>(node.id, gradient(&g));
        }
        if let Some(node) = node_x {
            grads.register::<Flex>(node.id, g);
        }
    }
}
