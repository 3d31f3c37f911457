//! Parts of a space.

mod counts;
mod draw;
mod error;
mod extent;
mod members;
mod part;
mod spec;
mod split;
mod vary;

pub(crate) use counts::{Counts, Overflow};
pub use error::RegionError;
pub use extent::Extent;
pub use part::{ENUMERATION_LIMIT, Region};
pub use spec::RegionSpec;
pub use split::PARTS_LIMIT;
