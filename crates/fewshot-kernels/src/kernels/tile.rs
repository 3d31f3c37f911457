//! The convolution's inner loop: a tile of pixels x output channels held in registers.

use crate::simd::{Kernel, Simd};

/// The widest block of output channels, in vectors.
pub(crate) const MAX_VECTORS: usize = 3;

/// Floats that kernels may read beyond a scratch image: the rest of a tile or of a vector.
pub(super) const SLACK: usize = 64;

/// Pixels that a tile may have when a block is `vectors` wide and the machine has `registers`;
/// the accumulators, the weights and one broadcast pixel fit.
pub(crate) fn tile_sizes(registers: usize, vectors: usize) -> &'static [usize] {
    match (registers >= 32, vectors) {
        (true, 1) => &[16, 8, 4],
        (true, 2) => &[12, 8, 4],
        (true, _) => &[8, 4],
        (false, 1) => &[12, 8, 4],
        (false, 2) => &[6, 4],
        (false, _) => &[4],
    }
}

/// The tile size that covers `count` pixels in the least time: fewer than eight accumulators do
/// not hide the latency of the multiply-add, and each tile has a start and an end.
pub(crate) fn tile_size(registers: usize, vectors: usize, count: usize) -> usize {
    let cost = |size: usize| count.div_ceil(size) * ((size * vectors).max(8) + 1);
    tile_sizes(registers, vectors).iter().copied().min_by_key(|&size| cost(size)).unwrap_or(4)
}

/// One image of a convolution: every output pixel is the sum over `offsets` of one float of `x`
/// times one packed row of weights.
pub(crate) struct Convolve<'a> {
    /// Floats per vector that the weights are packed for.
    pub lanes: usize,
    /// The planar scratch ([`super::layout::Planar`]), or pixels of interleaved channels.
    pub x: &'a [f32],
    /// Floats of `x` from one output pixel to the next; 1 in the planar scratch.
    pub x_pixel: usize,
    /// Floats of `x` from one output row to the next.
    pub x_row: usize,
    /// Where each factor lies, relative to the output pixel's place in `x`.
    pub offsets: &'a [usize],
    /// Packed weights: for each block `[offsets][vectors * lanes]`.
    pub weights: &'a [f32],
    /// Width of each block in vectors.
    pub blocks: &'a [usize],
    pub rows: usize,
    pub columns: usize,
    /// Output channels.
    pub channels: usize,
    /// The output from its first float on; rows and pixels follow at their steps.
    pub out: &'a mut [f32],
    pub out_row: usize,
    pub out_pixel: usize,
    /// Laid out as `out`: the result is 0 where this is not above 0.
    pub mask: Option<&'a [f32]>,
    /// Per channel a shift, the sum and the sum of squares of `result - shift`, for the output's
    /// mean and variance.
    pub moments: Option<&'a mut [[f64; 3]]>,
    /// Whether the shifts are still to be chosen.
    pub fresh: bool,
}

impl Kernel for Convolve<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        // SAFETY: passed on from the caller.
        unsafe {
            if self.lanes == Wide::LANES {
                self.blocks_of::<Wide>();
            } else {
                self.blocks_of::<Half>();
            }
        }
    }
}

