//! The arms of a ranking, worked out: parts, epochs, cost.

use std::sync::Arc;

use fewshot_space::{Partition, Region};

use super::cost::{Cost, Training};
use super::recipe::ArmRecipe;
use crate::lab::{ExperimentError, Lab};
use crate::nets::Blueprint;
use crate::recipe::{RecipeError, SplitRecipe};
use crate::stages::slug;
use crate::train::TrainConfig;

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
    /// Epochs of each, those of all phases together.
    pub epochs: u64,
    /// What a score is, in words.
    pub scored_by: String,
    /// Position of the arm whose scores it takes, by function.
    pub scores_of: Option<usize>,
    /// Position of the arm that it starts from.
    pub parent: Option<usize>,
    /// Per part, which part of that arm it lies in and starts from; empty for fresh weights.
    pub parent_parts: Vec<usize>,
    /// Whether it trains in the phases of the recipe.
    pub shrinks: bool,
    /// Position of the arm whose first phase teaches it, where that is another.
    pub teacher: Option<usize>,
    /// Per part, which part of that arm it lies in; empty without such a teacher.
    pub teacher_parts: Vec<usize>,
    /// Cost of its training, that of what it starts from included.
    pub cost: Cost,
    /// Whether its weights stay when it is done: there is one supernet per seed, or another arm starts from them.
    pub kept: bool,
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
    let ranking = &lab.recipe().ranking;
    let partition = if ranking.within > 0 { lab.parts_without_limits(split)? } else { lab.parts(split)? };
    let space = lab.space_of(recipe.width, recipe.cells, recipe.reduction)?.blueprint().clone();
    let named = |name: &str| earlier.iter().position(|arm| arm.recipe.name == name);
    let parent = named(&recipe.from);
    let before = parent.map(|parent| earlier[parent].cost).unwrap_or_default();
    let phases = &lab.recipe().shrink;
    let shrinks = parent.is_none() && recipe.train.epochs > 0 && !phases.is_empty();
    // The first of several phases teaches the others, and all that start from these.
    let taught_by = |parent: usize| {
        let has_taught = earlier[parent].shrinks && phases.len() > 1;
        earlier[parent].teacher.or(has_taught.then_some(parent))
    };
    let teacher = parent.and_then(taught_by).filter(|_| recipe.train.distill > 0.0 && recipe.train.epochs > 0);
    if recipe.train.distill > 0.0 && recipe.train.epochs > 0 && teacher.is_none() && !shrinks {
        let problem =
            "train.distill needs a teacher: start it `from` an arm that trains in [[shrink]] phases, or set it to 0";
        return Err(RecipeError::setting("arms", format!("arm `{}`: {problem}", recipe.name)).into());
    }
    let parts_of = |other: Option<usize>| {
        let other = other.map(|other| parent_parts(recipe, &partition, &earlier[other]));
        Ok::<_, ExperimentError>(other.transpose()?.unwrap_or_default())
    };
    let (parent_parts, teacher_parts) = (parts_of(parent)?, parts_of(teacher)?);
    let training = match shrinks {
        true => Training::in_phases(lab, space.as_ref(), &partition, &recipe.train)?,
        false => {
            let taught = |teacher: usize| {
                let regions = earlier[teacher].partition.regions();
                teacher_parts.iter().map(|&part| regions[part].clone()).collect::<Vec<Region>>()
            };
            let teachers = teacher.map(taught).unwrap_or_default();
            Training::at_once(lab, space.as_ref(), &partition, &recipe.train, &teachers)?
        }
    };
    let mut config = recipe.train.clone();
    if let Some(like) = named(&recipe.equal_cost) {
        config.epochs = training.epochs_for(earlier[like].cost.macs - before.macs);
    }
    let epochs = training.epochs(config.epochs);
    let cost = Cost {
        epochs: before.epochs + epochs * partition.regions().len() as u64,
        macs: before.macs + training.macs(config.epochs),
    };
    // What only scores has its weights from its parent, which keeps them.
    let kept = (recipe.is_whole() || ranking.find) && recipe.train.epochs > 0;
    Ok(Arm {
        split: split_name(split),
        partition,
        space,
        config,
        epochs,
        scored_by: recipe.scored_by(),
        scores_of: None,
        parent,
        parent_parts,
        shrinks,
        teacher,
        teacher_parts,
        cost,
        kept,
        recipe: recipe.clone(),
    })
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
    let mut named: Vec<&str> = split.decisions.iter().map(String::as_str).chain(feature).collect();
    // Of listed parts those decisions that any of them names.
    for name in split.parts.iter().flat_map(|part| part.keys()) {
        if !named.contains(&name.as_str()) {
            named.push(name);
        }
    }
    named.join(",")
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
