//! The spaces that come with the program, by name.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cells::{self, CellSkeleton, CellSpace};
use crate::space::Space;
use crate::stages::{self, StageSkeleton, StageSpace};
use crate::suggest;

/// The names of all spaces.
pub fn space_names() -> &'static [&'static str] {
    &[stages::NAME, cells::nasbench201::NAME, cells::cell1296::NAME]
}

/// What is given and not decided of the networks of a space: the size of images, the number of classes and, where they are no
/// decisions, width and depth. In files it is told by its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Skeleton {
    /// The network around the cells of a [`CellSpace`].
    Cells(CellSkeleton),
    /// Images and classes of a [`StageSpace`].
    Stages(StageSkeleton),
}

impl Skeleton {
    /// The skeleton that the space called `name` has by default: 32x32 colour images of 10 classes.
    ///
    /// # Errors
    /// [`SpaceError::Unknown`].
    pub fn default_for(name: &str) -> Result<Skeleton, SpaceError> {
        match name {
            stages::NAME => {
                let skeleton = StageSkeleton { image_height: 32, image_width: 32, channels_in: 3, classes: 10 };
                Ok(Skeleton::Stages(skeleton))
            }
            name if cells::NAMES.contains(&name) => CellSkeleton::default_for(name).map(Skeleton::Cells),
            _ => Err(SpaceError::unknown(name, space_names().iter().copied())),
        }
    }

    /// Checks that every number is in its range.
    ///
    /// # Errors
    /// [`SkeletonError`] names the first that is not.
    pub fn check(&self) -> Result<(), SkeletonError> {
        match self {
            Skeleton::Cells(cells) => cells.check(),
            Skeleton::Stages(stages) => stages.check(),
        }
    }

    /// Height, width and channels of the images.
    pub fn image(&self) -> [usize; 3] {
        match self {
            Skeleton::Cells(cells) => [cells.image_height, cells.image_width, cells.channels_in],
            Skeleton::Stages(stages) => [stages.image_height, stages.image_width, stages.channels_in],
        }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        match self {
            Skeleton::Cells(cells) => cells.classes,
            Skeleton::Stages(stages) => stages.classes,
        }
    }
}

/// A space that comes with the program.
#[derive(Clone, Debug)]
pub enum BuiltinSpace {
    /// One cell everywhere in a fixed skeleton.
    Cells(Arc<CellSpace>),
    /// Stages of blocks, sizes decided.
    Stages(Arc<StageSpace>),
}

impl BuiltinSpace {
    /// The space called `name`, in `skeleton`.
    ///
    /// # Errors
    /// [`SpaceError::Unknown`], with the name that was probably meant; [`SpaceError::Skeleton`] when a number of the
    /// skeleton is out of range; [`SpaceError::Mismatch`] when the skeleton is one of another kind of space.
    pub fn open(name: &str, skeleton: Skeleton) -> Result<BuiltinSpace, SpaceError> {
        match (name, skeleton) {
            (stages::NAME, Skeleton::Stages(skeleton)) => {
                skeleton.check().map_err(|error| SpaceError::Skeleton { space: name.into(), error })?;
                Ok(BuiltinSpace::Stages(Arc::new(StageSpace::new(skeleton))))
            }
            (name, Skeleton::Cells(skeleton)) if name != stages::NAME => {
                // An unknown name is told with all that there are, not with the cell spaces alone.
                Skeleton::default_for(name)?;
                Ok(BuiltinSpace::Cells(Arc::new(CellSpace::by_name(name, skeleton)?)))
            }
            (name, _) => {
                Skeleton::default_for(name)?;
                Err(SpaceError::Mismatch { space: name.into() })
            }
        }
    }

    /// The space called `name` for images of 32x32 pixels and 10 classes, at its default size: to look at.
    ///
    /// # Errors
    /// [`SpaceError::Unknown`].
    pub fn default_for(name: &str) -> Result<BuiltinSpace, SpaceError> {
        BuiltinSpace::open(name, Skeleton::default_for(name)?)
    }

    /// As a space.
    pub fn space(&self) -> Arc<dyn Space> {
        match self {
            BuiltinSpace::Cells(space) => space.clone(),
            BuiltinSpace::Stages(space) => space.clone(),
        }
    }

    /// As a cell space, where it is one.
    pub fn cells(&self) -> Option<&Arc<CellSpace>> {
        match self {
            BuiltinSpace::Cells(space) => Some(space),
            BuiltinSpace::Stages(_) => None,
        }
    }

    /// What is given and not decided.
    pub fn skeleton(&self) -> Skeleton {
        match self {
            BuiltinSpace::Cells(space) => Skeleton::Cells(space.skeleton().clone()),
            BuiltinSpace::Stages(space) => Skeleton::Stages(space.skeleton().clone()),
        }
    }
}

/// A number of a skeleton that is out of range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} = {value} is out of range: give {min} to {max}")]
pub struct SkeletonError {
    /// Name of the field.
    pub field: &'static str,
    /// The value given.
    pub value: usize,
    /// The smallest value allowed.
    pub min: usize,
    /// The largest value allowed.
    pub max: usize,
}

impl SkeletonError {
    /// The first of (field, value, least, most) that is out of its range.
    pub(crate) fn check(ranges: &[(&'static str, usize, usize, usize)]) -> Result<(), SkeletonError> {
        match ranges.iter().find(|(_, value, min, max)| !(min..=max).contains(&value)) {
            Some(&(field, value, min, max)) => Err(SkeletonError { field, value, min, max }),
            None => Ok(()),
        }
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
    /// A number of the network around what is decided that is out of range.
    #[error("space {space}: {error}")]
    Skeleton {
        /// Name of the space.
        space: String,
        /// Which number.
        error: SkeletonError,
    },
    /// A skeleton of another kind of space.
    #[error("space {space}: the skeleton has the fields of another kind of space")]
    Mismatch {
        /// Name of the space.
        space: String,
    },
}

impl SpaceError {
    pub(crate) fn unknown(name: &str, known: impl IntoIterator<Item = &'static str>) -> SpaceError {
        let known: Vec<&str> = known.into_iter().collect();
        SpaceError::Unknown { name: name.into(), hint: suggest::hint(name, known) }
    }
}
