use super::op::CellOp;
use crate::cost::Cost;
use crate::error::SkeletonError;
use serde::{Deserialize, Serialize};

/// How the network halves the image and doubles the channels between two stages.
///
/// Both give ceil(height / 2) x ceil(width / 2) pixels, as a 3x3 convolution with stride 2 and padding 1 does; where an odd
/// side leaves 2x2 average pooling half a window, it averages the pixels that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// The residual block of NAS-Bench-201: \[ReLU, 3x3 convolution with stride 2, BN\], \[ReLU, 3x3 convolution, BN\], added
    /// to the shortcut \[2x2 average pooling with stride 2, 1x1 convolution\]. No bias anywhere, no BN on the shortcut.
    Residual,
    /// 2x2 average pooling with stride 2, and as many channels of zeros appended: no weights. All learning is left to
    /// the cells, so that their operations matter.
    Pool,
}

/// The network around a cell: stem, three stages of equal cells with a reduction between stages, head.
///
/// stem: 3x3 convolution to [`width`](CellSkeleton::width) channels, BN. Head: BN, ReLU, global average pooling, linear
/// layer with bias.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellSkeleton {
    /// Height of an input image in pixels, 1 to 2048.
    pub image_height: usize,
    /// Width of an input image in pixels, 1 to 2048.
    pub image_width: usize,
    /// Channels of an input image, 1 to 1024.
    pub channels_in: usize,
    /// Number of classes, 2 to 1,000,000.
    pub classes: usize,
    /// Channels in the first stage, 1 to 2048; each further stage has twice as many.
    pub width: usize,
    /// Cells per stage, 1 to 100.
    pub cells: usize,
    /// What is between two stages.
    pub reduction: Reduction,
}

impl CellSkeleton {
    /// Number of stages.
    pub const STAGES: usize = 3;

    /// Channels of the cells in stage `stage` (0, 1, 2).
    pub fn channels(&self, stage: usize) -> usize {
        (0..stage).fold(self.width, |channels, _| channels.saturating_mul(2))
    }

    /// Height and width of the feature maps in stage `stage` (0, 1, 2): halved per stage, rounded up.
    pub fn size(&self, stage: usize) -> (usize, usize) {
        (0..stage)
            .fold((self.image_height, self.image_width), |(height, width), _| (height.div_ceil(2), width.div_ceil(2)))
    }

    /// Checks that every field is in its range.
    ///
    /// # Errors
    /// [`SkeletonError`] names the first field that is not.
    pub fn check(&self) -> Result<(), SkeletonError> {
        let ranges = [
            ("image_height", self.image_height, 1, 2048),
            ("image_width", self.image_width, 1, 2048),
            ("channels_in", self.channels_in, 1, 1024),
            ("classes", self.classes, 2, 1_000_000),
            ("width", self.width, 1, 2048),
            ("cells", self.cells, 1, 100),
        ];
        SkeletonError::check(&ranges)
    }

    /// Cost of everything but the cells, batch normalisation with scale and shift.
    pub(crate) fn fixed_cost(&self) -> Cost {
        let last = self.channels(Self::STAGES - 1);
        let stem = Cost::conv(3, self.channels_in, self.width, self.size(0)) + Cost::batch_norm(self.width);
        let reductions: Cost = (1..Self::STAGES).map(|stage| self.reduction_cost(stage)).sum();
        stem + reductions + Cost::batch_norm(last) + Cost::linear(last, self.classes)
    }

    /// Cost of the reduction before stage `stage`.
    fn reduction_cost(&self, stage: usize) -> Cost {
        let (from, to, size) = (self.channels(stage - 1), self.channels(stage), self.size(stage));
        match self.reduction {
            Reduction::Residual => {
                let branch = Cost::conv(3, from, to, size) + Cost::conv(3, to, to, size);
                branch + Cost::batch_norm(to).times(2) + Cost::conv(1, from, to, size)
            }
            Reduction::Pool => Cost::ZERO,
        }
    }

    /// Cost of one edge with operation `op` in all cells of the network together.
    pub(crate) fn edge_cost(&self, op: CellOp, affine: bool) -> Cost {
        let per_stage = |stage| op.cost(self.channels(stage), self.size(stage), affine).times(self.cells);
        (0..Self::STAGES).map(per_stage).sum()
    }
}
