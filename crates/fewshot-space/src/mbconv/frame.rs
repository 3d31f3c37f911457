//! What is given of a network of inverted bottlenecks, and the geometry that follows from it.

use super::layers::{ConvShape, LinearShape, MbBlock, MbNet, Slot, strided};
use super::layout::Layout;
use crate::error::{SkeletonError, SpaceError};

/// Smallest and largest multiplier of the widths.
const WIDTHS: std::ops::RangeInclusive<f64> = 0.1..=4.0;

/// A number of channels as OFA and ProxylessNAS round it: to the nearest multiple of 8, halves up, at least 8, and 8 more where
/// that is less than 0.9 of `channels`.
///
/// In `f64` as theirs, so that widths come out the same. NaN and negative numbers give 8.
pub fn div8(channels: f64) -> usize {
    let nearest = ((channels + 4.0).max(0.0) as usize / 8 * 8).max(8);
    if (nearest as f64) < 0.9 * channels { nearest + 8 } else { nearest }
}

/// A layout with all numbers that are given and not decided.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub layout: &'static Layout,
    /// Multiplier of all widths.
    pub width: f64,
    pub channels_in: usize,
    pub classes: usize,
    pub stem_stride: usize,
    /// Stride of the first stage.
    pub first_stride: usize,
}

impl Frame {
    /// Checks every number; `space` is the name used in the error.
    pub fn check(&self, space: &str) -> Result<(), SpaceError> {
        if !WIDTHS.contains(&self.width) {
            let (least, most) = (WIDTHS.start(), WIDTHS.end());
            let reason = format!("width = {} is out of range: give {least} to {most}", self.width);
            return Err(SpaceError::Settings { space: space.into(), reason });
        }
        check_ranges(
            space,
            &[
                ("channels_in", self.channels_in, 1, 1024),
                ("classes", self.classes, 2, 1_000_000),
                ("stem_stride", self.stem_stride, 1, 2),
                ("first_stride", self.first_stride, 1, 2),
            ],
        )
    }

    /// A width of the table for this network.
    pub fn channels(&self, table: usize) -> usize {
        div8(table as f64 * self.width)
    }

