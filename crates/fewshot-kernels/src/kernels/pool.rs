//! Pooling over windows, as flat passes over rows.
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
    pub(crate) fn new(x: [usize; 4], kernel: usize, stride: usize, padding: usize) -> Self {
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

    /// For each output along an axis, one over the number of inputs in its window.
    fn shares(&self, size: usize, out: usize) -> Vec<f32> {
        let mut counts = vec![0u32; out];
        for k in 0..self.kernel {
            for o in self.outputs(k, size, out) {
                counts[o] += 1;
            }
        }
        counts.into_iter().map(|n| 1.0 / n.max(1) as f32).collect()
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

/// One image's work.
enum Task<'a> {
    /// `to[out] += from[in]`.
    Sum { from: &'a [f32], to: &'a mut [f32] },
    /// `to[in] += from[out]`.
    Spread { from: &'a [f32], to: &'a mut [f32] },
    /// `to[out] = max(to[out], from[in])`.
    Max { from: &'a [f32], to: &'a mut [f32] },
    /// `to[in] += rest[out]` where the input is the first that equals the maximum.
    Unmax { x: &'a [f32], max: &'a [f32], rest: &'a mut [f32], to: &'a mut [f32] },
}

struct Pool<'a>(&'a [Run], Task<'a>);

impl Kernel for Pool<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        // Loops without closures: a closure that is not inlined would lose the instruction set.
        // SAFETY: each run is checked against the slices; the instruction set is the caller's
        // promise.
        unsafe {
            match self.1 {
                Task::Sum { from, to } => {
                    for &Run { input, output, len } in self.0 {
                        accumulate::<Wide, false>(&from[input..input + len], &mut to[output..]);
                    }
                }
                Task::Spread { from, to } => {
                    for &Run { input, output, len } in self.0 {
                        accumulate::<Wide, false>(&from[output..output + len], &mut to[input..]);
                    }
                }
                Task::Max { from, to } => {
                    for &Run { input, output, len } in self.0 {
                        accumulate::<Wide, true>(&from[input..input + len], &mut to[output..]);
                    }
                }
                Task::Unmax { x, max, rest, to } => {
                    for &Run { input, output, len } in self.0 {
                        let outputs = output..output + len;
                        unmax::<Wide>(
                            &x[input..input + len],
                            &max[outputs.clone()],
                            &mut rest[outputs],
                            &mut to[input..],
                        );
                    }
                }
            }
        }
    }
}

