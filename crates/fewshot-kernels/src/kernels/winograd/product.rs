//! The products between the transforms: one small matrix product for each place of a tile.

use super::lanes::with_lanes;
use super::transform::PLACES;
use crate::simd::{Kernel, Simd};

/// Transformed tiles `[place][vector][tile][lane]`.
///
/// A place is a little longer than its contents: at a distance of a power of two all places of a tile would share one
/// set of the first-level cache.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Channels rounded up to vectors, in vectors.
    pub vectors: usize,
    /// Tiles.
    pub tiles: usize,
    /// Floats per vector.
    pub lanes: usize,
}

impl Layout {
    /// Floats from one place to the next.
    pub(super) fn place(&self) -> usize {
        self.vectors * self.tiles * self.lanes + 16
    }

    /// Floats of all.
    pub(super) fn len(&self) -> usize {
        PLACES * self.place()
    }
}

/// `to = tiles · weights` at each place.
pub(super) struct Multiply<'a> {
    pub from: &'a [f32],
    pub from_layout: Layout,
    /// Input channels.
    pub channels: usize,
    /// Transformed weights: `[place][block][channel][vectors * lanes]`.
    pub weights: &'a [f32],
    /// Floats of weights from one place to the next.
    pub weights_place: usize,
    /// Vectors of output channels per block.
    pub blocks: &'a [usize],
    pub to: &'a mut [f32],
    pub to_layout: Layout,
    /// Tiles that count; the others may or may not be computed.
    pub used: usize,
}

impl Kernel for Multiply<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        with_lanes!(self.from_layout.lanes, self.all)
    }
}

impl Multiply<'_> {
    #[inline(always)]
    unsafe fn all<S: Simd>(mut self) {
        let (from, to) = (self.from_layout, self.to_layout);
        assert!(from.lanes == S::LANES && to.lanes == S::LANES && from.tiles == to.tiles);
        assert!(self.from.len() >= from.len() && self.to.len() >= to.len());
        assert!(from.tiles.is_multiple_of(8) && self.used <= from.tiles && self.channels <= from.vectors * S::LANES);
        let vectors: usize = self.blocks.iter().sum();
        assert!(vectors <= to.vectors && self.weights_place >= self.channels * vectors * S::LANES);
        assert!(self.weights.len() >= PLACES * self.weights_place);
        for place in 0..PLACES {
            let mut vector = 0;
            for index in 0..self.blocks.len() {
                // SAFETY: passed on from the caller; the sizes were checked above.
                unsafe {
                    match (self.blocks[index], S::REGISTERS >= 32) {
                        (1, true) if from.tiles.is_multiple_of(16) => self.block::<S, 1, 16>(place, vector),
                        (1, _) => self.block::<S, 1, 8>(place, vector),
                        (2, true) => self.block::<S, 2, 8>(place, vector),
                        (2, false) => self.block::<S, 2, 4>(place, vector),
                        (_, true) => self.block::<S, 3, 8>(place, vector),
                        (_, false) => self.block::<S, 3, 4>(place, vector),
                    }
                }
                vector += self.blocks[index];
            }
        }
    }

    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // Plain indices unroll into registers.
    unsafe fn block<S: Simd, const V: usize, const P: usize>(&mut self, place: usize, vector: usize) {
        let (from, to) = (self.from_layout, self.to_layout);
        // SAFETY: `all` has checked that the layouts fit the slices and that tiles come in eights.
        unsafe {
            let weights = self.weights.as_ptr().add(place * self.weights_place + vector * self.channels * S::LANES);
            let source = self.from.as_ptr().add(place * from.place());
            let target = self.to.as_mut_ptr().add(place * to.place() + vector * to.tiles * S::LANES);
            for tile in (0..self.used).step_by(P) {
                let mut acc = [[S::splat(0.0); V]; P];
                let mut w = weights;
                for first in (0..self.channels).step_by(S::LANES) {
                    let x = source.add(first * from.tiles + tile * S::LANES);
                    for channel in 0..S::LANES.min(self.channels - first) {
                        let mut now = [S::splat(0.0); V];
                        for v in 0..V {
                            now[v] = S::load(w.add(v * S::LANES));
                        }
                        let x = x.add(channel);
                        for p in 0..P {
                            let x = S::splat(*x.add(p * S::LANES));
                            for v in 0..V {
                                acc[p][v] = S::fma(x, now[v], acc[p][v]);
                            }
                        }
                        w = w.add(V * S::LANES);
                    }
                }
                for p in 0..P {
                    for v in 0..V {
                        S::store(target.add((v * to.tiles + tile + p) * S::LANES), acc[p][v]);
                    }
                }
            }
        }
    }
}

