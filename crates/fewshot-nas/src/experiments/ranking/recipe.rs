//! The arms of a ranking: what is compared with what.

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::estimate::Measure;
use crate::recipe::{CommonRecipe, FineTuneRecipe, RecipeError, SplitKeys, SplitRecipe, SupernetReduction};
use crate::train::TrainConfig;

/// One thing that a ranking compares: a supernet, or sub-supernets of one split, and how they are trained.
///
/// A recipe need only say what is special: `[arms.train]` lies over `[supernet]`, or over `[children]` for an arm that
/// starts `from` another, and the size is that of `[space]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmRecipe {
    /// What to call it.
    pub name: String,
    /// An earlier arm, of the same width and reduction: each of these supernets starts from the weights of the one there that
    /// covers its part. Empty: from fresh ones.
    #[serde(default)]
    pub from: String,
    /// Split on every choice of so many decisions in turn, instead of `split`; 0 for `split`.
    #[serde(default)]
    pub choose: usize,
    /// An earlier arm: epochs are as many as make both cost the same in all, what they start from included, but not what
    /// networks are trained by themselves. Empty: `train.epochs` holds.
    #[serde(default)]
    pub equal_cost: String,
    /// An earlier arm: this one trains nothing and takes the scores of that, but all codes of one function that are compared
    /// share the mean of theirs. They are one network, and what tells their scores apart is noise. Empty: not so; else
    /// nothing below holds.
    #[serde(default)]
    pub by_function: String,
    /// Channels of the first stage, 1 to 4096.
    pub width: usize,
    /// Cells per stage, 1 to 64. Where an arm has more than the one it starts from, each starts as the cell at its place there.
    pub cells: usize,
    /// What is between stages.
    #[serde(default)]
    pub reduction: SupernetReduction,
    /// Parts, one sub-supernet each.
    #[serde(default)]
    pub split: SplitRecipe,
    /// How each of them is trained. Epochs may be 0 where an arm starts from another, to score with the weights of that, and
    /// where networks are trained by themselves, then from fresh weights.
    pub train: TrainConfig,
    /// What a score is.
    #[serde(default)]
    pub measure: Measure,
    /// Training that each network gets of its own before it is scored.
    #[serde(default)]
    pub fine_tune: FineTuneRecipe,
}

impl ArmRecipe {
    /// Whether this arm is one supernet for the whole space.
    pub fn is_whole(&self) -> bool {
        self.choose == 0 && self.split == SplitRecipe::default()
    }

    /// What a score is, in words.
    pub fn scored_by(&self) -> String {
        self.measure.after(self.fine_tune.steps)
    }
}

/// Writes out what the arms leave to the rest of the recipe.
pub fn complete(recipe: &mut Table) {
    let section = |name: &str| recipe.get(name).and_then(Value::as_table).cloned().unwrap_or_default();
    let (space, scoring, supernet, children) =
        (section("space"), section("scoring"), section("supernet"), section("children"));
    let Some(Value::Array(arms)) = recipe.get_mut("arms") else { return };
    for arm in arms.iter_mut().filter_map(Value::as_table_mut) {
        let keys = [(&space, ["width", "cells", "reduction"].as_slice()), (&scoring, &["measure"])];
        for (section, key) in keys.iter().flat_map(|(section, keys)| keys.iter().map(move |key| (section, *key))) {
            if let (None, Some(value)) = (arm.get(key), section.get(key)) {
                arm.insert(key.to_string(), value.clone());
            }
        }
        let mut fine_tune = scoring.get("fine_tune").and_then(Value::as_table).cloned().unwrap_or_default();
        if let Some(Value::Table(own)) = arm.remove("fine_tune") {
            fine_tune.extend(own);
        }
        arm.insert("fine_tune".to_string(), Value::Table(fine_tune));
        let fresh = arm.get("from").and_then(Value::as_str).is_none_or(str::is_empty);
        let mut train = if fresh { supernet.clone() } else { children.clone() };
        if let Some(Value::Table(own)) = arm.remove("train") {
            train.extend(own);
        }
        arm.insert("train".to_string(), Value::Table(train));
        if let Some(split) = arm.get_mut("split").and_then(Value::as_table_mut) {
            split.entry("decisions").or_insert_with(|| Value::Array(Vec::new()));
        }
    }
}

