//! The gradient of the max pool, and sums over whole images.
//!
//! For one tap of the window, an output row reads a run of neighbouring input pixels (stride 1), so
//! pixels and channels together are one long vector; with larger strides each pixel's channels are.

use rayon::prelude::*;

use super::tile::{load_tail, store_tail};
use crate::memory::with_scratch;
use crate::simd::{Kernel, Level, Simd, dispatch};

/// The shapes of one pooling.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    pub out: [usize; 2],
}

impl Window {
    pub(crate) fn new(x: [usize; 4], [kernel, stride, padding]: [usize; 3]) -> Self {
        let [_, height, width, channels] = x;
        let out = |size: usize| (size + 2 * padding - kernel) / stride + 1;
        Self { height, width, channels, kernel, stride, padding, out: [out(height), out(width)] }
    }

    /// Floats of one input image.
    pub(crate) fn in_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Floats of one output image.
    pub(crate) fn out_len(&self) -> usize {
        self.out[0] * self.out[1] * self.channels
    }

    /// Along one axis, the outputs for which tap `k` falls on one of `size` inputs.
    fn outputs(&self, k: usize, size: usize, out: usize) -> std::ops::Range<usize> {
        let first = self.padding.saturating_sub(k).div_ceil(self.stride);
        let end = (size + self.padding).saturating_sub(k).div_ceil(self.stride).min(out);
        first.min(end)..end
    }

    /// Every run of one image's floats in which one tap of the window maps input to output, the
    /// taps of each output in row order.
    fn runs(&self) -> Vec<Run> {
        let c = self.channels;
        let mut runs = Vec::new();
        for out_y in 0..self.out[0] {
            for ky in 0..self.kernel {
                let y = out_y * self.stride + ky;
                if y < self.padding || y - self.padding >= self.height {
                    continue;
                }
                let y = y - self.padding;
                for kx in 0..self.kernel {
                    let range = self.outputs(kx, self.width, self.out[1]);
                    if range.is_empty() {
                        continue;
                    }
                    let x = range.start * self.stride + kx - self.padding;
                    let first = Run {
                        input: (y * self.width + x) * c,
                        output: (out_y * self.out[1] + range.start) * c,
                        len: c,
                    };
                    if self.stride == 1 {
                        let len = range.len() * c;
                        runs.push(Run { len, ..first });
                    } else {
                        runs.extend((0..range.len()).map(|i| Run {
                            input: first.input + i * self.stride * c,
                            output: first.output + i * c,
                            len: c,
                        }));
                    }
                }
            }
        }
        runs
    }
}

/// Neighbouring floats of an output and the inputs that one tap pairs them with.
#[derive(Debug, Clone, Copy)]
struct Run {
    input: usize,
    output: usize,
    len: usize,
}

/// One image: `to[in] += rest[out]` where the input is the first that equals the maximum.
struct Unmax<'a> {
    runs: &'a [Run],
    x: &'a [f32],
    max: &'a [f32],
    rest: &'a mut [f32],
    to: &'a mut [f32],
}

impl Kernel for Unmax<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        let Self { runs, x, max, rest, to } = self;
        for &Run { input, output, len } in runs {
            let outputs = output..output + len;
            // SAFETY: the instruction set is the caller's promise.
            unsafe {
                unmax::<Wide>(&x[input..input + len], &max[outputs.clone()], &mut rest[outputs], &mut to[input..]);
            }
        }
    }
}

/// Moves what is left of the gradient to the inputs that equal the maximum.
///
/// # Safety
/// The machine must have the instruction set of `S`.
#[inline(always)]
unsafe fn unmax<S: Simd>(x: &[f32], max: &[f32], rest: &mut [f32], to: &mut [f32]) {
    let len = x.len();
    assert!(max.len() == len && rest.len() == len && to.len() >= len);
    let (x, max) = (x.as_ptr(), max.as_ptr());
    let (rest, to) = (rest.as_mut_ptr(), to.as_mut_ptr());
    let mut i = 0;
    // SAFETY: `i` stays below all lengths, the last vector is cut to them.
    unsafe {
        while i < len {
            let n = (len - i).min(S::LANES);
            let left = load_tail::<S>(rest.add(i), n);
            let (x, max) = (load_tail::<S>(x.add(i), n), load_tail::<S>(max.add(i), n));
            let take = S::where_equal(x, max, left);
            let sum = S::add(load_tail::<S>(to.add(i), n), take);
            store_tail::<S>(to.add(i), sum, n);
            store_tail::<S>(rest.add(i), S::sub(left, take), n);
            i += S::LANES;
        }
    }
}

/// Gradient of the maximum: all of it goes to the first largest input of each window.
pub(crate) fn max_backward(level: Level, window: &Window, x: &[f32], out: &[f32], g: &[f32], dx: &mut [f32]) {
    let runs = window.runs();
    let (in_len, out_len) = (window.in_len(), window.out_len());
    dx.par_chunks_exact_mut(in_len).enumerate().for_each(|(n, to)| {
        let range = n * out_len..(n + 1) * out_len;
        with_scratch([out_len], |[scratch]| {
            let rest = &mut scratch[..out_len];
            rest.copy_from_slice(&g[range.clone()]);
            to.fill(0.0);
            let x = &x[n * in_len..(n + 1) * in_len];
            dispatch(level, Unmax { runs: &runs, x, max: &out[range], rest, to });
        });
    });
}

/// Sum over all pixels of an image, per channel, divided by `divisor`.
pub(crate) fn global_sum(x: &[f32], channels: usize, image: usize, divisor: f32, out: &mut [f32]) {
    out.par_chunks_exact_mut(channels).zip(x.par_chunks_exact(image)).for_each(|(out, x)| {
        out.fill(0.0);
        for pixel in x.chunks_exact(channels) {
            for (out, x) in out.iter_mut().zip(pixel) {
                *out += x;
            }
        }
        for out in out {
            *out /= divisor;
        }
    });
}

/// Gradient of [`global_sum`]: `share` of the output's for each pixel.
pub(crate) fn global_sum_backward(g: &[f32], channels: usize, image: usize, share: f32, dx: &mut [f32]) {
    dx.par_chunks_exact_mut(image).zip(g.par_chunks_exact(channels)).for_each(|(dx, g)| {
        for pixel in dx.chunks_exact_mut(channels) {
            for (dx, g) in pixel.iter_mut().zip(g) {
                *dx = g * share;
            }
        }
    });
}
