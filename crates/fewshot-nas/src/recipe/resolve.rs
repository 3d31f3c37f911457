//! Laying recipes over each other, and checking what comes out.

use std::path::{Path, PathBuf};

use fewshot_space::suggest;
use toml::{Table, Value};

use super::{Recipe, arms, gradient, presets};
use crate::train::ConfigError;

/// A recipe that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// No such preset.
    #[error("no preset `{name}`, {hint}; `fewshot recipes` lists them")]
    UnknownPreset {
        /// What was asked for.
        name: String,
        /// "did you mean ..?", or all names.
        hint: String,
    },
    /// The file cannot be read.
    #[error("cannot read the recipe {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not TOML, or not a recipe; the message points at line and key.
    #[error("{origin}: {message}")]
    Parse {
        /// File or layer that is wrong.
        origin: String,
        /// What is wrong with it.
        message: String,
    },
    /// An arm that cannot be.
    #[error("recipe, arm `{arm}`: {problem}")]
    Arm {
        /// Its name.
        arm: String,
        /// What is wrong.
        problem: String,
    },
    /// Gradient-based methods that cannot be run so.
    #[error("recipe, [gradient]: {0}")]
    Gradient(String),
    /// A setting out of its range.
    #[error("recipe, [{section}]: {source}")]
    Setting {
        /// The table.
        section: &'static str,
        /// The setting.
        source: ConfigError,
    },
}

/// A value that a recipe can hold: number, text, list of texts.
pub trait Setting {
    /// As TOML.
    fn into_value(self) -> Value;
}

macro_rules! settings {
    ($($kind:ty),*) => {
        $(impl Setting for $kind {
            fn into_value(self) -> Value {
                Value::from(self)
            }
        })*
    };
}

settings!(u32, i32, i64, f64, bool, &str, String, Vec<String>);

/// Recipes under construction: each layer overrides single settings of those before it.
#[derive(Debug, Clone)]
pub struct Layers {
    table: Table,
}

impl Layers {
    /// Starts from a preset, which may itself lie over another (`base = "quick"`).
    ///
    /// # Errors
    /// When there is no such preset.
    pub fn preset(name: &str) -> Result<Self, RecipeError> {
        let text = presets::text(name).ok_or_else(|| RecipeError::UnknownPreset {
            name: name.to_string(),
            hint: suggest::hint(name, presets::names()),
        })?;
        let mut table = parse(text, &format!("preset {name}"))?;
        match table.remove("base") {
            Some(Value::String(base)) => Self::preset(&base)?.merged(table),
            _ => Ok(Self { table }),
        }
    }

    /// Lays a recipe file over what is there; it may hold any part of a recipe. A run's `run.toml` is one too, and holds
    /// all of it.
    ///
    /// # Errors
    /// When the file cannot be read, is not TOML, or has a key that no recipe has.
    pub fn file(self, path: &Path) -> Result<Self, RecipeError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| RecipeError::Read { path: path.to_path_buf(), source })?;
        let origin = path.display().to_string();
        let mut layer = parse(&text, &origin)?;
        // There the recipe is a table beside the format, the versions and the data's fingerprint.
        if layer.contains_key("format")
            && let Some(Value::Table(recipe)) = layer.remove("recipe")
        {
            layer = recipe;
        }
        check_keys(&self.table, &layer, &text, &origin, "")?;
        self.merged(layer)
    }

    /// Sets one value, e.g. `set("search.budget", 100)`.
    pub fn set(mut self, key: &str, value: impl Setting) -> Self {
        let mut table = &mut self.table;
        let mut parts = key.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                table.insert(part.to_string(), value.into_value());
                break;
            }
            let next = table.entry(part).or_insert_with(|| Value::Table(Table::new()));
            if !next.is_table() {
                *next = Value::Table(Table::new());
            }
            match next {
                Value::Table(inner) => table = inner,
                _ => break,
            }
        }
        self
    }

    fn merged(mut self, layer: Table) -> Result<Self, RecipeError> {
        merge(&mut self.table, layer);
        Ok(self)
    }

    /// The whole recipe, checked.
    ///
    /// # Errors
    /// When a setting is missing, of the wrong type or out of range.
    pub fn resolve(mut self) -> Result<Recipe, RecipeError> {
        arms::complete(&mut self.table);
        gradient::complete(&mut self.table)?;
        let recipe: Recipe = self.table.try_into().map_err(|error: toml::de::Error| RecipeError::Parse {
            origin: "recipe".to_string(),
            message: error.message().to_string(),
        })?;
        recipe.check()?;
        Ok(recipe)
    }
}

