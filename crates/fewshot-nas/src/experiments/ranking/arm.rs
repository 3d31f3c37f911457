//! The arms of a ranking, worked out: parts, epochs, cost.

use std::sync::Arc;

use fewshot_space::{Partition, Region, Space, random};

use super::recipe::ArmRecipe;
use crate::lab::{ExperimentError, Lab};
use crate::nets::Blueprint;
use crate::recipe::{RecipeError, SplitRecipe};
use crate::stages::slug;
use crate::train::{Sampler, TrainConfig};

/// Paths drawn to know what a training step costs.
const DRAWS: u64 = 500;
/// A training step costs a forward pass three times: the gradients of inputs and of weights take one each.
pub const PASSES: f64 = 3.0;

/// One arm with one split of its own.
#[derive(Clone)]
pub struct Arm {
    /// What the recipe says.
    pub recipe: ArmRecipe,
    /// What it is split on, as text; empty when it is whole.
    pub split: String,
    /// One sub-supernet per part.
    pub partition: Partition,
    /// The space with the skeleton of its supernets.
    pub space: Arc<dyn Blueprint>,
    /// Training of each sub-supernet.
    pub config: TrainConfig,
    /// What a score is, in words.
    pub scored_by: String,
    /// Position of the arm whose scores it takes, by function.
    pub scores_of: Option<usize>,
    /// Position of the arm that it starts from.
    pub parent: Option<usize>,
    /// Per part, which part of that arm it lies in and starts from; empty for fresh weights.
    pub parent_parts: Vec<usize>,
    /// Cost of its training, that of what it starts from included.
    pub cost: Cost,
    /// Whether its weights stay when it is done: there is one supernet per seed, or another arm starts from them.
    pub kept: bool,
}

/// Cost of training.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Passes over the training images.
    pub epochs: u64,
    /// Multiply-adds, forward and backward.
    pub macs: f64,
}

impl Arm {
    /// To build its nets from.
    pub fn blueprint(&self) -> Arc<dyn Blueprint> {
        self.space.clone()
    }

    /// Name of its stage. The position makes it unique.
    pub fn stage(&self, position: usize) -> String {
        match self.split.as_str() {
            "" => format!("{position:02}-{}", slug(&self.recipe.name)),
            split => format!("{position:02}-{}-{}", slug(&self.recipe.name), slug(split)),
        }
    }
}

/// All arms of the recipe, in its order, those that choose a split once per choice.
///
/// # Errors
/// When one names something that the space lacks.
pub fn arms(lab: &Lab, recipes: &[ArmRecipe]) -> Result<Vec<Arm>, ExperimentError> {
    let mut arms: Vec<Arm> = Vec::new();
    for recipe in recipes {
        if let Some(of) = arms.iter().position(|arm| arm.recipe.name == recipe.by_function) {
            let scored_by = format!("{}, mean over the codes of a function", arms[of].scored_by);
            let recipe = recipe.clone();
            arms.push(Arm { recipe, scored_by, scores_of: Some(of), kept: false, ..arms[of].clone() });
            continue;
        }
        for split in splits(lab, recipe) {
            let arm = arm(lab, recipe, &split, &arms)?;
            if let Some(parent) = arm.parent {
                arms[parent].kept = true;
            }
            arms.push(arm);
        }
    }
    Ok(arms)
}

fn splits(lab: &Lab, recipe: &ArmRecipe) -> Vec<SplitRecipe> {
    if recipe.choose == 0 {
        return vec![recipe.split.clone()];
    }
    let names: Vec<&str> = lab.alone_space().decisions().iter().map(|decision| decision.name.as_str()).collect();
    let split = |chosen: Vec<&str>| SplitRecipe {
        decisions: chosen.into_iter().map(str::to_string).collect(),
        ..SplitRecipe::default()
    };
    choices(&names, recipe.choose).into_iter().map(split).collect()
}

