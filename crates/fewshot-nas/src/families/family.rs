//! What a family of spaces is.

use std::sync::Arc;

use fewshot_space::SpaceError;

use super::{Settings, Skeleton};
use crate::nets::Blueprint;

/// A kind of space.
pub trait Family: Send + Sync {
    /// The name by which users choose it.
    fn name(&self) -> &'static str;
    /// What its networks are, in a line.
    fn about(&self) -> &'static str;
    /// What is given and not decided of its networks besides the shape of the data, each with what it is by default: numbers,
    /// texts or switches. No other settings are taken.
    fn settings(&self) -> Settings {
        Settings::new()
    }
    /// What recipes of a kind of run (`search`, ..) set otherwise for its networks than a preset that was made for another space, by
    /// their keys (`supernet.sampling`): how it is sampled, split, scored and trained. Files and flags lie over it.
    fn defaults(&self, _kind: &str) -> Settings {
        Settings::new()
    }
    /// Whether its networks make images, and are trained adversarially; others tell what is on images.
    fn makes_images(&self) -> bool {
        false
    }
    /// The preset that a search of its networks begins with, where it is none of those for all families.
    fn preset(&self) -> Option<&'static str> {
        None
    }
    /// The space for networks of this skeleton, whose settings are all there.
    ///
    /// # Errors
    /// A setting that is out of its range, or data that such networks cannot read.
    fn open(&self, skeleton: &Skeleton) -> Result<Arc<dyn Blueprint>, SpaceError>;
}
