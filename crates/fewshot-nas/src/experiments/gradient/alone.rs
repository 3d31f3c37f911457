//! What was found and random networks, trained alone by one recipe and tested.

use super::recipe::AloneRecipe;
use crate::lab::{ExperimentError, Lab};
use crate::recipe::{CommonRecipe, DataRecipe};
use crate::stages::Network;

/// The lab in which networks are trained alone: its training images are changed as the recipe says of them.
///
/// # Errors
/// When the lab cannot be laid out anew.
pub fn lab(lab: &Lab, recipe: &AloneRecipe) -> Result<Lab, ExperimentError> {
    let AloneRecipe { cutout, auto_augment } = recipe.clone();
    let data = DataRecipe { cutout, auto_augment, ..lab.recipe().data.clone() };
    lab.again(CommonRecipe { data, ..lab.recipe().clone() })
}

/// Random networks to compare with, their seeds in turn.
///
/// # Errors
/// When nothing can be drawn.
pub fn randoms(lab: &Lab) -> Result<Vec<Network>, ExperimentError> {
    let seeds = lab.recipe().ranking.seeds;
    let drawn = lab.random_archs("random networks", lab.recipe().standalone.randoms)?;
    Ok((0..).zip(drawn).map(|(index, arch)| Network { arch, repetition: index % seeds }).collect())
}
