//! Depthwise convolution: each channel on its own, so pixels and channels of a row are one vector.

use rayon::prelude::*;

use super::conv::sum_parts;
use super::images_per_piece;
use super::layout::Pad;
use super::norm::repeated;
use super::plan::Shape;
use super::tile::{load_tail, store_tail};
use crate::memory::{Buffer, with_scratch};
use crate::simd::{Kernel, Level, Simd, dispatch};

/// Floats that a vector may reach beyond a scratch image.
const SLACK: usize = 32;

/// `out = sum over taps of weight[tap] * x[place + offset[tap]]` for all rows of one image.
struct Correlate<'a> {
    x: &'a [f32],
    /// Floats of `x` from one output row to the next, and between pixels.
    x_row: usize,
    x_pixel: usize,
    offsets: &'a [usize],
    /// For each tap the weights of all channels, repeated `round` floats long.
    weights: &'a [f32],
    round: usize,
    columns: usize,
    channels: usize,
    /// Laid out as `out`: the result is 0 where this is not above 0.
    mask: Option<&'a [f32]>,
    out: &'a mut [f32],
}

impl Kernel for Correlate<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        let (columns, c) = (self.columns, self.channels);
        // With stride 1 the pixels of a row lie side by side in the input too.
        let (runs, run) = if self.x_pixel == c { (1, columns * c) } else { (columns, c) };
        let rows = self.out.len() / (columns * c).max(1);
        if rows == 0 {
            return;
        }
        let reach = self.offsets.iter().max().copied().unwrap_or(0);
        let last = (rows - 1) * self.x_row + (runs - 1) * self.x_pixel;
        assert!(last + reach + run.next_multiple_of(Wide::LANES) <= self.x.len());
        assert!(self.weights.len() == self.offsets.len() * self.round);
        assert!(self.round.is_multiple_of(Wide::LANES));
        assert!(self.mask.is_none_or(|mask| mask.len() >= self.out.len()));
        // SAFETY: the assertions keep every read inside its slice; writes are cut to the run.
        unsafe {
            for row in 0..rows {
                for pixel in 0..runs {
                    let x = self.x.as_ptr().add(row * self.x_row + pixel * self.x_pixel);
                    let place = (row * columns + pixel) * c;
                    let (mut i, mut at) = (0, 0);
                    while i < run {
                        let n = (run - i).min(Wide::LANES);
                        let mut weight = self.weights.as_ptr().add(at);
                        let mut acc = Wide::splat(0.0);
                        for &offset in self.offsets {
                            let value = Wide::load(x.add(offset + i));
                            acc = Wide::fma(value, Wide::load(weight), acc);
                            weight = weight.wrapping_add(self.round);
                        }
                        if let Some(mask) = self.mask {
                            let at = load_tail::<Wide>(mask.as_ptr().add(place + i), n);
                            acc = Wide::where_positive(at, acc);
                        }
                        store_tail::<Wide>(self.out.as_mut_ptr().add(place + i), acc, n);
                        i += Wide::LANES;
                        at += Wide::LANES;
                        if at == self.round {
                            at = 0;
                        }
                    }
                }
            }
        }
    }
}

/// Adds one image's part to the weight gradient `[taps][channels]`.
struct WeightGradient<'a> {
    x: &'a [f32],
    x_row: usize,
    x_pixel: usize,
    offsets: &'a [usize],
    dy: &'a [f32],
    columns: usize,
    channels: usize,
    dw: &'a mut [f32],
}

impl Kernel for WeightGradient<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        let (columns, c) = (self.columns, self.channels);
        let rows = self.dy.len() / (columns * c).max(1);
        if rows == 0 {
            return;
        }
        let reach = self.offsets.iter().max().copied().unwrap_or(0);
        let last = (rows - 1) * self.x_row + (columns - 1) * self.x_pixel;
        assert!(last + reach + c <= self.x.len() && self.dw.len() == self.offsets.len() * c);
        // SAFETY: the assertion keeps the reads inside `x`; vectors are cut to the channels.
        unsafe {
            for (tap, &offset) in self.offsets.iter().enumerate() {
                for channel in (0..c).step_by(Wide::LANES) {
                    let n = (c - channel).min(Wide::LANES);
                    // Four sums, so that one does not wait for the last.
                    let mut acc = [Wide::splat(0.0); 4];
                    for row in 0..rows {
                        let x = self.x.as_ptr().add(row * self.x_row + offset + channel);
                        let dy = self.dy.as_ptr().add(row * columns * c + channel);
                        let mut column = 0;
                        while column < columns {
                            for (i, acc) in acc.iter_mut().enumerate() {
                                if column + i < columns {
                                    let x = x.add((column + i) * self.x_pixel);
                                    let dy = dy.add((column + i) * c);
                                    let (x, dy) = (load_tail::<Wide>(x, n), load_tail::<Wide>(dy, n));
                                    *acc = Wide::fma(x, dy, *acc);
                                }
                            }
                            column += 4;
                        }
                    }
                    let sum = Wide::add(Wide::add(acc[0], acc[1]), Wide::add(acc[2], acc[3]));
                    let dw = self.dw.as_mut_ptr().add(tap * c + channel);
                    let sum = Wide::add(load_tail::<Wide>(dw, n), sum);
                    store_tail::<Wide>(dw, sum, n);
                }
            }
        }
    }
}

/// The padded input of one convolution.
struct Padded {
    row: usize,
    rows: usize,
    offsets: Vec<usize>,
}

