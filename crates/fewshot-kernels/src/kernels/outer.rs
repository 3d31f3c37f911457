//! The weight gradient's inner loop: a tile of weights held in registers while the pixels of an
//! strip go by, each adding the outer product of its inputs and its output gradient.

use super::tile::tile_size;
use crate::simd::{Kernel, Simd};

/// Rows of the weight gradient whose inputs lie side by side in the padded NHWC image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    /// Where the first input lies, relative to the output pixel's place in the image.
    pub offset: usize,
    /// Number of rows.
    pub rows: usize,
    /// First row in the gradient.
    pub to: usize,
}

/// Adds the part of some output rows of one image to a weight gradient `[rows][padded]`.
pub(crate) struct Outer<'a> {
    /// Floats per vector.
    pub lanes: usize,
    /// The rows of the padded NHWC image that belong to them.
    pub x: &'a [f32],
    /// Floats of `x` from one output row to the next.
    pub x_row: usize,
    /// Floats of `x` from one output pixel to the next.
    pub x_pixel: usize,
    /// Output gradient `[rows][columns][channels]`, and at least one vector behind it.
    pub dy: &'a [f32],
    pub rows: usize,
    pub columns: usize,
    pub channels: usize,
    pub groups: &'a [Group],
    /// Width of each block of channels in vectors.
    pub blocks: &'a [usize],
    /// Floats of one row of `dw`: the channels rounded up to whole vectors.
    pub padded: usize,
    pub dw: &'a mut [f32],
}

impl Kernel for Outer<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        // SAFETY: passed on from the caller.
        unsafe {
            if self.lanes == Wide::LANES {
                self.all::<Wide>();
            } else {
                self.all::<Half>();
            }
        }
    }
}

impl Outer<'_> {
    #[inline(always)]
    unsafe fn all<S: Simd>(mut self) {
        assert_eq!(self.lanes, S::LANES);
        if self.rows == 0 || self.columns == 0 {
            return;
        }
        let mut channel = 0;
        for index in 0..self.blocks.len() {
            // SAFETY: passed on from the caller.
            unsafe {
                match self.blocks[index] {
                    1 => self.block::<S, 1>(channel),
                    2 => self.block::<S, 2>(channel),
                    _ => self.block::<S, 3>(channel),
                }
            }
            channel += self.blocks[index] * S::LANES;
        }
    }

    #[inline(always)]
    unsafe fn block<S: Simd, const V: usize>(&mut self, channel: usize) {
        for index in 0..self.groups.len() {
            let group = self.groups[index];
            // SAFETY: passed on from the caller.
            unsafe {
                match tile_size(S::REGISTERS, V, group.rows) {
                    16 if V == 1 && S::REGISTERS >= 32 => self.tiles::<S, 16, V>(channel, group),
                    12 if V <= 2 && V * 12 < S::REGISTERS => self.tiles::<S, 12, V>(channel, group),
                    8 if V * 8 < S::REGISTERS => self.tiles::<S, 8, V>(channel, group),
                    6 if V == 2 && S::REGISTERS < 32 => self.tiles::<S, 6, V>(channel, group),
                    _ => self.tiles::<S, 4, V>(channel, group),
                }
            }
        }
    }

    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // Plain indices unroll into registers.
    unsafe fn tiles<S: Simd, const T: usize, const V: usize>(&mut self, channel: usize, group: Group) {
        let furthest_x = group.offset
            + (self.rows - 1) * self.x_row
            + (self.columns - 1) * self.x_pixel
            + group.rows.div_ceil(T) * T;
        let furthest_dy = (self.rows * self.columns - 1) * self.channels + channel + V * S::LANES;
        assert!(furthest_x <= self.x.len() && furthest_dy <= self.dy.len());
        assert!(self.dw.len() >= (group.to + group.rows) * self.padded);
        assert!(channel + V * S::LANES <= self.padded);
        for first in (0..group.rows).step_by(T) {
            // SAFETY: the assertions above keep every access inside its slice. Inputs beyond
            // the group's rows and channels beyond the last are read and never stored: rows are
            // checked below, lanes land in the padding of `dw`.
            unsafe {
                let mut acc = [[S::splat(0.0); V]; T];
                for row in 0..self.rows {
                    let mut x = self.x.as_ptr().add(group.offset + first + row * self.x_row);
                    let mut dy = self.dy.as_ptr().add(row * self.columns * self.channels + channel);
                    for _ in 0..self.columns {
                        let mut g = [S::splat(0.0); V];
                        for v in 0..V {
                            g[v] = S::load(dy.add(v * S::LANES));
                        }
                        for t in 0..T {
                            let input = S::splat(*x.add(t));
                            for v in 0..V {
                                acc[t][v] = S::fma(input, g[v], acc[t][v]);
                            }
                        }
                        x = x.wrapping_add(self.x_pixel);
                        dy = dy.wrapping_add(self.channels);
                    }
                }
                let dw = self.dw.as_mut_ptr();
                for t in 0..T {
                    if first + t < group.rows {
                        let dw = dw.add((group.to + first + t) * self.padded + channel);
                        for v in 0..V {
                            let dw = dw.add(v * S::LANES);
                            S::store(dw, S::add(S::load(dw), acc[t][v]));
                        }
                    }
                }
            }
        }
    }
}
