//! What an earlier run says of its data and its space, to those who use it.

use burn::tensor::Device;

use super::moved::{self, Moved};
use super::recipe::Recipe;
use crate::families::{self, OpenSpace};
use crate::lab::{self, ExperimentError};
use crate::model::{MODEL, Model};
use crate::run::{RunError, RunReader};

/// The recipe of a run, with its data where that is now: where the run was told since it began, else where it began.
///
/// # Errors
/// When the settings, or the file that says what moved, are not as the run wrote them.
pub fn recipe_of(run: &RunReader) -> Result<Recipe, RunError> {
    let mut recipe = run.recipe::<Recipe>()?;
    Moved::of(run, &Moved::default())?.apply(&mut recipe);
    Ok(recipe)
}

/// The space of the networks that a run trains alone: for its images and classes, with its sizes and settings. The images are read
/// where the run has left no model yet that says them.
///
/// # Errors
/// As [`recipe_of`]; when the images cannot be read.
pub fn space_of(run: &RunReader) -> Result<OpenSpace, ExperimentError> {
    let recipe = recipe_of(run)?.common;
    if run.path().join(MODEL).exists() {
        let skeleton = Model::open(run.path(), &Device::flex())?.card().skeleton.clone();
        return Ok(families::open(&recipe.space.name, skeleton)?);
    }
    let images = lab::image_shape(&recipe).map_err(|error| moved::explained(error, &recipe, run.path()));
    let (image, classes) = images?;
    Ok(recipe.space_alone(image, classes)?)
}
