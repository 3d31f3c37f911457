//! Laying recipes over each other, and checking what comes out.

use std::path::Path;

use fewshot_space::{BuiltinSpace, suggest};
use toml::{Table, Value};

use super::places::{self, Places};
use super::{Kind, Recipe, RecipeError, arms, gradient, presets};
use crate::estimate::{Measure, NormPolicy};
use crate::run::read_file;
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
        if layer.contains_key("format")
            && let Some(Value::Table(recipe)) = layer.remove("recipe")
        {
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
        let Ok(known) = BuiltinSpace::default_for(space) else { return self };
        let names: Vec<String> = known.space().decisions().iter().map(|decision| decision.name.clone()).collect();
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

    /// The whole recipe, checked.
    ///
    /// # Errors
    /// When a setting is missing, of the wrong type or out of range; where a file gave it, with the line.
    pub fn resolve(self) -> Result<Recipe, RecipeError> {
        let Self { table, places } = self;
        checked(table).map_err(|error| match error {
            RecipeError::Setting { key, problem, .. } => {
                RecipeError::Setting { origin: places.of(&key).to_string(), key, problem }
            }
            other => other,
        })
    }
}

fn checked(mut table: Table) -> Result<Recipe, RecipeError> {
    arms::complete(&mut table);
    gradient::complete(&mut table)?;
    let recipe: Recipe = serde_path_to_error::deserialize(Value::Table(table))
        .map_err(|error| RecipeError::form(&error.path().to_string(), error.inner().message()))?;
    recipe.check()?;
    Ok(recipe)
}

