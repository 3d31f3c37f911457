//! Dense convolution on `Flex`, alone and fused with batch norm.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn_flex::FlexTensor;

use super::bias::{self, repeated};
use super::norm::{Applied, Settings};
use super::tensors::{dims, vector};
use crate::Conv;
use crate::kernels::conv;
use crate::kernels::fused::{Epilogue, OutputGradient};
use crate::kernels::moments::Moments;
use crate::kernels::norm::Repeated;
use crate::kernels::shape::Shape;
use crate::memory::{Buffer, contiguous, elements};
use crate::simd::level;

/// The convolution's output, with a bias per channel where there is one.
pub(super) fn forward(x: &FlexTensor, weight: &FlexTensor, bias: Option<FlexTensor>, conv: Conv) -> FlexTensor {
    let shape = Shape::new(dims(x), dims(weight), conv);
    let mut y = Buffer::new(shape.batch * shape.out_len());
    let bias = bias.map(|bias| repeated(&bias));
    let one = Repeated::new(&vec![1.0; shape.cout]);
    let epilogue = bias.as_ref().map(|constant| Epilogue { by: &one, constant, added: None });
    conv::forward(level(), &shape, elements(x), elements(weight), &mut y, false, epilogue.as_ref());
    y.into_tensor(shape.out_dims())
}

/// The convolution's output and, when asked for, its moments.
fn convolve(x: &FlexTensor, weight: &FlexTensor, conv: Conv, with_moments: bool) -> (FlexTensor, Option<Moments>) {
    let shape = Shape::new(dims(x), dims(weight), conv);
    let mut y = Buffer::new(shape.batch * shape.out_len());
    let moments = conv::forward(level(), &shape, elements(x), elements(weight), &mut y, with_moments, None);
    (y.into_tensor(shape.out_dims()), moments)
}

/// Gradients of input and weight, those that are wanted.
fn gradients(
    x: &FlexTensor,
    weight: &FlexTensor,
    conv: Conv,
    dy: &OutputGradient<'_>,
    want: [bool; 2],
) -> [Option<FlexTensor>; 2] {
    let shape = Shape::new(dims(x), dims(weight), conv);
    let mut dx = want[0].then(|| Buffer::new(shape.batch * shape.in_len()));
    let dw = conv::backward(level(), &shape, elements(x), elements(weight), dy, dx.as_deref_mut(), want[1]);
    [dx.map(|dx| dx.into_tensor(dims::<4>(x))), dw.map(|dw| dw.into_tensor(dims::<4>(weight)))]
}

/// The fused edge: output, raw convolution, what batch norm applied.
pub(super) fn fused(
    x: &FlexTensor,
    weight: &FlexTensor,
    conv: Conv,
    settings: Settings,
    add: Option<FlexTensor>,
) -> (FlexTensor, FlexTensor, Applied) {
    let (y, moments) = convolve(x, weight, conv, settings.fixed.is_none());
    let applied = Applied::new(settings, moments);
    let out = applied.normalise(level(), elements(&y), dims(&y), add);
    (out, y, applied)
}

/// The fused edge when no gradient will be asked for: the convolution's buffer becomes the output.
/// With statistics from outside, each image is finished as soon as it is convolved.
pub(super) fn fused_once(
    x: &FlexTensor,
    weight: &FlexTensor,
    conv: Conv,
    settings: Settings,
    add: Option<FlexTensor>,
) -> (FlexTensor, Applied) {
    let shape = Shape::new(dims(x), dims(weight), conv);
    let mut y = Buffer::new(shape.batch * shape.out_len());
    let (x, weight) = (elements(x), elements(weight));
    let add = add.map(contiguous);
    let added = add.as_ref().map(elements);
    let applied = if settings.fixed.is_some() {
        let applied = Applied::new(settings, None);
        let [by, constant] = applied.factors();
        let epilogue = Epilogue { by: &by, constant: &constant, added };
        conv::forward(level(), &shape, x, weight, &mut y, false, Some(&epilogue));
        applied
    } else {
        let moments = conv::forward(level(), &shape, x, weight, &mut y, true, None);
        let applied = Applied::new(settings, moments);
        applied.normalise_in_place(level(), &mut y, shape.out_len(), added);
        applied
    };
    (y.into_tensor(shape.out_dims()), applied)
}

#[derive(Debug)]
pub(super) struct ConvBackward;

impl Backward<Flex, 3> for ConvBackward {
    type State = (FlexTensor, FlexTensor, Conv);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let (x, weight, conv) = ops.state;
        let g = contiguous(grads.consume::<Flex>(&ops.node));
        let [node_x, node_weight, node_bias] = ops.parents;
        if let Some(node) = node_bias {
            grads.register::<Flex>(node.id, bias::gradient(&g));
        }
        let want = [node_x.is_some(), node_weight.is_some()];
        let dy = OutputGradient::Plain(elements(&g));
        let found = gradients(&x, &weight, conv, &dy, want);
        for (node, gradient) in [node_x, node_weight].into_iter().zip(found) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

/// What the fused edge keeps for its gradient.
#[derive(Debug, Clone)]
pub(super) struct Fused {
    pub x: FlexTensor,
    pub weight: FlexTensor,
    /// The convolution's output before batch norm.
    pub y: FlexTensor,
    pub conv: Conv,
    pub applied: Applied,
}

#[derive(Debug)]
pub(super) struct ConvBnBackward;

impl Backward<Flex, 5> for ConvBnBackward {
    type State = Fused;

    fn backward(self, ops: Ops<Self::State, 5>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [node_x, node_weight, node_scale, node_shift, node_add] = ops.parents;
        let state = ops.state;
        let g = contiguous(grads.consume::<Flex>(&ops.node));
        let (g_values, y) = (elements(&g), elements(&state.y));
        let [_, height, width, channels] = dims::<4>(&state.y);
        let image = height * width * channels;
        let back = state.applied.backward(level(), g_values, y, image);
        if let Some(node) = node_scale {
            grads.register::<Flex>(node.id, vector(&back.scale));
        }
        if let Some(node) = node_shift {
            grads.register::<Flex>(node.id, vector(&back.shift));
        }
        let want = [node_x.is_some(), node_weight.is_some()];
        let dy = back.gradient(g_values, y);
        let found = gradients(&state.x, &state.weight, state.conv, &dy, want);
        for (node, gradient) in [node_x, node_weight].into_iter().zip(found) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<Flex>(node.id, gradient);
            }
        }
        if let Some(node) = node_add {
            grads.register::<Flex>(node.id, g);
        }
    }
}
