//! What the parts of a network cost, apart from the operations of its cells.

use super::layout::{AuxiliaryHead, CellPlace};
use super::op::{DartsOp, factorized_reduce, relu_conv_norm};
use super::skeleton::DartsSkeleton;
use crate::cost::Cost;

impl CellPlace {
    /// Cost of what makes the cell's states 0 and 1 of the two outputs before it.
    fn inputs_cost(&self, affine: bool) -> Cost {
        let first = match self.reduces_first {
            true => factorized_reduce(self.before_previous, self.channels, self.input_size, affine),
            false => relu_conv_norm(self.before_previous, self.channels, self.input_size, affine),
        };
        first + relu_conv_norm(self.previous, self.channels, self.input_size, affine)
    }

    /// Cost of operation `op` on an edge from state `from`.
    pub(super) fn op_cost(&self, op: DartsOp, from: usize, affine: bool) -> Cost {
        op.cost(self.channels, self.kind.stride(from), self.size, affine)
    }
}

impl DartsSkeleton {
    /// Cost of everything but the operations; `affine`: whether the batch normalisations in the cells have scale and
    /// shift (the stem's always has).
    pub(super) fn fixed_cost(&self, affine: bool) -> Cost {
        let size = (self.image_height, self.image_width);
        let stem = Cost::conv(3, self.channels_in, self.stem_channels(), size) + Cost::batch_norm(self.stem_channels());
        let inputs: Cost = self.layout().iter().map(|place| place.inputs_cost(affine)).sum();
        stem + inputs + Cost::linear(self.last_channels(), self.classes)
    }
}

impl AuxiliaryHead {
    /// Its cost, which no other cost includes.
    pub fn cost(&self, classes: usize) -> Cost {
        let (inner, outer) = AuxiliaryHead::CHANNELS;
        let kernel = AuxiliaryHead::KERNEL;
        let read = (self.pooled.0.saturating_sub(kernel - 1), self.pooled.1.saturating_sub(kernel - 1));
        let first = Cost::conv(1, self.channels, inner, self.pooled) + Cost::batch_norm(inner);
        let second = Cost::conv(kernel, inner, outer, read) + Cost::batch_norm(outer);
        first + second + Cost::linear(outer, classes)
    }
}
