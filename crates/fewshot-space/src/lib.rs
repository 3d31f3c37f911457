//! Search spaces for few-shot neural architecture search, without tensors.
//!
//! A [`Space`] is a list of [`Decision`]s; an [`Arch`] takes one option of each. A [`Region`] is the part of a space that
//! one supernet covers: the allowed options per decision and, if wanted, a [`Filter`] on a structural [`Feature`] or a cost. It
//! counts, draws, lists, varies and splits. A [`Partition`] is a list of regions that are *proven* to be disjoint and to cover
//! their whole, and routes an architecture to the one that owns it.
//!
//! ```
//! use fewshot_space::{Partition, Region, Space, nasbench201, random};
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let space = Arc::new(nasbench201::nasbench201(nasbench201::default_skeleton()));
//! let whole = Region::full(space.clone());
//! assert_eq!(whole.size()?, 15_625);
//!
//! // One sub-space per operation on the edge from the cell's input to its first node.
//! let parts = Partition::new(whole.clone(), whole.split(&[whole.decision("e0")?])?)?;
//! assert_eq!(parts.regions()[3].label(), "e0=nor_conv_3x3");
//!
//! let arch = whole.sample(&mut random::stream(0, "example", 0, 0))?;
//! let owner = parts.route(&arch).expect("a partition owns every member of its whole");
//! assert!(parts.regions()[owner].contains(&arch));
//! println!("{} costs {:?}", space.format(&arch), space.cost(&arch));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod arch;
mod around;
pub mod autogan;
mod cells;
mod cost;
pub mod darts;
mod decision;
mod encoding;
mod error;
mod feature;
mod graph;
pub mod mbconv;
mod option_set;
mod partition;
pub mod random;
mod region;
mod relaxed;
pub mod shares;
mod space;
pub mod stages;
pub mod suggest;
pub mod testing;
mod text;
mod timed;

pub use arch::{Arch, ArchError};
pub use around::Around;
pub use autogan::{AutoGanSkeleton, AutoGanSpace, AutoGanSplit};
pub use cells::{CellEdge, CellOp, CellSkeleton, CellSpace, Reduction, cell1296, nasbench201, supernet_params};
pub use cost::Cost;
pub use darts::{DartsSkeleton, DartsSpace};
pub use decision::{Activation, Decision};
pub use error::{SkeletonError, SpaceError};
pub use feature::{Feature, Filter, UnknownFeature};
pub use graph::{Edge, Graph, OpKind};
pub use mbconv::{OfaMbv3Skeleton, OfaMbv3Space, OfaSplit, ProxylessSkeleton, ProxylessSpace};
pub use option_set::{OptionSet, OptionSetError};
pub use partition::{Partition, PartitionError};
pub use region::{ENUMERATION_LIMIT, Extent, PARTS_LIMIT, Region, RegionError, RegionSpec};
pub use relaxed::{Largest, Relaxed, RelaxedRow};
pub use space::Space;
pub use stages::{BlockShape, StageBlock, StageSkeleton, StageSpace};
pub use text::{ParseArchError, ParseProblem};
pub use timed::Timed;
