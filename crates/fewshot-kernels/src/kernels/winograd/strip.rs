//! The copy of some image rows that tiles are transformed from.

use super::product::Layout;
use super::tiles::{FromStrip, ToStrip, Transform};
use super::tiling::{PADDING, Segment, Tiling};
use super::transform::OUT;
use crate::kernels::fused::OutputGradient;
use crate::simd::{Level, dispatch};

/// Fills a strip with rows of pixels below `above` rows of zeros, and transforms its tiles.
pub(super) struct Strip<'a> {
    pub level: Level,
    pub tiling: &'a Tiling,
    pub segment: Segment,
    pub width: usize,
    pub channels: usize,
    pub strip: &'a mut [f32],
}

impl Strip<'_> {
    /// Floats of a row.
    fn row(&self) -> usize {
        self.tiling.strip_columns() * self.channels.next_multiple_of(self.tiling.input.lanes)
    }

    /// Zeros above `rows` rows and below; returns where the rows go.
    fn frame(&mut self, above: usize, rows: usize) -> &mut [f32] {
        let row = self.row();
        let all = self.segment.rows * OUT + 2 * PADDING;
        self.strip[..above * row].fill(0.0);
        self.strip[(above + rows) * row..all * row].fill(0.0);
        &mut self.strip[above * row..(above + rows) * row]
    }

    /// The pixels of an image, which may have to go through a ReLU.
    pub(super) fn fill(&mut self, image: &[f32], height: usize, relu: bool) {
        let (level, width, channels) = (self.level, self.width, self.channels);
        let (lanes, columns) = (self.tiling.input.lanes, self.tiling.strip_columns());
        let (above, rows) = self.segment.window(height);
        let row = width * channels;
        let to = self.frame(above, rows.len());
        let rows = &image[rows.start * row..rows.end * row];
        dispatch(level, ToStrip { lanes, rows, width, channels, relu, left: PADDING, columns, to });
    }

    /// The pixels of an output gradient, `[height, width, channels]` from float `first` on.
    pub(super) fn fill_gradient(&mut self, dy: &OutputGradient<'_>, first: usize, height: usize, scratch: &mut [f32]) {
        let (level, width, channels) = (self.level, self.width, self.channels);
        let (lanes, columns) = (self.tiling.input.lanes, self.tiling.strip_columns());
        let (above, rows) = self.segment.window(height);
        let row = width * channels;
        if !channels.is_multiple_of(lanes) {
            let scratch = &mut scratch[..rows.len() * row];
            dy.write(level, first + rows.start * row..first + rows.end * row, scratch);
            let to = self.frame(above, rows.len());
            let relu = false;
            dispatch(level, ToStrip { lanes, rows: scratch, width, channels, relu, left: PADDING, columns, to });
            return;
        }
        let strip_row = self.row();
        for (y, to) in rows.clone().zip(self.frame(above, rows.len()).chunks_exact_mut(strip_row)) {
            let (left, right) = (PADDING * channels, (PADDING + width) * channels);
            to[..left].fill(0.0);
            to[right..].fill(0.0);
            dy.write(level, first + y * row..first + (y + 1) * row, &mut to[left..right]);
        }
    }

    pub(super) fn transform(&self, transform: Transform, layout: Layout, to: &mut [f32]) {
        let kernel = FromStrip {
            transform,
            strip: self.strip,
            columns: self.tiling.strip_columns(),
            rows: self.segment.rows,
            count: self.tiling.columns,
            first: self.segment.tile,
            layout,
            to,
        };
        dispatch(self.level, kernel);
    }
}
