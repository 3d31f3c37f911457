//! A whole recipe, and the form in which files hold it.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::experiments::gan::recipe::{self as gan, GanRecipe};
use crate::experiments::gradient::recipe::{self as gradient, GradientRecipe};
use crate::experiments::ranking::recipe::{self as ranking, ArmRecipe};
use crate::experiments::strategies::recipe::StrategiesRecipe;
use crate::latency::LatencyTable;
use crate::recipe::{
    BudgetRecipe, CommonRecipe, DataRecipe, Kind, LaunchRecipe, RankingRecipe, RecipeError, ScoringRecipe,
    SearchRecipe, ShrinkPhase, SpaceRecipe, SplitRecipe, StandaloneRecipe,
};
use crate::train::TrainConfig;

/// A whole experiment, every setting written out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct Recipe {
    /// What the run does, with what this kind has to itself.
    pub experiment: Experiment,
    /// All else.
    pub common: CommonRecipe,
}

/// A kind of experiment, with the settings that no other reads.
#[derive(Debug, Clone, PartialEq)]
pub enum Experiment {
    /// Finds a network: supernet, split, search, training alone, test.
    Search,
    /// Trains one architecture alone and tests it.
    Train,
    /// Compares supernets' scores with the truth of a table: those of these arms.
    Ranking(Vec<ArmRecipe>),
    /// Makes such a table: trains networks alone, each with several seeds, and tests them.
    Truth,
    /// Searches by gradients, one-shot and few-shot.
    Gradient(GradientRecipe),
    /// Compares search strategies on the scores and the truth of tables.
    Strategies(StrategiesRecipe),
    /// Finds generators of images, one-shot and few-shot.
    Gan(Box<GanRecipe>),
}

impl Experiment {
    /// Its name.
    pub fn kind(&self) -> Kind {
        match self {
            Experiment::Search => Kind::Search,
            Experiment::Train => Kind::Train,
            Experiment::Ranking(_) => Kind::Ranking,
            Experiment::Truth => Kind::Truth,
            Experiment::Gradient(_) => Kind::Gradient,
            Experiment::Strategies(_) => Kind::Strategies,
            Experiment::Gan(_) => Kind::Gan,
        }
    }

    /// Whether some of its stages can be cut into shards ([`crate::recipe::LaunchRecipe::shards`]).
    pub fn has_shards(&self) -> bool {
        matches!(self, Experiment::Ranking(_) | Experiment::Truth)
    }
}

impl Recipe {
    /// What the run does, by name.
    pub fn kind(&self) -> Kind {
        self.experiment.kind()
    }

    /// Leaves out what a run saw of the files that it names.
    pub(in crate::experiments) fn forget_seen(&mut self) {
        self.common.ranking.truth_digest.clear();
        if let Experiment::Gan(own) = &mut self.experiment {
            own.judge.digest.clear();
        }
    }

    /// Checks all ranges and names.
    ///
    /// # Errors
    /// The first setting that is out of its range, or names what there is not.
    pub fn checked(self) -> Result<CheckedRecipe, RecipeError> {
        let Self { experiment, common } = &self;
        common.check(experiment.kind())?;
        match experiment {
            Experiment::Train if common.standalone.arch.trim().is_empty() => {
                let problem = "standalone.arch: a run of kind \"train\" needs an architecture, and here is none (`fewshot train --arch ARCH` \
                               gives one too)";
                return Err(RecipeError::setting("standalone.arch", problem));
            }
            Experiment::Search | Experiment::Train | Experiment::Truth => {}
            Experiment::Ranking(arms) => ranking::check(arms, common)?,
            Experiment::Gradient(recipe) => recipe.check(common)?,
            Experiment::Strategies(recipe) => recipe.check()?,
            Experiment::Gan(recipe) => recipe.check(common)?,
        }
        let plans_time = matches!(experiment, Experiment::Search | Experiment::Train);
        if common.budget.is_set() && common.budget.plan.is_none() && !plans_time {
            let problem = "budget.minutes: searches for classifiers and trainings have a budget of time, others none: leave it out, or set it to 0 in a recipe";
            return Err(RecipeError::setting("budget.minutes", problem));
        }
        Ok(CheckedRecipe(self))
    }
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

/// A recipe as TOML holds it: the tables of all kinds side by side, in this order. Those that its `kind` does not read are not
/// looked at.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    kind: Kind,
    seed: u64,
    threads: usize,
    #[serde(default)]
    budget: BudgetRecipe,
    #[serde(default, skip_serializing_if = "LaunchRecipe::is_default")]
    launch: LaunchRecipe,
    data: DataRecipe,
    space: SpaceRecipe,
    supernet: TrainConfig,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    shrink: Vec<ShrinkPhase>,
    split: SplitRecipe,
    children: TrainConfig,
    scoring: ScoringRecipe,
    search: SearchRecipe,
    standalone: StandaloneRecipe,
    ranking: RankingRecipe,
    #[serde(default, skip_serializing_if = "StrategiesRecipe::is_empty")]
    strategies: StrategiesRecipe,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    arms: Vec<ArmRecipe>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latency: Option<LatencyTable>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gradient: Option<GradientRecipe>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gan: Option<Box<GanRecipe>>,
}

impl TryFrom<Document> for Recipe {
    type Error = RecipeError;

    fn try_from(document: Document) -> Result<Self, RecipeError> {
        let experiment = match document.kind {
            Kind::Search => Experiment::Search,
            Kind::Train => Experiment::Train,
            Kind::Ranking => Experiment::Ranking(document.arms),
            Kind::Truth => Experiment::Truth,
            Kind::Gradient => Experiment::Gradient(document.gradient.ok_or_else(gradient::missing)?),
            Kind::Strategies => Experiment::Strategies(document.strategies),
            Kind::Gan => Experiment::Gan(document.gan.ok_or_else(gan::missing)?),
        };
        let common = CommonRecipe {
            seed: document.seed,
            threads: document.threads,
            budget: document.budget,
            launch: document.launch,
            data: document.data,
            space: document.space,
            supernet: document.supernet,
            shrink: document.shrink,
            split: document.split,
            children: document.children,
            scoring: document.scoring,
            search: document.search,
            standalone: document.standalone,
            ranking: document.ranking,
            latency: document.latency,
        };
        Ok(Self { experiment, common })
    }
}

impl From<Recipe> for Document {
    fn from(Recipe { experiment, common }: Recipe) -> Self {
        let kind = experiment.kind();
        let (mut arms, mut gradient, mut strategies, mut gan) = (Vec::new(), None, StrategiesRecipe::default(), None);
        match experiment {
            Experiment::Search | Experiment::Train | Experiment::Truth => {}
            Experiment::Ranking(own) => arms = own,
            Experiment::Gradient(own) => gradient = Some(own),
            Experiment::Strategies(own) => strategies = own,
            Experiment::Gan(own) => gan = Some(own),
        }
        Self {
            kind,
            seed: common.seed,
            threads: common.threads,
            budget: common.budget,
            launch: common.launch,
            data: common.data,
            space: common.space,
            supernet: common.supernet,
            shrink: common.shrink,
            split: common.split,
            children: common.children,
            scoring: common.scoring,
            search: common.search,
            standalone: common.standalone,
            ranking: common.ranking,
            strategies,
            arms,
            latency: common.latency,
            gradient,
            gan,
        }
    }
}
