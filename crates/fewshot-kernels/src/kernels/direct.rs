//! Convolution of any geometry as the plain sum: a register tile over a planar copy of each image.

use super::batch::{image_of, images_per_piece, over_pieces, over_tasks};
use super::blocks::Blocks;
use super::fused::{Epilogue, OutputGradient};
use super::layout::{Pad, ToPlanar};
use super::moments::Moments;
use super::outer::Outer;
use super::pack::pack;
use super::plan::{Plan, groups};
use super::shape::Shape;
use super::tile::{Convolve, SLACK};
use crate::memory::{Buffer, with_scratch};
use crate::simd::{Level, dispatch};

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
    let packed = pack(weight, shape, &plan, false);
    let pass = &plan.passes[0];
    let cout = shape.cout;
    over_tasks(shape, 1, x, y, with_moments, |n, x, y, moments| {
        with_scratch([plan.scratch + SLACK], |[scratch]| {
            dispatch(
                level,
                ToPlanar {
                    rows: x,
                    count: shape.height,
                    first: 0,
                    height: shape.height,
                    width: shape.width,
                    layout: plan.layout,
                    relu: shape.conv.relu_input,
                    to: scratch,
                },
            );
            dispatch(
                level,
                Convolve {
                    lanes: plan.blocks.lanes,
                    x: scratch,
                    x_pixel: 1,
                    x_row: plan.x_row,
                    offsets: &pass.offsets,
                    weights: &packed,
                    blocks: &plan.blocks.widths,
                    rows: pass.rows,
                    columns: pass.columns,
                    channels: cout,
                    out: &mut *y,
                    out_row: pass.columns * cout,
                    out_pixel: cout,
                    mask: None,
                    moments,
                    fresh: true,
                },
            );
        });
        if let Some(epilogue) = epilogue {
            epilogue.apply(level, n * y.len(), y);
        }
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
    let (in_len, out_len) = (shape.in_len(), shape.out_len());
    let plan = dx.is_some().then(|| {
        let plan = Plan::backward(shape, level);
        let packed = pack(weight, shape, &plan, true);
        (plan, packed)
    });
    let blocks = Blocks::new(shape.cout, level);
    let (padded, groups) = (blocks.padded(), groups(shape));
    let strips = Strips::new(shape);
    let planar_len = plan.as_ref().map_or(0, |(plan, _)| plan.scratch);
    let row = shape.out[1] * shape.cout;
    let scratch_lens = [strips.rows * row + SLACK, planar_len + SLACK, strips.x_rows * strips.x_row + SLACK];

    let image = |n: usize, dx: Option<&mut [f32]>, mut dw: Option<&mut [f32]>| {
        let x = image_of(x, n, in_len);
        with_scratch(scratch_lens, |[dy_strip, planar, x_strip]| {
            // Strip by strip, so that what one step writes the next still finds in the
            // first-level cache.
            for first in (0..shape.out[0]).step_by(strips.rows) {
                let count = strips.rows.min(shape.out[0] - first);
                let from = n * out_len + first * row;
                dy.write(level, from..from + count * row, &mut dy_strip[..count * row]);
                if let (Some((plan, _)), true) = (&plan, dx.is_some()) {
                    let kernel = ToPlanar {
                        rows: dy_strip,
                        count,
                        first,
                        height: shape.out[0],
                        width: shape.out[1],
                        layout: plan.layout,
                        relu: false,
                        to: planar,
                    };
                    dispatch(level, kernel);
                }
                let Some(dw) = &mut dw else { continue };
                let x_first = first * shape.conv.stride;
                let pad = Pad {
                    image: x,
                    height: shape.height,
                    width: shape.width,
                    channels: shape.cin,
                    padding: shape.conv.padding,
                    relu: shape.conv.relu_input,
                    rows: x_first..x_first + strips.x_rows,
                    to: x_strip,
                };
                dispatch(level, pad);
                let outer = Outer {
                    lanes: blocks.lanes,
                    x: x_strip,
                    x_row: shape.conv.stride * strips.x_row,
                    x_pixel: shape.conv.stride * shape.cin,
                    dy: dy_strip,
                    rows: count,
                    columns: shape.out[1],
                    channels: shape.cout,
                    groups: &groups,
                    blocks: &blocks.widths,
                    padded,
                    dw,
                };
                dispatch(level, outer);
            }
            if let (Some((plan, packed)), Some(dx)) = (&plan, dx) {
                input_gradient(level, shape, plan, packed, planar, x, dx);
            }
        });
    };
    let piece = images_per_piece(shape.batch);
    over_pieces(shape, piece, padded, dx, want_weight, |images, mut dx, mut dw| {
        for (i, n) in images.enumerate() {
            let dx = dx.as_deref_mut().map(|dx| &mut dx[i * in_len..(i + 1) * in_len]);
            image(n, dx, dw.as_deref_mut());
        }
    })
}

/// Output rows that go through the backward pass together.
struct Strips {
    rows: usize,
    /// Rows of the padded input that they read.
    x_rows: usize,
    /// Floats of one of those.
    x_row: usize,
}

impl Strips {
    fn new(shape: &Shape) -> Self {
        let conv = shape.conv;
        let x_row = (shape.width + 2 * conv.padding) * shape.cin;
        let span = conv.dilation * (shape.kernel[0] - 1) + 1;
        let per_row = shape.out[1] * shape.cout + conv.stride * x_row;
        // Both strips in about 32 KiB, but at least so many pixels that reading and writing
        // the weight gradient once for each strip does not count.
        let fits = (8192usize.saturating_sub(span * x_row)) / per_row.max(1);
        let pays = 64usize.div_ceil(shape.out[1].max(1));
        let rows = fits.max(pays).min(shape.out[0]).max(1);
        Self { rows, x_rows: (rows - 1) * conv.stride + span, x_row }
    }
}

/// The input gradient of one image, from the output gradient in the planar scratch.
fn input_gradient(level: Level, shape: &Shape, plan: &Plan, packed: &[f32], planar: &[f32], x: &[f32], dx: &mut [f32]) {
    let mut weights = packed;
    for pass in &plan.passes {
        let (now, rest) = weights.split_at(pass.offsets.len() * plan.blocks.padded());
        weights = rest;
        let first = (pass.first[0] * shape.width + pass.first[1]) * shape.cin;
        let out = &mut dx[first..];
        dispatch(
            level,
            Convolve {
                lanes: plan.blocks.lanes,
                x: planar,
                x_pixel: 1,
                x_row: plan.x_row,
                offsets: &pass.offsets,
                weights: now,
                blocks: &plan.blocks.widths,
                rows: pass.rows,
                columns: pass.columns,
                channels: shape.cin,
                out,
                out_row: pass.step * shape.width * shape.cin,
                out_pixel: pass.step * shape.cin,
                mask: shape.conv.relu_input.then(|| &x[first..]),
                moments: None,
                fresh: true,
            },
        );
    }
}
