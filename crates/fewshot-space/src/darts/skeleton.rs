use serde::{Deserialize, Serialize};

use super::op::DartsOp;
use crate::error::SkeletonError;

/// The space's name.
pub const NAME: &str = "darts";

/// What a cell may be made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CellDesign {
    /// Four nodes, seven operations, two different states read by each node (Liu et al., ICLR 2019).
    #[default]
    Darts,
    /// Five nodes, four operations, and a node may put two of them on one edge; of the five, the last four are the
    /// cell's output. The design of one-shot LaNAS as released (Wang et al., <https://arxiv.org/abs/1906.06832>).
    LaNas,
}

impl CellDesign {
    /// Intermediate nodes of a cell.
    pub fn nodes(self) -> usize {
        match self {
            CellDesign::Darts => 4,
            CellDesign::LaNas => 5,
        }
    }

    /// States of a cell: its two inputs, then its nodes.
    pub fn states(self) -> usize {
        2 + self.nodes()
    }

    /// The states whose concatenation is the cell's output: the last four.
    pub fn concat(self) -> std::ops::Range<usize> {
        self.states() - 4..self.states()
    }

    /// The operations to choose from, in the order of the options.
    pub fn ops(self) -> &'static [DartsOp] {
        match self {
            CellDesign::Darts => &DartsOp::ALL,
            CellDesign::LaNas => &[DartsOp::MaxPool3x3, DartsOp::SkipConnect, DartsOp::SepConv3x3, DartsOp::SepConv5x5],
        }
    }

    /// Whether a node may read one state twice, by two operations.
    pub fn may_repeat_input(self) -> bool {
        self == CellDesign::LaNas
    }
}

/// The network around the cells, and what these may be made of.
///
/// Stem: 3x3 convolution to 3 x [`width`](DartsSkeleton::width) channels, batch normalisation. Then the cells, each
/// of which reads the outputs of the two before it; those at a third and at two thirds of the depth halve the map and
/// double the channels. Head: global average pooling, linear layer with bias. [`layout`](DartsSkeleton::layout) has
/// all sizes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DartsSkeleton {
    /// Height of an input image in pixels, 1 to 2048.
    pub image_height: usize,
    /// Width of an input image in pixels, 1 to 2048.
    pub image_width: usize,
    /// Channels of an input image, 1 to 1024.
    pub channels_in: usize,
    /// Number of classes, 2 to 1,000,000.
    pub classes: usize,
    /// Channels of a node in the first cells, 1 to 2048.
    pub width: usize,
    /// Number of cells, 3 to 100.
    pub cells: usize,
    /// What a cell may be made of.
    #[serde(default)]
    pub design: CellDesign,
}

impl DartsSkeleton {
    /// The small final network of the field on CIFAR-10: 36 channels, 20 cells.
    pub fn cifar10() -> DartsSkeleton {
        DartsSkeleton {
            image_height: 32,
            image_width: 32,
            channels_in: 3,
            classes: 10,
            width: 36,
            cells: 20,
            design: CellDesign::Darts,
        }
    }

    /// Checks that every field is in its range.
    ///
    /// # Errors
    /// [`SkeletonError`] names the first field that is not.
    pub fn check(&self) -> Result<(), SkeletonError> {
        SkeletonError::check(&[
            ("image_height", self.image_height, 1, 2048),
            ("image_width", self.image_width, 1, 2048),
            ("channels_in", self.channels_in, 1, 1024),
            ("classes", self.classes, 2, 1_000_000),
            ("width", self.width, 1, 2048),
            // With fewer there is no normal cell.
            ("cells", self.cells, 3, 100),
        ])
    }
}
