//! What a search for generators is laid out on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use fewshot_data::{DataError, image_files};
use fewshot_space::autogan::AutoGanSkeleton;
use fewshot_space::{Arch, Region};

use super::recipe::GanRecipe;
use crate::adversarial::{GanError, Within};
use crate::families::OpenSpace;
use crate::lab::{ExperimentError, Lab, absolute};
use crate::recipe::{CommonRecipe, RecipeError, SupernetReduction};

/// A search for generators on its images.
pub struct Gan {
    pub(super) lab: Lab,
    pub(super) recipe: GanRecipe,
    /// Of the shared generator.
    pub(super) shared: AutoGanSkeleton,
    /// Of generators alone.
    pub(super) alone: AutoGanSkeleton,
    /// Architectures that are trained in place of a search.
    pub(super) given: Vec<Arch>,
    /// What may be proposed within the regions that were asked for, by their labels: listing members takes seconds, and each region is
    /// asked for several times.
    within: Mutex<BTreeMap<String, Arc<Within>>>,
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
        if recipe.judge.model.is_empty() && lab.images().classes().len() < 2 {
            let problem = "gan.judge.model: the images are of one class, so no classifier can learn on them to judge images (every one would \
                           score 1): give a trained one or Inception v3 (docs/generators.md), or images of two classes or more";
            return Err(RecipeError::setting("gan.judge.model", problem).into());
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
        let given = recipe.given.iter().enumerate().map(|(place, text)| given(&lab, place, text));
        let given = given.collect::<Result<_, RecipeError>>()?;
        Ok(Self { lab, recipe, shared, alone, given, within: Mutex::default() })
    }

    /// What may be proposed within a region of whole generators, its limits included.
    pub(super) fn within(&self, region: &Region) -> Result<Arc<Within>, ExperimentError> {
        let mut known = self.within.lock().unwrap_or_else(PoisonError::into_inner);
        let label = region.label();
        if let Some(within) = known.get(&label) {
            return Ok(within.clone());
        }
        let within = Arc::new(Within::new(region.clone())?);
        known.insert(label, within.clone());
        Ok(within)
    }

    /// Whether anything is searched, and not given.
    pub(super) fn searches(&self) -> bool {
        self.given.is_empty()
    }

    /// Whether there are parts.
    pub(super) fn is_split(&self) -> bool {
        self.searches() && self.lab.is_split() && !self.recipe.part_iterations.is_empty()
    }
}

/// An architecture that the recipe gives, within its limits.
fn given(lab: &Lab, place: usize, text: &str) -> Result<Arch, RecipeError> {
    let refuse = |problem: String| {
        let key = format!("gan.given[{place}]");
        RecipeError::setting(key.clone(), format!("{key}: {problem}"))
    };
    let arch = lab.alone_space().parse(text).map_err(|error| refuse(error.to_string()))?;
    let whole = lab.partition().whole();
    match whole.contains(&arch) {
        true => Ok(arch),
        false => Err(refuse(format!("it lies beyond the limits ({})", whole.label()))),
    }
}

/// What recipes have in common, of a search for generators: where a network is given to judge, images need no classes.
pub fn with_its_images(own: &GanRecipe, mut common: CommonRecipe) -> CommonRecipe {
    common.data.unlabelled |= !own.judge.model.is_empty();
    common
}

/// What to do about images without classes, or of one, where that is why they could not be opened.
pub fn without_classes(error: ExperimentError, place: &str) -> ExperimentError {
    let is_loose = match &error {
        ExperimentError::Data(DataError::NoClassFolders { .. } | DataError::ClassCount { found: 1, .. }) => true,
        ExperimentError::Data(DataError::Unsupported { .. }) => Path::new(place).is_dir() && image_files(place).is_ok(),
        _ => false,
    };
    match (is_loose, error) {
        (true, ExperimentError::Data(source)) => GanError::NoClasses { source }.into(),
        (_, error) => error,
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
