//! Operations of one feature map on `Flex`, sums, the loss and the optimizer's step.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::tensor::{DType, Tensor};
use burn_flex::FlexTensor;

use super::dims;
use super::norm::vector;
use crate::Sgd;
use crate::kernels::elementwise::{self, Activation};
use crate::kernels::head;
use crate::kernels::pool::{self, Window};
use crate::kernels::resample::{self, Axis};
use crate::memory::{Buffer, contiguous, elements, elements_mut};
use crate::simd::level;

/// An operation with one feature map as its only tensor.
#[derive(Debug, Clone, Copy)]
pub enum Unary {
    /// An activation function.
    Activation(Activation),
    /// Mean over windows of `[kernel, stride, padding]`.
    Average([usize; 3]),
    /// Maximum over windows of `[kernel, stride, padding]`.
    Max([usize; 3]),
    /// Mean over height and width.
    GlobalAverage,
    /// Zero channels appended up to this number.
    PadChannels(usize),
    /// Height and width doubled, each pixel four times.
    Nearest,
    /// Height and width doubled, by distance from the pixels' centres.
    Bilinear,
}

impl Unary {
    /// What an operation that works along height and width by itself makes of each; the same way for
    /// the max pool, which takes the largest under the weights.
    fn axes(self, [_, height, width, _]: [usize; 4]) -> Option<[Axis; 2]> {
        match self {
            Self::Average(geometry) | Self::Max(geometry) => {
                Some([Axis::windows(height, geometry), Axis::windows(width, geometry)])
            }
            Self::Nearest => Some([Axis::nearest(height), Axis::nearest(width)]),
            Self::Bilinear => Some([Axis::bilinear(height), Axis::bilinear(width)]),
            Self::Activation(_) | Self::GlobalAverage | Self::PadChannels(_) => None,
        }
    }
}

/// Forward pass on a contiguous tensor.
pub(super) fn forward(x: &FlexTensor, op: Unary) -> FlexTensor {
    let shape = dims(x);
    let [batch, height, width, channels] = shape;
    let values = elements(x);
    if let Some(axes) = op.axes(shape) {
        let out_dims = [batch, axes[0].len(), axes[1].len(), channels];
        let mut out = Buffer::new(out_dims.iter().product());
        let run = if matches!(op, Unary::Max(_)) { resample::largest } else { resample::weighted };
        run(level(), &axes, channels, values, &mut out);
        return out.into_tensor(out_dims);
    }
    match op {
        Unary::Activation(f) => {
            let mut out = Buffer::new(values.len());
            elementwise::activate(level(), f, values, &mut out);
            out.into_tensor(shape)
        }
        Unary::GlobalAverage => {
            let mut out = Buffer::new(batch * channels);
            let image = height * width * channels;
            pool::global_average(values, channels, image, &mut out);
            out.into_tensor([batch, channels])
        }
        Unary::PadChannels(to) => {
            let mut out = Buffer::new(batch * height * width * to);
            pool::resize_channels(values, channels, to, &mut out);
            out.into_tensor([batch, height, width, to])
        }
        Unary::Average(_) | Unary::Max(_) | Unary::Nearest | Unary::Bilinear => unreachable!("`axes` has them"),
    }
}

/// What a unary operation keeps for its gradient.
#[derive(Debug, Clone)]
pub(super) struct Saved {
    op: Unary,
    shape: [usize; 4],
    /// Input, where the gradient needs it.
    x: Option<FlexTensor>,
    /// Output, where the gradient needs it.
    out: Option<FlexTensor>,
}

impl Saved {
    pub(super) fn new(op: Unary, x: FlexTensor, out: &FlexTensor) -> Self {
        let shape = dims(&x);
        let input = matches!(op, Unary::Activation(_) | Unary::Max(_));
        Self { op, shape, x: input.then_some(x), out: matches!(op, Unary::Max(_)).then(|| out.clone()) }
    }

    fn gradient(&self, g: &[f32]) -> FlexTensor {
        let [batch, height, width, channels] = self.shape;
        let image = height * width * channels;
        let mut dx = Buffer::new(batch * image);
        let saved = |tensor: &Option<FlexTensor>| tensor.clone().map(contiguous);
        match self.op {
            Unary::Activation(f) => {
                if let Some(x) = saved(&self.x) {
                    elementwise::activate_backward(level(), f, elements(&x), g, &mut dx);
                }
            }
            Unary::Max(geometry) => {
                if let (Some(x), Some(out)) = (saved(&self.x), saved(&self.out)) {
                    let (x, out) = (elements(&x), elements(&out));
                    let window = Window::new(self.shape, geometry);
                    pool::max_backward(level(), &window, x, out, g, &mut dx);
                }
            }
            Unary::Average(_) | Unary::Nearest | Unary::Bilinear => {
                if let Some(axes) = self.op.axes(self.shape) {
                    let turned = axes.map(|axis| axis.turned());
                    resample::weighted(level(), &turned, channels, g, &mut dx);
                }
            }
            Unary::GlobalAverage => pool::global_average_backward(g, channels, image, &mut dx),
            Unary::PadChannels(to) => pool::resize_channels(g, to, channels, &mut dx),
        }
        dx.into_tensor(self.shape)
    }
}

