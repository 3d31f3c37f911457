//! Feature maps put side by side on `Flex`.
//!
//! One after the other takes its place in the result, which is passed on from call to call: the graph of Burn knows only
//! operations with a fixed number of inputs.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn_flex::FlexTensor;

use super::tensors::dims;
use crate::kernels::channels::{self, Part};
use crate::memory::{Buffer, contiguous, elements, elements_mut};

/// Writes a map among the channels of `into`, whose other channels stay, or of a new result, whose other channels hold anything.
pub(super) fn place(into: Option<FlexTensor>, x: &FlexTensor, target: Part) -> FlexTensor {
    let [batch, height, width, count] = dims::<4>(x);
    let shape = [batch, height, width, target.channels];
    let write = |to: &mut [f32]| channels::copy(elements(x), Part::of(count), count, to, target);
    let mut out = match into.map(contiguous) {
        None => Buffer::new(shape.iter().product()),
        Some(mut into) => {
            if let Some(to) = elements_mut(&mut into) {
                write(to);
                return into;
            }
            let mut copy = Buffer::new(elements(&into).len());
            copy.copy_from_slice(elements(&into));
            copy
        }
    };
    write(&mut out);
    out.into_tensor(shape)
}

#[derive(Debug)]
pub(super) struct PlaceBackward;

impl Backward<Flex, 2> for PlaceBackward {
    /// The number of the map's channels, and their place.
    type State = (usize, Part);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let (count, source) = ops.state;
        let g = contiguous(grads.consume::<Flex>(&ops.node));
        let [node_into, node_x] = ops.parents;
        if let Some(node) = node_x {
            let [batch, height, width, _] = dims::<4>(&g);
            let mut dx = Buffer::new(batch * height * width * count);
            channels::copy(elements(&g), source, count, &mut dx, Part::of(count));
            grads.register::<Flex>(node.id, dx.into_tensor([batch, height, width, count]));
        }
        if let Some(node) = node_into {
            // The gradient of the channels that were written over should be 0 here; no map that was placed before reads them.
            grads.register::<Flex>(node.id, g);
        }
    }
}
