//! Operations of one feature map on `Flex`.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn_flex::FlexTensor;

use super::tensors::dims;
use crate::kernels::channels::{self, Part};
use crate::kernels::pool::{self, Window};
use crate::kernels::resample::{self, Axis};
use crate::kernels::subsample::Subsample;
use crate::memory::{Buffer, contiguous, elements};
use crate::simd::level;

/// An operation with one feature map as its only tensor.
#[derive(Debug, Clone, Copy)]
pub enum Unary {
    /// Mean over windows of `[kernel, stride, padding]`.
    Average([usize; 3]),
    /// Maximum over windows of `[kernel, stride, padding]`.
    Max([usize; 3]),
    /// Mean over height and width.
    GlobalAverage,
    /// Sum over height and width.
    GlobalSum,
    /// Zero channels appended up to this number.
    PadChannels(usize),
    /// Every `stride`th pixel from `offset` on.
    Subsample {
        /// Pixels from one to the next.
        stride: usize,
        /// Rows and columns before the first.
        offset: [usize; 2],
    },
    /// This many times the height and width, each pixel repeated.
    Nearest(usize),
    /// This many times the height and width, by distance from the pixels' centres.
    Bilinear(usize),
}

impl Unary {
    /// What an operation that works along height and width by itself makes of each; the same way for
    /// the max pool, which takes the largest under the weights.
    fn axes(self, [_, height, width, _]: [usize; 4]) -> Option<[Axis; 2]> {
        match self {
            Self::Average(geometry) | Self::Max(geometry) => {
                Some([Axis::windows(height, geometry), Axis::windows(width, geometry)])
            }
            Self::Nearest(factor) => Some([height, width].map(|size| Axis::nearest(size, factor))),
            Self::Bilinear(factor) => Some([height, width].map(|size| Axis::bilinear(size, factor))),
            Self::GlobalAverage | Self::GlobalSum | Self::PadChannels(_) | Self::Subsample { .. } => None,
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
        Unary::GlobalAverage | Unary::GlobalSum => {
            let mut out = Buffer::new(batch * channels);
            let pixels = height * width;
            let divisor = if matches!(op, Unary::GlobalSum) { 1.0 } else { pixels as f32 };
            pool::global_sum(values, channels, pixels * channels, divisor, &mut out);
            out.into_tensor([batch, channels])
        }
        Unary::PadChannels(to) => {
            let mut out = Buffer::new(batch * height * width * to);
            channels::copy(values, Part::of(channels), channels, &mut out, Part::of(to));
            channels::clear(&mut out, Part { channels: to, first: channels });
            out.into_tensor([batch, height, width, to])
        }
        Unary::Subsample { stride, offset } => {
            let subsample = Subsample { height, width, channels, stride, offset };
            let [rows, columns] = subsample.out();
            let mut out = Buffer::new(batch * rows * columns * channels);
            subsample.forward(values, &mut out);
            out.into_tensor([batch, rows, columns, channels])
        }
        Unary::Average(_) | Unary::Max(_) | Unary::Nearest(_) | Unary::Bilinear(_) => unreachable!("`axes` has them"),
    }
}

/// What a unary operation keeps for its gradient.
#[derive(Debug, Clone)]
pub(super) struct Saved {
    op: Unary,
    shape: [usize; 4],
    /// Input and output of a max pool.
    max: Option<[FlexTensor; 2]>,
}

impl Saved {
    pub(super) fn new(op: Unary, x: FlexTensor, out: &FlexTensor) -> Self {
        let shape = dims(&x);
        Self { op, shape, max: matches!(op, Unary::Max(_)).then(|| [x, out.clone()]) }
    }

    fn gradient(&self, g: &[f32]) -> FlexTensor {
        let [batch, height, width, channels] = self.shape;
        let image = height * width * channels;
        let mut dx = Buffer::new(batch * image);
        match self.op {
            Unary::Max(geometry) => {
                if let Some([x, out]) = self.max.clone().map(|pair| pair.map(contiguous)) {
                    let window = Window::new(self.shape, geometry);
                    pool::max_backward(level(), &window, elements(&x), elements(&out), g, &mut dx);
                }
            }
            Unary::Average(_) | Unary::Nearest(_) | Unary::Bilinear(_) => {
                if let Some(axes) = self.op.axes(self.shape) {
                    let turned = axes.map(|axis| axis.turned());
                    resample::weighted(level(), &turned, channels, g, &mut dx);
                }
            }
            Unary::GlobalAverage => {
                let share = channels as f32 / image as f32;
                pool::global_sum_backward(g, channels, image, share, &mut dx);
            }
            Unary::GlobalSum => pool::global_sum_backward(g, channels, image, 1.0, &mut dx),
            Unary::PadChannels(to) => channels::copy(g, Part::of(to), channels, &mut dx, Part::of(channels)),
            Unary::Subsample { stride, offset } => {
                Subsample { height, width, channels, stride, offset }.backward(g, &mut dx);
            }
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
