//! The arms of a ranking: what is compared with what.

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::{Recipe, RecipeError, SplitRecipe, SupernetReduction};
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

impl Recipe {
    /// Names are unique, and what an arm refers to stands before it.
    pub(super) fn check_arms(&self) -> Result<(), RecipeError> {
        for (index, arm) in self.arms.iter().enumerate() {
            let wrong = |key: &str, problem: String| {
                RecipeError::setting(format!("arms[{index}]{key}"), format!("arm `{}`: {problem}", arm.name))
            };
            let fail = |key: &str, problem: String| Err(wrong(key, problem));
            arm.train.check().map_err(|source| wrong(&format!(".train.{}", source.key), format!("train.{source}")))?;
            let earlier = &self.arms[..index];
            let named = |name: &String| earlier.iter().find(|other| other.name == *name);
            if arm.name.is_empty() || arm.name.contains(['/', '"', '\n']) {
                return fail(".name", "its name must be text without / \" and line breaks".to_string());
            }
            if named(&arm.name).is_some() {
                return fail(".name", "another arm has this name".to_string());
            }
            for (key, name) in [("from", &arm.from), ("equal_cost", &arm.equal_cost)] {
                if !name.is_empty() && named(name).is_none() {
                    return fail(&format!(".{key}"), format!("{key} = \"{name}\" names no arm before it"));
                }
            }
            if let Some(parent) = named(&arm.from) {
                if parent.choose > 0 {
                    return fail(
                        ".from",
                        format!("it cannot start from `{}`, which is split in many ways", parent.name),
                    );
                }
                let skeleton = |arm: &ArmRecipe| (arm.width, arm.cells, arm.reduction);
                if skeleton(parent) != skeleton(arm) {
                    return fail(
                        ".from",
                        format!(
                            "it must be as wide and deep as `{}`, whose weights it takes, with the same reduction",
                            parent.name
                        ),
                    );
                }
            }
            let sized = (1..=4096).contains(&arm.width) && (1..=64).contains(&arm.cells);
            if !sized {
                return fail("", "width must be 1 to 4096, cells 1 to 64".to_string());
            }
            if arm.choose > 0 && arm.split != SplitRecipe::default() {
                return fail(".choose", "`choose` and `split` exclude each other".to_string());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Layers;
    use super::super::resolve::tests::laid_over;

    #[test]
    fn arms_are_written_out_from_the_rest_of_the_recipe() {
        let recipe = Layers::preset("proof-of-concept-laptop").unwrap().set("children.lr", 0.01).resolve().unwrap();
        let arm = |name: &str| recipe.arms.iter().find(|arm| arm.name == name).unwrap();
        assert_eq!(arm("one-shot").train, recipe.supernet);
        assert_eq!(arm("1 edge split").train, recipe.children);
        assert_eq!((arm("1 edge split").width, arm("1 edge split").cells), (recipe.space.width, recipe.space.cells));
        let narrow = Layers::preset("narrow-laptop").unwrap().resolve().unwrap();
        let narrow = narrow.arms.iter().find(|arm| arm.name == "width 4").unwrap();
        assert_eq!((narrow.width, narrow.train.epochs), (4, 160));
        // Written out once, they stay as they are.
        assert_eq!(laid_over("quick", &toml::to_string(&recipe).unwrap()).unwrap(), recipe);
    }

    #[test]
    fn arms_that_cannot_be_are_told_by_name() {
        for (text, hint) in [
            ("[[arms]]\nname = \"a\"\n[[arms]]\nname = \"a\"", "another arm has this name"),
            ("[[arms]]\nname = \"a\"\nfrom = \"b\"", "from = \"b\" names no arm before it"),
            ("[[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\nfrom = \"a\"\nwidth = 5", "as wide and deep as `a`"),
            (
                "[[arms]]\nname = \"a\"\nchoose = 1\n[[arms]]\nname = \"b\"\nfrom = \"a\"",
                "cannot start from `a`, which is split in many ways",
            ),
            ("[[arms]]\nname = \"a\"\nchoose = 1\nsplit.decisions = [\"e0\"]", "exclude each other"),
            ("[[arms]]\nname = \"a\"\ntrain.lr = -1.0", "lr = -1 is out of range"),
            ("[[arms]]\nname = \"a\"\nwdith = 3", "wdith"),
        ] {
            let error = laid_over("proof-of-concept-smoke", text).unwrap_err().to_string();
            assert!(error.contains(hint), "{error}");
        }
    }
}
