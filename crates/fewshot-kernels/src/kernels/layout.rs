//! Copies of one image in the layouts that the convolution kernels read.

use crate::simd::{Kernel, Simd};

/// A zero-padded image with one plane per channel inside each row: `[row][channel][phase][column]`.
///
/// Neighbouring output pixels read neighbouring floats here, whatever the stride: padded column
/// `x` lies in phase `x % stride` at `x / stride`. The tile kernel then needs a single pointer
/// with constant offsets for all of its pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planar {
    pub channels: usize,
    /// Rows of zeros above the image.
    pub top: usize,
    /// Columns of zeros left of it.
    pub left: usize,
    /// All rows.
    pub rows: usize,
    /// Columns of one phase.
    pub columns: usize,
    pub stride: usize,
}

impl Planar {
    /// Floats from one row to the next.
    pub(crate) fn row(&self) -> usize {
        self.channels * self.stride * self.columns
    }

    /// Floats of the whole image.
    pub(crate) fn len(&self) -> usize {
        self.rows * self.row()
    }

    /// Where padded row `y`, channel, padded column `x` lies.
    pub(crate) fn offset(&self, y: usize, channel: usize, x: usize) -> usize {
        y * self.row() + (channel * self.stride + x % self.stride) * self.columns + x / self.stride
    }
}

/// Fills rows of the planar scratch from rows of an NHWC image.
pub(crate) struct ToPlanar<'a> {
    /// The image's rows from `first` on.
    pub rows: &'a [f32],
    /// Number of rows.
    pub count: usize,
    /// Place of the first row in the image.
    pub first: usize,
    pub height: usize,
    pub width: usize,
    pub layout: Planar,
    pub relu: bool,
    pub to: &'a mut [f32],
}

impl Kernel for ToPlanar<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        let Self { rows, count, first, height, width, layout, relu, to } = self;
        assert!(rows.len() >= count * width * layout.channels && to.len() >= layout.len());
        assert!(layout.rows >= layout.top + height && first + count <= height);
        let row = layout.row();
        if first == 0 {
            to[..layout.top * row].fill(0.0);
        }
        if first + count == height {
            to[(layout.top + height) * row..layout.len()].fill(0.0);
        }
        for y in 0..count {
            // To the end of the rows: a square may read past the last channel of a pixel.
            let from = &rows[y * width * layout.channels..];
            let to = &mut to[(layout.top + first + y) * row..][..row];
            // SAFETY: the instruction set is the caller's promise, the slices begin with a row.
            unsafe {
                if relu {
                    one_row::<Half, true>(from, width, layout, to);
                } else {
                    one_row::<Half, false>(from, width, layout, to);
                }
            }
        }
    }
}

/// One row: zeros on both sides, then squares of `TILE` pixels x `TILE` channels transposed, and
/// what is left over float by float.
#[inline(always)]
unsafe fn one_row<S: Simd, const RELU: bool>(from: &[f32], width: usize, layout: Planar, to: &mut [f32]) {
    let (c, s, columns) = (layout.channels, layout.stride, layout.columns);
    for phase in 0..s {
        // Pixels `first`, `first + s`, .. of the row lie in this phase from column `begin` on.
        let begin = (layout.left + s - 1 - phase) / s;
        let first = begin * s + phase - layout.left;
        let count = if first < width { (width - first).div_ceil(s) } else { 0 };
        for channel in 0..c {
            let plane = &mut to[(channel * s + phase) * columns..][..columns];
            plane[..begin.min(columns)].fill(0.0);
            plane[(begin + count).min(columns)..].fill(0.0);
        }
        let mut pixel = 0;
        while pixel < count {
            let source = (first + pixel * s) * c;
            let whole =
                pixel + S::TILE <= count && source + (S::TILE - 1) * s * c + c.next_multiple_of(S::TILE) <= from.len();
            if !whole {
                for (channel, value) in from[source..source + c].iter().enumerate() {
                    let value = if RELU && *value <= 0.0 { 0.0 } else { *value };
                    to[(channel * s + phase) * columns + begin + pixel] = value;
                }
                pixel += 1;
                continue;
            }
            for channel in (0..c).step_by(S::TILE) {
                let target = (channel * s + phase) * columns + begin + pixel;
                let planes = (c - channel).min(S::TILE);
                assert!(target + (planes - 1) * s * columns + S::TILE <= to.len());
                // SAFETY: the square lies inside the slice on both sides: see `whole`, which
                // allows for the channels past the last, and the assertion.
                unsafe {
                    S::transpose::<RELU>(
                        from.as_ptr().add(source + channel),
                        s * c,
                        to.as_mut_ptr().add(target),
                        s * columns,
                        planes,
                    );
                }
            }
            pixel += S::TILE;
        }
    }
}

/// Copies rows of an NHWC image with zeros around the image.
pub(crate) struct Pad<'a> {
    /// The whole image.
    pub image: &'a [f32],
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    /// Zeros on every side.
    pub padding: usize,
    pub relu: bool,
    /// Padded rows to copy.
    pub rows: std::ops::Range<usize>,
    pub to: &'a mut [f32],
}

impl Kernel for Pad<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        let (side, row) = (self.padding * self.channels, self.width * self.channels);
        let padded = row + 2 * side;
        for (y, to) in self.rows.zip(self.to.chunks_exact_mut(padded)) {
            if y < self.padding || y >= self.padding + self.height {
                to.fill(0.0);
                continue;
            }
            let from = &self.image[(y - self.padding) * row..][..row];
            to[..side].fill(0.0);
            to[side + row..].fill(0.0);
            // SAFETY: the instruction set is the caller's promise; both slices hold `row` floats.
            unsafe { copy::<Wide>(from, self.relu, &mut to[side..side + row]) }
        }
    }
}

/// Copies floats, with `relu` without what is below 0.
pub(crate) struct Rectify<'a> {
    pub from: &'a [f32],
    pub relu: bool,
    pub to: &'a mut [f32],
}

impl Kernel for Rectify<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        assert_eq!(self.from.len(), self.to.len());
        // SAFETY: the instruction set is the caller's promise, the lengths are equal.
        unsafe { copy::<Wide>(self.from, self.relu, self.to) }
    }
}

/// Copies floats, with `relu` without what is below 0.
///
/// # Safety
/// The slices are equally long.
#[inline(always)]
pub(super) unsafe fn copy<S: Simd>(from: &[f32], relu: bool, to: &mut [f32]) {
    if !relu {
        to.copy_from_slice(from);
        return;
    }
    let whole = to.len() / S::LANES * S::LANES;
    // SAFETY: both slices hold `to.len()` floats, the last vector is cut to that.
    unsafe {
        let zero = S::splat(0.0);
        for i in (0..whole).step_by(S::LANES) {
            S::store(to.as_mut_ptr().add(i), S::max(zero, S::load(from.as_ptr().add(i))));
        }
        let rest = to.len() - whole;
        if rest > 0 {
            let value = S::max(zero, S::load_part(from.as_ptr().add(whole), rest));
            S::store_part(to.as_mut_ptr().add(whole), value, rest);
        }
    }
}
