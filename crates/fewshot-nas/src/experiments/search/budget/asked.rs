//! What a recipe asks of a search, where its budget has been shared or not.

use crate::lab::Lab;
use crate::recipe::{CommonRecipe, SplitRecipe};

/// Images that a network is scored on.
pub fn scored_images(lab: &Lab, recipe: &CommonRecipe) -> usize {
    match recipe.scoring.images {
        0 => lab.scorable_images(),
        images => images.min(lab.scorable_images()),
    }
}

/// Networks that are compared before one is kept, itself included: a front has no finalists.
pub fn compared(recipe: &CommonRecipe) -> usize {
    if recipe.search.pareto > 0 { 1 } else { recipe.search.finalists.max(1) }
}

/// Networks of the front that are trained besides the kept one, at most.
pub fn others_of_front(recipe: &CommonRecipe) -> usize {
    recipe.search.pareto.saturating_sub(1)
}

/// Whether there are sub-supernets.
pub fn is_split(recipe: &CommonRecipe) -> bool {
    recipe.split != SplitRecipe::default()
}