impl Recipe {
    /// Checks all ranges.
    ///
    /// # Errors
    /// The first setting that is out of its range.
    pub fn check(&self) -> Result<(), RecipeError> {
        let setting = |section| move |source| RecipeError::Setting { section, source };
        self.supernet.check().map_err(setting("supernet"))?;
        self.children.check().map_err(setting("children"))?;
        self.standalone.train.check().map_err(setting("standalone.train"))?;
        self.check_arms()?;
        self.check_gradient()?;
        self.check_strategies()?;
        let ranges = [
            ("data", "crop", self.data.crop, (0.0..=0.5).contains(&self.data.crop), "0 to 0.5"),
            ("data", "cutout", self.data.cutout, (0.0..=1.0).contains(&self.data.cutout), "0 to 1"),
            (
                "data",
                "val_fraction",
                self.data.val_fraction,
                0.0 < self.data.val_fraction && self.data.val_fraction < 1.0,
                "above 0 and below 1",
            ),
            ("space", "width", self.space.width as f64, (1..=4096).contains(&self.space.width), "1 to 4096"),
            ("space", "cells", self.space.cells as f64, (1..=64).contains(&self.space.cells), "1 to 64"),
            (
                "standalone",
                "width",
                self.standalone.width as f64,
                (1..=4096).contains(&self.standalone.width),
                "1 to 4096",
            ),
            ("standalone", "cells", self.standalone.cells as f64, (1..=64).contains(&self.standalone.cells), "1 to 64"),
            ("scoring", "batch", self.scoring.batch as f64, self.scoring.batch >= 2, "2 or more"),
            (
                "search",
                "max_latency_ms",
                self.search.max_latency_ms,
                self.search.max_latency_ms >= 0.0 && self.search.max_latency_ms.is_finite(),
                "0 (no limit) or more",
            ),
            ("search", "pareto", self.search.pareto as f64, self.search.pareto <= 1000, "0 (one network) to 1000"),
            (
                "search",
                "verify",
                self.search.verify as f64,
                self.search.verify == 0 || (5..=1000).contains(&self.search.verify),
                "0 (none), or 5 to 1000: fewer tell nothing",
            ),
            ("search", "budget", self.search.budget as f64, self.search.budget >= 1, "1 or more"),
            ("ranking", "seeds", self.ranking.seeds as f64, (1..=1000).contains(&self.ranking.seeds), "1 to 1000"),
        ];
        for (section, key, value, fits, allowed) in ranges {
            if !fits {
                let source = ConfigError { key, value: value.to_string(), allowed };
                return Err(RecipeError::Setting { section, source });
            }
        }
        Ok(())
    }

    /// Names are unique, and what an arm refers to stands before it.
    fn check_arms(&self) -> Result<(), RecipeError> {
        let arm_error = |arm: &str, problem: String| RecipeError::Arm { arm: arm.to_string(), problem };
        for (index, arm) in self.arms.iter().enumerate() {
            let fail = |problem: String| Err(arm_error(&arm.name, problem));
            arm.train.check().map_err(|source| arm_error(&arm.name, source.to_string()))?;
            let earlier = &self.arms[..index];
            let named = |name: &String| earlier.iter().find(|other| other.name == *name);
            if arm.name.is_empty() || arm.name.contains(['/', '"', '\n']) {
                return fail("its name must be text without / \" and line breaks".to_string());
            }
            if named(&arm.name).is_some() {
                return fail("another arm has this name".to_string());
            }
            for (key, name) in [("from", &arm.from), ("equal_cost", &arm.equal_cost)] {
                if !name.is_empty() && named(name).is_none() {
                    return fail(format!("{key} = \"{name}\" names no arm before it"));
                }
            }
            if let Some(parent) = named(&arm.from) {
                if parent.choose > 0 {
                    return fail(format!("it cannot start from `{}`, which is split in many ways", parent.name));
                }
                let skeleton = |arm: &super::ArmRecipe| (arm.width, arm.cells, arm.reduction);
                if skeleton(parent) != skeleton(arm) {
                    return fail(format!(
                        "it must be as wide and deep as `{}`, whose weights it takes, with the same reduction",
                        parent.name
                    ));
                }
            }
            let sized = (1..=4096).contains(&arm.width) && (1..=64).contains(&arm.cells);
            if !sized {
                return fail("width must be 1 to 4096, cells 1 to 64".to_string());
            }
            if arm.choose > 0 && arm.split != super::SplitRecipe::default() {
                return fail("`choose` and `split` exclude each other".to_string());
            }
        }
        Ok(())
    }
}

