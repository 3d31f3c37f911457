//! Element-wise passes: any function of one or two vectors, sums, the optimizer's step.

use std::marker::PhantomData;

use rayon::prelude::*;

use super::tile::{load_tail, store_tail};
use crate::Sgd;
use crate::simd::{Kernel, Level, Simd, dispatch};

/// Floats of one job: enough to be worth a thread, few enough to stay in the second-level cache.
const JOB: usize = 1 << 14;

/// What is done with a vector of each operand. Not a closure: one that is too large to be inlined would lose the
/// instruction set, and each of its operations would be a call (hardswish then took ten times as long).
pub(super) trait Function {
    /// # Safety
    /// The machine must have the instruction set of `S`.
    unsafe fn at<S: Simd>(a: S::V, b: S::V) -> S::V;
}

/// `to = f(a, b)`.
struct Map<'a, F> {
    f: PhantomData<F>,
    a: &'a [f32],
    b: &'a [f32],
    to: &'a mut [f32],
}

impl<F: Function> Kernel for Map<'_, F> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        let len = self.to.len();
        assert!(self.a.len() == len && self.b.len() == len);
        let (a, b, to) = (self.a.as_ptr(), self.b.as_ptr(), self.to.as_mut_ptr());
        let mut i = 0;
        // SAFETY: `i` stays below the common length, the last vector is cut to it; the instruction set is the caller's
        // promise.
        unsafe {
            while i < len {
                let n = (len - i).min(Wide::LANES);
                let value = F::at::<Wide>(load_tail::<Wide>(a.add(i), n), load_tail::<Wide>(b.add(i), n));
                store_tail::<Wide>(to.add(i), value, n);
                i += Wide::LANES;
            }
        }
    }
}

/// `to = f(a, b)` for each element; where there is one operand only, it is given twice.
pub(super) fn map<F: Function + Sync>(level: Level, a: &[f32], b: &[f32], to: &mut [f32]) {
    to.par_chunks_mut(JOB)
        .zip(a.par_chunks(JOB))
        .zip(b.par_chunks(JOB))
        .for_each(|((to, a), b)| dispatch(level, Map { f: PhantomData::<F>, a, b, to }));
}

/// `to = f(a)` for each element, a float at a time.
pub(super) fn map_floats(a: &[f32], to: &mut [f32], f: impl Fn(f32) -> f32 + Sync) {
    to.par_chunks_mut(JOB).zip(a.par_chunks(JOB)).for_each(|(to, a)| {
        for (to, a) in to.iter_mut().zip(a) {
            *to = f(*a);
        }
    });
}

struct Sum;

impl Function for Sum {
    #[inline(always)]
    unsafe fn at<S: Simd>(a: S::V, b: S::V) -> S::V {
        // SAFETY: passed on from the caller.
        unsafe { S::add(a, b) }
    }
}

/// `to = a + b`.
pub(crate) fn add(level: Level, a: &[f32], b: &[f32], to: &mut [f32]) {
    map::<Sum>(level, a, b, to);
}

/// `to += from`.
struct AddTo<'a> {
    from: &'a [f32],
    to: &'a mut [f32],
}

impl Kernel for AddTo<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        let len = self.to.len();
        assert!(self.from.len() == len);
        let (from, to) = (self.from.as_ptr(), self.to.as_mut_ptr());
        let mut i = 0;
        // SAFETY: `i` stays below the common length, the last vector is cut to it; the
        // instruction set is the caller's promise.
        unsafe {
            while i < len {
                let n = (len - i).min(Wide::LANES);
                let sum = Wide::add(load_tail::<Wide>(from.add(i), n), load_tail::<Wide>(to.add(i), n));
                store_tail::<Wide>(to.add(i), sum, n);
                i += Wide::LANES;
            }
        }
    }
}

/// `to += from`.
pub(crate) fn add_to(level: Level, from: &[f32], to: &mut [f32]) {
    to.par_chunks_mut(JOB).zip(from.par_chunks(JOB)).for_each(|(to, from)| dispatch(level, AddTo { from, to }));
}

/// One step of gradient descent on a piece, in place.
struct Step<'a> {
    sgd: Sgd,
    /// Whether there is no velocity yet.
    first: bool,
    w: &'a mut [f32],
    g: &'a [f32],
    v: &'a mut [f32],
}

impl Kernel for Step<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        let len = self.w.len();
        assert!(self.g.len() == len && self.v.len() == len);
        let (w, g, v) = (self.w.as_mut_ptr(), self.g.as_ptr(), self.v.as_mut_ptr());
        let Sgd { lr, momentum, nesterov, weight_decay } = self.sgd;
        let mut i = 0;
        // SAFETY: `i` stays below the common length, the last vector is cut to it; the
        // instruction set is the caller's promise.
        unsafe {
            let (lr, momentum) = (Wide::splat(-lr), Wide::splat(momentum));
            let decay = Wide::splat(weight_decay);
            while i < len {
                let n = (len - i).min(Wide::LANES);
                let weight = load_tail::<Wide>(w.add(i), n);
                let gradient = Wide::fma(decay, weight, load_tail::<Wide>(g.add(i), n));
                let velocity =
                    if self.first { gradient } else { Wide::fma(momentum, load_tail::<Wide>(v.add(i), n), gradient) };
                let direction = if nesterov { Wide::fma(momentum, velocity, gradient) } else { velocity };
                store_tail::<Wide>(v.add(i), velocity, n);
                store_tail::<Wide>(w.add(i), Wide::fma(lr, direction, weight), n);
                i += Wide::LANES;
            }
        }
    }
}

/// One step of gradient descent in place; `v` is written only when `first`.
pub(crate) fn sgd(level: Level, sgd: &Sgd, first: bool, w: &mut [f32], g: &[f32], v: &mut [f32]) {
    let one = |w: &mut [f32], g: &[f32], v: &mut [f32]| {
        let sgd = *sgd;
        dispatch(level, Step { sgd, first, w, g, v });
    };
    if w.len() <= JOB {
        return one(w, g, v);
    }
    w.par_chunks_mut(JOB).zip(g.par_chunks(JOB)).zip(v.par_chunks_mut(JOB)).for_each(|((w, g), v)| one(w, g, v));
}

/// Sum of squares: eight running sums in double precision, so the order is fixed.
pub(crate) fn sum_squares(values: &[f32]) -> f64 {
    let mut sums = [0.0f64; 8];
    let chunks = values.chunks_exact(8);
    for (sum, value) in sums.iter_mut().zip(chunks.remainder()) {
        *sum += f64::from(*value) * f64::from(*value);
    }
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += f64::from(*value) * f64::from(*value);
        }
    }
    sums.iter().sum()
}
