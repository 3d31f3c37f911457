//! Convolution over a batch: images spread over the threads.

use rayon::prelude::*;

use super::images_per_piece;
use super::layout::{Pad, ToPlanar};
use super::norm::{Added, Combine, Fold, Repeated, Scale};
use super::outer::Outer;
use super::pack::{Blocks, pack};
use super::plan::{Plan, Shape, groups};
use super::pointwise;
use super::tile::Convolve;
use super::winograd;
use crate::memory::{Buffer, with_scratch};
use crate::simd::{Level, dispatch};

/// Floats that kernels may read beyond a scratch image: the rest of a tile or of a vector.
pub(super) const SLACK: usize = 64;

/// Mean and variance per channel.
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    pub mean: Vec<f64>,
    /// Divided by the number of values.
    pub var: Vec<f64>,
}

impl Moments {
    /// Merges the parts in order ([Chan et al. 1983](https://doi.org/10.1080/00031305.1983.10483115)):
    /// each part has `count` values per channel, of which `[shift, sum, sum of squares]` of
    /// `value - shift` are given.
    pub(crate) fn merge(parts: &[[f64; 3]], counts: &[usize], channels: usize) -> Self {
        let (mut mean, mut var) = (vec![0.0; channels], vec![0.0; channels]);
        let mut seen = 0.0;
        for (part, &count) in parts.chunks_exact(channels.max(1)).zip(counts) {
            let count = count as f64;
            let total = seen + count;
            for ((mean, m2), [shift, sum, square]) in mean.iter_mut().zip(&mut var).zip(part) {
                let offset = sum / count;
                let delta = shift + offset - *mean;
                *mean += delta * (count / total);
                *m2 += (square - sum * offset) + delta * delta * (seen * count / total);
            }
            seen = total;
        }
        for m2 in &mut var {
            // Rounding may leave a hair below zero; NaN must stay.
            *m2 = if *m2 < 0.0 { 0.0 } else { *m2 / seen };
        }
        Self { mean, var }
    }
}

/// What is done to each image of the output while it is still in the cache:
/// `y = by[c] * y + constant[c] + added`.
pub(crate) struct Epilogue<'a> {
    pub by: &'a Repeated,
    pub constant: &'a Repeated,
    /// Laid out as the whole output.
    pub added: Option<&'a [f32]>,
}

impl Epilogue<'_> {
    /// Finishes a part of the output that begins with channel 0 and float `first` of the whole.
    pub(super) fn apply(&self, level: Level, first: usize, y: &mut [f32]) {
        let added = match self.added {
            Some(added) => Added::Other(&added[first..][..y.len()]),
            None => Added::Nothing,
        };
        dispatch(level, Scale { a: None, by_a: self.by, constant: self.constant, added, to: y });
    }
}

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
    if pointwise::fits(shape) {
        return pointwise::forward(level, shape, x, weight, y, with_moments, epilogue);
    }
    if winograd::pays(shape) {
        return winograd::forward(level, shape, x, weight, y, with_moments, epilogue);
    }
    let plan = Plan::forward(shape, level);
    let packed = pack(weight, shape, &plan, false);
    let pass = &plan.passes[0];
    let cout = shape.cout;
    let mut parts = vec![[0.0; 3]; if with_moments { shape.batch * cout } else { 0 }];
    let image = |n: usize, x: &[f32], y: &mut [f32], moments: Option<&mut [[f64; 3]]>| {
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
                    out_len: y.len(),
                    out: y.as_mut_ptr(),
                    out_row: pass.columns * cout,
                    out_pixel: cout,
                    mask: std::ptr::null(),
                    moments,
                    fresh: true,
                },
            );
        });
        if let Some(epilogue) = epilogue {
            epilogue.apply(level, n * y.len(), y);
        }
    };
    let images = x.par_chunks_exact(shape.in_len()).zip(y.par_chunks_exact_mut(shape.out_len())).enumerate();
    if with_moments {
        let each = parts.par_chunks_exact_mut(cout);
        images.zip(each).for_each(|((n, (x, y)), part)| image(n, x, y, Some(part)));
        let counts = vec![shape.out[0] * shape.out[1]; shape.batch];
        Some(Moments::merge(&parts, &counts, cout))
    } else {
        images.for_each(|(n, (x, y))| image(n, x, y, None));
        None
    }
}

