//! Pooling and upsampling row by row: first the rows that an output row reads are put together as
//! long vectors, then the columns of that one row, which is still in the first-level cache.
//!
//! Averages and upsampling are linear and separable, so that one kernel with a list of weights per
//! axis is all of them, and the same with both lists turned round is their gradient.

use std::cmp::Ordering;

use rayon::prelude::*;

use super::tile::{load_tail, store_tail};
use crate::memory::with_scratch;
use crate::simd::{Kernel, Level, Simd, dispatch};

/// One input of an output along an axis, and its weight.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tap {
    input: usize,
    weight: f32,
}

/// What each output along one axis is made of.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    /// Number of inputs.
    size: usize,
    /// Per output; never empty.
    outputs: Vec<Vec<Tap>>,
}

/// Neighbouring outputs whose inputs lie one further from one to the next: to vectors that run over
/// pixels and channels alike, they are a single long one.
struct Run<'a> {
    first: usize,
    count: usize,
    taps: &'a [Tap],
}

impl Axis {
    /// Each of `size` inputs `factor` times.
    pub(crate) fn nearest(size: usize, factor: usize) -> Self {
        let outputs = (0..factor * size).map(|o| vec![Tap { input: o / factor, weight: 1.0 }]);
        Self { size, outputs: outputs.collect() }
    }

    /// `factor` times as many values, each between the two inputs whose centres are nearest to its own, by distance. Beyond
    /// the ends the last value goes on.
    pub(crate) fn bilinear(size: usize, factor: usize) -> Self {
        let taps = |o: usize| {
            let near = o / factor;
            // Where the centre lies between the borders of `near`, in halves of an output pixel; that of `near` lies at `factor`.
            let place = 2 * (o % factor) + 1;
            let far = match place.cmp(&factor) {
                Ordering::Less => near.saturating_sub(1),
                Ordering::Equal => return vec![Tap { input: near, weight: 1.0 }],
                Ordering::Greater => (near + 1).min(size - 1),
            };
            let share = place.abs_diff(factor) as f32 / (2 * factor) as f32;
            vec![Tap { input: near, weight: 1.0 - share }, Tap { input: far, weight: share }]
        };
        Self { size, outputs: (0..factor * size).map(taps).collect() }
    }

    /// Means over windows of `kernel` inputs, one begun every `stride` inputs from `-padding` on;
    /// what lies outside is not counted. Each window must hold an input.
    pub(crate) fn windows(size: usize, [kernel, stride, padding]: [usize; 3]) -> Self {
        let count = (size + 2 * padding - kernel) / stride + 1;
        let taps = |o: usize| {
            let begin = (o * stride).saturating_sub(padding);
            let end = (o * stride + kernel).saturating_sub(padding).min(size);
            let weight = 1.0 / (end - begin) as f32;
            (begin..end).map(|input| Tap { input, weight }).collect()
        };
        Self { size, outputs: (0..count).map(taps).collect() }
    }

    /// The axis of the gradient: every weight, from output to input. An input that no output reads
    /// gets a weight of zero.
    pub(crate) fn turned(&self) -> Self {
        let mut outputs = vec![Vec::new(); self.size];
        for (o, taps) in self.outputs.iter().enumerate() {
            for tap in taps {
                outputs[tap.input].push(Tap { input: o, weight: tap.weight });
            }
        }
        for taps in outputs.iter_mut().filter(|taps: &&mut Vec<_>| taps.is_empty()) {
            taps.push(Tap { input: 0, weight: 0.0 });
        }
        Self { size: self.outputs.len(), outputs }
    }

    /// Number of outputs.
    pub(crate) fn len(&self) -> usize {
        self.outputs.len()
    }

    fn runs(&self) -> Vec<Run<'_>> {
        let follows = |a: &[Tap], b: &[Tap]| {
            let step = |(a, b): (&Tap, &Tap)| a.input + 1 == b.input && a.weight == b.weight;
            a.len() == b.len() && a.iter().zip(b).all(step)
        };
        let mut runs: Vec<Run<'_>> = Vec::new();
        for (o, taps) in self.outputs.iter().enumerate() {
            match runs.last_mut() {
                Some(run) if follows(&self.outputs[o - 1], taps) => run.count += 1,
                _ => runs.push(Run { first: o, count: 1, taps }),
            }
        }
        runs
    }
}

