//! Weights and their gradients, transformed and back.

use super::lanes::with_lanes;
use super::transform::{PLACES, SIDE, weight_gradient_tile, weight_tile};
use crate::kernels::tile::load_tail;
use crate::simd::{Kernel, Simd};

/// Transforms a weight `[3][3][channels][columns]` for [`super::product::Multiply`].
pub(super) struct Weights<'a> {
    pub lanes: usize,
    pub weight: &'a [f32],
    pub channels: usize,
    pub columns: usize,
    /// Vectors of columns per block.
    pub blocks: &'a [usize],
    /// Floats of `to` from one place to the next.
    pub place: usize,
    pub to: &'a mut [f32],
}

impl Kernel for Weights<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        with_lanes!(self.lanes, self.all)
    }
}

impl Weights<'_> {
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // Plain indices unroll into registers.
    unsafe fn all<S: Simd>(self) {
        let (channels, columns) = (self.channels, self.columns);
        let vectors: usize = self.blocks.iter().sum();
        assert!(self.weight.len() >= 9 * channels * columns && vectors == columns.div_ceil(S::LANES));
        assert!(self.place >= channels * vectors * S::LANES && self.to.len() >= PLACES * self.place);
        let mut first = 0;
        for &block in self.blocks {
            for channel in 0..channels {
                for v in 0..block {
                    let column = (first + v) * S::LANES;
                    let tail = (columns - column).min(S::LANES);
                    // SAFETY: the vector is cut to the weight's columns; `to` was checked above.
                    unsafe {
                        let from = self.weight.as_ptr().add(channel * columns + column);
                        let mut kernel = [[S::splat(0.0); 3]; 3];
                        for y in 0..3 {
                            for x in 0..3 {
                                let from = from.add((y * 3 + x) * channels * columns);
                                kernel[y][x] = load_tail::<S>(from, tail);
                            }
                        }
                        let tile = weight_tile::<S>(kernel);
                        let to = self.to.as_mut_ptr();
                        let to = to.add((first * channels + channel * block + v) * S::LANES);
                        for y in 0..SIDE {
                            for x in 0..SIDE {
                                S::store(to.add((y * SIDE + x) * self.place), tile[y][x]);
                            }
                        }
                    }
                }
            }
            first += block;
        }
    }
}

/// Turns the gradient of the transformed weights into that of the weights, `[3][3][channels][padded]`.
pub(super) struct WeightGradient<'a> {
    pub lanes: usize,
    /// `[place][channel][padded]`.
    pub from: &'a [f32],
    /// Floats of `from` from one place to the next.
    pub place: usize,
    pub channels: usize,
    /// Output channels rounded up to whole vectors.
    pub padded: usize,
    pub to: &'a mut [f32],
}

impl Kernel for WeightGradient<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        with_lanes!(self.lanes, self.all)
    }
}

impl WeightGradient<'_> {
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // Plain indices unroll into registers.
    unsafe fn all<S: Simd>(self) {
        let matrix = self.channels * self.padded;
        assert!(self.padded.is_multiple_of(S::LANES) && self.to.len() >= 9 * matrix);
        assert!(self.place >= matrix && self.from.len() >= PLACES * self.place);
        for at in (0..matrix).step_by(S::LANES) {
            // SAFETY: a matrix is a whole number of vectors; the slices were checked above.
            unsafe {
                let from = self.from.as_ptr().add(at);
                let mut tile = [[S::splat(0.0); SIDE]; SIDE];
                for y in 0..SIDE {
                    for x in 0..SIDE {
                        tile[y][x] = S::load(from.add((y * SIDE + x) * self.place));
                    }
                }
                let kernel = weight_gradient_tile::<S>(tile);
                let to = self.to.as_mut_ptr().add(at);
                for y in 0..3 {
                    for x in 0..3 {
                        S::store(to.add((y * 3 + x) * matrix), kernel[y][x]);
                    }
                }
            }
        }
    }
}
