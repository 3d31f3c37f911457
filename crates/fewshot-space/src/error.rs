//! Why there is no such space.

use crate::suggest;

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
    ///
    /// # Errors
    /// That one.
    pub fn check(ranges: &[(&'static str, usize, usize, usize)]) -> Result<(), SkeletonError> {
        match ranges.iter().find(|(_, value, min, max)| !(min..=max).contains(&value)) {
            Some(&(field, value, min, max)) => Err(SkeletonError { field, value, min, max }),
            None => Ok(()),
        }
    }
}

/// Why there is no such space.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpaceError {
    /// A name that no space has.
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
    /// A setting that the space does not take.
    #[error("space {space}: {reason}")]
    Settings {
        /// Name of the space.
        space: String,
        /// Which, and why.
        reason: String,
    },
    /// Images whose sides cannot be halved together.
    #[error("images of {height}x{width} pixels halve unevenly: resize them to a square with `--image-size`, e.g. 32")]
    Uneven {
        /// Height in pixels.
        height: usize,
        /// Width in pixels.
        width: usize,
    },
}

impl SpaceError {
    pub(crate) fn unknown(name: &str, known: impl IntoIterator<Item = &'static str>) -> SpaceError {
        let known: Vec<&str> = known.into_iter().collect();
        SpaceError::Unknown { name: name.into(), hint: suggest::hint(name, known) }
    }
}
