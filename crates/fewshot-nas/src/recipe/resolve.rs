//! Laying recipes over each other, and checking what comes out.

use std::ops::Deref;
use std::path::Path;

use fewshot_guard::read_file;
use fewshot_space::suggest;
use toml::{Table, Value};

use super::places::{self, Places};
use super::{Kind, Recipe, RecipeError, arms, gradient, presets};
use crate::estimate::{Measure, NormPolicy};
use crate::families;
use crate::run::RunReader;
use crate::train::{ConfigError, TrainConfig};

/// More worker threads than any machine makes use of.
const MOST_THREADS: usize = 1024;

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

/// A setting of a family. What TOML cannot hold (numbers above 2^63) becomes text, which no such setting is.
impl Setting for serde_json::Value {
    fn into_value(self) -> Value {
        let text = self.to_string();
        Value::try_from(self).unwrap_or(Value::String(text))
    }
}

/// Recipes under construction: each layer overrides single settings of those before it.
#[derive(Debug, Clone)]
pub struct Layers {
    table: Table,
    places: Places,
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
            Some(Value::String(base)) => Ok(Self::preset(&base)?.merged(table)),
            _ => Ok(Self { table, places: Places::default() }),
        }
    }

    /// Lays a recipe file over what is there, or over the preset that it names itself (`base = "splits-laptop"`); it may hold
    /// any part of a recipe. A run's `run.toml` is one too, and holds all of it.
    ///
    /// # Errors
    /// When the file cannot be read, is not TOML, or has a key that no recipe has; when there is no such preset.
    pub fn file(mut self, path: &Path) -> Result<Self, RecipeError> {
        let text = read_file(path)
            .and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other))
            .map_err(|source| RecipeError::Read { path: path.to_path_buf(), source })?;
        let origin = path.display().to_string();
        let mut layer = parse(&text, &origin)?;
        // There the recipe is a table beside the format, the versions and the data's fingerprint.
        let mut root = None;
        if let Some(format) = layer.get("format").and_then(Value::as_integer)
            && let Some(Value::Table(recipe)) = layer.remove("recipe")
        {
            let known = RunReader::FORMAT;
            if format > known.into() {
                let message = format!("settings of format {format}; this program knows {known}: use the newer program");
                return Err(RecipeError::Parse { origin, message });
            }
            layer = recipe;
            root = Some("recipe");
        }
        let base = layer.remove("base");
        if base.is_some() {
            // Nothing of what was there stays.
            self.places = Places::default();
        }
        self.places.read(&text, &origin, root).map_err(|error| syntax(&text, &origin, &error))?;
        if let Some(base) = base {
            let refuse = |message| RecipeError::Parse { origin: self.places.of("base").to_string(), message };
            let name = base.as_str().ok_or_else(|| refuse("base: expected the name of a preset".to_string()))?;
            self.table = Self::preset(name).map_err(|error| refuse(error.to_string()))?.table;
        }
        check_keys(&self.table, &layer, &self.places, "")?;
        let space = layer.get("space").and_then(|space| space.get("name")).and_then(Value::as_str).map(str::to_string);
        let splits = layer.get("split").is_some_and(|split| split.get("decisions").is_some());
        let merged = self.merged(layer);
        Ok(match space {
            Some(space) if !splits => merged.split_for(&space),
            _ => merged,
        })
    }

    /// Splits on a decision that `space` has, where what is there names none of it: the split of a preset is that of its own
    /// space.
    #[must_use]
    pub fn split_for(mut self, space: &str) -> Self {
        let Ok(known) = families::default_space(space) else { return self };
        let names: Vec<String> = known.decisions().iter().map(|decision| decision.name.clone()).collect();
        let Some(Value::Table(split)) = self.table.get_mut("split") else { return self };
        let is_known = |value: &Value| value.as_str().is_none_or(|name| names.iter().any(|known| known == name));
        let fits = split.get("decisions").and_then(Value::as_array).is_none_or(|own| own.iter().all(is_known));
        if let (false, Some(first)) = (fits, names.first()) {
            split.insert("decisions".to_string(), Value::from(vec![first.clone()]));
        }
        self
    }

    /// Sets one value, e.g. `set("search.budget", 100)`.
    pub fn set(mut self, key: &str, value: impl Setting) -> Self {
        self.places.set(key);
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

    /// The text under a key, where there is one.
    pub fn text(&self, key: &str) -> Option<String> {
        let mut parts = key.split('.');
        let first = self.table.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))?.as_str().map(str::to_owned)
    }

    /// Without what a run's budget chose for it: another run makes its own plan.
    #[must_use]
    pub fn without_plan(mut self) -> Self {
        if let Some(Value::Table(budget)) = self.table.get_mut("budget") {
            budget.remove("plan");
        }
        self
    }

    fn merged(mut self, layer: Table) -> Self {
        merge(&mut self.table, layer);
        self
    }

    /// The whole recipe.
    ///
    /// # Errors
    /// When a setting is missing, of the wrong type or out of range; where a file gave it, with the line.
    pub fn resolve(self) -> Result<CheckedRecipe, RecipeError> {
        let Self { table, places } = self;
        checked(table).map_err(|error| match error {
            RecipeError::Setting { key, problem, .. } => {
                RecipeError::Setting { origin: places.of(&key).to_string(), key, problem }
            }
            other => other,
        })
    }
}