impl Padded {
    fn new(shape: &Shape) -> Self {
        let (conv, c) = (shape.conv, shape.cin);
        let row = (shape.width + 2 * conv.padding) * c;
        let [kernel_h, kernel_w] = shape.kernel;
        let offset = |tap: usize| (tap / kernel_w * row + tap % kernel_w * c) * conv.dilation;
        Self { row, rows: shape.height + 2 * conv.padding, offsets: (0..kernel_h * kernel_w).map(offset).collect() }
    }

    fn len(&self) -> usize {
        self.rows * self.row + SLACK
    }

    fn fill(&self, level: Level, shape: &Shape, image: &[f32], to: &mut [f32]) {
        let kernel = Pad {
            image,
            height: shape.height,
            width: shape.width,
            channels: shape.cin,
            padding: shape.conv.padding,
            relu: shape.conv.relu_input,
            rows: 0..self.rows,
            to,
        };
        dispatch(level, kernel);
    }
}

/// `y = depthwise(x, weight)`; the weight is `[kernel_h, kernel_w, channels]`.
pub(crate) fn forward(level: Level, shape: &Shape, x: &[f32], weight: &[f32], y: &mut [f32]) {
    let c = shape.cin;
    let padded = Padded::new(shape);
    let (weights, round) = repeated(weight, c);
    y.par_chunks_exact_mut(shape.out_len()).zip(x.par_chunks_exact(shape.in_len())).for_each(|(out, x)| {
        with_scratch([padded.len()], |[scratch]| {
            padded.fill(level, shape, x, scratch);
            let kernel = Correlate {
                x: scratch,
                x_row: shape.conv.stride * padded.row,
                x_pixel: shape.conv.stride * c,
                offsets: &padded.offsets,
                weights: &weights,
                round,
                columns: shape.out[1],
                channels: c,
                mask: None,
                out,
            };
            dispatch(level, kernel);
        });
    });
}

/// Gradient of the input: the output gradient with zeros between its pixels (for the stride) and
/// around it, correlated with the kernel turned round.
pub(crate) fn input_gradient(level: Level, shape: &Shape, x: &[f32], weight: &[f32], g: &[f32], dx: &mut [f32]) {
    let (conv, c) = (shape.conv, shape.cin);
    let [kernel_h, kernel_w] = shape.kernel;
    let taps = kernel_h * kernel_w;
    let turned: Vec<f32> = weight.chunks_exact(c).rev().flatten().copied().collect();
    let (weights, round) = repeated(&turned, c);
    let span = [kernel_h, kernel_w].map(|k| conv.dilation * (k - 1));
    let size = [shape.height + span[0], shape.width + span[1]];
    let row = size[1] * c;
    let offset = |tap: usize| (tap / kernel_w * row + tap % kernel_w * c) * conv.dilation;
    let offsets: Vec<usize> = (0..taps).map(offset).collect();
    // Where output pixel `o` goes along an axis; outside when no input pixel reads it.
    let place =
        |o: usize, axis: usize| (o * conv.stride + span[axis]).checked_sub(conv.padding).filter(|at| *at < size[axis]);
    dx.par_chunks_exact_mut(shape.in_len()).enumerate().for_each(|(n, out)| {
        let g = &g[n * shape.out_len()..(n + 1) * shape.out_len()];
        let x = &x[n * shape.in_len()..(n + 1) * shape.in_len()];
        with_scratch([size[0] * row + SLACK], |[scratch]| {
            scratch[..size[0] * row].fill(0.0);
            for (o, g) in g.chunks_exact(shape.out[1] * c).enumerate() {
                let Some(y) = place(o, 0) else { continue };
                for (o, g) in g.chunks_exact(c).enumerate() {
                    if let Some(x) = place(o, 1) {
                        scratch[y * row + x * c..][..c].copy_from_slice(g);
                    }
                }
            }
            let kernel = Correlate {
                x: scratch,
                x_row: row,
                x_pixel: c,
                offsets: &offsets,
                weights: &weights,
                round,
                columns: shape.width,
                channels: c,
                mask: conv.relu_input.then_some(x),
                out,
            };
            dispatch(level, kernel);
        });
    });
}

/// Gradient of the weight.
pub(crate) fn weight_gradient(level: Level, shape: &Shape, x: &[f32], g: &[f32]) -> Buffer {
    let c = shape.cin;
    let padded = Padded::new(shape);
    let piece = images_per_piece(shape.batch);
    let pieces = shape.batch.div_ceil(piece);
    let len = padded.offsets.len() * c;
    let mut parts = Buffer::zeros(pieces * len);
    parts.par_chunks_exact_mut(len).enumerate().for_each(|(p, dw)| {
        for n in p * piece..((p + 1) * piece).min(shape.batch) {
            with_scratch([padded.len()], |[scratch]| {
                let x = &x[n * shape.in_len()..(n + 1) * shape.in_len()];
                padded.fill(level, shape, x, scratch);
                let kernel = WeightGradient {
                    x: scratch,
                    x_row: shape.conv.stride * padded.row,
                    x_pixel: shape.conv.stride * c,
                    offsets: &padded.offsets,
                    dy: &g[n * shape.out_len()..(n + 1) * shape.out_len()],
                    columns: shape.out[1],
                    channels: c,
                    dw: &mut *dw,
                };
                dispatch(level, kernel);
            });
        }
    });
    sum_parts(&parts, pieces, c, c)
}
