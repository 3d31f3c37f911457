//! Channels cut into blocks of vectors.

use super::tile::MAX_VECTORS;
use crate::simd::{Level, lanes};

/// Output channels cut into blocks of a few vectors each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blocks {
    /// Floats per vector.
    pub lanes: usize,
    /// Vectors of each block.
    pub widths: Vec<usize>,
}

impl Blocks {
    /// The blocks for this many channels. Up to 24 channels take the narrower vectors where that
    /// leaves fewer lanes empty; beyond, the wide ones are never worse.
    pub(crate) fn new(channels: usize, level: Level) -> Self {
        let (wide, half) = lanes(level);
        let saves = channels.next_multiple_of(half) < channels.next_multiple_of(wide);
        Self::of_lanes(channels, if saves && channels <= 3 * half { half } else { wide })
    }

    /// The blocks when the vector is given.
    pub(crate) fn of_lanes(channels: usize, lanes: usize) -> Self {
        let mut vectors = channels.div_ceil(lanes);
        let mut widths = Vec::new();
        while vectors > 0 {
            let width = if vectors <= MAX_VECTORS { vectors } else { 2 };
            widths.push(width);
            vectors -= width;
        }
        Self { lanes, widths }
    }

    /// Channels rounded up to whole vectors.
    pub(crate) fn padded(&self) -> usize {
        self.widths.iter().sum::<usize>() * self.lanes
    }
}