impl Convolve<'_> {
    #[inline(always)]
    unsafe fn blocks_of<S: Simd>(mut self) {
        assert_eq!(self.lanes, S::LANES);
        if self.rows == 0 || self.columns == 0 || self.channels == 0 {
            return;
        }
        let last = (self.rows - 1) * self.out_row + (self.columns - 1) * self.out_pixel;
        assert!(last + self.channels <= self.out.len());
        assert!(self.mask.is_none_or(|mask| last + self.channels <= mask.len()));
        let (mut weights, mut channel) = (0, 0);
        for index in 0..self.blocks.len() {
            let vectors = self.blocks[index];
            // SAFETY: passed on from the caller.
            unsafe {
                match vectors {
                    1 => self.block::<S, 1>(weights, channel),
                    2 => self.block::<S, 2>(weights, channel),
                    _ => self.block::<S, 3>(weights, channel),
                }
            }
            weights += self.offsets.len() * vectors * S::LANES;
            channel += vectors * S::LANES;
        }
    }

    #[inline(always)]
    unsafe fn block<S: Simd, const V: usize>(&mut self, weights: usize, channel: usize) {
        // SAFETY: passed on from the caller.
        unsafe {
            if self.x_pixel == 1 {
                self.planar::<S, V>(weights, channel);
            } else {
                // Interleaved pixels need a pointer each, so that more of them would not fit the general registers.
                match (V, S::REGISTERS >= 32) {
                    (1, _) | (_, true) => self.tiles::<S, 8, V, false>(weights, channel),
                    (2, false) => self.tiles::<S, 6, V, false>(weights, channel),
                    _ => self.tiles::<S, 4, V, false>(weights, channel),
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn planar<S: Simd, const V: usize>(&mut self, weights: usize, channel: usize) {
        // SAFETY: passed on from the caller.
        unsafe {
            match tile_size(S::REGISTERS, V, self.columns) {
                16 if V == 1 && S::REGISTERS >= 32 => self.tiles::<S, 16, V, true>(weights, channel),
                12 if V <= 2 && V * 12 < S::REGISTERS => self.tiles::<S, 12, V, true>(weights, channel),
                8 if V * 8 < S::REGISTERS => self.tiles::<S, 8, V, true>(weights, channel),
                6 if V == 2 && S::REGISTERS < 32 => self.tiles::<S, 6, V, true>(weights, channel),
                _ => self.tiles::<S, 4, V, true>(weights, channel),
            }
        }
    }

    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // Plain indices unroll into registers.
    unsafe fn tiles<S: Simd, const P: usize, const V: usize, const PLANAR: bool>(
        &mut self,
        weights: usize,
        channel: usize,
    ) {
        let pixel = if PLANAR { 1 } else { self.x_pixel };
        assert!(channel < self.channels);
        let count = self.channels - channel;
        let tail = count - (count.min(V * S::LANES) - 1) / S::LANES * S::LANES;
        let tail = tail.min(S::LANES);
        let used = count.div_ceil(S::LANES).min(V);
        assert!(used == V && self.weights.len() >= weights + self.offsets.len() * V * S::LANES);
        let furthest = self.offsets.iter().max().copied().unwrap_or(0)
            + (self.rows - 1) * self.x_row
            + (self.columns.next_multiple_of(P) - 1) * pixel
            + 1;
        assert!(self.offsets.is_empty() || furthest <= self.x.len());

        let with_moments = self.moments.is_some();
        // A sum in single precision loses too much over more terms than this.
        let rows_per_flush = (2048 / self.columns).max(1);
        // SAFETY: the assertions above keep the reads inside `x` and `weights`; writes go to
        // the first `channels` floats of pixels inside `out`, and `mask`, where there is one, is as
        // long, both asserted by `blocks_of`.
        unsafe {
            let weights = self.weights.as_ptr().add(weights);
            let (out, mask) = (self.out.as_mut_ptr(), self.mask.map(<[f32]>::as_ptr));
            let zero = S::splat(0.0);
            let (mut shift, mut sum, mut square) = ([zero; V], [zero; V], [zero; V]);
            if let (false, Some(moments)) = (self.fresh, &self.moments) {
                for v in 0..V {
                    let first = channel + v * S::LANES;
                    shift[v] = stored_shift::<S>(&moments[first..(first + S::LANES).min(moments.len())]);
                }
            }
            for row in 0..self.rows {
                let x = self.x.as_ptr().add(row * self.x_row);
                let mut column = 0;
                while column < self.columns {
                    let mut acc = tile::<S, P, V>(x.add(column * pixel), pixel, self.offsets, weights);
                    let valid = P.min(self.columns - column);
                    let place = row * self.out_row + column * self.out_pixel + channel;
                    if let Some(mask) = mask {
                        let mask = mask.add(place);
                        for q in 0..P {
                            if q < valid {
                                let mask = mask.add(q * self.out_pixel);
                                for v in 0..V - 1 {
                                    let at = S::load(mask.add(v * S::LANES));
                                    acc[q][v] = S::where_positive(at, acc[q][v]);
                                }
                                let at = load_tail::<S>(mask.add((V - 1) * S::LANES), tail);
                                acc[q][V - 1] = S::where_positive(at, acc[q][V - 1]);
                            }
                        }
                    }
                    if with_moments {
                        if self.fresh && row == 0 && column == 0 {
                            // Any value near the mean will do: the variance is then no small
                            // difference of large sums.
                            shift = acc[0];
                        }
                        for q in 0..P {
                            if q < valid {
                                for v in 0..V {
                                    let d = S::sub(acc[q][v], shift[v]);
                                    sum[v] = S::add(sum[v], d);
                                    square[v] = S::fma(d, d, square[v]);
                                }
                            }
                        }
                    }
                    let out = out.add(place);
                    for q in 0..P {
                        if q < valid {
                            let out = out.add(q * self.out_pixel);
                            for v in 0..V - 1 {
                                S::store(out.add(v * S::LANES), acc[q][v]);
                            }
                            let last = out.add((V - 1) * S::LANES);
                            store_tail::<S>(last, acc[q][V - 1], tail);
                        }
                    }
                    column += P;
                }
                if with_moments && ((row + 1) % rows_per_flush == 0 || row + 1 == self.rows) {
                    if let Some(moments) = &mut self.moments {
                        for v in 0..V {
                            let first = channel + v * S::LANES;
                            let end = (first + S::LANES).min(moments.len());
                            let moments = &mut moments[first..end];
                            flush::<S>(moments, shift[v], sum[v], square[v]);
                        }
                    }
                    (sum, square) = ([zero; V], [zero; V]);
                }
            }
        }
    }
}

/// Adds the lanes of the sums to `moments`.
#[inline(always)]
pub(super) unsafe fn flush<S: Simd>(moments: &mut [[f64; 3]], shift: S::V, sum: S::V, square: S::V) {
    let mut lanes = [[0.0f32; 16]; 3];
    // SAFETY: no vector has more than 16 lanes.
    unsafe {
        S::store(lanes[0].as_mut_ptr(), shift);
        S::store(lanes[1].as_mut_ptr(), sum);
        S::store(lanes[2].as_mut_ptr(), square);
    }
    for (lane, moments) in moments.iter_mut().enumerate() {
        moments[0] = f64::from(lanes[0][lane]);
        moments[1] += f64::from(lanes[1][lane]);
        moments[2] += f64::from(lanes[2][lane]);
    }
}

/// The shifts chosen before.
#[inline(always)]
pub(super) unsafe fn stored_shift<S: Simd>(moments: &[[f64; 3]]) -> S::V {
    let mut lanes = [0.0f32; 16];
    for (lane, moments) in lanes.iter_mut().zip(moments) {
        // It was a single when it was stored.
        *lane = moments[0] as f32;
    }
    // SAFETY: no vector has more than 16 lanes.
    unsafe { S::load(lanes.as_ptr()) }
}

#[inline(always)]
pub(super) unsafe fn load_tail<S: Simd>(from: *const f32, tail: usize) -> S::V {
    // SAFETY: passed on from the caller.
    unsafe { if tail == S::LANES { S::load(from) } else { S::load_part(from, tail) } }
}

#[inline(always)]
pub(super) unsafe fn store_tail<S: Simd>(to: *mut f32, value: S::V, tail: usize) {
    // SAFETY: passed on from the caller.
    unsafe {
        if tail == S::LANES {
            S::store(to, value);
        } else {
            S::store_part(to, value, tail);
        }
    }
}

/// `P` neighbouring pixels times `V` vectors of output channels.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // Plain indices unroll into registers, iterators did not.
unsafe fn tile<S: Simd, const P: usize, const V: usize>(
    x: *const f32,
    x_pixel: usize,
    offsets: &[usize],
    mut weights: *const f32,
) -> [[S::V; V]; P] {
    // SAFETY: passed on from the caller.
    unsafe {
        let mut acc = [[S::splat(0.0); V]; P];
        for &offset in offsets {
            let x = x.add(offset);
            let mut w = [S::splat(0.0); V];
            for v in 0..V {
                w[v] = S::load(weights.add(v * S::LANES));
            }
            for p in 0..P {
                let pixel = S::splat(*x.add(p * x_pixel));
                for v in 0..V {
                    acc[p][v] = S::fma(pixel, w[v], acc[p][v]);
                }
            }
            weights = weights.add(V * S::LANES);
        }
        acc
    }
}
