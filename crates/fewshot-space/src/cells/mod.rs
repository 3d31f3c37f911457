//! Spaces of cells: NAS-Bench-201 and its relatives.

pub mod cell1296;
mod edge;
pub mod nasbench201;
mod op;
mod skeleton;
mod space;
mod text;

pub use edge::CellEdge;
pub use op::CellOp;
pub use skeleton::{CellSkeleton, Reduction};
pub use space::{CellSpace, supernet_params};

use crate::error::SpaceError;

/// The names of all cell spaces.
pub(crate) const NAMES: [&str; 2] = [nasbench201::NAME, cell1296::NAME];

impl CellSkeleton {
    /// The skeleton that the space called `name` has by default.
    ///
    /// # Errors
    /// [`SpaceError::Unknown`] for what is no cell space.
    pub fn default_for(name: &str) -> Result<CellSkeleton, SpaceError> {
        match name {
            nasbench201::NAME => Ok(nasbench201::default_skeleton()),
            cell1296::NAME => Ok(cell1296::default_skeleton()),
            _ => Err(SpaceError::unknown(name, NAMES)),
        }
    }
}

impl CellSpace {
    /// The cell space called `name`, in `skeleton`.
    ///
    /// # Errors
    /// [`SpaceError::Unknown`], with the name that was probably meant; [`SpaceError::Skeleton`] when a number of the
    /// skeleton is out of range.
    pub fn by_name(name: &str, skeleton: CellSkeleton) -> Result<CellSpace, SpaceError> {
        let space = match name {
            nasbench201::NAME => nasbench201::nasbench201,
            cell1296::NAME => cell1296::cell1296,
            _ => return Err(SpaceError::unknown(name, NAMES)),
        };
        skeleton.check().map_err(|error| SpaceError::Skeleton { space: name.into(), error })?;
        Ok(space(skeleton))
    }
}
