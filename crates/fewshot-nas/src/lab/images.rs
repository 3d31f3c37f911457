//! The images of a run: opened, brought to a size, and how they are changed in training.

use std::path::Path;
use std::sync::Arc;

use fewshot_data::{
    Augment, AutoAugment, CutMix, DataError, DataSource, Dataset, Ground, MixUp, OpenOptions, SealedTest, SizeChoice,
};

use super::error::ExperimentError;
use crate::recipe::{CommonRecipe, DataRecipe, Strength};

/// Side of larger images, where none is asked for, at most.
const LARGEST_SIDE: usize = 64;

/// How often an image comes in an epoch, from which on that is told.
const OFTEN: usize = 10;

/// The images of an experiment.
#[derive(Clone)]
pub struct Images {
    /// What it trains on and scores with.
    pub train: Arc<Dataset>,
    /// What its last stage opens, of the same size and classes.
    pub test: Arc<SealedTest>,
}

impl Images {
    /// Images in memory; `test` is sealed until the last stage.
    ///
    /// # Errors
    /// [`DataError::Inconsistent`] where the two differ in size or classes.
    pub fn new(train: Dataset, test: Dataset) -> Result<Self, DataError> {
        if (train.shape(), train.classes()) != (test.shape(), test.classes()) {
            let reason = format!("its images or classes are others than those of `{}`", train.name());
            return Err(DataError::Inconsistent { name: test.name().to_string(), reason });
        }
        Ok(Self { train: Arc::new(train), test: Arc::new(SealedTest::of(test)) })
    }
}

impl From<DataSource> for Images {
    fn from(source: DataSource) -> Self {
        Self { train: Arc::new(source.train), test: Arc::new(source.test) }
    }
}

/// Opens the images of the recipe, puts in what is chosen for them, and tells it, a line each.
///
/// # Errors
/// When the images cannot be read.
pub fn open(recipe: &mut CommonRecipe, told: &mut Vec<String>) -> Result<DataSource, ExperimentError> {
    let source = sized(recipe, told)?;
    source.test.check()?;
    told.push(format!("images: {}", source.sizes));
    told.extend(source.notes.iter().cloned());
    told.extend(repeated(recipe, &source.train));
    Ok(source)
}

/// Height, width and channels of the images of a recipe that an experiment began with, and how many classes they are of.
///
/// # Errors
/// When the images cannot be read.
pub fn image_shape(recipe: &CommonRecipe) -> Result<([usize; 3], usize), ExperimentError> {
    Ok(shape_of(&open_data(recipe)?.train))
}

/// What a space is opened for: height, width and channels of images, and how many classes they are of.
pub fn shape_of(images: &Dataset) -> ([usize; 3], usize) {
    ([images.height(), images.width(), images.channels()], images.classes().len())
}

/// What drawing all classes equally often makes of the rarest class, where that is much.
fn repeated(recipe: &CommonRecipe, images: &Dataset) -> Option<String> {
    let counts = images.counts();
    let (rarest, class) = counts.iter().zip(images.classes()).min_by_key(|(count, _)| **count)?;
    let times = images.len() / counts.len().max(1) / (*rarest).max(1);
    let each = match rarest {
        1 => "the one training image".to_string(),
        count => format!("each of the {count} training images"),
    };
    (recipe.data.balance && times >= OFTEN).then(|| {
        format!(
            "all classes are drawn equally often (--balance): {each} of `{class}` comes about {times} \
             times an epoch, and may be learned by heart"
        )
    })
}

/// The images, at a side that suits limit and time where none is asked for.
fn sized(recipe: &mut CommonRecipe, told: &mut Vec<String>) -> Result<DataSource, ExperimentError> {
    let mut source = open_data(recipe)?;
    let shorter = source.train.height().min(source.train.width());
    let is_open = recipe.budget.is_set() && recipe.data.image_size == 0;
    let is_large = shorter > LARGEST_SIDE || source.sizes.choice == SizeChoice::Program;
    if is_open && is_large && side_for(recipe) < shorter {
        recipe.data.image_size = side_for(recipe);
        let largest = source.sizes.largest;
        source = open_data(recipe)?;
        source.sizes.choice = SizeChoice::Suited;
        let side = recipe.data.image_size;
        told.push(format!("images of up to {largest} are made {side}x{side} for this limit and time (--image-size)"));
    }
    Ok(source)
}

