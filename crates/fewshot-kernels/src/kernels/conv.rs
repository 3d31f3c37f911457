//! Dense convolution over a batch: which kernel runs it.

use super::fused::{Epilogue, OutputGradient};
use super::moments::Moments;
use super::shape::Shape;
use super::{direct, pointwise, winograd};
use crate::memory::Buffer;
use crate::simd::Level;

/// `y = conv(x, weight)`, with the moments of `y` when asked for; the epilogue comes after those.
pub(crate) fn forward(
    level: Level,
    shape: &Shape,
    x: &[f32],
    weight: &[f32],
    y: &mut [f32],
    with_moments: bool,
    epilogue: Option<&Epilogue<'_>>,
) -> Option<Moments> {
    let run = if pointwise::fits(shape) {
        pointwise::forward
    } else if winograd::pays(shape) {
        winograd::forward
    } else {
        direct::forward
    };
    run(level, shape, x, weight, y, with_moments, epilogue)
}

/// Gradients of the input and of the weight, those that are wanted. `x` may be empty where nothing needs it: no ReLU, no
/// gradient of the weight.
pub(crate) fn backward(
    level: Level,
    shape: &Shape,
    x: &[f32],
    weight: &[f32],
    dy: &OutputGradient<'_>,
    dx: Option<&mut [f32]>,
    want_weight: bool,
) -> Option<Buffer> {
    let run = if pointwise::fits(shape) {
        pointwise::backward
    } else if winograd::pays(shape) {
        winograd::backward
    } else {
        direct::backward
    };
    run(level, shape, x, weight, dy, dx, want_weight)
}