impl Recipe {
    /// Checks all ranges and names.
    ///
    /// # Errors
    /// The first setting that is out of its range, or names what there is not.
    pub fn check(&self) -> Result<(), RecipeError> {
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
        if matches!((prefix, key.as_str()), ("budget.", "plan") | ("ranking.", "truth_digest")) {
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
pub(super) mod tests {
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
        let run = crate::run::RunFolder::create(&dir.path().join("run"), &recipe, &"".into()).unwrap();
        let file = run.path().join("run.toml");
        assert_eq!(Layers::preset("paper").unwrap().file(&file).unwrap().resolve().unwrap(), recipe);
    }

    #[test]
    fn a_file_may_name_the_preset_it_lies_over() {
        let file = "base = \"splits-smoke\"\nranking.networks = 7\n";
        let expected = Layers::preset("splits-smoke").unwrap().set("ranking.networks", 7).resolve().unwrap();
        assert_eq!(laid_over("quick", file).unwrap(), expected);
        // Nothing stays of what it was laid over.
        let dir = tempfile::tempdir().unwrap();
        let (other, mine) = (dir.path().join("other.toml"), dir.path().join("mine.toml"));
        std::fs::write(&other, "seed = 9\nsupernet.lr = 0.3\n").unwrap();
        std::fs::write(&mine, file).unwrap();
        let layers = Layers::preset("quick").unwrap().file(&other).and_then(|layers| layers.file(&mine)).unwrap();
        assert_eq!(layers.places.of("supernet.lr"), "recipe");
        assert_eq!(layers.resolve().unwrap(), expected);
        for name in presets::names() {
            let shipped = Layers::preset(name).and_then(Layers::resolve).unwrap();
            assert_eq!(laid_over("quick", presets::text(name).unwrap()).unwrap(), shipped, "{name}");
        }
        let error = refused("quick", "seed = 1\nbase = \"splits-smok\"\n");
        assert!(
            error.starts_with("mine.toml, line 2: no preset `splits-smok`, did you mean `splits-smoke`?"),
            "{error}"
        );
        assert_eq!(refused("quick", "base = 3"), "mine.toml, line 1: base: expected the name of a preset");
    }

    #[test]
    fn another_space_is_split_on_its_own_decisions() {
        let split = |text: &str| laid_over("images", text).unwrap().split.decisions;
        assert_eq!(split("seed = 1"), ["stem"]);
        assert_eq!(split("space.name = \"nasbench201\""), ["e0"]);
        assert_eq!(split("space.name = \"nasbench201\"\nsplit.decisions = [\"e3\"]"), ["e3"]);
        let error = laid_over("images", "space.name = \"nasbench201\"\nsplit.decisions = [\"stem\"]").unwrap_err();
        assert!(error.to_string().contains("has no decision `stem`"), "{error}");
    }

    #[test]
    fn misspelt_keys_are_pointed_at() {
        let error = refused("quick", "[search]\nbugdet = 5\n");
        assert_eq!(error, "mine.toml, line 2: unknown key `search.bugdet`, did you mean `budget`?");
    }

    /// A recipe file of this text, laid over a preset.
    pub fn laid_over(preset: &str, text: &str) -> Result<Recipe, RecipeError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mine.toml");
        std::fs::write(&file, text).unwrap();
        Layers::preset(preset).unwrap().file(&file).and_then(Layers::resolve)
    }

    /// What is wrong with it, without the folder it lies in.
    fn refused(preset: &str, text: &str) -> String {
        let error = laid_over(preset, text).unwrap_err().to_string();
        error.find("mine.toml").map_or(error.clone(), |at| error[at..].to_string())
    }

    #[test]
    fn wrong_values_are_told_with_line_and_key() {
        for (text, expected) in [
            ("[supernet]\nlr = \"fast\"", "line 2: supernet.lr: expected a number, found string \"fast\""),
            (
                "[supernet]\n\nepochs = -3",
                "line 3: supernet.epochs: expected a whole number, 0 or more, found integer `-3`",
            ),
            ("data.flip = 1", "line 1: data.flip: expected true or false, found integer `1`"),
            ("[split]\ndecisions = \"e0\"", "line 2: split.decisions: expected a list, found string \"e0\""),
            (
                "[split]\ndecisions = [\n  \"e0\",\n  1]",
                "line 4: split.decisions[1]: expected a string, found integer `1`",
            ),
            ("search = 3", "line 1: search: expected a table, found integer `3`"),
            (
                "[children]\nsampling = \"per_netwrok\"",
                "line 2: children.sampling: it cannot be `per_netwrok`, did you mean `per_network`?",
            ),
            ("kind = \"serach\"", "line 1: kind: it cannot be `serach`, did you mean `search`?"),
            ("[search]\nstrategy = \"reaa\"", "line 2: search.strategy: no strategy `reaa`, did you mean `rea`?"),
            (
                "[space]\nname = \"nasbench20l\"",
                "line 2: space.name: no space `nasbench20l`, did you mean `nasbench201`?",
            ),
            (
                "split.decisions = [\"e7\"]",
                "line 1: split.decisions[0]: the space cell1296 has no decision `e7`; it has e0, e1, e2, e3",
            ),
            ("[split]\nfeature = \"live_conv\"", "line 2: split.feature: "),
            ("[supernet]\nepochs = 0", "line 2: supernet.epochs = 0 is out of range: 1 to 1000000"),
            (
                "[scoring]\nnorm = \"recalibrated\"\ncalibration_batches = 0",
                "line 3: scoring.calibration_batches = 0: norm = \"recalibrated\" needs batches",
            ),
            (
                "[standalone]\n[standalone.train]\nmomentum = 1.5",
                "line 3: standalone.train.momentum = 1.5 is out of range",
            ),
            ("[data]\nval_fraction = 2.0", "line 2: data.val_fraction = 2 is out of range: above 0 and below 1"),
            // The preset's `lr_min` is too high for this rate: the table that the file has is pointed at.
            ("\n[supernet]\nlr = 0.0001", "line 2: supernet.lr_min = 0.001 is out of range: from 0 to lr"),
        ] {
            let error = refused("quick", text);
            assert!(error.starts_with(&format!("mine.toml, {expected}")), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line_in_one() {
        let error = refused("quick", "seed = 1\n[search\nbudget = 5\n");
        assert!(error.starts_with("mine.toml, line 2: ") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn what_flags_and_presets_say_is_not_blamed_on_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mine.toml");
        std::fs::write(&file, "[supernet]\nepochs = 5\n").unwrap();
        let layers = Layers::preset("quick").unwrap().file(&file).unwrap();
        let error = layers.clone().set("supernet.epochs", 0).resolve().unwrap_err().to_string();
        assert_eq!(error, "recipe: supernet.epochs = 0 is out of range: 1 to 1000000");
        let error = layers.set("search.budget", "many").resolve().unwrap_err().to_string();
        assert_eq!(error, "recipe: search.budget: expected a whole number, 0 or more, found string \"many\"");
    }

    #[test]
    fn arms_and_methods_are_told_with_their_lines() {
        for (preset, text, expected) in [
            (
                "proof-of-concept-smoke",
                "[[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\nfrom = \"c\"",
                "line 5: arm `b`: from",
            ),
            ("proof-of-concept-smoke", "[[arms]]\nname = \"a\"\ntrain.lr = -1.0", "line 3: arm `a`: train.lr = -1 is"),
            (
                "proof-of-concept-smoke",
                "[[arms]]\nname = \"a\"\nwdith = 3",
                "line 3: unknown key `arms[0].wdith`, did you mean `width`?",
            ),
            ("proof-of-concept-smoke", "seed = 1\n[[arms]]\nwidth = 3", "line 2: arms[0]: missing field `name`"),
            (
                "gradient-smoke",
                "[gradient]\n[gradient.settings]\ntrain.lr = -1.0",
                "line 3: gradient: darts-v1: train.lr = -1 is",
            ),
            (
                "gradient-smoke",
                "[gradient]\nmethods = [\n\"gdas\",\n\"dart-v1\"]",
                "line 4: gradient: no gradient-based method `dart-v1`",
            ),
            ("gradient-smoke", "[gradient]\npart_share = 0.0", "line 2: gradient: part_share = 0 is"),
            (
                "strategies-smoke",
                "[strategies]\nnames = [\"random\", \"reas\"]",
                "line 2: strategies.names[1]: no strategy `reas`",
            ),
        ] {
            let error = refused(preset, text);
            assert!(error.starts_with(&format!("mine.toml, {expected}")), "{text}: {error}");
        }
    }
}