/// What the gradient of a convolution's output is made of.
pub(crate) enum OutputGradient<'a> {
    /// It is given.
    Plain(&'a [f32]),
    /// It comes through a batch norm with statistics from outside: `by_g[c] * g`.
    Scaled { g: &'a [f32], by_g: &'a Repeated, zero: &'a Repeated },
    /// It comes through a batch norm: `by_g[c] * g + by_y[c] * y + constant[c]`.
    Normed { g: &'a [f32], y: &'a [f32], fold: &'a Fold },
}

/// Gradients of the input and of the weight, those that are wanted.
pub(crate) fn backward(
    level: Level,
    shape: &Shape,
    x: &[f32],
    weight: &[f32],
    dy: &OutputGradient<'_>,
    dx: Option<&mut [f32]>,
    want_weight: bool,
) -> Option<Buffer> {
    if pointwise::fits(shape) {
        return pointwise::backward(level, shape, x, weight, dy, dx, want_weight);
    }
    if winograd::pays(shape) {
        return winograd::backward(level, shape, x, weight, dy, dx, want_weight);
    }
    let (in_len, out_len) = (shape.in_len(), shape.out_len());
    let plan = dx.is_some().then(|| {
        let plan = Plan::backward(shape, level);
        let packed = pack(weight, shape, &plan, true);
        (plan, packed)
    });
    let blocks = Blocks::new(shape.cout, level);
    let (padded, groups) = (blocks.padded(), groups(shape));
    let piece = images_per_piece(shape.batch);
    let pieces = shape.batch.div_ceil(piece);
    let dw_len = shape.weight_rows() * padded;
    let mut parts = Buffer::zeros(if want_weight { pieces * dw_len } else { 0 });

    let strips = Strips::new(shape);
    let planar_len = plan.as_ref().map_or(0, |(plan, _)| plan.scratch);
    let row = shape.out[1] * shape.cout;
    let scratch_lens = [strips.rows * row + SLACK, planar_len + SLACK, strips.x_rows * strips.x_row + SLACK];

    let image = |n: usize, dx: Option<&mut [f32]>, mut dw: Option<&mut [f32]>| {
        let x = &x[n * in_len..(n + 1) * in_len];
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
    match (dx, want_weight) {
        (Some(dx), true) => {
            dx.par_chunks_mut(piece * in_len).zip(parts.par_chunks_exact_mut(dw_len)).enumerate().for_each(
                |(p, (dx, dw))| {
                    for (i, dx) in dx.chunks_exact_mut(in_len).enumerate() {
                        image(p * piece + i, Some(dx), Some(&mut *dw));
                    }
                },
            )
        }
        (Some(dx), false) => dx.par_chunks_exact_mut(in_len).enumerate().for_each(|(n, dx)| image(n, Some(dx), None)),
        (None, true) => parts.par_chunks_exact_mut(dw_len).enumerate().for_each(|(p, dw)| {
            for n in p * piece..((p + 1) * piece).min(shape.batch) {
                image(n, None, Some(&mut *dw));
            }
        }),
        (None, false) => {}
    }
    want_weight.then(|| sum_parts(&parts, pieces, padded, shape.cout))
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

impl OutputGradient<'_> {
    /// Writes a range of it that begins with channel 0.
    pub(super) fn write(&self, level: Level, range: std::ops::Range<usize>, to: &mut [f32]) {
        match self {
            Self::Plain(g) => to.copy_from_slice(&g[range]),
            Self::Scaled { g, by_g, zero } => {
                let kernel = Scale { a: Some(&g[range]), by_a: by_g, constant: zero, added: Added::Nothing, to };
                dispatch(level, kernel);
            }
            Self::Normed { g, y, fold } => {
                let (a, b) = (&g[range.clone()], &y[range]);
                dispatch(level, Combine { a, b, fold, to });
            }
        }
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
                out_len: out.len(),
                out: out.as_mut_ptr(),
                out_row: pass.step * shape.width * shape.cin,
                out_pixel: pass.step * shape.cin,
                mask: if shape.conv.relu_input { x[first..].as_ptr() } else { std::ptr::null() },
                moments: None,
                fresh: true,
            },
        );
    }
}

/// Sums the pieces' weight gradients in order and drops the padding of the channels.
pub(crate) fn sum_parts(parts: &[f32], pieces: usize, padded: usize, cout: usize) -> Buffer {
    let len = parts.len().checked_div(pieces).unwrap_or(0);
    let rows = len / padded.max(1);
    let mut dw = Buffer::zeros(rows * cout);
    // Some rows per job; each element is summed in the order of the pieces all the same.
    let job = (4096 / padded.max(1)).max(1);
    dw.par_chunks_mut(job * cout.max(1)).enumerate().for_each(|(index, dw)| {
        for part in parts.chunks_exact(len.max(1)) {
            let part = &part[index * job * padded..];
            for (to, from) in dw.chunks_exact_mut(cout).zip(part.chunks_exact(padded)) {
                for (to, from) in to.iter_mut().zip(from) {
                    *to += from;
                }
            }
        }
    });
    dw
}
