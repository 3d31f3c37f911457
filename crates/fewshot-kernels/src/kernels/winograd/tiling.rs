//! How a batch is cut up.

use super::product::Layout;
use super::transform::{OUT, PLACES};
use crate::kernels::blocks::Blocks;
use crate::kernels::shape::Shape;
use crate::simd::Level;

/// Floats of one set of transformed tiles: two sets and the weights that meet them stay in the second-level cache.
const SET: usize = 24 * 1024;

/// Tiles that share one reading of the weights, at least.
const MIN_TILES: usize = 16;

/// The padding that keeps the size: then input and output have the same tiles.
pub(super) const PADDING: usize = 1;

/// How a batch is cut up.
#[derive(Debug)]
pub(super) struct Tiling {
    /// Rows of tiles of one image.
    pub rows: usize,
    /// Tiles in a row.
    pub columns: usize,
    /// Rows of tiles that go through the products together: part of an image, or whole ones.
    pub chunk: usize,
    /// Layouts of the transformed input and output.
    pub input: Layout,
    pub output: Layout,
    pub input_blocks: Blocks,
    pub output_blocks: Blocks,
}

impl Tiling {
    pub(super) fn new(shape: &Shape, level: Level) -> Self {
        // One vector type for both sides: the narrow one where neither fills the wide one.
        let lanes = Blocks::new(shape.cin, level).lanes.max(Blocks::new(shape.cout, level).lanes);
        let input_blocks = Blocks::of_lanes(shape.cin, lanes);
        let output_blocks = Blocks::of_lanes(shape.cout, lanes);
        let [rows, columns] = shape.out.map(|size| size.div_ceil(OUT));
        let widest = input_blocks.padded().max(output_blocks.padded());
        let fits = (SET / (PLACES * widest)).max(MIN_TILES).div_ceil(columns);
        let chunk = if fits >= rows { fits / rows * rows } else { rows.div_ceil(rows.div_ceil(fits)) };
        let tiles = (chunk * columns).next_multiple_of(8);
        let layout = |blocks: &Blocks| Layout { vectors: blocks.padded() / lanes, tiles, lanes };
        Self {
            rows,
            columns,
            chunk,
            input: layout(&input_blocks),
            output: layout(&output_blocks),
            input_blocks,
            output_blocks,
        }
    }

    /// Images that one task takes, so that its last chunk is full.
    pub(super) fn images(&self) -> usize {
        self.chunk.div_ceil(self.rows)
    }

    /// Columns of a strip.
    pub(super) fn strip_columns(&self) -> usize {
        self.columns * OUT + 2 * PADDING
    }

    pub(super) fn strip_len(&self) -> usize {
        (self.chunk.min(self.rows) * OUT + 2 * PADDING)
            * self.strip_columns()
            * self.input_blocks.padded().max(self.output_blocks.padded())
    }
}

/// Neighbouring rows of tiles of one image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub image: usize,
    /// First row of tiles in the image.
    pub first: usize,
    /// Rows of tiles.
    pub rows: usize,
    /// Place of the first tile among those that are transformed together.
    pub tile: usize,
}

impl Segment {
    /// Rows of zeros above what it reads of an image of `height` rows, and the rows that it reads.
    pub(super) fn window(&self, height: usize) -> (usize, std::ops::Range<usize>) {
        let first = self.first * OUT;
        let end = first + self.rows * OUT + PADDING;
        (PADDING.saturating_sub(first), first.saturating_sub(PADDING)..end.min(height))
    }

    /// The floats of an image that it covers, with `row` floats in a row.
    pub(super) fn covers(&self, row: usize, image: usize) -> std::ops::Range<usize> {
        self.first * OUT * row..((self.first + self.rows) * OUT * row).min(image)
    }
}

impl Tiling {
    /// Cuts some images into chunks that go through the products one after the other.
    pub(super) fn chunks(&self, images: usize) -> Vec<Vec<Segment>> {
        let whole = |image, tile| Segment { image, first: 0, rows: self.rows, tile };
        if self.chunk >= self.rows {
            let images: Vec<usize> = (0..images).collect();
            let tiles = self.rows * self.columns;
            let chunk = |part: &[usize]| part.iter().enumerate().map(|(i, image)| whole(*image, i * tiles)).collect();
            return images.chunks(self.images()).map(chunk).collect();
        }
        let parts = |image| {
            let part = move |first| Segment { image, first, rows: self.chunk.min(self.rows - first), tile: 0 };
            (0..self.rows).step_by(self.chunk).map(move |first| vec![part(first)])
        };
        (0..images).flat_map(parts).collect()
    }

    /// Tiles of a chunk.
    pub(super) fn used(&self, chunk: &[Segment]) -> usize {
        chunk.iter().map(|segment| segment.rows * self.columns).sum()
    }
}
