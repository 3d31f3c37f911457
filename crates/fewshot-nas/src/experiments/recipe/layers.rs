//! Laying recipes over each other, and checking what comes out.

use std::collections::BTreeSet;
use std::path::Path;

use fewshot_guard::read_file;
use fewshot_space::suggest;
use toml::{Table, Value};

use super::document::CheckedRecipe;
use super::keys::{LEFT_OUT, check_keys};
use super::presets;
use super::unread;
use super::whole::checked;
use crate::experiments::tables::merge;
use crate::families::{self, Settings, Skeleton};
use crate::recipe::{Places, RECIPE, RecipeError, line};
use crate::run::RunReader;

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
    /// The preset that all else lies over.
    base: Table,
    places: Places,
    /// Keys that the space's family has set.
    of_family: BTreeSet<String>,
    /// What a file began anew from.
    anew: Option<String>,
    /// The file that holds the settings of a whole run, where one was laid.
    whole: Option<String>,
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
            Some(Value::String(base)) => {
                let merged = Self::preset(&base)?.merged(table);
                Ok(Self { base: merged.table.clone(), ..merged })
            }
            _ => Ok(Self {
                base: table.clone(),
                table,
                places: Places::default(),
                of_family: BTreeSet::new(),
                anew: None,
                whole: None,
            }),
        }
    }

    /// Another preset in the place of all that is there.
    ///
    /// # Errors
    /// When there is no such preset.
    pub fn anew(self, preset: &str) -> Result<Self, RecipeError> {
        Ok(Self { anew: Some(preset.to_string()), ..Self::preset(preset)? })
    }

    /// What a file began anew from, if one did, so that nothing stays of what it was laid over: a preset, or a whole run's settings.
    pub fn began_anew(&self) -> Option<&str> {
        self.anew.as_deref()
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
            self.base = self.table.clone();
            self.anew = Some(name.to_string());
        }
        if root.is_some() {
            self.anew = Some(String::from("the settings of a whole run"));
            self.whole = Some(origin);
        }
        check_keys(&self.table, &layer, &self.places, "")?;
        if root.is_some() {
            // What a run leaves out was not set in it, whatever the preset says.
            LEFT_OUT.iter().for_each(|(table, key)| self.remove(table, key));
        }
        let space = layer.get("space").and_then(|space| space.get("name")).and_then(Value::as_str).map(str::to_string);
        let splits = layer.get("split").is_some_and(|split| split.get("decisions").is_some());
        let merged = self.merged(layer);
        Ok(match space {
            // A run's own settings are whole.
            Some(space) if root.is_some() => merged.sized_for(&space),
            Some(space) if splits => merged.sized_for(&space).defaults_for(&space),
            Some(space) => merged.for_space(&space),
            None => merged,
        })
    }

    /// Makes a preset of another space one for `space`, as far as neither file nor flag said otherwise: where it is split, its sizes,
    /// and what its family sets for such runs.
    #[must_use]
    pub fn for_space(self, space: &str) -> Self {
        self.split_for(space).sized_for(space).defaults_for(space)
    }

    /// Sets what the family of `space` sets for runs of this kind, where neither file nor flag gave it.
    #[must_use]
    pub fn defaults_for(mut self, space: &str) -> Self {
        let Ok(family) = families::family(space) else { return self };
        let kind = self.text("kind").unwrap_or_default();
        for (key, value) in family.defaults(&kind) {
            let value = value.into_value();
            if !self.places.gives(&key) && self.get(&key) != Some(&value) {
                self.insert(&key, value);
                self.of_family.insert(key);
            }
        }
        self
    }

    /// What the family of the space has set, in a line; none where it has set nothing.
    pub fn told(&self) -> Option<String> {
        let space = self.text("space.name")?;
        let keys: Vec<&str> = self.of_family.iter().map(String::as_str).collect();
        let keys = keys.join(", ");
        (!keys.is_empty()).then(|| format!("{space} has its own {keys} (`run.toml` says which)"))
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

    /// Sizes that networks of `space` cannot have become its family's, where neither file nor flag gave them: the sizes of a preset
    /// are those of its own space.
    #[must_use]
    pub fn sized_for(mut self, space: &str) -> Self {
        let Ok(family) = families::family(space) else { return self };
        // What is no count (a multiplier of widths) has no place among the sizes of a recipe.
        let settings = family.settings();
        for (key, own) in settings.iter().filter(|(key, _)| families::is_count(&settings, key)) {
            for table in ["space", "standalone"] {
                let place = format!("{table}.{key}");
                let sizes = self.table.get_mut(table).and_then(Value::as_table_mut);
                let size = sizes.and_then(|sizes| sizes.get_mut(key)).filter(|size| size.is_integer());
                let Some(size) = size.filter(|_| !self.places.gives(&place)) else { continue };
                let settings = Settings::from_iter([(key.clone(), size.as_integer().into())]);
                let skeleton = Skeleton { settings, ..Skeleton::of_images([32, 32, 3], 10) };
                if families::open(space, skeleton).is_err() {
                    *size = own.clone().into_value();
                }
            }
        }
        self
    }

    /// Sets one value, e.g. `set("search.budget", 100)`.
    pub fn set(self, key: &str, value: impl Setting) -> Self {
        self.set_by(RECIPE, key, value)
    }

    /// Sets one value; `origin` is what errors about it call its place, e.g. `--budget`.
    pub fn set_by(mut self, origin: &str, key: &str, value: impl Setting) -> Self {
        self.places.set(key, origin);
        self.of_family.remove(key);
        self.insert(key, value.into_value());
        self
    }

    /// Takes those of a list of entries (tables with a `name`, or names alone) that are called so, in this order. A name that none of
    /// them has becomes one. `origin` is as in [`Layers::set_by`].
    #[must_use]
    pub fn choose(mut self, origin: &str, key: &str, names: &[String]) -> Self {
        let there = self.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        let called = |entry: &&Value, name: &str| {
            entry.as_str().or_else(|| entry.get("name").and_then(Value::as_str)).is_some_and(|own| own == name)
        };
        let chosen = names.iter().map(|name| {
            let own = there.iter().find(|entry| called(entry, name));
            own.cloned().unwrap_or_else(|| Value::from(name.as_str()))
        });
        let chosen = Value::Array(chosen.collect());
        self.places.set(key, origin);
        self.of_family.remove(key);
        self.insert(key, chosen);
        self
    }

    fn insert(&mut self, key: &str, value: Value) {
        let mut table = &mut self.table;
        let mut parts = key.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                table.insert(part.to_string(), value);
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
    }

    /// Takes out `key` of a table, `"standalone.train."`.
    fn remove(&mut self, table: &str, key: &str) {
        let mut parts = table.trim_end_matches('.').split('.');
        let first = parts.next().and_then(|part| self.table.get_mut(part));
        let table = parts.fold(first, |value, part| value?.get_mut(part));
        if let Some(Value::Table(table)) = table {
            table.remove(key);
        }
    }

    /// The text under a key, where there is one.
    pub fn text(&self, key: &str) -> Option<String> {
        self.get(key)?.as_str().map(str::to_owned)
    }

    fn get(&self, key: &str) -> Option<&Value> {
        let mut parts = key.split('.');
        let first = self.table.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
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

    /// Of a network that is given to judge the architecture is its own: what a preset says is that of one that would be trained.
    fn settle_judge(&mut self) -> Result<(), RecipeError> {
        let (model, arch) = ("gan.judge.model", "gan.judge.arch");
        let is_given = |key: &str| self.text(key).is_some_and(|text| !text.is_empty());
        if !is_given(model) || !is_given(arch) {
            return Ok(());
        }
        if self.places.gives(arch) {
            let problem = format!(
                "{arch}: the network that `{model}` names judges, and none is trained: leave out one of the two"
            );
            return Err(RecipeError::Setting {
                origin: self.places.of(arch).to_string(),
                key: arch.to_string(),
                problem,
            });
        }
        self.insert(arch, Value::from(""));
        Ok(())
    }

    /// The whole recipe.
    ///
    /// # Errors
    /// When a setting is missing, of the wrong type or out of range; where a file gave it, with the line.
    pub fn resolve(mut self) -> Result<CheckedRecipe, RecipeError> {
        self.settle_judge()?;
        unread::refuse(&self.table, &self.base, &self.places, self.whole.as_deref())?;
        // Whoever gives a strength has chosen.
        if STRENGTHS.iter().any(|key| self.places.gives(key)) && !self.places.gives("data.augment") {
            self.insert("data.augment", Value::from("given"));
        }
        let Self { table, places, .. } = self;
        checked(table).map_err(|error| match error {
            RecipeError::Setting { key, problem, .. } => {
                RecipeError::Setting { origin: places.of(&key).to_string(), key, problem }
            }
            other => other,
        })
    }
}

fn parse(text: &str, origin: &str) -> Result<Table, RecipeError> {
    text.parse::<Table>().map_err(|error| syntax(text, origin, &error))
}

fn syntax(text: &str, origin: &str, error: &toml::de::Error) -> RecipeError {
    let line = error.span().map(|span| format!(", line {}", line(text, span.start)));
    RecipeError::Parse { origin: format!("{origin}{}", line.unwrap_or_default()), message: error.message().to_string() }
}

/// How much training images are changed, where that is not left to the size of the data.
const STRENGTHS: [&str; 5] = ["data.crop", "data.cutout", "data.erase", "data.zoom", "data.light"];

#[cfg(test)]
#[path = "layers_tests.rs"]
pub(crate) mod tests;
