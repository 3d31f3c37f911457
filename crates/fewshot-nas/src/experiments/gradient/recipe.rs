//! Gradient-based searches: which methods, one-shot or few-shot, with which settings.

use std::collections::BTreeMap;

use fewshot_data::AutoForm;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::experiments::tables::merge;
use crate::gradient::{GradientError, MethodSettings, TransferFrom, UNIFORM, UNREAD, method};
use crate::recipe::{CommonRecipe, RecipeError, SplitKeys, SplitRecipe, known_strategy};
use crate::train::ConfigError;

/// A comparison of gradient-based methods.
///
/// A recipe need only name the methods: `methods = ["darts-v1", "gdas"]`. Their settings are the published ones, over
/// them lies `[gradient.settings]`, over that what an entry of `[[gradient.methods]]` says itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GradientRecipe {
    /// How each method is run.
    pub modes: Vec<Mode>,
    /// Names of the decisions on which few-shot modes split.
    pub split: Vec<String>,
    /// The parts, in the place of such decisions: of each the options that it has of some, as in `[split]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<BTreeMap<String, Vec<String>>>,
    /// Epochs of each sub-supernet, as a share of the method's epochs, above 0; of those behind the warm-up where parts start from its
    /// end. 1 is the published protocol.
    pub part_share: f64,
    /// The methods, every setting written out.
    pub methods: Vec<MethodSettings>,
    /// Search strategies that take the place of what `rsps` itself would choose: each looks for networks in the supernets that it
    /// trained, for `search.budget` evaluations. Of sub-supernets, the one that owns a network scores it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strategies: Vec<String>,
    /// Whether methods that train single paths, and networks that are compared with each other, see those held-out images too that
    /// `scoring.images` leaves out. Methods that train on mixes need them for α.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all_unscored: bool,
    /// What is found is trained alone; without this it is only looked up in the table of truths, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone: Option<AloneRecipe>,
}

/// Networks trained alone, by `[standalone]`: of the finalists of each search (the networks of the parts, or the best
/// `search.finalists` of a strategy) the one that wins by successive halving on held-out images, and `standalone.randoms` random ones.
/// Their training images are changed as `[data]` says, but for what stands here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AloneRecipe {
    /// Side of the square that is cut out, as a share of the shorter side, 0 to 1.
    #[serde(default)]
    pub cutout: f64,
    /// The form of AutoAugment; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_augment: Option<AutoForm>,
}

/// How a method is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// On one supernet.
    OneShot,
    /// On one supernet, for as many epochs as all sub-supernets of a split have together; with those of what they start from where
    /// they are run by transfer alone. The warm-up is as long as that of `one_shot`.
    OneShotEqualEpochs,
    /// On each sub-supernet from fresh weights: the published protocol.
    FewShotScratch,
    /// On each sub-supernet from what one supernet had learnt: at the end of `one_shot`, or of its warm-up
    /// ([`MethodSettings::transfer_from`]).
    FewShotTransfer,
}

impl Mode {
    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Mode::OneShot => "one-shot",
            Mode::OneShotEqualEpochs => "one-shot, equal epochs",
            Mode::FewShotScratch => "few-shot, from scratch",
            Mode::FewShotTransfer => "few-shot, transfer",
        }
    }

    /// Whether there are sub-supernets.
    pub fn is_split(self) -> bool {
        matches!(self, Mode::FewShotScratch | Mode::FewShotTransfer)
    }
}

/// Writes out what the methods leave to `[gradient.settings]` and to the published settings.
pub fn complete(recipe: &mut Table) -> Result<(), RecipeError> {
    let Some(Value::Table(gradient)) = recipe.get_mut("gradient") else { return Ok(()) };
    let settings = match gradient.remove("settings") {
        Some(Value::Table(settings)) => settings,
        _ => Table::new(),
    };
    let Some(Value::Array(methods)) = gradient.get_mut("methods") else { return Ok(()) };
    for (index, entry) in methods.iter_mut().enumerate() {
        let at = |problem: String| wrong(&format!(".methods[{index}]"), problem);
        let own = match entry {
            Value::String(name) => Table::from_iter([("name".to_string(), Value::from(name.as_str()))]),
            Value::Table(own) => own.clone(),
            other => return Err(at(format!("a method is a name or a table, not {other}"))),
        };
        let name = own.get("name").and_then(Value::as_str).unwrap_or_default();
        let published = (method(name).map_err(|error| at(error.to_string()))?.published)();
        let mut full = Table::try_from(&published).map_err(|error| at(error.to_string()))?;
        merge(&mut full, settings.clone());
        merge(&mut full, own);
        *entry = Value::Table(full);
    }
    Ok(())
}

/// What is said of a run of this kind whose recipe lacks the section.
pub fn missing() -> RecipeError {
    wrong("", "a run of kind \"gradient\" needs the section [gradient]; `fewshot recipes gradient-smoke` shows one")
}

impl GradientRecipe {
    /// Whether search strategies choose in the place of this method.
    pub fn is_hunted(&self, method: &MethodSettings) -> bool {
        method.name == UNIFORM && !self.strategies.is_empty()
    }

    /// Whether the parts of a method go on from the end of its warm-up.
    pub fn branches(&self, method: &MethodSettings) -> bool {
        self.modes.contains(&Mode::FewShotTransfer) && method.transfer_from == TransferFrom::WarmUp
    }

