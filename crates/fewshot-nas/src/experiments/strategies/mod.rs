//! Experiments of kind `strategies`: searches on tables, where an evaluation costs nothing.
//!
//! Every strategy runs with every source of scores (mode), many times with different seeds. Two curves come out: the best
//! truth among all that was *visited*, an oracle that published figures show, and the truth of the best-*scored* so far,
//! which is what a user of the search gets. No image is read.

pub(super) mod recipe;
mod replay;
pub(super) mod result;

pub use recipe::{ModeRecipe, StrategiesRecipe};
pub use result::{CurvePoint, Quantiles, StrategiesResult, StrategyRow};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fewshot_space::{Region, Space};
use serde_json::Value;
use sha2::{Digest, Sha256};

use self::replay::{Replay, Truths, grid, replay};
use super::bench::Bench;
use super::outcome::Outcome;
use super::recipe::{Experiment, Recipe};
use crate::families;
use crate::lab::{ExperimentError, Lab, Truth, absolute, all_networks, column};
use crate::recipe::CommonRecipe;
use crate::run::{
    Checked, FileError, Fingerprint, Handle, JsonLines, RunError, RunFolder, Stage, StageContext, hex, in_lanes,
    write_atomic,
};
use crate::search;
use crate::stages::{slug, value};

/// Stage that gathers the curves.
static CURVES: Handle<StrategiesResult> = Handle::new("curves");
/// The curves, in the run folder.
const TABLE: &str = "curves.csv";
/// State of a stage: one line per run, in the order in which they ended.
const RUNS: &str = "runs.jsonl";

/// Truth and scores of every architecture of a space.
pub(super) struct Comparison {
    common: CommonRecipe,
    recipe: StrategiesRecipe,
    region: Region,
    truths: Truths,
    title: String,
    /// Per mode of the recipe.
    scores: Vec<Vec<f64>>,
}

impl Comparison {
    /// Reads the tables that the recipe names, and keeps absolute paths of them: a run is resumed from anywhere.
    ///
    /// # Errors
    /// When a table cannot be read or lacks an architecture of the space, or a strategy does not exist.
    pub fn open(mut common: CommonRecipe, mut recipe: StrategiesRecipe) -> Result<Self, ExperimentError> {
        let space: Arc<dyn Space> = families::default_space(&common.space.name)?;
        let ranking = &mut common.ranking;
        ranking.truth = absolute(&ranking.truth);
        for mode in &mut recipe.modes {
            mode.table = absolute(&mode.table);
        }
        let archs = all_networks(space.clone(), "choose a space whose networks a table can hold (`space.name`)")?;
        let truth = Truth::open(ranking, &space)?.ok_or(ExperimentError::NoTruth)?;
        truth.identify(ranking)?;
        let region = Region::full(space.clone());
        let truths = truth.of(&archs)?;
        let scores = |mode: &ModeRecipe| match (mode.column.as_str(), mode.table.as_str()) {
            ("", _) => Ok(truths.clone()),
            (name, "") => Ok(column(&ranking.truth, &space, name)?.lookup(&archs)?),
            (name, table) => Ok(column(table, &space, name)?.lookup(&archs)?),
        };
        let scores = recipe.modes.iter().map(scores).collect::<Result<_, ExperimentError>>()?;
        for name in &recipe.names {
            // A misspelt name is refused before anything runs.
            search::build(name, region.clone(), 0)?;
        }
        Ok(Self { common, recipe, region, truths: Truths::new(archs, truths), title: truth.title(), scores })
    }

    /// The stage of each strategy in each mode, mode by mode.
    fn rows(&self) -> impl Iterator<Item = (usize, &str, Handle<StrategyRow>)> {
        let modes = self.recipe.modes.iter().enumerate();
        let pairs = modes.flat_map(|(mode, of_mode)| self.recipe.names.iter().map(move |name| (mode, of_mode, name)));
        pairs.enumerate().map(|(number, (mode, of_mode, name))| {
            let stage = format!("{number:02}-{}", slug(&format!("{name} {}", of_mode.name)));
            (mode, name.as_str(), Handle::named(stage))
        })
    }

