//! What a search for generators needs besides what all experiments have.

use serde::{Deserialize, Serialize};

use crate::adversarial::{DerivedPlan, GanConfig, Proposer, Schedule, SearchPlan};
use crate::families;
use crate::recipe::{CommonRecipe, RecipeError, known_strategy};
use crate::train::ConfigError;

/// A search for generators: the shared pair, the parts, the controls, how generators are trained alone and who judges them. Widths and
/// the split stand in `[space]`, `[standalone]` and `[split]`; seeds of trainings alone in `[ranking]`; how the classifier that judges
/// is trained in `[standalone.train]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GanRecipe {
    /// Architectures, as text, that are trained alone in place of all searches; none: what searches find is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<String>,
    /// Who proposes architectures.
    pub proposer: Proposer,
    /// With `proposer = "uniform"`: the strategy that chooses in the end, a name that `fewshot strategies` lists.
    pub strategy: String,
    /// With it: architectures that it scores.
    pub budget: usize,
    /// Channels of the discriminator of the shared generator, 1 to 2048.
    pub discriminator: usize,
    /// Iterations of each part at each level; empty: no parts (one-shot).
    pub part_iterations: Vec<u64>,
    /// Architectures of all parts together that are kept, 1 to 1000.
    pub keep: usize,
    /// How the shared pair is trained.
    pub train: GanConfig,
    /// The parent's schedule.
    pub search: Schedule,
    /// What is compared with.
    pub controls: ControlsRecipe,
    /// Generators alone.
    pub derived: DerivedRecipe,
    /// Who judges.
    pub judge: JudgeRecipe,
}

/// What found generators are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlsRecipe {
    /// Whether a one-shot search has as many iterations as parent and parts together.
    pub equal_cost: bool,
    /// Random architectures trained alone like those that were found, to 1000.
    pub randoms: usize,
    /// Random architectures trained alone for less, by which it is told how well shared generators order, to 1000; 0 for none.
    pub ranked: usize,
    /// Steps of the generator that those get, 1 or more.
    pub ranked_steps: u64,
}

/// How generators are trained alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DerivedRecipe {
    /// How many of the kept ones are, 1 to 1000.
    pub networks: usize,
    /// Channels of their discriminator, 1 to 2048.
    pub discriminator: usize,
    /// How both are trained.
    pub train: GanConfig,
    /// How long.
    pub plan: DerivedPlan,
}

/// The network that judges images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgeRecipe {
    /// A trained classifier: a model file, or a run's folder; or Inception v3, as `tools/inception.py` writes it from PyTorch's weights.
    /// Empty: one is trained on the same images.
    pub model: String,
    /// SHA-256 of that file when the run began; the run writes it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// The architecture of the one that is trained, of the space `stages`. Empty where one is given.
    pub arch: String,
    /// Statistics of its features of real images, an `.npz` file as FID packages keep them, to measure distances from. Empty: those of
    /// the training images.
    #[serde(default)]
    pub statistics: String,
}

/// The space of the networks that are trained to judge.
pub const JUDGES: &str = "stages";
/// Side of images whose size is not known yet; what architectures there are does not depend on it.
const USUAL_SIDE: usize = 32;
/// Most networks of any kind that are trained alone.
const MOST_NETWORKS: usize = 1000;
/// Most channels of a discriminator.
const MOST_CHANNELS: usize = 2048;

impl JudgeRecipe {
    /// Whether there is one network that judges, and what is known of it can be.
    fn check(&self) -> Result<(), RecipeError> {
        if !self.model.is_empty() {
            return Ok(());
        }
        let key = "gan.judge.arch";
        if self.arch.is_empty() {
            let problem =
                "give the architecture of the network that is trained to judge, or a trained one (gan.judge.model)";
            return Err(RecipeError::setting(key, format!("{key}: {problem}")));
        }
        let space = families::default_space(JUDGES).map_err(|error| RecipeError::setting(key, error.to_string()))?;
        space.parse(&self.arch).map_err(|error| RecipeError::setting(key, format!("{key}: {error}")))?;
        Ok(())
    }
}

