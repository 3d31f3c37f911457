//! Instance norm on `Flex`: a batch norm of each image by itself.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::norm::{Applied, Settings};
use super::tensors::{dims, vector};
use crate::kernels::norm;
use crate::memory::{Buffer, contiguous, elements};
use crate::simd::level;

/// Forward pass on a contiguous tensor: the output, and what was applied to each image.
pub(super) fn forward(x: &FlexTensor, settings: &Settings) -> (FlexTensor, Vec<Applied>) {
    let (level, dims) = (level(), dims::<4>(x));
    let [_, height, width, channels] = dims;
    let image = height * width * channels;
    let mut out = Buffer::new(elements(x).len());
    let images = out.par_chunks_exact_mut(image).zip(elements(x).par_chunks_exact(image));
    let applied = images.map(|(out, x)| {
        let moments = norm::moments(level, x, image, channels);
        let applied = Applied::new(settings.clone(), Some(moments));
        applied.write(level, x, out, image);
        applied
    });
    let applied = applied.collect();
    (out.into_tensor(dims), applied)
}

/// The sum over images, in their order.
fn sum(parts: impl Iterator<Item = Vec<f32>>, channels: usize) -> FlexTensor {
    let mut total = vec![0.0f64; channels];
    for part in parts {
        for (total, part) in total.iter_mut().zip(part) {
            *total += f64::from(part);
        }
    }
    vector(&total.into_iter().map(|total| total as f32).collect::<Vec<_>>())
}

/// Gradient of instance norm with respect to input, scale and shift.
#[derive(Debug)]
pub(super) struct InstanceNormBackward;

impl Backward<Flex, 3> for InstanceNormBackward {
    type State = (FlexTensor, Vec<Applied>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [node_x, node_scale, node_shift] = ops.parents;
        let (x, applied) = ops.state;
        let g = contiguous(grads.consume::<Flex>(&ops.node));
        let (level, dims) = (level(), dims::<4>(&x));
        let [_, height, width, channels] = dims;
        let image = height * width * channels;
        let mut dx = Buffer::new(elements(&x).len());
        let images = dx.par_chunks_exact_mut(image).zip(elements(&x).par_chunks_exact(image));
        let images = images.zip(elements(&g).par_chunks_exact(image)).zip(&applied);
        let backs = images.map(|(((dx, x), g), applied)| {
            let back = applied.backward(level, g, x, image);
            back.input(level, g, x, dx, image);
            (back.scale, back.shift)
        });
        let backs: Vec<(Vec<f32>, Vec<f32>)> = backs.collect();
        let (scales, shifts): (Vec<_>, Vec<_>) = backs.into_iter().unzip();
        if let Some(node) = node_scale {
            grads.register::<Flex>(node.id, sum(scales.into_iter(), channels));
        }
        if let Some(node) = node_shift {
            grads.register::<Flex>(node.id, sum(shifts.into_iter(), channels));
        }
        if let Some(node) = node_x {
            grads.register::<Flex>(node.id, dx.into_tensor(dims));
        }
    }
}