    /// All runs of one strategy in one mode.
    fn searches(
        &self,
        context: &StageContext<'_>,
        strategy: &str,
        mode: usize,
    ) -> Result<StrategyRow, ExperimentError> {
        let recipe = &self.recipe;
        let grid = grid(recipe.evaluations, &recipe.marks);
        let log = JsonLines::open(&context.file(RUNS))?;
        let mut done: Vec<Replay> = log.read()?.into_iter().map(|Checked(one)| one).collect();
        let known: BTreeSet<u64> = done.iter().map(|replay| replay.seed).collect();
        let seeds = (0..self.common.ranking.seeds).map(|run| self.common.seed + run);
        let left: Vec<u64> = seeds.filter(|seed| !known.contains(seed)).collect();
        let counter = context.counter("searching", "runs", done.len() as u64, Some(self.common.ranking.seeds));
        let work = |seed: &u64| {
            let search = search::build(strategy, self.region.clone(), *seed)?;
            replay(&self.truths, search, &self.scores[mode], &grid, *seed, context.interrupt())
        };
        in_lanes(context.interrupt(), &left, work, |_, replay| {
            log.append(&Checked(&replay))?;
            context.keeps()?;
            done.push(replay);
            counter.add(1);
            Ok::<_, ExperimentError>(())
        })?;
        log.sync()?;
        done.sort_by_key(|replay| replay.seed);
        Ok(StrategyRow::new(strategy, &recipe.modes[mode].name, &grid, &done))
    }

    /// The result, without the time that the run took; writes the table of curves.
    fn gather(&self, context: &StageContext<'_>) -> Result<StrategiesResult, ExperimentError> {
        let rows =
            self.rows().map(|(_, _, stage)| Ok(context.value(&stage)?)).collect::<Result<_, ExperimentError>>()?;
        let recipe = &self.recipe;
        let result = StrategiesResult {
            space: self.region.space().name().to_string(),
            truth: self.title.clone(),
            networks: self.truths.len(),
            best_truth: self.truths.best(),
            evaluations: recipe.evaluations,
            runs: self.common.ranking.seeds,
            marks: recipe.marks.clone(),
            rows,
            seconds: 0.0,
            seed: self.common.seed,
        };
        let path = context.publish_folder().join(TABLE);
        let curves = result.curves().map_err(|error| FileError::new("write", &path, error.into()))?;
        write_atomic(&path, &curves).map_err(RunError::from)?;
        context.publish(&path);
        Ok(result)
    }
}

impl Bench for Comparison {
    fn lab(&self) -> Option<&Lab> {
        None
    }

    /// Of all numbers that the run depends on.
    fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        for numbers in std::iter::once(self.truths.values()).chain(self.scores.iter().map(Vec::as_slice)) {
            numbers.iter().for_each(|number| hash.update(number.to_le_bytes()));
        }
        Fingerprint { training: hex(&hash.finalize()), test: None }
    }

    fn recipe(&self) -> Recipe {
        Recipe { experiment: Experiment::Strategies(self.recipe.clone()), common: self.common.clone() }
    }

    /// One stage for each strategy in each mode, and one that gathers them.
    fn stages(&self) -> Result<Vec<Stage<'_>>, ExperimentError> {
        let stage = |(mode, strategy, handle): (usize, &'_ str, Handle<StrategyRow>)| {
            let strategy = strategy.to_string();
            Stage::of(&handle, move |context| self.searches(context, &strategy, mode))
        };
        let mut all: Vec<Stage<'_>> = self.rows().map(stage).collect();
        let gather = Stage::of(&CURVES, |context| self.gather(context));
        all.push(gather.after(self.rows().map(|(_, _, handle)| String::from(&handle))).publishes([TABLE]));
        Ok(all)
    }

    fn outcome(&self, run: &RunFolder, values: &BTreeMap<String, Value>) -> Result<Outcome, ExperimentError> {
        let gathered = value(values, &CURVES)?;
        Ok(Outcome::Strategies(StrategiesResult { seconds: run.seconds()?, ..gathered }))
    }
}