#[derive(Debug)]
pub(super) struct UnaryBackward;

impl Backward<Flex, 1> for UnaryBackward {
    type State = Saved;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let g = contiguous(grads.consume::<Flex>(&ops.node));
        let [node] = ops.parents;
        if let Some(node) = node {
            let gradient = ops.state.gradient(elements(&g));
            grads.register::<Flex>(node.id, gradient);
        }
    }
}

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

/// The labels, negative ones as something that is no class.
pub(super) fn labels(tensor: FlexTensor) -> Vec<usize> {
    let tensor = tensor.to_contiguous();
    let outside = usize::MAX;
    match tensor.dtype() {
        DType::I64 => (tensor.as_slice::<i64>().unwrap_or_default().iter())
            .map(|label| usize::try_from(*label).unwrap_or(outside))
            .collect(),
        DType::I32 => (tensor.as_slice::<i32>().unwrap_or_default().iter())
            .map(|label| usize::try_from(*label).unwrap_or(outside))
            .collect(),
        _ => tensor.into_data().iter::<i64>().map(|label| usize::try_from(label).unwrap_or(outside)).collect(),
    }
}

/// What the loss keeps for its gradient.
#[derive(Debug, Clone)]
pub(super) struct Loss {
    softmax: FlexTensor,
    labels: Vec<usize>,
    smoothing: f32,
}

/// The loss and what its gradient needs.
pub(super) fn cross_entropy(logits: FlexTensor, labels: Vec<usize>, smoothing: f32) -> (FlexTensor, Loss) {
    let logits = contiguous(logits);
    let [batch, classes] = dims::<2>(&logits);
    let mut softmax = Buffer::new(batch * classes);
    let loss = head::cross_entropy(elements(&logits), &labels, classes, smoothing, &mut softmax);
    let saved = Loss { softmax: softmax.into_tensor([batch, classes]), labels, smoothing };
    (vector(&[loss]), saved)
}

#[derive(Debug)]
pub(super) struct CrossEntropyBackward;

impl Backward<Flex, 1> for CrossEntropyBackward {
    type State = Loss;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let g = contiguous(grads.consume::<Flex>(&ops.node));
        let Loss { softmax, labels, smoothing } = ops.state;
        let [batch, classes] = dims::<2>(&softmax);
        let [node] = ops.parents;
        if let (Some(node), Some(g)) = (node, elements(&g).first()) {
            let mut to = Buffer::new(batch * classes);
            let softmax = elements(&softmax);
            head::cross_entropy_backward(softmax, &labels, classes, smoothing, *g, &mut to);
            grads.register::<Flex>(node.id, to.into_tensor([batch, classes]));
        }
    }
}

/// The tensor's values for changing in place; copied first when something else holds them.
fn owned(tensor: FlexTensor) -> FlexTensor {
    let mut tensor = contiguous(tensor);
    if elements_mut(&mut tensor).is_none() {
        let mut copy = Buffer::new(elements(&tensor).len());
        copy.copy_from_slice(elements(&tensor));
        let shape = tensor.layout().shape().clone();
        let len = copy.len();
        let flat = copy.into_tensor([len]);
        tensor = flat.with_layout(burn_flex::Layout::contiguous(shape));
    }
    tensor
}

/// A plain tensor of `Flex`.
fn primitive<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    tensor.try_into_primitive::<Flex>().expect("the caller has seen that the tensor is a plain one of Flex")
}

/// One step of gradient descent on plain tensors of `Flex`.
pub(crate) fn sgd_step<const D: usize>(
    w: Tensor<D>,
    grad: Tensor<D>,
    velocity: Option<Tensor<D>>,
    sgd: &Sgd,
) -> (Tensor<D>, Tensor<D>) {
    let mut w = owned(primitive(w));
    let grad = contiguous(primitive(grad));
    let first = velocity.is_none();
    let mut velocity = match velocity {
        Some(velocity) => owned(primitive(velocity)),
        None => {
            let shape = w.layout().shape().clone();
            let len = elements(&w).len();
            let flat = Buffer::new(len).into_tensor([len]);
            flat.with_layout(burn_flex::Layout::contiguous(shape))
        }
    };
    if let (Some(w), Some(velocity)) = (elements_mut(&mut w), elements_mut(&mut velocity)) {
        elementwise::sgd(level(), sgd, first, w, elements(&grad), velocity);
    }
    (Tensor::from_primitive::<Flex>(w), Tensor::from_primitive::<Flex>(velocity))
}

/// Sum of squares of a plain tensor of `Flex`.
pub(crate) fn sum_squares<const D: usize>(t: Tensor<D>) -> f64 {
    elementwise::sum_squares(elements(&contiguous(primitive(t))))
}