/// Every choice of `count` of the names, in their order.
fn choices<'n>(names: &[&'n str], count: usize) -> Vec<Vec<&'n str>> {
    match (count, names) {
        (0, _) => vec![Vec::new()],
        (_, []) => Vec::new(),
        (_, [first, rest @ ..]) => {
            let with = choices(rest, count - 1).into_iter().map(|others| [vec![*first], others].concat());
            with.chain(choices(rest, count)).collect()
        }
    }
}

fn arm(lab: &Lab, recipe: &ArmRecipe, split: &SplitRecipe, earlier: &[Arm]) -> Result<Arm, ExperimentError> {
    let partition = lab.parts(split)?;
    let space = lab.space_of(recipe.width, recipe.cells, recipe.reduction)?.blueprint().clone();
    let named = |name: &str| earlier.iter().position(|arm| arm.recipe.name == name);
    let parent = named(&recipe.from);
    let before = parent.map(|parent| earlier[parent].cost).unwrap_or_default();
    let epoch = epoch_macs(lab, space.as_ref(), &partition, &recipe.train)?;
    let mut config = recipe.train.clone();
    if let Some(like) = named(&recipe.equal_cost) {
        config.epochs = ((earlier[like].cost.macs - before.macs) / epoch).round().max(1.0) as u64;
    }
    let cost = Cost {
        epochs: before.epochs + config.epochs * partition.regions().len() as u64,
        macs: before.macs + config.epochs as f64 * epoch,
    };
    let split = split_name(split);
    let parent_parts = match parent {
        Some(parent) => parent_parts(recipe, &partition, &earlier[parent])?,
        None => Vec::new(),
    };
    // What only scores has its weights from its parent, which keeps them.
    let kept = recipe.is_whole() && recipe.train.epochs > 0;
    let scored_by = recipe.scored_by();
    let recipe = recipe.clone();
    Ok(Arm { recipe, split, partition, space, config, scored_by, scores_of: None, parent, parent_parts, cost, kept })
}

/// The parts of `parent` that hold those of `partition`.
fn parent_parts(recipe: &ArmRecipe, partition: &Partition, parent: &Arm) -> Result<Vec<usize>, ExperimentError> {
    let holder = |part: &Region| {
        parent.partition.regions().iter().position(|held| held.encloses(part)).ok_or_else(|| {
            let problem = format!(
                "its part `{}` lies in no part of `{}`, whose weights it takes: split it on the decisions of that arm \
                 and more",
                part.label(),
                parent.recipe.name
            );
            ExperimentError::Recipe(RecipeError::setting("arms", format!("arm `{}`: {problem}", recipe.name)))
        })
    };
    partition.regions().iter().map(holder).collect()
}

fn split_name(split: &SplitRecipe) -> String {
    let feature = (!split.feature.is_empty()).then_some(split.feature.as_str());
    split.decisions.iter().map(String::as_str).chain(feature).collect::<Vec<_>>().join(",")
}

/// Multiply-adds of one epoch of every part, as the sampling draws paths.
fn epoch_macs(
    lab: &Lab,
    space: &dyn Space,
    partition: &Partition,
    config: &TrainConfig,
) -> Result<f64, ExperimentError> {
    let mut sum = 0.0;
    for region in partition.regions() {
        let sampler = Sampler::new(region.clone(), config.sampling)?;
        for draw in 0..DRAWS {
            // One cell stands for all: each is drawn in the same way.
            let path = sampler.draw(1, &mut random::stream(0, "path cost", draw, 0))?;
            sum += space.cost(path.cell(0)).macs as f64;
        }
    }
    Ok(PASSES * lab.search_images() as f64 * sum / DRAWS as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_comes_once() {
        let names = ["e0", "e1", "e2", "e3", "e4", "e5"];
        let counts = [1, 2, 3].map(|count| choices(&names, count).len());
        assert_eq!(counts, [6, 15, 20]);
        assert_eq!(choices(&names[..3], 2), [["e0", "e1"], ["e0", "e2"], ["e1", "e2"]]);
        assert!(choices(&names[..1], 2).is_empty());
    }
}
