//! Convolution over a batch: which kernel runs it, and how its images are spread over the threads.

use std::ops::Range;

use rayon::prelude::*;

use super::norm::{Added, Combine, Fold, Repeated, Scale};
use super::plan::Shape;
use super::{direct, pointwise, winograd};
use crate::memory::Buffer;
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
    let run = if pointwise::fits(shape) {
        pointwise::forward
    } else if winograd::pays(shape) {
        winograd::forward
    } else {
        direct::forward
    };
    run(level, shape, x, weight, y, with_moments, epilogue)
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
    let run = if pointwise::fits(shape) {
        pointwise::backward
    } else if winograd::pays(shape) {
        winograd::backward
    } else {
        direct::backward
    };
    run(level, shape, x, weight, dy, dx, want_weight)
}

/// Runs `task` for `images` images at a time: with its first image, its input, its output, and where the moments go
/// when they are wanted. Returns the moments of the whole batch.
pub(super) fn over_tasks(
    shape: &Shape,
    images: usize,
    x: &[f32],
    y: &mut [f32],
    with_moments: bool,
    task: impl Fn(usize, &[f32], &mut [f32], Option<&mut [[f64; 3]]>) + Sync,
) -> Option<Moments> {
    let tasks = x.par_chunks(images * shape.in_len()).zip(y.par_chunks_mut(images * shape.out_len())).enumerate();
    if !with_moments {
        tasks.for_each(|(n, (x, y))| task(n * images, x, y, None));
        return None;
    }
    let mut parts = vec![[0.0; 3]; shape.batch.div_ceil(images) * shape.cout];
    let each = tasks.zip(parts.par_chunks_exact_mut(shape.cout));
    each.for_each(|((n, (x, y)), part)| task(n * images, x, y, Some(part)));
    let pixels = shape.out[0] * shape.out[1];
    let counts = (0..shape.batch).step_by(images).map(|first| images.min(shape.batch - first) * pixels);
    Some(Moments::merge(&parts, &counts.collect::<Vec<_>>(), shape.cout))
}

/// Runs `work` for `piece` images at a time: with their numbers, where the gradient of their input goes, and a zeroed
/// place for their part of the weight's gradient, `[kernel_h * kernel_w * cin][padded]`. Returns the sum of the parts.
pub(super) fn over_pieces(
    shape: &Shape,
    piece: usize,
    padded: usize,
    dx: Option<&mut [f32]>,
    want_weight: bool,
    work: impl Fn(Range<usize>, Option<&mut [f32]>, Option<&mut [f32]>) + Sync,
) -> Option<Buffer> {
    let pieces = shape.batch.div_ceil(piece);
    let len = if want_weight { shape.weight_rows() * padded } else { 0 };
    let mut parts = Buffer::zeros(pieces * len);
    let dx: Vec<Option<&mut [f32]>> = match dx {
        Some(dx) => dx.chunks_mut(piece * shape.in_len()).map(Some).collect(),
        None => (0..pieces).map(|_| None).collect(),
    };
    let dw: Vec<Option<&mut [f32]>> = match want_weight {
        true => parts.chunks_exact_mut(len).map(Some).collect(),
        false => (0..pieces).map(|_| None).collect(),
    };
    dx.into_par_iter().zip(dw).enumerate().for_each(|(p, (dx, dw))| {
        work(p * piece..((p + 1) * piece).min(shape.batch), dx, dw);
    });
    want_weight.then(|| sum_parts(&parts, pieces, padded, shape.cout))
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
