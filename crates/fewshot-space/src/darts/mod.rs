//! `darts`: the cells of NASNet and DARTS, a normal and a reduction one, in a deep network.
//!
//! A cell is described by a [`Genotype`]; an [`Arch`](crate::Arch) is its code in the decisions of [`DartsSpace`].
//! [`DartsSkeleton::layout`] has the sizes of everything. [`Relaxation`] is what gradient-based search looks at
//! instead of decisions.

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
pub use skeleton::{CellDesign, DartsSkeleton};
pub use space::{DartsSpace, NAME};
