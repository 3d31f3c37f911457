//! The spaces of a recipe, for images of a shape.

use fewshot_space::SpaceError;

use super::common::CommonRecipe;
use super::sections::SupernetReduction;
use crate::families::{self, OpenSpace, Skeleton};

impl CommonRecipe {
    /// The space for images of `[height, width, channels]`, at a size where that is no decision.
    ///
    /// # Errors
    /// When there is no such space, or it has no networks of that size for such images.
    pub fn space_for(
        &self,
        image: [usize; 3],
        classes: usize,
        (width, cells): (usize, usize),
        reduction: SupernetReduction,
    ) -> Result<OpenSpace, SpaceError> {
        let name = &self.space.name;
        let mut settings = families::family(name)?.settings();
        let count = |key: &str, size: usize| families::is_count(&settings, key).then(|| size.into());
        let sizes =
            [("width", count("width", width)), ("cells", count("cells", cells)), ("reduction", reduction.setting())];
        for (key, value) in sizes {
            if let (Some(known), Some(value)) = (settings.get_mut(key), value) {
                *known = value;
            }
        }
        settings.extend(self.space.settings.clone());
        families::open(name, Skeleton { settings, ..Skeleton::of_images(image, classes) })
    }

    /// That of the networks trained alone.
    ///
    /// # Errors
    /// As [`CommonRecipe::space_for`].
    pub fn space_alone(&self, image: [usize; 3], classes: usize) -> Result<OpenSpace, SpaceError> {
        let size = (self.standalone.width, self.standalone.cells);
        self.space_for(image, classes, size, SupernetReduction::Own)
    }

    /// That of the supernets.
    ///
    /// # Errors
    /// As [`CommonRecipe::space_for`].
    pub fn space_shared(&self, image: [usize; 3], classes: usize) -> Result<OpenSpace, SpaceError> {
        let space = &self.space;
        self.space_for(image, classes, (space.width, space.cells), space.reduction)
    }
}
