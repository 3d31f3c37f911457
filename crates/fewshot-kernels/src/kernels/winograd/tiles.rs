//! Between images and transformed tiles.

use super::lanes::with_lanes;
use super::product::Layout;
use super::transform::{OUT, SIDE, gradient_tile, input_tile, output_tile};
use crate::kernels::layout::copy;
use crate::kernels::tile::{flush, load_tail, stored_shift};
use crate::simd::{Kernel, Simd};

/// Copies rows of pixels into a strip whose channels are rounded up to whole vectors, with zeros in the rest.
pub(super) struct ToStrip<'a> {
    pub lanes: usize,
    /// Rows of pixels without gaps.
    pub rows: &'a [f32],
    pub width: usize,
    pub channels: usize,
    pub relu: bool,
    /// Columns of zeros before the pixels.
    pub left: usize,
    /// Columns of the strip.
    pub columns: usize,
    /// `[rows][columns][vectors * lanes]`.
    pub to: &'a mut [f32],
}

impl Kernel for ToStrip<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        let pixel = self.channels.next_multiple_of(self.lanes);
        assert!(self.left + self.width <= self.columns);
        let sources = self.rows.chunks_exact(self.width * self.channels);
        for (to, from) in self.to.chunks_exact_mut(self.columns * pixel).zip(sources) {
            to[..self.left * pixel].fill(0.0);
            to[(self.left + self.width) * pixel..].fill(0.0);
            let to = &mut to[self.left * pixel..][..self.width * pixel];
            // SAFETY: passed on from the caller; both slices hold `width` pixels.
            unsafe {
                if pixel == self.channels {
                    copy::<Wide>(from, self.relu, to);
                } else if self.lanes == Wide::LANES {
                    spread_row::<Wide>(from, self.channels, self.relu, to, pixel);
                } else {
                    spread_row::<Half>(from, self.channels, self.relu, to, pixel);
                }
            }
        }
    }
}

/// Copies a row pixel by pixel, rounding each up to `pixel` floats.
///
/// # Safety
/// The slices hold equally many pixels.
#[inline(always)]
unsafe fn spread_row<S: Simd>(from: &[f32], channels: usize, relu: bool, to: &mut [f32], pixel: usize) {
    let last = pixel - S::LANES;
    let tail = channels - last;
    for (from, to) in from.chunks_exact(channels).zip(to.chunks_exact_mut(pixel)) {
        // SAFETY: a pixel holds `channels` floats here and `pixel` there; the last vector is cut on the way in.
        unsafe {
            // Whatever is not a number stays so: `max` returns its second operand then.
            let floor = S::splat(if relu { 0.0 } else { f32::NEG_INFINITY });
            for at in (0..last).step_by(S::LANES) {
                S::store(to.as_mut_ptr().add(at), S::max(floor, S::load(from.as_ptr().add(at))));
            }
            let value = load_tail::<S>(from.as_ptr().add(last), tail);
            S::store(to.as_mut_ptr().add(last), S::max(floor, value));
        }
    }
}

/// What becomes of the tiles of a strip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transform {
    /// 6x6 pixels, the next tile four to the right: `Bᵀ d B`.
    Input,
    /// The 4x4 pixels that begin `at` pixels down and to the right: `A g Aᵀ`.
    Gradient { at: usize },
}

/// Transforms the tiles of a strip.
pub(super) struct FromStrip<'a> {
    pub transform: Transform,
    /// `[4 * rows + 2][columns]` pixels of whole vectors.
    pub strip: &'a [f32],
    pub columns: usize,
    /// Rows of tiles.
    pub rows: usize,
    /// Tiles in a row.
    pub count: usize,
    /// Place of the first tile in `to`.
    pub first: usize,
    pub layout: Layout,
    pub to: &'a mut [f32],
}

impl Kernel for FromStrip<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        with_lanes!(self.layout.lanes, self.all)
    }
}

