//! Runs of kind `strategies`: searches on tables, where an evaluation costs nothing.
//!
//! Every strategy runs with every source of scores (mode), many times with different seeds. Two curves come out: the best
//! truth among all that was *visited*, an oracle that published figures show, and the truth of the best-*scored* so far,
//! which is what a user of the search gets. No image is read.

mod replay;
mod result;

pub use result::{CurvePoint, Quantiles, StrategiesResult, StrategyRow};

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use fewshot_space::{Arch, Region, Space};
use serde_json::Value;
use sha2::{Digest, Sha256};

use self::replay::{Replay, grid};
use super::region::all_networks;
use super::truth::{self, Truth};
use super::{PipelineError, stages};
use crate::families;
use crate::recipe::{ModeRecipe, Recipe};
use crate::run::{
    Checked, FileError, JsonLines, RunError, RunFolder, Stage, StageContext, hex, in_lanes, write_atomic,
};
use crate::search;

/// Stage that gathers the curves.
const CURVES: &str = "curves";
/// The curves, in the run folder.
const TABLE: &str = "curves.csv";
/// State of a stage: one line per run, in the order in which they ended.
const RUNS: &str = "runs.jsonl";

/// Truth and scores of every architecture of a space.
pub struct Comparison {
    recipe: Recipe,
    region: Region,
    archs: Vec<Arch>,
    /// Positions in `archs`; only looked up, never iterated.
    index: HashMap<Arch, usize>,
    truths: Vec<f64>,
    title: String,
    /// Per mode of the recipe.
    scores: Vec<Vec<f64>>,
}

impl Comparison {
    /// Reads the tables that the recipe names, and keeps absolute paths of them: a run is resumed from anywhere.
    ///
    /// # Errors
    /// When a table cannot be read or lacks an architecture of the space, or a strategy does not exist.
    pub fn open(mut recipe: Recipe) -> Result<Self, PipelineError> {
        let space: Arc<dyn Space> = families::default_space(&recipe.space.name)?;
        recipe.ranking.truth = truth::absolute(&recipe.ranking.truth);
        for mode in &mut recipe.strategies.modes {
            mode.table = truth::absolute(&mode.table);
        }
        let archs = all_networks(space.clone(), "choose a space whose networks a table can hold (`space.name`)")?;
        let truth = Truth::open(&recipe, &space)?.ok_or(PipelineError::NoTruth)?;
        truth.identify(&mut recipe)?;
        let region = Region::full(space.clone());
        let truths = truth.of(&archs)?;
        let column = |mode: &ModeRecipe| match (mode.column.as_str(), mode.table.as_str()) {
            ("", _) => Ok(truths.clone()),
            (column, "") => Ok(truth::column(&recipe.ranking.truth, &space, column)?.lookup(&archs)?),
            (column, table) => Ok(truth::column(table, &space, column)?.lookup(&archs)?),
        };
        let scores = recipe.strategies.modes.iter().map(column).collect::<Result<_, PipelineError>>()?;
        for name in &recipe.strategies.names {
            // A misspelt name is refused before anything runs.
            search::build(name, region.clone(), 0)?;
        }
        let index = archs.iter().cloned().enumerate().map(|(position, arch)| (arch, position)).collect();
        Ok(Self { recipe, region, archs, index, truths, title: truth.title(), scores })
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Names all numbers that the run depends on.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for numbers in std::iter::once(&self.truths).chain(&self.scores) {
            numbers.iter().for_each(|number| hash.update(number.to_le_bytes()));
        }
        hex(&hash.finalize())
    }

    /// One stage for each strategy in each mode, and one that gathers them.
    pub fn stages(&self) -> Vec<Stage<'_>> {
        let recipe = &self.recipe.strategies;
        let mut all = Vec::new();
        let mut names = Vec::new();
        for (mode, of_mode) in recipe.modes.iter().enumerate() {
            for strategy in &recipe.names {
                let name = format!("{:02}-{}", names.len(), stages::slug(&format!("{strategy} {}", of_mode.name)));
                let body = move |context: &StageContext<'_>| self.searches(context, strategy, mode);
                all.push(stages::stage(name.clone(), body));
                names.push(name);
            }
        }
        let inputs = names.clone();
        let gather = stages::stage(CURVES, move |context| self.gather(context, &names));
        all.push(gather.after(inputs).publishes([TABLE]));
        all
    }

    /// All runs of one strategy in one mode.
    fn searches(&self, context: &StageContext<'_>, strategy: &str, mode: usize) -> Result<StrategyRow, PipelineError> {
        let recipe = &self.recipe.strategies;
        let grid = grid(recipe.evaluations, &recipe.marks);
        let log = JsonLines::open(&context.file(RUNS))?;
        let mut done: Vec<Replay> = log.read()?.into_iter().map(|Checked(one)| one).collect();
        let known: BTreeSet<u64> = done.iter().map(|replay| replay.seed).collect();
        let seeds = (0..self.recipe.ranking.seeds).map(|run| self.recipe.seed + run);
        let left: Vec<u64> = seeds.filter(|seed| !known.contains(seed)).collect();
        let counter = context.counter("searching", "runs", done.len() as u64, Some(self.recipe.ranking.seeds));
        let work = |seed: &u64| {
            let search = search::build(strategy, self.region.clone(), *seed)?;
            replay::replay(self, search, &self.scores[mode], &grid, *seed, context.interrupt())
        };
        in_lanes(context.interrupt(), &left, work, |_, replay| {
            log.append(&Checked(&replay))?;
            context.keeps()?;
            done.push(replay);
            counter.add(1);
            Ok::<_, PipelineError>(())
        })?;
        log.sync()?;
        done.sort_by_key(|replay| replay.seed);
        Ok(StrategyRow::new(strategy, &recipe.modes[mode].name, &grid, &done))
    }

    /// The result, without the time that the run took; writes the table of curves.
    fn gather(&self, context: &StageContext<'_>, stages: &[String]) -> Result<StrategiesResult, PipelineError> {
        let rows = stages.iter().map(|stage| Ok(context.input(stage)?)).collect::<Result<_, PipelineError>>()?;
        let recipe = &self.recipe.strategies;
        let result = StrategiesResult {
            space: self.region.space().name().to_string(),
            truth: self.title.clone(),
            networks: self.archs.len(),
            best_truth: self.truths.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            evaluations: recipe.evaluations,
            runs: self.recipe.ranking.seeds,
            marks: recipe.marks.clone(),
            rows,
            seconds: 0.0,
            seed: self.recipe.seed,
        };
        let path = context.run().path().join(TABLE);
        let curves = result.curves().map_err(|error| FileError::new("write", &path, error.into()))?;
        write_atomic(&path, &curves).map_err(RunError::from)?;
        context.publish(&path);
        Ok(result)
    }

    /// Where an architecture of the space stands among all.
    fn position(&self, arch: &Arch) -> usize {
        self.index.get(arch).copied().unwrap_or_else(|| unreachable!("strategies ask for canonical members only"))
    }
}

/// The result, from the values of the stages.
pub fn result(run: &RunFolder, values: &BTreeMap<String, Value>) -> Result<StrategiesResult, PipelineError> {
    let gathered: StrategiesResult = stages::value(values, CURVES)?;
    Ok(StrategiesResult { seconds: run.seconds()?, ..gathered })
}