/// `to += from`, or the larger of the two with NaN kept, over the length of `from`.
///
/// # Safety
/// The machine must have the instruction set of `S`.
#[inline(always)]
unsafe fn accumulate<S: Simd, const MAX: bool>(from: &[f32], to: &mut [f32]) {
    let len = from.len();
    assert!(to.len() >= len);
    let (from, to) = (from.as_ptr(), to.as_mut_ptr());
    let mut i = 0;
    // SAFETY: `i` stays below both lengths, the last vector is cut to them.
    unsafe {
        while i < len {
            let n = (len - i).min(S::LANES);
            let (a, b) = (load_tail::<S>(from.add(i), n), load_tail::<S>(to.add(i), n));
            let value = if MAX { S::max_nan(a, b) } else { S::add(a, b) };
            store_tail::<S>(to.add(i), value, n);
            i += S::LANES;
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

/// Multiplies one image's outputs by the share that each input of the window has.
fn share(window: &Window, image: &mut [f32], [shares_y, shares_x]: [&[f32]; 2]) {
    let row = window.out[1] * window.channels;
    for (row, y) in image.chunks_exact_mut(row).zip(shares_y) {
        for (pixel, x) in row.chunks_exact_mut(window.channels).zip(shares_x) {
            let factor = x * y;
            for value in pixel {
                *value *= factor;
            }
        }
    }
}

/// Mean over each window, padding not counted.
pub(crate) fn average(level: Level, window: &Window, x: &[f32], out: &mut [f32]) {
    let runs = window.runs();
    let shares_y = window.shares(window.height, window.out[0]);
    let shares_x = window.shares(window.width, window.out[1]);
    out.par_chunks_exact_mut(window.out_len()).zip(x.par_chunks_exact(window.in_len())).for_each(|(to, from)| {
        to.fill(0.0);
        dispatch(level, Pool(&runs, Task::Sum { from, to: &mut *to }));
        share(window, to, [&shares_y, &shares_x]);
    });
}

/// Gradient of [`average`].
pub(crate) fn average_backward(level: Level, window: &Window, g: &[f32], dx: &mut [f32]) {
    let runs = window.runs();
    let shares_y = window.shares(window.height, window.out[0]);
    let shares_x = window.shares(window.width, window.out[1]);
    dx.par_chunks_exact_mut(window.in_len()).zip(g.par_chunks_exact(window.out_len())).for_each(|(to, g)| {
        with_scratch([window.out_len()], |[scratch]| {
            let scratch = &mut scratch[..g.len()];
            scratch.copy_from_slice(g);
            share(window, scratch, [&shares_y, &shares_x]);
            to.fill(0.0);
            let from = &*scratch;
            dispatch(level, Pool(&runs, Task::Spread { from, to }));
        });
    });
}

/// Maximum over each window.
pub(crate) fn max(level: Level, window: &Window, x: &[f32], out: &mut [f32]) {
    let runs = window.runs();
    out.par_chunks_exact_mut(window.out_len()).zip(x.par_chunks_exact(window.in_len())).for_each(|(to, from)| {
        to.fill(f32::NEG_INFINITY);
        dispatch(level, Pool(&runs, Task::Max { from, to }));
    });
}

/// Gradient of [`max`]: all of it goes to the first largest input of each window.
pub(crate) fn max_backward(level: Level, window: &Window, x: &[f32], out: &[f32], g: &[f32], dx: &mut [f32]) {
    let runs = window.runs();
    let (in_len, out_len) = (window.in_len(), window.out_len());
    dx.par_chunks_exact_mut(in_len).enumerate().for_each(|(n, to)| {
        let range = n * out_len..(n + 1) * out_len;
        with_scratch([out_len], |[scratch]| {
            let rest = &mut scratch[..out_len];
            rest.copy_from_slice(&g[range.clone()]);
            to.fill(0.0);
            let task = Task::Unmax { x: &x[n * in_len..(n + 1) * in_len], max: &out[range], rest, to };
            dispatch(level, Pool(&runs, task));
        });
    });
}

/// Mean over all pixels of an image, per channel.
pub(crate) fn global_average(x: &[f32], channels: usize, image: usize, out: &mut [f32]) {
    let pixels = (image / channels.max(1)) as f32;
    out.par_chunks_exact_mut(channels).zip(x.par_chunks_exact(image)).for_each(|(out, x)| {
        out.fill(0.0);
        for pixel in x.chunks_exact(channels) {
            for (out, x) in out.iter_mut().zip(pixel) {
                *out += x;
            }
        }
        for out in out {
            *out /= pixels;
        }
    });
}

/// Gradient of [`global_average`].
pub(crate) fn global_average_backward(g: &[f32], channels: usize, image: usize, dx: &mut [f32]) {
    let share = channels as f32 / image as f32;
    dx.par_chunks_exact_mut(image).zip(g.par_chunks_exact(channels)).for_each(|(dx, g)| {
        for pixel in dx.chunks_exact_mut(channels) {
            for (dx, g) in pixel.iter_mut().zip(g) {
                *dx = g * share;
            }
        }
    });
}

/// Copies pixels of `from` channels to pixels of `to` channels: zeros are appended, or the last
/// channels left out.
pub(crate) fn resize_channels(x: &[f32], from: usize, to: usize, out: &mut [f32]) {
    let common = from.min(to);
    // Some thousand floats per job: enough to be worth a thread.
    let pixels = (8192 / to.max(1)).max(1);
    out.par_chunks_mut(pixels * to).zip(x.par_chunks(pixels * from)).for_each(|(out, x)| {
        for (out, x) in out.chunks_exact_mut(to).zip(x.chunks_exact(from)) {
            out[..common].copy_from_slice(&x[..common]);
            out[common..].fill(0.0);
        }
    });
}