impl FromStrip<'_> {
    #[inline(always)]
    unsafe fn all<S: Simd>(self) {
        let layout = self.layout;
        let pixel = layout.vectors * S::LANES;
        assert!(layout.lanes == S::LANES && self.to.len() >= layout.len());
        assert!(self.first + self.rows * self.count <= layout.tiles && self.columns >= self.count * OUT + 2);
        assert!(self.strip.len() >= (OUT * self.rows + 2) * self.columns * pixel);
        for row in 0..self.rows {
            for vector in 0..layout.vectors {
                let to = (vector * layout.tiles + self.first + row * self.count) * S::LANES;
                let from = row * OUT * self.columns * pixel + vector * S::LANES;
                // SAFETY: the strip holds six rows of all the row's tiles, `to` the whole layout, both asserted.
                unsafe {
                    let (from, to) = (self.strip.as_ptr().add(from), self.to.as_mut_ptr().add(to));
                    match self.transform {
                        Transform::Input => {
                            self.row::<S>(from, to, pixel, |at, row, pixel| input_at::<S>(at, row, pixel))
                        }
                        Transform::Gradient { at } => {
                            let from = from.add(at * (self.columns + 1) * pixel);
                            self.row::<S>(from, to, pixel, |at, row, pixel| gradient_at::<S>(at, row, pixel));
                        }
                    }
                }
            }
        }
    }

    /// One vector of the tiles of one row.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // Plain indices unroll into registers.
    unsafe fn row<S: Simd>(
        &self,
        mut from: *const f32,
        mut to: *mut f32,
        pixel: usize,
        transform: impl Fn(*const f32, usize, usize) -> [[S::V; SIDE]; SIDE],
    ) {
        let (place, row) = (self.layout.place(), self.columns * pixel);
        // SAFETY: passed on from the caller.
        unsafe {
            for _ in 0..self.count {
                let tile = transform(from, row, pixel);
                for y in 0..SIDE {
                    for x in 0..SIDE {
                        S::store(to.add((y * SIDE + x) * place), tile[y][x]);
                    }
                }
                from = from.add(OUT * pixel);
                to = to.add(S::LANES);
            }
        }
    }
}

/// The transformed 6x6 pixels that begin at a place.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // Plain indices unroll into registers.
unsafe fn input_at<S: Simd>(from: *const f32, row: usize, pixel: usize) -> [[S::V; SIDE]; SIDE] {
    // SAFETY: passed on from the caller.
    unsafe {
        let mut tile = [[S::splat(0.0); SIDE]; SIDE];
        for y in 0..SIDE {
            for x in 0..SIDE {
                tile[y][x] = S::load(from.add(y * row + x * pixel));
            }
        }
        input_tile::<S>(tile)
    }
}

/// The transformed gradient of the 4x4 pixels that begin at a place.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // Plain indices unroll into registers.
unsafe fn gradient_at<S: Simd>(from: *const f32, row: usize, pixel: usize) -> [[S::V; SIDE]; SIDE] {
    // SAFETY: passed on from the caller.
    unsafe {
        let mut tile = [[S::splat(0.0); OUT]; OUT];
        for y in 0..OUT {
            for x in 0..OUT {
                tile[y][x] = S::load(from.add(y * row + x * pixel));
            }
        }
        gradient_tile::<S>(tile)
    }
}

/// Writes rows of tiles of the output.
pub(super) struct ToImage<'a> {
    pub from: &'a [f32],
    pub layout: Layout,
    /// Place of the first tile in `from`.
    pub first: usize,
    /// Rows of the image from the tiles' first one on, without gaps.
    pub to: &'a mut [f32],
    pub width: usize,
    pub channels: usize,
    /// Laid out as `to`: the result is 0 where this is not above 0.
    pub mask: Option<&'a [f32]>,
    /// Per channel a shift, the sum and the sum of squares of `result - shift`.
    pub moments: Option<&'a mut [[f64; 3]]>,
    /// Whether the shift is still to be chosen.
    pub fresh: bool,
}

impl Kernel for ToImage<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        with_lanes!(self.layout.lanes, self.all)
    }
}

