use crate::arch::Arch;
use crate::space::Space;
use crate::suggest;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A number that any architecture of any space has without being trained.
///
/// The structural ones are counted on [`Space::graph`]: over *live* operations only, those on a path from input to
/// output. All are 0 for an architecture without such a path ([`Graph::is_dead`](crate::Graph::is_dead) tells).
/// The names in text and files are those of [`Feature::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// Live operations but identities: convolutions and pools.
    LiveOps,
    /// Live operations that are not linear: convolutions with their activation, and max pools.
    LiveNonlinear,
    /// Live convolutions.
    LiveConvs,
    /// The most non-linear operations on a path from input to output.
    LongestPath,
    /// The fewest non-linear operations on a path from input to output.
    ShortestPath,
    /// Multiply-accumulate operations for one image ([`Space::cost`]).
    Macs,
    /// Trainable parameters ([`Space::cost`]).
    Params,
    /// Predicted microseconds for one image ([`Space::latency`]); `u64::MAX` where the space has no prediction, so that no
    /// limit lets it through unmeasured.
    #[serde(rename = "latency_us")]
    Latency,
}

impl Feature {
    /// Every feature.
    pub const ALL: [Feature; 8] = [
        Feature::LiveOps,
        Feature::LiveNonlinear,
        Feature::LiveConvs,
        Feature::LongestPath,
        Feature::ShortestPath,
        Feature::Macs,
        Feature::Params,
        Feature::Latency,
    ];

    /// The feature's value for `arch`, which must be valid for `space`.
    pub fn of(self, space: &dyn Space, arch: &Arch) -> u64 {
        match self {
            Feature::LiveOps => space.graph(arch).live_ops(),
            Feature::LiveNonlinear => space.graph(arch).live_nonlinear(),
            Feature::LiveConvs => space.graph(arch).live_convs(),
            Feature::LongestPath => space.graph(arch).longest_path(),
            Feature::ShortestPath => space.graph(arch).shortest_path(),
            Feature::Macs => space.cost(arch).macs,
            Feature::Params => space.cost(arch).params,
            Feature::Latency => space.latency(arch).unwrap_or(u64::MAX),
        }
    }

    /// Its name in text and files: `live_ops`, `live_nonlinear`, `live_convs`, `longest_path`, `shortest_path`, `macs`,
    /// `params`, `latency_us`.
    pub fn name(self) -> &'static str {
        match self {
            Feature::LiveOps => "live_ops",
            Feature::LiveNonlinear => "live_nonlinear",
            Feature::LiveConvs => "live_convs",
            Feature::LongestPath => "longest_path",
            Feature::ShortestPath => "shortest_path",
            Feature::Macs => "macs",
            Feature::Params => "params",
            Feature::Latency => "latency_us",
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Feature {
    type Err = UnknownFeature;

    fn from_str(name: &str) -> Result<Feature, UnknownFeature> {
        Feature::ALL.into_iter().find(|feature| feature.name() == name).ok_or_else(|| UnknownFeature {
            name: name.into(),
            hint: suggest::hint(name, Feature::ALL.into_iter().map(Feature::name)),
        })
    }
}

/// A name that is none of the features.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown feature `{name}`; {hint}")]
pub struct UnknownFeature {
    /// The name given.
    pub name: String,
    /// A near name, or all of them.
    pub hint: String,
}

/// A condition on an architecture: a feature lies in a range, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// What is measured.
    pub feature: Feature,
    /// The smallest value that passes. Default 0.
    #[serde(default, skip_serializing_if = "is_least")]
    pub min: u64,
    /// The largest value that passes. Default `u64::MAX`: no limit.
    #[serde(default = "greatest", skip_serializing_if = "is_greatest")]
    pub max: u64,
}

fn is_least(value: &u64) -> bool {
    *value == 0
}

fn greatest() -> u64 {
    u64::MAX
}

fn is_greatest(value: &u64) -> bool {
    *value == u64::MAX
}

impl Filter {
    /// Passes architectures with at most `max`.
    pub fn at_most(feature: Feature, max: u64) -> Filter {
        Filter { feature, min: 0, max }
    }

    /// Whether `arch` passes.
    pub fn passes(&self, space: &dyn Space, arch: &Arch) -> bool {
        (self.min..=self.max).contains(&self.feature.of(space, arch))
    }
}

/// `macs<=8000000`, `live_convs>=2`, `live_convs=3`, `2<=live_convs<=5`, or `0<=macs` when everything passes.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Filter { feature, min, max } = self;
        match (*min, *max) {
            (0, u64::MAX) => write!(f, "0<={feature}"),
            (min, max) if min == max => write!(f, "{feature}={min}"),
            (0, max) => write!(f, "{feature}<={max}"),
            (min, u64::MAX) => write!(f, "{feature}>={min}"),
            (min, max) => write!(f, "{min}<={feature}<={max}"),
        }
    }
}
