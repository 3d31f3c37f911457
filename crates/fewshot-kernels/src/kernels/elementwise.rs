//! Element-wise passes: sums, activations, the optimizer's step.

use rayon::prelude::*;

use super::tile::{load_tail, store_tail};
use crate::Sgd;
use crate::simd::{Kernel, Level, Simd, dispatch};

/// Floats of one job: enough to be worth a thread, few enough to stay in the second-level cache.
const JOB: usize = 1 << 14;

/// An activation function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `relu6(x + 3) / 6`.
    HardSigmoid,
    /// `x * hardsigmoid(x)`.
    HardSwish,
}

/// One element-wise operation; `a` is the first operand, `b` the second where there is one.
#[derive(Clone, Copy)]
enum Op {
    /// `a + b`.
    Add,
    /// `f(a)`.
    Value(Activation),
    /// `f'(a) * b`.
    Slope(Activation),
}

struct Map<'a> {
    op: Op,
    a: &'a [f32],
    b: &'a [f32],
    to: &'a mut [f32],
}

impl Kernel for Map<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        use Activation::{HardSigmoid, HardSwish, Relu, Relu6};
        // SAFETY: the instruction set is the caller's promise.
        unsafe {
            match self.op {
                Op::Add => self.map::<Wide, Sum>(),
                Op::Value(Relu) => self.map::<Wide, Rectify>(),
                Op::Value(Relu6) => self.map::<Wide, Clip>(),
                Op::Value(HardSigmoid) => self.map::<Wide, Gate>(),
                Op::Value(HardSwish) => self.map::<Wide, Swish>(),
                Op::Slope(Relu) => self.map::<Wide, RectifySlope>(),
                Op::Slope(Relu6) => self.map::<Wide, ClipSlope>(),
                Op::Slope(HardSigmoid) => self.map::<Wide, GateSlope>(),
                Op::Slope(HardSwish) => self.map::<Wide, SwishSlope>(),
            }
        }
    }
}

/// What is done with a vector of each operand. Not a closure: one that is too large to be inlined would lose the
/// instruction set, and each of its operations would be a call (hardswish then took ten times as long).
trait Function {
    /// # Safety
    /// The machine must have the instruction set of `S`.
    unsafe fn at<S: Simd>(a: S::V, b: S::V) -> S::V;
}

macro_rules! functions {
    ($($name:ident: |$a:ident, $b:ident| $value:expr;)*) => {$(
        struct $name;
        impl Function for $name {
            #[inline(always)]
            unsafe fn at<S: Simd>($a: S::V, $b: S::V) -> S::V {
                // SAFETY: passed on from the caller.
                unsafe { $value }
            }
        }
    )*};
}

functions! {
    Sum: |a, b| S::add(a, b);
    Rectify: |a, _b| S::max(S::splat(0.0), a);
    Clip: |a, _b| clip::<S>(a);
    Gate: |a, _b| gate::<S>(a);
    Swish: |a, _b| S::mul(a, gate::<S>(a));
    RectifySlope: |a, g| S::where_positive(a, g);
    ClipSlope: |a, g| between::<S>(a, g);
    GateSlope: |a, g| between::<S>(S::add(a, S::splat(3.0)), S::mul(g, S::splat(1.0 / 6.0)));
    SwishSlope: |a, g| {
        let inner = between::<S>(S::add(a, S::splat(3.0)), S::mul(a, S::splat(1.0 / 6.0)));
        S::mul(g, S::add(gate::<S>(a), inner))
    };
}

/// `min(max(a, 0), 6)`, NaN kept.
#[inline(always)]
unsafe fn clip<S: Simd>(a: S::V) -> S::V {
    // SAFETY: passed on from the caller.
    unsafe { S::min(S::splat(6.0), S::max(S::splat(0.0), a)) }
}

/// `clip(a + 3) / 6`.
#[inline(always)]
unsafe fn gate<S: Simd>(a: S::V) -> S::V {
    // SAFETY: passed on from the caller.
    unsafe {
        let shifted = S::add(a, S::splat(3.0));
        S::mul(clip::<S>(shifted), S::splat(1.0 / 6.0))
    }
}

/// `value` where `0 < a < 6` or `a` is NaN, else 0.
#[inline(always)]
unsafe fn between<S: Simd>(a: S::V, value: S::V) -> S::V {
    // SAFETY: passed on from the caller.
    unsafe { S::where_positive(a, S::where_positive(S::sub(S::splat(6.0), a), value)) }
}

impl Map<'_> {
    #[inline(always)]
    unsafe fn map<S: Simd, F: Function>(self) {
        let len = self.to.len();
        assert!(self.a.len() == len && self.b.len() == len);
        let (a, b, to) = (self.a.as_ptr(), self.b.as_ptr(), self.to.as_mut_ptr());
        let mut i = 0;
        // SAFETY: `i` stays below the common length, the last vector is cut to it.
        unsafe {
            while i < len {
                let n = (len - i).min(S::LANES);
                let value = F::at::<S>(load_tail::<S>(a.add(i), n), load_tail::<S>(b.add(i), n));
                store_tail::<S>(to.add(i), value, n);
                i += S::LANES;
            }
        }
    }
}

fn map(level: Level, op: Op, a: &[f32], b: &[f32], to: &mut [f32]) {
    to.par_chunks_mut(JOB)
        .zip(a.par_chunks(JOB))
        .zip(b.par_chunks(JOB))
        .for_each(|((to, a), b)| dispatch(level, Map { op, a, b, to }));
}

/// `to = a + b`.
pub(crate) fn add(level: Level, a: &[f32], b: &[f32], to: &mut [f32]) {
    map(level, Op::Add, a, b, to);
}

/// `to = f(a)`.
pub(crate) fn activate(level: Level, f: Activation, a: &[f32], to: &mut [f32]) {
    map(level, Op::Value(f), a, a, to);
}

/// `to = f'(a) * g`.
pub(crate) fn activate_backward(level: Level, f: Activation, a: &[f32], g: &[f32], to: &mut [f32]) {
    map(level, Op::Slope(f), a, g, to);
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