/// One image.
struct Resample<'a, const MAX: bool> {
    from: &'a [f32],
    rows: &'a [Vec<Tap>],
    runs: &'a [Run<'a>],
    channels: usize,
    /// One row of `from`.
    scratch: &'a mut [f32],
    /// Floats of one row of `to`.
    row: usize,
    to: &'a mut [f32],
}

impl<const MAX: bool> Kernel for Resample<'_, MAX> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        let c = self.channels;
        for (to, taps) in self.to.chunks_exact_mut(self.row).zip(self.rows) {
            // SAFETY: the instruction set is the caller's promise.
            unsafe {
                gather::<Wide, MAX>(self.from, self.scratch.len(), taps, self.scratch);
                for run in self.runs {
                    let to = &mut to[run.first * c..][..run.count * c];
                    gather::<Wide, MAX>(self.scratch, c, run.taps, to);
                }
            }
        }
    }
}

/// `to = sum of weight * piece`, or the largest of the pieces, which begin in `from` at multiples of
/// `step`.
///
/// # Safety
/// The machine must have the instruction set of `S`.
#[inline(always)]
unsafe fn gather<S: Simd, const MAX: bool>(from: &[f32], step: usize, taps: &[Tap], to: &mut [f32]) {
    // SAFETY: passed on from the caller.
    unsafe {
        // With the number known, the pieces' places and weights stay in registers.
        match taps.len() {
            1 => pieces::<S, MAX, 1>(from, step, taps, to),
            2 => pieces::<S, MAX, 2>(from, step, taps, to),
            3 => pieces::<S, MAX, 3>(from, step, taps, to),
            4 => pieces::<S, MAX, 4>(from, step, taps, to),
            _ => pieces::<S, MAX, 0>(from, step, taps, to),
        }
    }
}

/// [`gather`] for `N` taps, or for any number with 0.
///
/// # Safety
/// The machine must have the instruction set of `S`.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // Plain indices unroll into registers.
unsafe fn pieces<S: Simd, const MAX: bool, const N: usize>(from: &[f32], step: usize, taps: &[Tap], to: &mut [f32]) {
    let len = to.len();
    let count = if N > 0 { N } else { taps.len() };
    assert!(count > 0 && count <= taps.len());
    for tap in taps {
        assert!(tap.input * step + len <= from.len());
    }
    let mut i = 0;
    // SAFETY: `i` stays below the length, the last vector is cut to it; the assertions keep each
    // piece inside `from`.
    unsafe {
        while i < len {
            let n = (len - i).min(S::LANES);
            let from = from.as_ptr().add(i);
            let mut value = load_tail::<S>(from.add(taps[0].input * step), n);
            if !MAX {
                value = S::mul(value, S::splat(taps[0].weight));
            }
            for k in 1..count {
                let piece = load_tail::<S>(from.add(taps[k].input * step), n);
                value = if MAX { S::max_nan(piece, value) } else { S::fma(piece, S::splat(taps[k].weight), value) };
            }
            store_tail::<S>(to.as_mut_ptr().add(i), value, n);
            i += S::LANES;
        }
    }
}

fn resample<const MAX: bool>(level: Level, axes: &[Axis; 2], channels: usize, from: &[f32], to: &mut [f32]) {
    let [rows, columns] = axes;
    let runs = columns.runs();
    let (from_row, row) = (columns.size * channels, columns.len() * channels);
    let images = from.par_chunks_exact(rows.size * from_row);
    to.par_chunks_exact_mut(rows.len() * row).zip(images).for_each(|(to, from)| {
        with_scratch([from_row], |[scratch]| {
            let scratch = &mut scratch[..from_row];
            let (rows, runs) = (&rows.outputs, &runs);
            dispatch(level, Resample::<MAX> { from, rows, runs, channels, scratch, row, to });
        });
    });
}

/// The weighted sums of the axes for height and width, over a batch of images of `channels`.
pub(crate) fn weighted(level: Level, axes: &[Axis; 2], channels: usize, from: &[f32], to: &mut [f32]) {
    resample::<false>(level, axes, channels, from, to);
}

/// The largest value under the axes' taps, NaN where one is.
pub(crate) fn largest(level: Level, axes: &[Axis; 2], channels: usize, from: &[f32], to: &mut [f32]) {
    resample::<true>(level, axes, channels, from, to);
}
