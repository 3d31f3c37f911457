use crate::region::ENUMERATION_LIMIT;

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