fn checked(mut table: Table) -> Result<CheckedRecipe, RecipeError> {
    arms::complete(&mut table);
    gradient::complete(&mut table)?;
    let recipe: Recipe = serde_path_to_error::deserialize(Value::Table(table))
        .map_err(|error| RecipeError::form(&error.path().to_string(), error.inner().message()))?;
    recipe.checked()
}

/// A recipe all of whose settings are in range and name what there is; [`Recipe::checked`] alone makes one, and it cannot be
/// changed. Runs take no other.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedRecipe(Recipe);

impl Deref for CheckedRecipe {
    type Target = Recipe;

    fn deref(&self) -> &Recipe {
        &self.0
    }
}

impl CheckedRecipe {
    /// The recipe, to be changed.
    pub fn into_inner(self) -> Recipe {
        self.0
    }
}

impl Recipe {
    /// Checks all ranges and names.
    ///
    /// # Errors
    /// The first setting that is out of its range, or names what there is not.
    pub fn checked(self) -> Result<CheckedRecipe, RecipeError> {
        self.check()?;
        Ok(CheckedRecipe(self))
    }

    fn check(&self) -> Result<(), RecipeError> {
        let setting = |section| move |source| RecipeError::range(section, source);
        self.budget.check().map_err(setting("budget"))?;
        for (section, train) in
            [("supernet", &self.supernet), ("children", &self.children), ("standalone.train", &self.standalone.train)]
        {
            // A budget fills in what is left open, and a training has no supernets.
            let is_open = self.budget.is_set() || (self.kind == Kind::Train && section != "standalone.train");
            let epochs = if is_open { train.epochs.max(1) } else { train.epochs };
            TrainConfig { epochs, ..train.clone() }.check().map_err(setting(section))?;
        }
        if self.threads > MOST_THREADS {
            let problem = format!("threads = {} is out of range: 0 (one per core) to {MOST_THREADS}", self.threads);
            return Err(RecipeError::setting("threads", problem));
        }
        self.scoring.fine_tune.check().map_err(setting("scoring.fine_tune"))?;
        if self.scoring.norm == NormPolicy::Recalibrated && self.scoring.calibration_batches == 0 {
            return Err(RecipeError::setting(
                "scoring.calibration_batches",
                "scoring.calibration_batches = 0: norm = \"recalibrated\" needs batches to recalibrate with, 1 or more",
            ));
        }
        if self.scoring.measure == Measure::Speed && self.scoring.fine_tune.steps == 0 {
            return Err(RecipeError::setting(
                "scoring.measure",
                "`speed` is that of fine-tuning: set scoring.fine_tune.steps",
            ));
        }
        self.check_arms()?;
        self.check_gradient()?;
        self.check_strategies()?;
        self.check_names()?;
        let ranges = [
            ("data", "crop", self.data.crop, (0.0..=0.5).contains(&self.data.crop), "0 to 0.5"),
            ("data", "cutout", self.data.cutout, (0.0..=1.0).contains(&self.data.cutout), "0 to 1"),
            ("data", "erase", self.data.erase, (0.0..=1.0).contains(&self.data.erase), "0 to 1"),
            ("data", "zoom", self.data.zoom, (0.0..=0.9).contains(&self.data.zoom), "0 to 0.9"),
            ("data", "light", self.data.light, (0.0..=0.9).contains(&self.data.light), "0 to 0.9"),
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
            ("scoring", "batch", self.scoring.batch as f64, (2..=65_536).contains(&self.scoring.batch), "2 to 65536"),
            (
                "scoring",
                "calibration_batches",
                self.scoring.calibration_batches as f64,
                self.scoring.calibration_batches <= 100_000,
                "0 to 100000",
            ),
            (
                "search",
                "finalists",
                self.search.finalists as f64,
                self.search.finalists <= 1000,
                "0 (trust the scores) to 1000",
            ),
            ("standalone", "randoms", self.standalone.randoms as f64, self.standalone.randoms <= 1000, "0 to 1000"),
            (
                "ranking",
                "networks",
                self.ranking.networks as f64,
                self.ranking.networks <= 1_000_000,
                "0 (all) to 1000000",
            ),
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
            (
                "search",
                "budget",
                self.search.budget as f64,
                (1..=1_000_000).contains(&self.search.budget)
                    || self.search.budget == 0 && (self.budget.is_set() || self.kind == Kind::Train),
                "1 to 1000000 (0 under a budget of time)",
            ),
            ("search", "fill", self.search.fill, (0.0..=1.0).contains(&self.search.fill), "0 to 1"),
            (
                "standalone",
                "halving",
                self.standalone.halving,
                self.standalone.halving > 0.0 && self.standalone.halving <= 1.0,
                "above 0, to 1",
            ),
            (
                "standalone",
                "all_images_from",
                self.standalone.all_images_from,
                (0.0..=1.0).contains(&self.standalone.all_images_from),
                "0 to 1",
            ),
            ("ranking", "seeds", self.ranking.seeds as f64, (1..=1000).contains(&self.ranking.seeds), "1 to 1000"),
        ];
        for (section, key, value, fits, allowed) in ranges {
            if !fits {
                return Err(RecipeError::range(section, ConfigError { key, value: value.to_string(), allowed }));
            }
        }
        Ok(())
    }
}