fn open_data(recipe: &CommonRecipe) -> Result<DataSource, ExperimentError> {
    let side = recipe.data.image_size;
    let DataRecipe { label_column, image_column, .. } = &recipe.data;
    let named = |name: &String| Some(name.clone()).filter(|name| !name.is_empty());
    let options = OpenOptions {
        image_size: (side > 0).then_some((side, side)),
        ground: ground(&recipe.data)?,
        label_column: named(label_column),
        image_column: named(image_column),
        unlabelled: recipe.data.unlabelled,
        limit: Some(recipe.data.limit).filter(|&limit| limit > 0),
        limit_seed: recipe.seed,
        ..OpenOptions::default()
    };
    if recipe.data.path.is_empty() {
        return Ok(fewshot_data::sample_with(&options)?);
    }
    Ok(fewshot_data::open(Path::new(&recipe.data.path), &options)?)
}

/// What transparent images are laid on.
///
/// # Errors
/// When the recipe names no colour.
pub fn ground(data: &DataRecipe) -> Result<Option<Ground>, DataError> {
    if data.ground.is_empty() { Ok(None) } else { fewshot_data::ground(&data.ground).map(Some) }
}

/// The recipe's shares for images with this shorter side.
pub fn augment(data: &DataRecipe, side: usize) -> Augment {
    let pixels = |share: f64| (side as f64 * share).round() as usize;
    let per_cent = |share: f64| (100.0 * share).round() as usize;
    Augment {
        flip: data.flip,
        crop_pad: pixels(data.crop),
        cutout: pixels(data.cutout),
        erase: per_cent(data.erase),
        zoom: per_cent(data.zoom),
        light: per_cent(data.light),
        auto_augment: data.auto_augment.map(|form| AutoAugment { form }),
        cut_mix: (data.cut_mix > 0.0).then(|| CutMix { probability: data.cut_mix, ..CutMix::default() }),
        mix_up: (data.mix_up > 0.0).then_some(MixUp { alpha: data.mix_up }),
        ..Augment::none()
    }
}

/// Puts in what the size of the data says of changes to training images; says what that is.
pub fn augment_by_size(recipe: &mut CommonRecipe, images: &Dataset) -> Option<String> {
    if recipe.data.augment != Strength::BySize {
        return None;
    }
    let used = if recipe.data.limit > 0 { recipe.data.limit.min(images.len()) } else { images.len() };
    let per_class = used / images.classes().len().max(1);
    let (chosen, told) = Augment::by_size(images.shape(), per_class);
    let side = images.height().min(images.width()).max(1) as f64;
    let data = &mut recipe.data;
    data.flip &= chosen.flip;
    (data.crop, data.cutout) = (chosen.crop_pad as f64 / side, chosen.cutout as f64 / side);
    let share = |per_cent: usize| per_cent as f64 / 100.0;
    (data.erase, data.zoom, data.light) = (share(chosen.erase), share(chosen.zoom), share(chosen.light));
    data.augment = Strength::Given;
    let vetoed = if chosen.flip && !data.flip { ", but no flip" } else { "" };
    Some(format!("training images: {told}{vetoed}"))
}

/// Side of the images where the user named none: as large as limit and time let networks make use of it.
fn side_for(recipe: &CommonRecipe) -> usize {
    let (limit, minutes) = (recipe.search.max_macs, recipe.budget.minutes);
    match () {
        () if (1..6_000_000).contains(&limit) || minutes < 3.0 => 32,
        () if (1..15_000_000).contains(&limit) || minutes < 15.0 => 48,
        () => LARGEST_SIDE,
    }
}
