//! Experiments of kind `ranking`: how well supernets order networks whose truth is known.
//!
//! The recipe lists arms: supernets, or sub-supernets of some split, with fresh weights or from another arm's. Each arm,
//! and each split of an arm that tries every choice of some decisions, is one stage that trains with every seed and scores all
//! compared networks, each in the supernet that owns it; an arm `by_function` only averages the scores of another. The truth is that
//! of a table, or made here (`ranking.alone`), and the supernets of each arm may be searched (`ranking.find`): networks are trained alone
//! then. Where the run is cut into shards, each of these stages is several ([`stages`]).

mod arm;
mod compare;
mod compared;
mod cost;
mod foresight;
mod found;
mod member;
pub(super) mod recipe;
mod regions;
pub(super) mod result;
mod school;
mod scoring;
mod stages;
mod trained;
mod truth;
mod work;

pub use recipe::ArmRecipe;
pub use result::{COLUMNS, FoundRow, FreeRow, InPart, Randoms, RankingResult, RankingRow, RegionRow};

use std::collections::BTreeMap;

use fewshot_guard::counted;
use fewshot_space::Arch;
use serde_json::Value;

use self::arm::arms;
use self::compare::{Order, compare};
use self::compared::Compared;
use self::found::Searches;
use self::stages::stages_of;
use self::trained::Trained;
use super::bench::Bench;
use super::outcome::Outcome;
use super::recipe::{Experiment, Recipe};
use crate::lab::{ExperimentError, Lab};
use crate::run::{Fingerprint, Handle, RunFolder, Stage, StageContext};
use crate::stages::value;
use crate::table;

/// Stage that compares scores with the truth.
static COMPARE: Handle<RankingResult> = Handle::new("compare");
/// Every network's truth and scores, in the run folder.
const SCORES: &str = "scores.csv";

/// A comparison of arms on their images and their truth.
pub(super) struct Ranking {
    compared: Compared,
    recipes: Vec<ArmRecipe>,
    /// Networks of the table that the limits leave out.
    left_out: usize,
}

impl Ranking {
    /// The arms of the recipe, worked out on the lab.
    ///
    /// # Errors
    /// Without a truth, or when an arm asks for what the space does not have.
    pub fn open(lab: Lab, recipes: Vec<ArmRecipe>) -> Result<Self, ExperimentError> {
        let ranking = &lab.recipe().ranking;
        let table = if ranking.alone > 0 { None } else { Some(lab.truth().ok_or(ExperimentError::NoTruth)?) };
        let arms = arms(&lab, &recipes)?;
        let (archs, left_out) = match (ranking.networks, table) {
            (0, Some(truth)) => {
                let (whole, all) = (lab.partition().whole(), truth.archs());
                let networks = all.len();
                let within: Vec<Arch> = all.into_iter().filter(|arch| whole.contains(arch)).collect();
                if within.is_empty() {
                    return Err(ExperimentError::TruthOutside { networks, limits: whole.label() });
                }
                let left_out = networks - within.len();
                (within, left_out)
            }
            (count, _) => (truth::drawn(&lab, count, ranking.within)?, 0),
        };
        Ok(Self { compared: Compared { lab, arms, archs }, recipes, left_out })
    }

    /// The stage of each arm.
    fn handles(&self) -> Vec<Handle<Vec<Trained>>> {
        (0..self.compared.arms.len()).map(|position| Handle::named(self.compared.stage(position))).collect()
    }

    fn compare(&self, context: &StageContext<'_>) -> Result<RankingResult, ExperimentError> {
        let Compared { lab, archs, .. } = &self.compared;
        let space = lab.alone_space();
        let truth = truth::Truths::known(&self.compared, context)?;
        let handles = self.handles();
        let trained = handles.iter().map(|stage| Ok(context.value(stage)?));
        let Order { rows, free, columns } =
            compare(&self.compared, trained.collect::<Result<_, ExperimentError>>()?, &truth.of_each)?;
        let columns: Vec<(&str, &[f64])> =
            columns.iter().map(|(name, values)| (name.as_str(), values.as_slice())).collect();
        let path = context.publish_folder().join(SCORES);
        table::write(&path, space.as_ref(), archs, &columns)?;
        context.publish(&path);
        let searches = Searches::of(&self.compared);
        let randoms = if searches.are_wanted() { truth.randoms(&self.compared) } else { None };
        let seeds = lab.recipe().ranking.seeds;
        Ok(RankingResult {
            space: space.name().to_string(),
            networks: archs.len(),
            left_out: self.left_out,
            within: lab.recipe().ranking.within,
            truth: truth.title,
            ceiling: truth.ceiling,
            images: lab.scored()?.1.len() as u64,
            on_test: lab.recipe().scoring.on_test,
            rows,
            free,
            found: searches.rows(context, randoms.as_ref())?,
            randoms,
            seconds: 0.0,
            seeds: (0..seeds).map(|repetition| lab.recipe().seed + repetition).collect(),
        })
    }
}

impl Bench for Ranking {
    fn lab(&self) -> Option<&Lab> {
        Some(&self.compared.lab)
    }

    fn fingerprint(&self) -> Fingerprint {
        self.compared.lab.fingerprint()
    }

    fn recipe(&self) -> Recipe {
        Recipe { experiment: Experiment::Ranking(self.recipes.clone()), common: self.compared.lab.recipe().clone() }
    }

    fn announcement(&self) -> Result<Vec<String>, ExperimentError> {
        if self.left_out == 0 {
            return Ok(Vec::new());
        }
        let limits = self.compared.lab.partition().whole().label();
        Ok(vec![format!("not within {limits} and left out: {} of the truth", counted(self.left_out, "network"))])
    }

    fn stages(&self) -> Result<Vec<Stage<'_>>, ExperimentError> {
        let handles = self.handles();
        let arms = 0..self.compared.arms.len();
        let mut all: Vec<Stage<'_>> = arms.flat_map(|position| stages_of(&self.compared, position, &handles)).collect();
        let mut compare = Stage::of(&COMPARE, |context| self.compare(context)).after(&handles);
        if self.compared.lab.recipe().ranking.alone > 0 {
            all.extend(truth::stages(&self.compared));
            compare = compare.after([&truth::ALONE]);
        }
        let searches = Searches::of(&self.compared);
        all.extend(searches.stages());
        all.push(compare.after(searches.read()).publishes([SCORES]));
        Ok(all)
    }

    fn outcome(&self, run: &RunFolder, values: &BTreeMap<String, Value>) -> Result<Outcome, ExperimentError> {
        let compared = value(values, &COMPARE)?;
        Ok(Outcome::Ranking(RankingResult { seconds: run.seconds()?, ..compared }))
    }
}
