//! Depthwise convolution: each channel on its own, a vector of channels at a time.

use rayon::prelude::*;

use super::batch::{images_per_piece, sum_parts};
use super::layout::Pad;
use super::shape::Shape;
use super::tile::{load_tail, store_tail};
use crate::memory::{Buffer, with_scratch};
use crate::simd::{Kernel, Level, Simd, dispatch};

/// Floats that a vector may reach beyond a scratch image.
const SLACK: usize = 32;

/// Calls `$self.$work::<S, ..>(channel, n, ..)` for vectors that cover the channels: wide ones, and a narrow one where
/// it is enough for the rest.
macro_rules! each_vector {
    ($channels:expr, $self:ident . $work:ident ($($argument:expr),*)) => {{
        let mut channel = 0;
        while channel < $channels {
            let rest = $channels - channel;
            if rest > Half::LANES {
                $self.$work::<Wide>(channel, rest.min(Wide::LANES), $($argument),*);
                channel += Wide::LANES;
            } else {
                $self.$work::<Half>(channel, rest, $($argument),*);
                channel += Half::LANES;
            }
        }
    }};
}

/// `out = sum over taps of weight[tap] * x[place + offset[tap]]` for all rows of one image.
struct Correlate<'a> {
    x: &'a [f32],
    /// Floats of `x` from one output row to the next, and between pixels.
    x_row: usize,
    x_pixel: usize,
    offsets: &'a [usize],
    /// `[taps][channels]`, and a vector behind it.
    weights: &'a [f32],
    columns: usize,
    channels: usize,
    /// Laid out as `out`: the result is 0 where this is not above 0.
    mask: Option<&'a [f32]>,
    out: &'a mut [f32],
}

impl Kernel for Correlate<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(mut self) {
        let (columns, c) = (self.columns, self.channels);
        let rows = self.out.len() / (columns * c).max(1);
        if rows == 0 {
            return;
        }
        let reach = self.offsets.iter().max().copied().unwrap_or(0);
        let last = (rows - 1) * self.x_row + (columns - 1) * self.x_pixel;
        assert!(last + reach + c + Wide::LANES <= self.x.len());
        assert!(self.weights.len() >= self.offsets.len() * c + Wide::LANES);
        assert!(self.mask.is_none_or(|mask| mask.len() >= self.out.len()));
        // SAFETY: the assertions keep every read inside its slice; writes are cut to the channels.
        unsafe {
            for row in 0..rows {
                each_vector!(c, self.row(row));
            }
        }
    }
}

impl Correlate<'_> {
    /// `n` channels of one row.
    #[inline(always)]
    unsafe fn row<S: Simd>(&mut self, channel: usize, n: usize, row: usize) {
        let mut column = 0;
        // SAFETY: passed on from the caller.
        unsafe {
            while column + 8 <= self.columns {
                self.pixels::<S, 8>(channel, n, row, column);
                column += 8;
            }
            if column + 4 <= self.columns {
                self.pixels::<S, 4>(channel, n, row, column);
                column += 4;
            }
            while column < self.columns {
                self.pixels::<S, 1>(channel, n, row, column);
                column += 1;
            }
        }
    }

    /// `P` neighbouring pixels, which share each reading of the weights.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // Plain indices unroll into registers.
    unsafe fn pixels<S: Simd, const P: usize>(&mut self, channel: usize, n: usize, row: usize, column: usize) {
        let c = self.channels;
        // SAFETY: passed on from the caller.
        unsafe {
            let x = self.x.as_ptr().add(row * self.x_row + column * self.x_pixel + channel);
            let mut weight = self.weights.as_ptr().add(channel);
            let mut acc = [S::splat(0.0); P];
            for &offset in self.offsets {
                let x = x.add(offset);
                let w = S::load(weight);
                for p in 0..P {
                    acc[p] = S::fma(S::load(x.add(p * self.x_pixel)), w, acc[p]);
                }
                weight = weight.add(c);
            }
            let place = (row * self.columns + column) * c + channel;
            for p in 0..P {
                let place = place + p * c;
                if let Some(mask) = self.mask {
                    acc[p] = S::where_positive(load_tail::<S>(mask.as_ptr().add(place), n), acc[p]);
                }
                store_tail::<S>(self.out.as_mut_ptr().add(place), acc[p], n);
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
    /// Taps in a row of the kernel.
    kernel_w: usize,
    dy: &'a [f32],
    columns: usize,
    channels: usize,
    dw: &'a mut [f32],
}

impl Kernel for WeightGradient<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(mut self) {
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
            each_vector!(c, self.taps(rows));
        }
    }
}

