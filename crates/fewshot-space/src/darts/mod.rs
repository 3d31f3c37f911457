//! `darts`: the cells of NASNet and DARTS, a normal and a reduction one, in a deep network.
//!
//! A cell is described by a [`Genotype`]; an [`Arch`](crate::Arch) is its code in the decisions of [`DartsSpace`].
//! [`DartsSkeleton::layout`] has the sizes of everything. [`Relaxation`] is what gradient-based search looks at
//! instead of decisions.
//!
//! ```
//! use fewshot_space::{DartsSkeleton, DartsSpace, Partition, Region, Space};
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let space = Arc::new(DartsSpace::new(DartsSkeleton::cifar10())?);
//! let arch = space.parse("few-shot")?;
//! assert_eq!(space.cost(&arch).params, 3_789_982);
//!
//! // One sub-space per operation on the edge from the first input to the first node of the normal cell.
//! let whole = Region::full(space.clone());
//! let parts = Partition::new(whole.clone(), whole.split(&[whole.decision("normal.0-2")?])?)?;
//! let owner = parts.route(&arch).expect("a partition owns every member of its whole");
//! assert_eq!(parts.regions()[owner].label(), "normal.0-2=skip_connect");
//!
//! // What DARTS derives within the part of 3x3 convolutions, from numbers that say nothing yet.
//! let relaxation = space.relaxation(&parts.regions()[3], true);
//! let alpha: Vec<Vec<f32>> = relaxation.rows().iter().map(|edge| vec![0.0; edge.columns.len()]).collect();
//! assert!(parts.regions()[3].contains(&relaxation.derive(&alpha)?));
//! # Ok(())
//! # }
//! ```

mod cost;
mod drawing;
mod encoding;
mod genotype;
mod isomorphism;
mod layout;
mod mutation;
mod op;
mod published;
mod relaxation;
mod skeleton;
mod space;
mod text;

pub use drawing::{CellDrawing, DrawnEdge};
pub use encoding::SupernetEdge;
pub use genotype::{CellPairs, Genotype, GenotypeError, Pair};
pub use layout::{AuxiliaryHead, CellKind, CellPlace};
pub use op::DartsOp;
pub use published::PUBLISHED;
pub use relaxation::{AlphaError, Relaxation, RelaxedEdge};
pub use skeleton::{CellDesign, DartsSkeleton, NAME};
pub use space::DartsSpace;