fn parse(text: &str, origin: &str) -> Result<Table, RecipeError> {
    text.parse::<Table>().map_err(|error| syntax(text, origin, &error))
}

fn syntax(text: &str, origin: &str, error: &toml::de::Error) -> RecipeError {
    let line = error.span().map(|span| format!(", line {}", places::line(text, span.start)));
    RecipeError::Parse { origin: format!("{origin}{}", line.unwrap_or_default()), message: error.message().to_string() }
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
fn check_keys(known: &Table, layer: &Table, places: &Places, prefix: &str) -> Result<(), RecipeError> {
    for (key, value) in layer {
        // Only some presets have these; what stands in them is checked when the recipe is resolved.
        if prefix.is_empty() && ["arms", "gradient", "latency", "strategies"].contains(&key.as_str()) {
            continue;
        }
        // A run's settings hold the plan that its budget led to, and which table it found.
        // Settings of a space are known to its family.
        if matches!((prefix, key.as_str()), ("budget.", "plan") | ("ranking.", "truth_digest") | ("space.", "settings"))
        {
            continue;
        }
        let Some(expected) = known.get(key) else {
            let hint = suggest::hint(key, known.keys().map(String::as_str).collect::<Vec<_>>());
            return Err(RecipeError::Parse {
                origin: places.of(&format!("{prefix}{key}")).to_string(),
                message: format!("unknown key `{prefix}{key}`, {hint}"),
            });
        };
        if let (Value::Table(known), Value::Table(layer)) = (expected, value) {
            check_keys(known, layer, places, &format!("{prefix}{key}."))?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
pub(super) mod tests;