/// Names are unique, what an arm refers to stands before it, and all ranges are kept.
///
/// # Errors
/// The first arm that cannot be.
pub fn check(arms: &[ArmRecipe], common: &CommonRecipe) -> Result<(), RecipeError> {
    for (index, arm) in arms.iter().enumerate() {
        let wrong = |key: &str, problem: String| {
            RecipeError::setting(format!("arms[{index}]{key}"), format!("arm `{}`: {problem}", arm.name))
        };
        let fail = |key: &str, problem: String| Err(wrong(key, problem));
        let only_scores = arm.train.epochs == 0 && (!arm.from.is_empty() || arm.fine_tune.steps > 0);
        let train = TrainConfig { epochs: if only_scores { 1 } else { arm.train.epochs }, ..arm.train.clone() };
        train.check().map_err(|source| wrong(&format!(".train.{}", source.key), format!("train.{source}")))?;
        let tune = arm.fine_tune.check();
        tune.map_err(|source| wrong(&format!(".fine_tune.{}", source.key), format!("fine_tune.{source}")))?;
        if arm.measure == Measure::Speed && arm.fine_tune.steps == 0 {
            return fail(".measure", "`speed` is that of fine-tuning: set fine_tune.steps".to_string());
        }
        let earlier = &arms[..index];
        let named = |name: &String| earlier.iter().find(|other| other.name == *name);
        if arm.name.is_empty() || arm.name.contains(['/', '"', '\n']) {
            return fail(".name", "its name must be text without / \" and line breaks".to_string());
        }
        if named(&arm.name).is_some() {
            return fail(".name", "another arm has this name".to_string());
        }
        for (key, name) in [("from", &arm.from), ("equal_cost", &arm.equal_cost), ("by_function", &arm.by_function)] {
            if !name.is_empty() && named(name).is_none() {
                return fail(&format!(".{key}"), format!("{key} = \"{name}\" names no arm before it"));
            }
        }
        let taken = ["from", "equal_cost"].into_iter().zip([&arm.from, &arm.equal_cost]);
        let taken = taken.filter(|(_, name)| !name.is_empty()).map(|(key, _)| key);
        let other = taken.chain((!arm.is_whole()).then_some("a split")).next();
        if let (false, Some(other)) = (arm.by_function.is_empty(), other) {
            return fail(".by_function", format!("`by_function` and {other} exclude each other"));
        }
        if named(&arm.by_function).is_some_and(|other| other.choose > 0) {
            let problem = format!("it cannot take the scores of `{}`, which is split in many ways", arm.by_function);
            return fail(".by_function", problem);
        }
        if let Some(parent) = named(&arm.from) {
            if parent.train.epochs == 0 || !parent.by_function.is_empty() {
                return fail(".from", format!("it cannot start from `{}`, which trains no supernet", parent.name));
            }
            if parent.choose > 0 {
                return fail(".from", format!("it cannot start from `{}`, which is split in many ways", parent.name));
            }
            let skeleton = |arm: &ArmRecipe| (arm.width, arm.reduction);
            if skeleton(parent) != skeleton(arm) {
                return fail(
                    ".from",
                    format!("it must be as wide as `{}`, whose weights it takes, with the same reduction", parent.name),
                );
            }
        }
        let sized = (1..=4096).contains(&arm.width) && (1..=64).contains(&arm.cells);
        if !sized {
            return fail("", "width must be 1 to 4096, cells 1 to 64".to_string());
        }
        let within = format!("arms[{index}].split");
        let (decisions, parts) = (format!("{within}.decisions"), format!("{within}.parts"));
        let keys = SplitKeys { decisions: &decisions, parts: &parts, within: &within };
        // Networks beyond the limits are compared too where some are to keep them.
        common.check_split(&keys, &arm.split, common.has_limits() && common.ranking.within == 0)?;
        if arm.choose > 0 && arm.split != SplitRecipe::default() {
            return fail(".choose", "`choose` and `split` exclude each other".to_string());
        }
    }
    Ok(())
}