impl ToImage<'_> {
    #[inline(always)]
    unsafe fn all<S: Simd>(mut self) {
        let (layout, row) = (self.layout, self.width * self.channels);
        let rows = self.to.len() / row;
        let tiles = self.width.div_ceil(OUT);
        assert!(layout.lanes == S::LANES && self.from.len() >= layout.len() && self.to.len() == rows * row);
        assert!(self.first + rows.div_ceil(OUT) * tiles <= layout.tiles);
        assert!(self.mask.is_none_or(|mask| mask.len() == self.to.len()));
        assert!(self.channels <= layout.vectors * S::LANES);
        assert!(self.moments.as_ref().is_none_or(|moments| moments.len() == self.channels));
        for first in (0..rows).step_by(OUT) {
            let count = OUT.min(rows - first);
            for channel in (0..self.channels).step_by(S::LANES) {
                let full = self.channels - channel >= S::LANES;
                // SAFETY: passed on from the caller; sizes checked above.
                unsafe {
                    match (self.mask.is_some(), self.moments.is_some(), full) {
                        (false, false, true) => self.tiles::<S, false, false, true>(first, count, channel),
                        (false, false, false) => self.tiles::<S, false, false, false>(first, count, channel),
                        (false, true, true) => self.tiles::<S, false, true, true>(first, count, channel),
                        (false, true, false) => self.tiles::<S, false, true, false>(first, count, channel),
                        (true, _, true) => self.tiles::<S, true, false, true>(first, count, channel),
                        (true, _, false) => self.tiles::<S, true, false, false>(first, count, channel),
                    }
                }
            }
            self.fresh = false;
        }
    }

    /// One vector of channels of one row of tiles, which covers `rows` rows of pixels from `row` on.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // Plain indices unroll into registers.
    unsafe fn tiles<S: Simd, const MASK: bool, const MOMENTS: bool, const FULL: bool>(
        &mut self,
        row: usize,
        rows: usize,
        channel: usize,
    ) {
        let (layout, channels, width) = (self.layout, self.channels, self.width);
        let (tiles, place) = (width.div_ceil(OUT), layout.place());
        let tail = if FULL { S::LANES } else { channels - channel };
        // SAFETY: tiles lie inside the layout and pixels inside the image; a vector is cut to the pixel's channels.
        unsafe {
            let zero = S::splat(0.0);
            let (mut shift, mut sum, mut square) = (zero, zero, zero);
            if let (true, Some(moments)) = (MOMENTS, &self.moments) {
                shift = stored_shift::<S>(&moments[channel..channel + tail]);
            }
            let from = channel * layout.tiles + (self.first + row / OUT * tiles) * S::LANES;
            let mut from = self.from.as_ptr().add(from);
            for tile in 0..tiles {
                let mut m = [[zero; SIDE]; SIDE];
                for y in 0..SIDE {
                    for x in 0..SIDE {
                        m[y][x] = S::load(from.add((y * SIDE + x) * place));
                    }
                }
                from = from.add(S::LANES);
                let out = output_tile::<S>(m);
                if MOMENTS && self.fresh && tile == 0 {
                    // Any value near the mean will do: the variance is then no small difference of large sums.
                    shift = out[0][0];
                }
                let columns = OUT.min(width - tile * OUT);
                let first = (row * width + tile * OUT) * channels + channel;
                for y in 0..OUT {
                    for x in 0..OUT {
                        if y >= rows || x >= columns {
                            continue;
                        }
                        let at = first + (y * width + x) * channels;
                        let mut value = out[y][x];
                        if let (true, Some(mask)) = (MASK, self.mask) {
                            let mask = mask.as_ptr().add(at);
                            let mask = if FULL { S::load(mask) } else { S::load_part(mask, tail) };
                            value = S::where_positive(mask, value);
                        }
                        if MOMENTS {
                            let d = S::sub(value, shift);
                            sum = S::add(sum, d);
                            square = S::fma(d, d, square);
                        }
                        let to = self.to.as_mut_ptr().add(at);
                        if FULL {
                            S::store(to, value);
                        } else {
                            S::store_part(to, value, tail);
                        }
                    }
                }
            }
            if let (true, Some(moments)) = (MOMENTS, &mut self.moments) {
                flush::<S>(&mut moments[channel..channel + tail], shift, sum, square);
            }
        }
    }
}