    /// All slots, stage by stage.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        let stages = self.layout.stages.iter().enumerate();
        stages.flat_map(|(stage, table)| (0..table.blocks).map(move |position| Slot { stage, position }))
    }

    /// Channels in and out of the block at a slot.
    pub fn slot_channels(&self, slot: Slot) -> (usize, usize) {
        let stages = self.layout.stages;
        let before = match (slot.position, slot.stage) {
            (0, 0) => self.layout.first,
            (0, stage) => stages[stage - 1].width,
            (_, stage) => stages[stage].width,
        };
        (self.channels(before), self.channels(stages[slot.stage].width))
    }

    /// Stride of the block at a slot.
    pub fn stride(&self, slot: Slot) -> usize {
        match (slot.position, slot.stage) {
            (0, 0) => self.first_stride,
            (0, stage) => self.layout.stages[stage].stride,
            _ => 1,
        }
    }

    /// Whether the block at a slot gives what it takes: as many channels, and as large a map.
    pub fn keeps_shape(&self, slot: Slot) -> bool {
        let (input, output) = self.slot_channels(slot);
        input == output && self.stride(slot) == 1
    }

    /// The block at a slot, for images of `image` = (height, width).
    pub fn block(&self, slot: Slot, kernel: usize, expansion: usize, image: (usize, usize)) -> MbBlock {
        let (input, output) = self.slot_channels(slot);
        let stage = &self.layout.stages[slot.stage];
        // Python's `round` would change nothing: the product is whole.
        let mid = div8((input * expansion) as f64);
        MbBlock {
            slot: Some(slot),
            input,
            mid,
            output,
            kernel,
            expansion,
            stride: self.stride(slot),
            size: self.size_before(slot, image),
            nonlinearity: stage.nonlinearity,
            squeeze: stage.has_squeeze.then(|| div8((mid / 4) as f64)),
            has_skip: self.keeps_shape(slot),
        }
    }

    /// The network with these blocks at its slots.
    pub fn net(&self, image: (usize, usize), blocks: impl IntoIterator<Item = MbBlock>) -> MbNet {
        let stem = self.stem(image);
        let first = self.first_block(image);
        let last = self.layout.stages.len() - 1;
        let final_size = self.size_before(Slot { stage: last, position: 1 }, image);
        let pointwise = |input, output, size, batch_norm| {
            let nonlinearity = self.layout.nonlinearity;
            ConvShape { input, output, kernel: 1, stride: 1, size, batch_norm, nonlinearity }
        };
        let expanded = self.channels(self.layout.final_expand);
        let final_expand = pointwise(self.channels(self.layout.stages[last].width), expanded, final_size, true);
        let feature_mix = self.layout.feature_mix.map(|mixed| pointwise(expanded, self.channels(mixed), (1, 1), false));
        let features = feature_mix.map_or(expanded, |mix| mix.output);
        MbNet {
            stem,
            blocks: std::iter::once(first).chain(blocks).collect(),
            final_expand,
            feature_mix,
            classifier: LinearShape { inputs: features, outputs: self.classes },
            batch_norm_epsilon: self.layout.batch_norm_epsilon,
        }
    }

    fn stem(&self, image: (usize, usize)) -> ConvShape {
        ConvShape {
            input: self.channels_in,
            output: self.channels(self.layout.stem),
            kernel: 3,
            stride: self.stem_stride,
            size: image,
            batch_norm: true,
            nonlinearity: self.layout.nonlinearity,
        }
    }

    /// The block behind the stem: kernel 3, no expansion, stride 1.
    fn first_block(&self, image: (usize, usize)) -> MbBlock {
        let (input, output) = (self.channels(self.layout.stem), self.channels(self.layout.first));
        MbBlock {
            slot: None,
            input,
            mid: input,
            output,
            kernel: 3,
            expansion: 1,
            stride: 1,
            size: strided(image, self.stem_stride),
            nonlinearity: self.layout.first_nonlinearity,
            squeeze: None,
            has_skip: self.layout.first_may_skip && input == output,
        }
    }

    /// Height and width of what the block at a slot reads.
    fn size_before(&self, slot: Slot, image: (usize, usize)) -> (usize, usize) {
        let first = |stage| self.stride(Slot { stage, position: 0 });
        let stages = if slot.position == 0 { slot.stage } else { slot.stage + 1 };
        (0..stages).map(first).fold(strided(image, self.stem_stride), strided)
    }
}

/// The first of (field, value, least, most) that is out of its range, as the error of opening `space`.
pub(super) fn check_ranges(space: &str, ranges: &[(&'static str, usize, usize, usize)]) -> Result<(), SpaceError> {
    SkeletonError::check(ranges).map_err(|error| SpaceError::Skeleton { space: space.into(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_rounded_as_published() {
        let widths = [16, 16, 24, 40, 80, 112, 160, 960, 1280];
        assert_eq!(widths.map(|width| div8(f64::from(width) * 1.2)), [24, 24, 32, 48, 96, 136, 192, 1152, 1536]);
        assert_eq!(widths.map(|width| div8(f64::from(width))), widths.map(|width| width as usize));
    }

    #[test]
    fn halves_go_up_and_a_tenth_is_not_lost() {
        assert_eq!([1.0, 11.9, 12.0, 19.9, 20.0].map(div8), [8, 16, 16, 24, 24]);
        // 18 would be 16, which is less than nine tenths of it.
        assert_eq!([17.0, 17.7, 18.0, 72.0 / 4.0].map(div8), [16, 16, 24, 24]);
        assert_eq!([f64::NAN, -5.0, 0.0].map(div8), [8, 8, 8]);
    }
}