    /// Epochs of each sub-supernet of a split, without those of what it starts from.
    pub fn part_epochs(&self, method: &MethodSettings, mode: Mode) -> u64 {
        if method.part_epochs > 0 {
            return method.part_epochs;
        }
        let is_behind = mode == Mode::FewShotTransfer && self.branches(method);
        let before = if is_behind { method.warm_up_epochs() } else { 0 };
        let all = method.train.epochs.saturating_sub(before);
        ((all as f64 * self.part_share).round() as u64).max(1)
    }

    /// What few-shot modes split into.
    pub fn split(&self) -> SplitRecipe {
        SplitRecipe { decisions: self.split.clone(), parts: self.parts.clone(), ..SplitRecipe::default() }
    }

    /// Checks all ranges, and that the methods suit the rest of the recipe.
    ///
    /// # Errors
    /// The first setting that cannot be.
    pub fn check(&self, common: &CommonRecipe) -> Result<(), RecipeError> {
        let Self { modes, methods, part_share, .. } = self;
        if methods.is_empty() || modes.is_empty() {
            return Err(wrong("", "`methods` and `modes` name at least one each"));
        }
        let repeated = |position: usize| methods[..position].iter().any(|other| other.name == methods[position].name);
        if let Some(position) = (0..methods.len()).find(|&position| repeated(position)) {
            return Err(wrong(".methods", format!("`{}` is named twice", methods[position].name)));
        }
        let twice = |position: usize| modes[..position].contains(&modes[position]);
        if (0..modes.len()).any(twice) {
            return Err(wrong(".modes", "a mode is named twice"));
        }
        let from_end = |method: &&MethodSettings| method.transfer_from == TransferFrom::End;
        if modes.contains(&Mode::FewShotTransfer)
            && !modes.contains(&Mode::OneShot)
            && let Some(method) = methods.iter().find(from_end)
        {
            let problem = format!(
                "mode \"few_shot_transfer\" of `{}` starts from the weights that \"one_shot\" ends with: name both",
                method.name
            );
            return Err(wrong(".modes", problem));
        }
        if !(*part_share > 0.0 && part_share.is_finite()) {
            return Err(wrong(".part_share", format!("part_share = {part_share} is out of range: above 0")));
        }
        let keys = SplitKeys { decisions: "gradient.split", parts: "gradient.parts", within: "gradient" };
        common.check_split(&keys, &self.split(), common.has_limits())?;
        for (index, name) in self.strategies.iter().enumerate() {
            known_strategy(&format!("gradient.strategies[{index}]"), name)?;
            if self.strategies[..index].contains(name) {
                return Err(wrong(".strategies", format!("`{name}` is named twice")));
            }
        }
        if !self.strategies.is_empty() && !methods.iter().any(|method| method.name == UNIFORM) {
            let problem = format!(
                "`strategies` search the supernets of `{UNIFORM}`: name it among the methods, or set `strategies = []`"
            );
            return Err(wrong(".methods", problem));
        }
        if let Some(alone) = &self.alone
            && !(0.0..=1.0).contains(&alone.cutout)
        {
            return Err(wrong(".alone.cutout", format!("alone.cutout = {} is out of range: 0 to 1", alone.cutout)));
        }
        if common.scoring.on_test {
            let problem = "`scoring.on_test` is for rankings: a search that sees the test images proves nothing";
            return Err(RecipeError::setting("scoring.on_test", problem));
        }
        // Those that draw networks of a region, or choose the likeliest of one.
        let keeps_limits = |method: &&MethodSettings| method.gates.is_some() || method.name == UNIFORM;
        if let Some(limit) = common.limits().first()
            && let Some(other) = methods.iter().find(|method| !keeps_limits(method))
        {
            let problem = format!(
                "`{}` cannot keep `{limit}`: set it to 0, or name only methods with gates and `{UNIFORM}`",
                other.name
            );
            return Err(wrong(".methods", problem));
        }
        for (index, settings) in methods.iter().enumerate() {
            let name = &settings.name;
            let at =
                |key: &str, problem: String| wrong(&format!(".methods[{index}]{key}"), format!("{name}: {problem}"));
            let range = |prefix: &str, source: ConfigError| {
                at(&format!(".{prefix}{}", source.key), format!("{prefix}{source}"))
            };
            settings.train.check().map_err(|source| range("train.", source))?;
            settings.train.check_warmup().map_err(|source| range("train.", source))?;
            settings.train.check_unread(&UNREAD).map_err(|source| range("train.", source))?;
            settings.check().map_err(|error| match error {
                GradientError::Config(source) => range("", source),
                other => at("", other.to_string()),
            })?;
            let (warm_up, epochs) = (settings.warm_up_epochs(), settings.train.epochs);
            if self.branches(settings) && !(1..epochs).contains(&warm_up) {
                let problem = format!(
                    "parts start from the end of its warm-up, which has {warm_up} of {epochs} epochs: give `warm_up` at least 1 \
                     and fewer than all, or set transfer_from = \"end\""
                );
                return Err(at(".transfer_from", problem));
            }
            let partial = method(name).map_err(|error| at("", error.to_string()))?.partial;
            if !common.space.width.is_multiple_of(partial) {
                let width = common.space.width;
                let problem = format!("it needs a width that is a multiple of {partial}, not {width}");
                return Err(at("", problem));
            }
        }
        Ok(())
    }
}

/// `key` is that of the setting within `[gradient]`.
fn wrong(key: &str, problem: impl std::fmt::Display) -> RecipeError {
    RecipeError::setting(format!("gradient{key}"), format!("gradient: {problem}"))
}