/// Adds to the gradient of the transformed weights, `[place][channel][vectors * lanes]`, the sum over tiles of input
/// times output gradient.
pub(super) struct Accumulate<'a> {
    pub input: &'a [f32],
    pub input_layout: Layout,
    /// Input channels.
    pub channels: usize,
    pub gradient: &'a [f32],
    pub gradient_layout: Layout,
    /// Vectors of output channels per block.
    pub blocks: &'a [usize],
    /// Whether `to` begins at zero, whatever it holds.
    pub fresh: bool,
    /// Tiles that count; the others are not read.
    pub used: usize,
    pub to: &'a mut [f32],
}

impl Accumulate<'_> {
    /// Floats of `to` for these layouts.
    pub(super) fn len(input: &Layout, gradient: &Layout) -> usize {
        PLACES * Self::place(input, gradient)
    }

    /// Floats of `to` from one place to the next.
    pub(super) fn place(input: &Layout, gradient: &Layout) -> usize {
        input.vectors * input.lanes * gradient.vectors * gradient.lanes
    }
}

impl Kernel for Accumulate<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        with_lanes!(self.input_layout.lanes, self.all)
    }
}

impl Accumulate<'_> {
    #[inline(always)]
    unsafe fn all<S: Simd>(mut self) {
        let (x, g) = (self.input_layout, self.gradient_layout);
        assert!(x.lanes == S::LANES && g.lanes == S::LANES && x.tiles == g.tiles && self.used <= x.tiles);
        assert!(self.input.len() >= x.len() && self.gradient.len() >= g.len() && self.to.len() >= Self::len(&x, &g));
        assert!(self.blocks.iter().sum::<usize>() <= g.vectors && self.channels <= x.vectors * S::LANES);
        for place in 0..PLACES {
            let mut vector = 0;
            for index in 0..self.blocks.len() {
                // SAFETY: passed on from the caller; the sizes were checked above.
                unsafe {
                    match (self.blocks[index], S::REGISTERS >= 32, S::LANES) {
                        (1, true, 16) => self.block::<S, 1, 16>(place, vector),
                        (1, _, 8) => self.block::<S, 1, 8>(place, vector),
                        (2, true, _) => self.block::<S, 2, 8>(place, vector),
                        (3, true, _) => self.block::<S, 3, 8>(place, vector),
                        (1, ..) => self.block::<S, 1, 4>(place, vector),
                        (2, ..) => self.block::<S, 2, 4>(place, vector),
                        _ => self.block::<S, 3, 4>(place, vector),
                    }
                }
                vector += self.blocks[index];
            }
        }
    }

    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // Plain indices unroll into registers.
    unsafe fn block<S: Simd, const V: usize, const P: usize>(&mut self, place: usize, vector: usize) {
        let (x, g) = (self.input_layout, self.gradient_layout);
        // `P` is at most the lanes at every level, so that `P` channels from a multiple of `P` on share a vector.
        let p_count = P.min(S::LANES);
        let row = g.vectors * S::LANES;
        // SAFETY: `all` has checked that the layouts fit the slices.
        unsafe {
            let gradient = self.gradient.as_ptr().add(place * g.place() + vector * g.tiles * S::LANES);
            let to = self.to.as_mut_ptr().add(place * Self::place(&x, &g) + vector * S::LANES);
            for first in (0..self.channels).step_by(p_count) {
                let input = self.input.as_ptr().add(place * x.place());
                let input = input.add(first / S::LANES * x.tiles * S::LANES + first % S::LANES);
                let to = to.add(first * row);
                let mut acc = [[S::splat(0.0); V]; P];
                if !self.fresh {
                    for p in 0..p_count {
                        for v in 0..V {
                            acc[p][v] = S::load(to.add(p * row + v * S::LANES));
                        }
                    }
                }
                for tile in 0..self.used {
                    let mut now = [S::splat(0.0); V];
                    for v in 0..V {
                        now[v] = S::load(gradient.add((v * g.tiles + tile) * S::LANES));
                    }
                    for p in 0..p_count {
                        let x = S::splat(*input.add(tile * S::LANES + p));
                        for v in 0..V {
                            acc[p][v] = S::fma(x, now[v], acc[p][v]);
                        }
                    }
                }
                for p in 0..p_count {
                    for v in 0..V {
                        S::store(to.add(p * row + v * S::LANES), acc[p][v]);
                    }
                }
            }
        }
    }
}