fn parse(text: &str, origin: &str) -> Result<Table, RecipeError> {
    text.parse::<Table>().map_err(|error| RecipeError::Parse {
        origin: origin.to_string(),
        message: error.to_string().trim().to_string(),
    })
}

pub(super) fn merge(base: &mut Table, layer: Table) {
    for (key, value) in layer {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(over)) => merge(inner, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Presets name every key, so a key that they lack is a misspelling: say where it stands.
fn check_keys(known: &Table, layer: &Table, text: &str, origin: &str, prefix: &str) -> Result<(), RecipeError> {
    for (key, value) in layer {
        // Only presets of rankings have arms, only some have gradients, and none a latency; what stands in them is checked
        // when the recipe is resolved.
        if prefix.is_empty() && ["arms", "gradient", "latency"].contains(&key.as_str()) {
            continue;
        }
        let Some(expected) = known.get(key) else {
            let line =
                text.lines().position(|line| line.trim_start().trim_start_matches('[').starts_with(key.as_str()));
            let place = line.map(|line| format!(", line {}", line + 1)).unwrap_or_default();
            let hint = suggest::hint(key, known.keys().map(String::as_str).collect::<Vec<_>>());
            return Err(RecipeError::Parse {
                origin: format!("{origin}{place}"),
                message: format!("unknown key `{prefix}{key}`, {hint}"),
            });
        };
        if let (Value::Table(known), Value::Table(layer)) = (expected, value) {
            check_keys(known, layer, text, origin, &format!("{prefix}{key}."))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_files_override_single_settings() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mine.toml");
        std::fs::write(&file, "seed = 7\n[search]\nbudget = 5\n").unwrap();
        let base = Layers::preset("quick").unwrap().resolve().unwrap();
        let recipe = Layers::preset("quick").unwrap().file(&file).unwrap().set("search.budget", 9).resolve().unwrap();
        assert_eq!((recipe.seed, recipe.search.budget), (7, 9));
        assert_eq!(recipe.search.strategy, base.search.strategy);
        assert_eq!(recipe.supernet, base.supernet);
    }

    #[test]
    fn a_run_is_repeated_from_its_own_settings() {
        let dir = tempfile::tempdir().unwrap();
        let recipe = Layers::preset("quick").unwrap().set("seed", 7).set("search.budget", 9).resolve().unwrap();
        let run = crate::run::RunFolder::create(&dir.path().join("run"), &recipe, "").unwrap();
        let file = run.path().join("run.toml");
        assert_eq!(Layers::preset("paper").unwrap().file(&file).unwrap().resolve().unwrap(), recipe);
    }

    #[test]
    fn misspelt_keys_are_pointed_at() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mine.toml");
        std::fs::write(&file, "[search]\nbugdet = 5\n").unwrap();
        let error = Layers::preset("quick").unwrap().file(&file).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("search.bugdet") && error.contains("budget"), "{error}");
    }

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
        let text = toml::to_string(&recipe).unwrap();
        let again = Layers { table: text.parse().unwrap() }.resolve().unwrap();
        assert_eq!(again, recipe);
    }

    #[test]
    fn arms_that_cannot_be_are_told_by_name() {
        let arms = |text: &str| {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("mine.toml");
            std::fs::write(&file, text).unwrap();
            Layers::preset("proof-of-concept-smoke").unwrap().file(&file).unwrap().resolve().unwrap_err().to_string()
        };
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
            let error = arms(text);
            assert!(error.contains(hint), "{error}");
        }
    }

    #[test]
    fn wrong_types_and_ranges_are_named() {
        let wrong = Layers::preset("quick").unwrap().set("search.budget", "many").resolve().unwrap_err();
        assert!(wrong.to_string().contains("invalid type"), "{wrong}");
        let range = Layers::preset("quick").unwrap().set("data.val_fraction", 1.5).resolve().unwrap_err();
        assert!(range.to_string().contains("val_fraction"), "{range}");
    }
}
