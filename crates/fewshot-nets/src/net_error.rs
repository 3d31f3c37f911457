//! Why a network cannot be built, run or taken elsewhere.

use crate::values::WeightsError;
use crate::write::WriteError;

/// A path that the network cannot run.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The architecture needs an operation that this sub-supernet does not hold.
    #[error("{arch} lies outside the region `{region}` of this supernet: route it through the partition")]
    OutsideRegion {
        /// The architecture as text.
        arch: String,
        /// The region's label.
        region: String,
    },
    /// A per-cell path of the wrong length.
    #[error("a path of {found} architectures for {expected} cells")]
    PathLength {
        /// Architectures in the path.
        found: usize,
        /// Cells of the network.
        expected: usize,
    },
    /// A network that cannot be taken elsewhere.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The space has no mixed forward pass.
    #[error(
        "networks of the space {0} cannot run several options at once, which gradient-based methods need: choose a space of cells"
    )]
    NotMixed(String),
    /// A mix that does not fit the space.
    #[error("a mix of {found} decisions for a space of {expected}")]
    MixLength {
        /// Blends in the mix.
        found: usize,
        /// Decisions of the space.
        expected: usize,
    },
    /// The network's decisions work on part of the channels only.
    #[error("a network on partial channels runs mixes, no paths")]
    PartialPath,
    /// The network has no features to look at.
    #[error(
        "networks of {0} do not end in a linear layer, so that nothing tells what their features are: give a classifier"
    )]
    NoFeatures(String),
    /// The channels cannot be divided.
    #[error(
        "networks of {space} cannot work on one channel in {partial}: choose a width that is a multiple of {partial}"
    )]
    Partial {
        /// The space.
        space: String,
        /// Divisor.
        partial: usize,
    },
    /// The parent's weights do not fit.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The region is empty or otherwise unusable.
    #[error(transparent)]
    Region(#[from] fewshot_space::RegionError),
}
