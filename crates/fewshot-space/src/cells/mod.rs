//! Spaces of cells: NAS-Bench-201 and its relatives.

pub mod cell1296;
pub mod nasbench201;
mod op;
mod skeleton;
mod space;
mod text;

pub use op::CellOp;
pub use skeleton::{CellSkeleton, Reduction, SkeletonError};
pub use space::{CellEdge, CellSpace, supernet_params};

use crate::suggest;

/// The names of all spaces.
pub fn space_names() -> &'static [&'static str] {
    &[nasbench201::NAME, cell1296::NAME]
}

impl CellSkeleton {
    /// The skeleton that the space called `name` has by default.
    ///
    /// # Errors
    /// [`SpaceError::Unknown`].
    pub fn default_for(name: &str) -> Result<CellSkeleton, SpaceError> {
        match name {
            nasbench201::NAME => Ok(nasbench201::default_skeleton()),
            cell1296::NAME => Ok(cell1296::default_skeleton()),
            _ => Err(SpaceError::unknown(name)),
        }
    }
}

impl CellSpace {
    /// The space called `name`, in `skeleton`.
    ///
    /// # Errors
    /// [`SpaceError::Unknown`], with the name that was probably meant; [`SpaceError::Skeleton`] when a number of the
    /// skeleton is out of range.
    pub fn by_name(name: &str, skeleton: CellSkeleton) -> Result<CellSpace, SpaceError> {
        let space = match name {
            nasbench201::NAME => nasbench201::nasbench201,
            cell1296::NAME => cell1296::cell1296,
            _ => return Err(SpaceError::unknown(name)),
        };
        skeleton.check().map_err(|error| SpaceError::Skeleton { space: name.into(), error })?;
        Ok(space(skeleton))
    }
}

/// Why there is no such space.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpaceError {
    /// A name that is none of [`space_names`].
    #[error("unknown space `{name}`; {hint}")]
    Unknown {
        /// The name given.
        name: String,
        /// A near name, or all of them.
        hint: String,
    },
    /// A number of the network around the cells that is out of range.
    #[error("space {space}: {error}")]
    Skeleton {
        /// Name of the space.
        space: String,
        /// Which number.
        error: SkeletonError,
    },
}

impl SpaceError {
    fn unknown(name: &str) -> SpaceError {
        let hint = suggest::hint(name, space_names().iter().copied());
        SpaceError::Unknown { name: name.into(), hint }
    }
}
