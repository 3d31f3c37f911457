//! Weights in the order in which the tile kernel reads them.

use super::plan::{Plan, Shape, Tap};
use super::tile::MAX_VECTORS;
use crate::memory::Buffer;
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

/// Packs an HWIO weight for all passes of a plan, in turn; `transposed` for the input gradient,
/// where the weight's output channels are summed over.
pub(crate) fn pack(weight: &[f32], shape: &Shape, plan: &Plan, transposed: bool) -> Buffer {
    let padded = plan.blocks.padded();
    let factors: usize = plan.passes.iter().map(|pass| pass.taps.len()).sum();
    let mut packed = Buffer::zeros(factors * padded);
    let channels = if transposed { shape.cin } else { shape.cout };
    let mut at = 0;
    for pass in &plan.passes {
        let mut first = 0;
        for &vectors in &plan.blocks.widths {
            let width = vectors * plan.blocks.lanes;
            let count = width.min(channels - first);
            for tap in &pass.taps {
                let Tap { y, x, channel } = *tap;
                let tap = (y * shape.kernel[1] + x) * shape.cin * shape.cout;
                let to = &mut packed[at..at + count];
                if transposed {
                    let from = &weight[tap + channel..];
                    for (i, to) in to.iter_mut().enumerate() {
                        *to = from[(first + i) * shape.cout];
                    }
                } else {
                    let from = tap + channel * shape.cout + first;
                    to.copy_from_slice(&weight[from..from + count]);
                }
                at += width;
            }
            first += width;
        }
    }
    packed
}
