//! Activation functions and their slopes.

use super::elementwise::{Function, map, map_floats};
use crate::simd::{Level, Simd};

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
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `(exp(x) - exp(-x)) / (exp(x) + exp(-x))`.
    Tanh,
}

impl Activation {
    /// Whether the slope is a function of the output; else it is one of the input.
    pub(crate) fn slope_of_output(self) -> bool {
        matches!(self, Self::Sigmoid | Self::Tanh)
    }
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
    SigmoidSlope: |out, g| S::mul(g, S::mul(out, S::sub(S::splat(1.0), out)));
    TanhSlope: |out, g| S::mul(g, S::sub(S::splat(1.0), S::mul(out, out)));
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

/// `to = f(a)`.
pub(crate) fn activate(level: Level, f: Activation, a: &[f32], to: &mut [f32]) {
    match f {
        Activation::Relu => map::<Rectify>(level, a, a, to),
        Activation::Relu6 => map::<Clip>(level, a, a, to),
        Activation::HardSigmoid => map::<Gate>(level, a, a, to),
        Activation::HardSwish => map::<Swish>(level, a, a, to),
        Activation::Sigmoid => map_floats(a, to, |a| 1.0 / (1.0 + (-a).exp())),
        Activation::Tanh => map_floats(a, to, f32::tanh),
    }
}

/// `to = slope * g`, the slope from what [`Activation::slope_of_output`] says.
pub(crate) fn activate_backward(level: Level, f: Activation, kept: &[f32], g: &[f32], to: &mut [f32]) {
    let run = match f {
        Activation::Relu => map::<RectifySlope>,
        Activation::Relu6 => map::<ClipSlope>,
        Activation::HardSigmoid => map::<GateSlope>,
        Activation::HardSwish => map::<SwishSlope>,
        Activation::Sigmoid => map::<SigmoidSlope>,
        Activation::Tanh => map::<TanhSlope>,
    };
    run(level, kept, g, to);
}