impl WeightGradient<'_> {
    /// `n` channels of all taps, one row of the kernel at a time.
    #[inline(always)]
    unsafe fn taps<S: Simd>(&mut self, channel: usize, n: usize, rows: usize) {
        let step = match self.kernel_w {
            3 | 5 | 7 => self.kernel_w,
            _ => 1,
        };
        for tap in (0..self.offsets.len()).step_by(step) {
            // SAFETY: passed on from the caller.
            unsafe {
                match step {
                    3 => self.some::<S, 3>(channel, n, rows, tap),
                    5 => self.some::<S, 5>(channel, n, rows, tap),
                    7 => self.some::<S, 7>(channel, n, rows, tap),
                    _ => self.some::<S, 1>(channel, n, rows, tap),
                }
            }
        }
    }

    /// `T` taps, which share each reading of the output gradient.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // Plain indices unroll into registers.
    unsafe fn some<S: Simd, const T: usize>(&mut self, channel: usize, n: usize, rows: usize, tap: usize) {
        let (columns, c) = (self.columns, self.channels);
        // SAFETY: passed on from the caller.
        unsafe {
            // Two sums for each tap, so that one need not wait for the other.
            let mut acc = [[S::splat(0.0); 2]; T];
            for row in 0..rows {
                let mut x = self.x.as_ptr().add(row * self.x_row + channel);
                let mut dy = self.dy.as_ptr().add(row * columns * c + channel);
                for _ in 0..columns / 2 {
                    for half in 0..2 {
                        let g = load_tail::<S>(dy, n);
                        for t in 0..T {
                            let x = load_tail::<S>(x.add(self.offsets[tap + t]), n);
                            acc[t][half] = S::fma(x, g, acc[t][half]);
                        }
                        x = x.wrapping_add(self.x_pixel);
                        dy = dy.wrapping_add(c);
                    }
                }
                if columns % 2 == 1 {
                    let g = load_tail::<S>(dy, n);
                    for t in 0..T {
                        let x = load_tail::<S>(x.add(self.offsets[tap + t]), n);
                        acc[t][0] = S::fma(x, g, acc[t][0]);
                    }
                }
            }
            for t in 0..T {
                let dw = self.dw.as_mut_ptr().add((tap + t) * c + channel);
                let sum = S::add(load_tail::<S>(dw, n), S::add(acc[t][0], acc[t][1]));
                store_tail::<S>(dw, sum, n);
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

/// Weights with as many zeros behind them as a vector may read.
fn padded_weights(weights: impl Iterator<Item = f32>) -> Vec<f32> {
    weights.chain(std::iter::repeat_n(0.0, SLACK)).collect()
}

/// `y = depthwise(x, weight)`; the weight is `[kernel_h, kernel_w, channels]`.
pub(crate) fn forward(level: Level, shape: &Shape, x: &[f32], weight: &[f32], y: &mut [f32]) {
    let c = shape.cin;
    let padded = Padded::new(shape);
    let weights = padded_weights(weight.iter().copied());
    y.par_chunks_exact_mut(shape.out_len()).zip(x.par_chunks_exact(shape.in_len())).for_each(|(out, x)| {
        with_scratch([padded.len()], |[scratch]| {
            padded.fill(level, shape, x, scratch);
            let kernel = Correlate {
                x: scratch,
                x_row: shape.conv.stride * padded.row,
                x_pixel: shape.conv.stride * c,
                offsets: &padded.offsets,
                weights: &weights,
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
    let weights = padded_weights(weight.chunks_exact(c).rev().flatten().copied());
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
                    kernel_w: shape.kernel[1],
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
