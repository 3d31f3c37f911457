//! What a search for generators is laid out on.

use fewshot_space::autogan::AutoGanSkeleton;

use super::recipe::GanRecipe;
use crate::families::OpenSpace;
use crate::lab::{ExperimentError, Lab, absolute};
use crate::recipe::{RecipeError, SupernetReduction};

/// A search for generators on its images.
pub struct Gan {
    pub(super) lab: Lab,
    pub(super) recipe: GanRecipe,
    /// Of the shared generator.
    pub(super) shared: AutoGanSkeleton,
    /// Of generators alone.
    pub(super) alone: AutoGanSkeleton,
}

impl Gan {
    /// Lays it out, and keeps absolute paths of the files that it names: a run is resumed from anywhere.
    ///
    /// # Errors
    /// When the recipe's space makes no images.
    pub fn open(lab: Lab, mut recipe: GanRecipe) -> Result<Self, ExperimentError> {
        for path in [&mut recipe.judge.model, &mut recipe.judge.statistics] {
            *path = absolute(path);
        }
        let common = lab.recipe();
        let of = |width: usize, cells: usize| -> Result<AutoGanSkeleton, ExperimentError> {
            let space = lab.space_of(width, cells, SupernetReduction::Own)?;
            skeleton(&space)
        };
        let shared = of(common.space.width, common.space.cells)?;
        let alone = of(common.standalone.width, common.standalone.cells)?;
        if shared.cells() != alone.cells() || recipe.search.iterations.len() != shared.cells() {
            let (levels, cells) = (recipe.search.iterations.len(), shared.cells());
            let problem = format!(
                "gan.search.iterations = {levels} numbers for shared generators of {cells} cells and generators alone of {}: \
                 give one per cell, and as many cells to both",
                alone.cells()
            );
            return Err(RecipeError::setting("gan.search.iterations", problem).into());
        }
        Ok(Self { lab, recipe, shared, alone })
    }

    /// Whether there are parts.
    pub(super) fn is_split(&self) -> bool {
        self.lab.is_split() && !self.recipe.part_iterations.is_empty()
    }
}

/// What is given of the generators of a space.
fn skeleton(space: &OpenSpace) -> Result<AutoGanSkeleton, ExperimentError> {
    let name = space.blueprint().name();
    let missing = || {
        let problem =
            format!("space.name: networks of {name} make no images; experiments of kind `gan` need `autogan`");
        RecipeError::setting("space.name", problem)
    };
    Ok(space.generators().ok_or_else(missing)?.skeleton().clone())
}
