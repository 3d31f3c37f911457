//! 1x1 convolutions of stride 1: a product of pixels and weights, straight from NHWC.
//!
//! Some pixels at a time, few enough for the first-level cache. Only a ReLU makes a copy of them.

use super::batch::{image_of, images_per_piece, over_pieces, over_tasks};
use super::blocks::Blocks;
use super::fused::{Epilogue, OutputGradient};
use super::layout::Rectify;
use super::moments::Moments;
use super::outer::{Group, Outer};
use super::pack::pack;
use super::plan::Plan;
use super::shape::Shape;
use super::tile::{Convolve, SLACK};
use crate::memory::{Buffer, with_scratch};
use crate::simd::{Level, dispatch};

/// Whether a convolution is one of these.
pub(super) fn fits(shape: &Shape) -> bool {
    shape.kernel == [1, 1] && shape.conv.stride == 1 && shape.conv.padding == 0
}

/// Pixels that are worked on together: about 16 KiB of the wider side, and whole tiles of every size.
fn chunk(shape: &Shape) -> usize {
    (4096 / shape.cin.max(shape.cout)).clamp(48, 480) / 48 * 48
}

/// Ranges of at most `chunk` pixels of an image.
fn chunks(pixels: usize, chunk: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..pixels).step_by(chunk).map(move |first| first..(first + chunk).min(pixels))
}

/// Pixels times weights.
struct Product<'a> {
    level: Level,
    plan: &'a Plan,
    offsets: &'a [usize],
    weights: &'a [f32],
    /// Channels of the result.
    channels: usize,
}

impl Product<'_> {
    /// `x` holds whole tiles of pixels of as many floats as there are offsets.
    fn run(&self, x: &[f32], to: &mut [f32], mask: Option<&[f32]>, moments: Option<&mut [[f64; 3]]>, fresh: bool) {
        let kernel = Convolve {
            lanes: self.plan.blocks.lanes,
            x,
            x_row: 0,
            x_pixel: self.offsets.len(),
            offsets: self.offsets,
            weights: self.weights,
            blocks: &self.plan.blocks.widths,
            rows: 1,
            columns: to.len() / self.channels,
            channels: self.channels,
            out: to,
            out_row: 0,
            out_pixel: self.channels,
            mask,
            moments,
            fresh,
        };
        dispatch(self.level, kernel);
    }
}

/// `y = conv(x, weight)`, with the moments of `y` when asked for; the epilogue comes after those.
pub(super) fn forward(
    level: Level,
    shape: &Shape,
    x: &[f32],
    weight: &[f32],
    y: &mut [f32],
    with_moments: bool,
    epilogue: Option<&Epilogue<'_>>,
) -> Option<Moments> {
    let plan = Plan::forward(shape, level);
    let weights = pack(weight, shape, &plan, false);
    let offsets: Vec<usize> = (0..shape.cin).collect();
    let product = Product { level, plan: &plan, offsets: &offsets, weights: &weights, channels: shape.cout };
    let (cin, cout, pixels) = (shape.cin, shape.cout, shape.height * shape.width);
    let chunk = chunk(shape);
    over_tasks(shape, 1, x, y, with_moments, |n, x, y, mut moments| {
        with_scratch([chunk * cin], |[scratch]| {
            for range in chunks(pixels, chunk) {
                let to = &mut y[range.start * cout..range.end * cout];
                // The last chunk may end within a tile, whose other pixels the kernel reads too.
                let copy = shape.conv.relu_input || range.len() < chunk;
                let from = &x[range.start * cin..range.end * cin];
                if copy {
                    dispatch(level, Rectify { from, relu: shape.conv.relu_input, to: &mut scratch[..from.len()] });
                }
                product.run(
                    if copy { scratch } else { from },
                    &mut *to,
                    None,
                    moments.as_deref_mut(),
                    range.start == 0,
                );
                if let Some(epilogue) = epilogue {
                    epilogue.apply(level, n * shape.out_len() + range.start * cout, to);
                }
            }
        });
    })
}

/// Gradients of the input and of the weight, those that are wanted.
pub(super) fn backward(
    level: Level,
    shape: &Shape,
    x: &[f32],
    weight: &[f32],
    dy: &OutputGradient<'_>,
    dx: Option<&mut [f32]>,
    want_weight: bool,
) -> Option<Buffer> {
    let (cin, cout, pixels) = (shape.cin, shape.cout, shape.height * shape.width);
    let plan = Plan::backward(shape, level);
    let weights = dx.is_some().then(|| pack(weight, shape, &plan, true));
    let offsets: Vec<usize> = (0..cout).collect();
    let blocks = Blocks::new(cout, level);
    let (padded, chunk) = (blocks.padded(), chunk(shape));
    let piece = images_per_piece(shape.batch);
    let image = |n: usize, mut dx: Option<&mut [f32]>, mut dw: Option<&mut [f32]>| {
        let x = image_of(x, n, shape.in_len());
        with_scratch([chunk * cout + SLACK, chunk * cin + SLACK], |[gradient, input]| {
            for range in chunks(pixels, chunk) {
                let first = n * shape.out_len();
                let to = &mut gradient[..range.len() * cout];
                dy.write(level, first + range.start * cout..first + range.end * cout, to);
                let pixels = range.start * cin..range.end * cin;
                if let Some(dw) = &mut dw {
                    let (from, relu) = (&x[pixels.clone()], shape.conv.relu_input);
                    dispatch(level, Rectify { from, relu, to: &mut input[..from.len()] });
                    let outer = Outer {
                        lanes: blocks.lanes,
                        x: input,
                        x_row: 0,
                        x_pixel: cin,
                        dy: gradient,
                        rows: 1,
                        columns: range.len(),
                        channels: cout,
                        groups: &[Group { offset: 0, rows: cin, to: 0 }],
                        blocks: &blocks.widths,
                        padded,
                        dw,
                    };
                    dispatch(level, outer);
                }
                if let (Some(dx), Some(weights)) = (&mut dx, &weights) {
                    let product = Product { level, plan: &plan, offsets: &offsets, weights, channels: cin };
                    let mask = shape.conv.relu_input.then(|| &x[pixels.clone()]);
                    product.run(gradient, &mut dx[pixels], mask, None, true);
                }
            }
        });
    };
    over_pieces(shape, piece, padded, dx, want_weight, |images, mut dx, mut dw| {
        for (i, n) in images.enumerate() {
            let dx = dx.as_deref_mut().map(|dx| &mut dx[i * shape.in_len()..(i + 1) * shape.in_len()]);
            image(n, dx, dw.as_deref_mut());
        }
    })
}
