//! Transposed convolution: the gradient of a convolution's input as a forward pass, and the convolution as its gradient.
//!
//! Shapes are those of the convolution, whose input is the output here. Weights are `[kernel_h, kernel_w, cin, cout]` as the
//! caller sees them, so with the channels exchanged for the convolution.

use rayon::prelude::*;

use super::conv;
use super::fused::OutputGradient;
use super::shape::Shape;
use crate::memory::Buffer;
use crate::simd::Level;

/// Every tap's matrix `[rows, columns]` transposed.
fn exchanged(weight: &[f32], [rows, columns]: [usize; 2]) -> Buffer {
    let mut to = Buffer::new(weight.len());
    let matrix = (rows * columns).max(1);
    to.par_chunks_exact_mut(matrix).zip(weight.par_chunks_exact(matrix)).for_each(|(to, from)| {
        for (column, to) in to.chunks_exact_mut(rows).enumerate() {
            for (row, to) in to.iter_mut().enumerate() {
                *to = from[row * columns + column];
            }
        }
    });
    to
}

/// `y = transposed(x, weight)`.
pub(crate) fn forward(level: Level, shape: &Shape, x: &[f32], weight: &[f32], y: &mut [f32]) {
    let weight = exchanged(weight, [shape.cout, shape.cin]);
    // Neither the ReLU nor the weight's gradient is wanted, so the convolution's own input is not read.
    conv::backward(level, shape, &[], &weight, &OutputGradient::Plain(x), Some(y), false);
}

/// Gradient of the input.
pub(crate) fn input_gradient(level: Level, shape: &Shape, weight: &[f32], g: &[f32], dx: &mut [f32]) {
    let weight = exchanged(weight, [shape.cout, shape.cin]);
    conv::forward(level, shape, g, &weight, dx, false, None);
}

/// Gradient of the weight.
pub(crate) fn weight_gradient(level: Level, shape: &Shape, x: &[f32], weight: &[f32], g: &[f32]) -> Buffer {
    let dw = conv::backward(level, shape, g, weight, &OutputGradient::Plain(x), None, true);
    let dw = dw.expect("the gradient of the weight was asked for");
    exchanged(&dw, [shape.cin, shape.cout])
}
