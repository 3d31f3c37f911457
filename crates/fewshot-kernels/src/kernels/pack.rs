//! Weights in the order in which the tile kernel reads them.

use super::plan::{Plan, Tap};
use super::shape::Shape;
use crate::memory::Buffer;

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
