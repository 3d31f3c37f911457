//! The arms of a ranking: what is compared with what.

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::{SplitRecipe, SupernetReduction};
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
    /// An earlier arm: each of these supernets starts from the weights of the one there that covers its part. Empty: from
    /// fresh ones.
    #[serde(default)]
    pub from: String,
    /// Split on every choice of so many decisions in turn, instead of `split`; 0 for `split`.
    #[serde(default)]
    pub choose: usize,
    /// An earlier arm: epochs are as many as make both cost the same in all, what they start from included. Empty:
    /// `train.epochs` holds.
    #[serde(default)]
    pub equal_cost: String,
    /// Channels of the first stage.
    pub width: usize,
    /// Cells per stage.
    pub cells: usize,
    /// What is between stages.
    #[serde(default)]
    pub reduction: SupernetReduction,
    /// Parts, one sub-supernet each.
    #[serde(default)]
    pub split: SplitRecipe,
    /// How each of them is trained.
    pub train: TrainConfig,
}

impl ArmRecipe {
    /// Whether this arm is one supernet for the whole space.
    pub fn is_whole(&self) -> bool {
        self.choose == 0 && self.split == SplitRecipe::default()
    }
}

/// Writes out what the arms leave to the rest of the recipe.
pub fn complete(recipe: &mut Table) {
    let section = |name: &str| recipe.get(name).and_then(Value::as_table).cloned().unwrap_or_default();
    let (space, supernet, children) = (section("space"), section("supernet"), section("children"));
    let Some(Value::Array(arms)) = recipe.get_mut("arms") else { return };
    for arm in arms.iter_mut().filter_map(Value::as_table_mut) {
        for key in ["width", "cells", "reduction"] {
            if let (None, Some(value)) = (arm.get(key), space.get(key)) {
                arm.insert(key.to_string(), value.clone());
            }
        }
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