impl GanRecipe {
    /// Checks all ranges, and the architectures that are given.
    ///
    /// # Errors
    /// The first setting that is out of its range.
    pub fn check(&self, common: &CommonRecipe) -> Result<(), RecipeError> {
        let side = if common.data.image_size > 0 { common.data.image_size } else { USUAL_SIDE };
        // What is wrong with the size is told by itself.
        if let Ok(space) = common.space_alone([side, side, 3], 10) {
            for (place, text) in self.given.iter().enumerate() {
                let key = format!("gan.given[{place}]");
                let refuse = |error| RecipeError::setting(key.clone(), format!("{key}: {error}"));
                space.blueprint().parse(text).map_err(refuse)?;
            }
        }
        let fail = |key: &'static str, value: String, allowed: &'static str| {
            Err(RecipeError::range("gan", ConfigError { key, value, allowed }))
        };
        if self.proposer == Proposer::Uniform {
            known_strategy("gan.strategy", &self.strategy)?;
        }
        let levels = self.search.iterations.len();
        let in_section = |section: &'static str| move |source| RecipeError::range(section, source);
        self.plan(&self.search.iterations).check(levels).map_err(in_section("gan.search"))?;
        self.train.check().map_err(in_section("gan.train"))?;
        self.derived.train.check().map_err(in_section("gan.derived.train"))?;
        self.derived.plan.check().map_err(in_section("gan.derived.plan"))?;
        self.judge.check()?;
        let has_parts = !self.part_iterations.is_empty();
        if has_parts && (self.part_iterations.len() != levels || self.part_iterations.contains(&0)) {
            return fail("part_iterations", format!("{:?}", self.part_iterations), "a number per level, 1 or more");
        }
        let ControlsRecipe { randoms, ranked, ranked_steps, .. } = self.controls;
        let counts = [
            ("keep", self.keep, 1, MOST_NETWORKS, "1 to 1000"),
            ("derived.networks", self.derived.networks, 1, MOST_NETWORKS, "1 to 1000"),
            ("controls.randoms", randoms, 0, MOST_NETWORKS, "0 to 1000"),
            ("controls.ranked", ranked, 0, MOST_NETWORKS, "0 to 1000"),
            ("discriminator", self.discriminator, 1, MOST_CHANNELS, "1 to 2048"),
            ("derived.discriminator", self.derived.discriminator, 1, MOST_CHANNELS, "1 to 2048"),
        ];
        for (key, value, least, most, allowed) in counts {
            if !(least..=most).contains(&value) {
                return fail(key, value.to_string(), allowed);
            }
        }
        if !(1..=100_000_000).contains(&ranked_steps) {
            return fail("controls.ranked_steps", ranked_steps.to_string(), "1 to 100000000");
        }
        Ok(())
    }

    /// The plan of a search of so many iterations per level.
    pub fn plan(&self, iterations: &[u64]) -> SearchPlan {
        SearchPlan {
            proposer: self.proposer,
            strategy: self.strategy.clone(),
            budget: self.budget,
            schedule: Schedule { iterations: iterations.to_vec(), ..self.search.clone() },
        }
    }

    /// Iterations of a one-shot search that has as many as the parent and so many parts together.
    pub fn equal_cost(&self, parts: usize) -> Vec<u64> {
        let all = self.search.iterations.iter().zip(&self.part_iterations);
        all.map(|(parent, part)| parent + part * parts as u64).collect()
    }
}

/// Settings of tables that other kinds read which a search for generators does not, each with what to set in its place. The keys that
/// flags set stand before the tables that they are in.
pub const UNREAD: [(&str, &str); 12] = [
    ("search.pareto", "they keep one generator, and have no front: limits (--max-macs, --max-params) make it small"),
    ("search.strategy", "name the strategy in `gan.strategy`, with `gan.proposer = \"uniform\"`"),
    ("search.budget", "`gan.budget` says how many a strategy scores, with `gan.proposer = \"uniform\"`"),
    ("search.finalists", "`gan.derived.networks` says how many generators are trained alone"),
    ("search.verify", "`gan.controls.ranked` says by how many random ones it is told how well scores order"),
    ("search.by_hand", "there are no generators made by hand"),
    ("standalone.references", "there are no generators made by hand, and `gan.controls` says what is compared with"),
    ("standalone.randoms", "`gan.controls.randoms` says how many random ones are trained alone"),
    ("supernet", "`gan.search` and `gan.train` say how long and how the shared generator is trained"),
    ("children", "`gan.part_iterations` says how long parts are searched"),
    ("scoring", "`gan.search` says by how many images generators are scored"),
    ("shrink", "generators grow level by level, as `gan.search.iterations` says"),
];

/// What only a search does that no controller leads.
pub const WITHOUT_CONTROLLER: [(&str, &str); 2] = [
    (
        "gan.budget",
        "the controller proposes, and only a strategy scores so many: name one (--strategy, or `gan.strategy` with `gan.proposer = \"uniform\"`)",
    ),
    ("gan.strategy", "the controller proposes: set `gan.proposer = \"uniform\"` for a strategy to choose"),
];

/// Why there are no such settings.
pub fn missing() -> RecipeError {
    RecipeError::setting(
        "gan",
        "an experiment of kind `gan` needs the section [gan]: begin with `base = \"autogan-laptop\"`",
    )
}
