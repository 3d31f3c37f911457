//! What is done to a convolution's output while it is still in the cache, and what its gradient is made of.

use std::ops::Range;

use super::norm::{Added, Combine, Fold, Repeated, Scale};
use crate::simd::{Level, dispatch};

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
    pub(super) fn write(&self, level: Level, range: Range<usize>, to: &mut [f32]) {
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
