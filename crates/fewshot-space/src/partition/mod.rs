//! Disjoint regions that cover a whole.

mod proof;

use crate::arch::Arch;
use crate::region::{ENUMERATION_LIMIT, Region};

/// Regions that are disjoint and together hold every member of a whole, and nothing else: proven when it is made.
///
/// Thus every architecture of the whole has exactly one owner, the region whose supernet scores it. A region may be empty
/// where filters leave it nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    whole: Region,
    regions: Vec<Region>,
}

impl Partition {
    /// Takes `regions` as a partition of `whole`, after proving that they are one.
    ///
    /// Regions that differ in their options are compared by counting with exact set algebra, regions that differ in the
    /// range of one feature by comparing ranges; the two may be combined, a product split first and ranges of one feature
    /// within each product. Neither looks at single architectures, so both work in spaces of any countable size. Anything
    /// else is checked one architecture at a time, up to [`ENUMERATION_LIMIT`].
    ///
    /// All regions must share one space object: make them from `whole`.
    ///
    /// # Errors
    /// [`PartitionError`], with an architecture that shows what is wrong.
    pub fn new(whole: Region, regions: Vec<Region>) -> Result<Partition, PartitionError> {
        if regions.is_empty() {
            return Err(PartitionError::NoRegions);
        }
        if let Some(index) = regions.iter().position(|region| !region.same_space(&whole)) {
            let space = whole.space().name().into();
            return Err(PartitionError::OtherSpace { region: regions[index].label(), index, space });
        }
        proof::prove(&whole, &regions)?;
        Ok(Partition { whole, regions })
    }

    /// What is partitioned.
    pub fn whole(&self) -> &Region {
        &self.whole
    }

    /// The regions, in the order given.
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// The index of the region that owns `arch`; `None` when `arch` is not in the whole.
    pub fn route(&self, arch: &Arch) -> Option<usize> {
        self.regions.iter().position(|region| region.contains(arch))
    }
}

/// Why regions are no partition. Regions are given by label and position, counted from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartitionError {
    /// An empty list.
    #[error("a partition needs at least one region")]
    NoRegions,
    /// A region of another space object.
    #[error("region {index} ({region}) was not made from this {space}: make all regions of a partition from its whole")]
    OtherSpace {
        /// The region.
        region: String,
        /// Its position.
        index: usize,
        /// Name of the whole's space.
        space: String,
    },
    /// A region with a member that is not in the whole.
    #[error("region {index} ({region}) reaches outside {whole}: it has {arch}")]
    Outside {
        /// The region.
        region: String,
        /// Its position.
        index: usize,
        /// The whole.
        whole: String,
        /// Text form of the member.
        arch: String,
    },
    /// Two regions with a common member.
    #[error("regions {} ({}) and {} ({}) overlap: both have {arch}", .indices.0, .regions.0, .indices.1, .regions.1)]
    Overlap {
        /// The regions.
        regions: (String, String),
        /// Their positions.
        indices: (usize, usize),
        /// Text form of the member.
        arch: String,
    },
    /// A member of the whole that no region has.
    #[error("no region has {arch}, which is in {whole}")]
    Gap {
        /// The whole.
        whole: String,
        /// Text form of the member.
        arch: String,
    },
    /// Regions for which neither algebra nor listing gives an answer.
    #[error(
        "cannot tell whether the regions partition {whole}: they mix filters in a way that only listing would decide, and \
         {region} has more than {} members before filtering; split on decisions, or on one feature",
        ENUMERATION_LIMIT
    )]
    Undecided {
        /// The whole.
        whole: String,
        /// The whole, or the region, that is too large to be listed.
        region: String,
    },
}
