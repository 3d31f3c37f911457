use crate::arch::ArchError;
use crate::feature::{Feature, Filter};

/// Why a region cannot be made, or cannot give what was asked of it.
///
/// `region` is the region's [label](super::Region::label).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegionError {
    /// An architecture that does not fit the space.
    #[error(transparent)]
    Arch(#[from] ArchError),
    /// A decision index that the space does not have.
    #[error("there is no decision number {index}: {space} has {count}, counted from 0")]
    NoSuchDecision {
        /// Name of the space.
        space: String,
        /// The index given.
        index: usize,
        /// Number of decisions.
        count: usize,
    },
    /// A decision name that the space does not have.
    #[error("{space} has no decision `{name}`; {hint}")]
    UnknownDecision {
        /// Name of the space.
        space: String,
        /// The name given.
        name: String,
        /// A near name, or all of them.
        hint: String,
    },
    /// An option name that the decision does not have.
    #[error("decision {decision} of {space} has no option `{name}`; {hint}")]
    UnknownOption {
        /// Name of the space.
        space: String,
        /// Name of the decision.
        decision: String,
        /// The name given.
        name: String,
        /// A near name, or all of them.
        hint: String,
    },
    /// A restriction that leaves a decision without options.
    #[error("no option of decision {decision} would be left in region {region}: allow one that the region has")]
    NoOption {
        /// The region that was to be restricted.
        region: String,
        /// Name of the decision.
        decision: String,
    },
    /// A description of a region of another space.
    #[error("the region belongs to space {found}, not to {expected}")]
    OtherSpace {
        /// Name of the space at hand.
        expected: String,
        /// Name in the description.
        found: String,
    },
    /// A filter that nothing can pass.
    #[error("no {} is at least {} and at most {}: swap the bounds", .0.feature, .0.min, .0.max)]
    EmptyFilter(Filter),
    /// More than 2^128 - 1 members.
    #[error("region {region} has more architectures than can be counted (2^128 and over): restrict it")]
    Uncountable {
        /// The region.
        region: String,
    },
    /// Too many members to list, and nothing but listing would answer.
    #[error(
        "region {region} has a filter, so its members can only be counted one by one, and {members} before filtering \
         are over the limit of {limit}: restrict it further"
    )]
    TooLarge {
        /// The region.
        region: String,
        /// Members before filtering.
        members: u128,
        /// The largest number that is listed.
        limit: u128,
    },
    /// No member at all passes the filters.
    #[error("region {region} is empty: none of its {members} architectures passes the filters; seen: {seen}")]
    Empty {
        /// The region.
        region: String,
        /// Members before filtering, all of which were looked at.
        members: u128,
        /// The values that the filtered features take.
        seen: String,
    },
    /// No member was found that passes the filters.
    #[error("none of {draws} architectures drawn from region {region} passes its filters; seen: {seen}: widen them")]
    NotFound {
        /// The region.
        region: String,
        /// How many were drawn.
        draws: usize,
        /// The values of the filtered features among them.
        seen: String,
    },
    /// An architecture outside the region.
    #[error("architecture {arch} is not in region {region}")]
    NotMember {
        /// Text form of the architecture.
        arch: String,
        /// The region.
        region: String,
    },
    /// No other member differs from the architecture in one decision only.
    #[error("no single change of architecture {arch} stays in region {region}: draw another one instead")]
    NoNeighbour {
        /// Text form of the architecture.
        arch: String,
        /// The region.
        region: String,
    },
    /// A split on a decision that is inert in some members, which then would belong to several parts.
    #[error(
        "region {region} cannot be split on {decision}, which is inert unless {condition}: split or restrict {parent} first"
    )]
    MayBeInert {
        /// The region.
        region: String,
        /// Name of the decision.
        decision: String,
        /// Name of the decision on which it depends.
        parent: String,
        /// The options of `parent` that switch it on, as text.
        condition: String,
    },
    /// A decision named twice in a split.
    #[error("decision {decision} is named twice: a split takes each decision once")]
    Repeated {
        /// Name of the decision.
        decision: String,
    },
    /// A split into more parts than anybody trains.
    #[error("the split would give {parts} parts, over the limit of {limit}: split on fewer decisions")]
    TooManyParts {
        /// Number of parts.
        parts: u128,
        /// The limit.
        limit: usize,
    },
    /// Bounds of a split that do not ascend, or that lie outside the region's own range.
    #[error(
        "bounds {bounds:?} do not split {feature} of region {region}: they must ascend and lie in {least}..={most}"
    )]
    Bounds {
        /// The region.
        region: String,
        /// What it was to be split on.
        feature: Feature,
        /// The bounds given.
        bounds: Vec<u64>,
        /// The smallest bound that leaves something below it.
        least: u64,
        /// The largest bound that leaves something at or above it.
        most: u64,
    },
}
