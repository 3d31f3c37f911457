//! Experiments of kind `ranking`: how well supernets order networks whose truth is in a table.
//!
//! The recipe lists arms: supernets, or sub-supernets of some split, with fresh weights or from another arm's. Each arm,
//! and each split of an arm that tries every choice of some decisions, is one stage that trains with every seed and scores all
//! compared networks, each in the supernet that owns it; an arm `by_function` only averages the scores of another.

mod arm;
pub(super) mod recipe;
mod regions;
pub(super) mod result;
mod train;

pub use recipe::ArmRecipe;
pub use result::{COLUMNS, FreeRow, InPart, RankingResult, RankingRow, RegionRow};

use std::collections::BTreeMap;
use std::sync::Arc;

use fewshot_space::{Arch, Space};
use serde_json::Value;

use self::arm::{Arm, arms};
use self::train::{Member, Parent, Trained};
use super::bench::Bench;
use super::outcome::Outcome;
use super::recipe::{Experiment, Recipe};
use crate::lab::{ExperimentError, Lab, Truth};
use crate::rank::{Baselines, RankReport};
use crate::run::{Fingerprint, Handle, RunFolder, Stage, StageContext};
use crate::stages::value;
use crate::table;

/// Stage that compares scores with the truth.
static COMPARE: Handle<RankingResult> = Handle::new("compare");
/// Every network's truth and scores, in the run folder.
const SCORES: &str = "scores.csv";

/// A comparison of arms on their images and their truth.
pub(super) struct Ranking {
    lab: Lab,
    recipes: Vec<ArmRecipe>,
    arms: Vec<Arm>,
    /// The compared networks: those of the table that are within the limits, or some of the space.
    archs: Vec<Arch>,
    /// Networks of the table that the limits leave out.
    left_out: usize,
}

impl Ranking {
    /// The arms of the recipe, worked out on the lab.
    ///
    /// # Errors
    /// Without a truth, or when an arm asks for what the space does not have.
    pub fn open(lab: Lab, recipes: Vec<ArmRecipe>) -> Result<Self, ExperimentError> {
        let truth = lab.truth().ok_or(ExperimentError::NoTruth)?;
        let arms = arms(&lab, &recipes)?;
        let (archs, left_out) = match lab.recipe().ranking.networks {
            0 => {
                let (whole, all) = (lab.partition().whole(), truth.archs());
                let networks = all.len();
                let within: Vec<Arch> = all.into_iter().filter(|arch| whole.contains(arch)).collect();
                if within.is_empty() {
                    return Err(ExperimentError::TruthOutside { networks, limits: whole.label() });
                }
                let left_out = networks - within.len();
                (within, left_out)
            }
            count => (lab.random_archs("ranked networks", count)?, 0),
        };
        Ok(Self { lab, recipes, arms, archs, left_out })
    }

    fn truth(&self) -> Result<&Truth, ExperimentError> {
        self.lab.truth().ok_or(ExperimentError::NoTruth)
    }

    /// The stage of each arm.
    fn handles(&self) -> Vec<Handle<Vec<Trained>>> {
        self.arms.iter().enumerate().map(|(position, arm)| Handle::named(arm.stage(position))).collect()
    }

    /// The stage of the arm at `position`.
    fn stage<'a>(&'a self, position: usize, handles: &[Handle<Vec<Trained>>]) -> Stage<'a> {
        let (arm, own) = (&self.arms[position], &handles[position]);
        if let Some(of) = arm.scores_of {
            let scored = handles[of].clone();
            return Stage::of(own, move |context| context.value(&scored)).after([&handles[of]]);
        }
        let parent = arm.parent.map(|parent| (handles[parent].clone(), &self.arms[parent]));
        let inputs: Vec<String> = parent.iter().map(|(handle, _)| handle.into()).collect();
        let stage = Stage::of(own, move |context| {
            let parent = parent.as_ref().map(|(stage, arm)| Parent { stage, arm });
            train::train(&self.lab, context, arm, parent, &self.archs)
        });
        let stage = stage.after(inputs);
        if arm.kept { stage.produces(train::weights(&self.lab, arm)) } else { stage }
    }

    fn compare(&self, context: &StageContext<'_>) -> Result<RankingResult, ExperimentError> {
        let Self { lab, arms, archs, .. } = self;
        let space: Arc<dyn Space> = lab.alone_space().clone();
        let truths = self.truth()?.of(archs)?;
        let seeds: Vec<u64> =
            (0..lab.recipe().ranking.seeds).map(|repetition| lab.recipe().seed + repetition).collect();
        let mut scored = Vec::new();
        for (arm, stage) in arms.iter().zip(&self.handles()) {
            scored.push(Scored::new(lab, arm, archs, context.value(stage)?, stage.name())?);
        }
        let mut free = None;
        let mut rows = Vec::new();
        let mut columns = vec![("truth".to_string(), truths.clone())];
        for position in 0..arms.len() {
            for (repetition, scores) in scored[position].scores.iter().enumerate() {
                let report = RankReport::new(&space, archs, scores, &truths)?;
                let seed = seeds[repetition];
                columns
                    .push((format!("{}/{}/s{seed}", arms[position].recipe.name, arms[position].split), scores.clone()));
                free = Some(report.baselines.clone());
                rows.push(row(arms, &scored, (position, repetition), seed, report, &truths)?);
            }
        }
        let columns: Vec<(&str, &[f64])> =
            columns.iter().map(|(name, values)| (name.as_str(), values.as_slice())).collect();
        let path = context.run().path().join(SCORES);
        table::write(&path, space.as_ref(), archs, &columns)?;
        context.publish(&path);
        Ok(RankingResult {
            space: space.name().to_string(),
            networks: archs.len(),
            left_out: self.left_out,
            truth: self.truth()?.title(),
            ceiling: self.truth()?.ceiling(archs)?,
            images: lab.scored()?.1.len() as u64,
            on_test: lab.recipe().scoring.on_test,
            rows,
            free: free.map(free_rows).unwrap_or_default(),
            seconds: 0.0,
            seeds,
        })
    }
}

impl Bench for Ranking {
    fn lab(&self) -> Option<&Lab> {
        Some(&self.lab)
    }

    fn fingerprint(&self) -> Fingerprint {
        self.lab.fingerprint()
    }

    fn recipe(&self) -> Recipe {
        Recipe { experiment: Experiment::Ranking(self.recipes.clone()), common: self.lab.recipe().clone() }
    }

    fn announcement(&self) -> Result<Vec<String>, ExperimentError> {
        if self.left_out == 0 {
            return Ok(Vec::new());
        }
        let limits = self.lab.partition().whole().label();
        Ok(vec![format!("{} networks of the truth are not within {limits} and left out", self.left_out)])
    }

    fn stages(&self) -> Result<Vec<Stage<'_>>, ExperimentError> {
        let handles = self.handles();
        let mut all: Vec<Stage<'_>> = (0..self.arms.len()).map(|position| self.stage(position, &handles)).collect();
        all.push(Stage::of(&COMPARE, |context| self.compare(context)).after(&handles).publishes([SCORES]));
        Ok(all)
    }

    fn outcome(&self, run: &RunFolder, values: &BTreeMap<String, Value>) -> Result<Outcome, ExperimentError> {
        let compared = value(values, &COMPARE)?;
        Ok(Outcome::Ranking(RankingResult { seconds: run.seconds()?, ..compared }))
    }
}

/// An arm after its stage: its supernets, and how they score the compared networks.
struct Scored {
    members: Vec<Member>,
    trained: Vec<Trained>,
    /// Per seed.
    scores: Vec<Vec<f64>>,
}

impl Scored {
    fn new(lab: &Lab, arm: &Arm, archs: &[Arch], trained: Vec<Trained>, stage: &str) -> Result<Self, ExperimentError> {
        let members = train::members(lab, arm, archs);
        // Every network must get a score: one that nobody gave would pass for a bad one.
        let mut found = vec![vec![None; archs.len()]; lab.recipe().ranking.seeds as usize];
        for (member, trained) in members.iter().zip(&trained) {
            let scores = &mut found[member.repetition as usize];
            for (place, &index) in member.owned.iter().enumerate() {
                scores[index] = trained.score(place, &archs[index]);
            }
        }
        let whole = |scores: Vec<Option<f64>>| scores.into_iter().collect::<Option<Vec<f64>>>();
        let scores = found.into_iter().map(whole).collect::<Option<Vec<_>>>();
        let mut scores = scores.ok_or_else(|| ExperimentError::State {
            path: format!("{stage}/done.json"),
            reason: "its scores are not of the networks that are compared".to_string(),
        })?;
        if arm.scores_of.is_some() {
            scores.iter_mut().for_each(|scores| share_by_function(lab.alone_space().as_ref(), archs, scores));
        }
        Ok(Self { members, trained, scores })
    }

    /// The supernets of one seed.
    fn of_seed(&self, repetition: usize) -> impl Iterator<Item = (&Member, &Trained)> {
        self.members.iter().zip(&self.trained).filter(move |(member, _)| member.repetition as usize == repetition)
    }
}

/// One arm with one seed: the arm's position among all, and which of the seeds.
fn row(
    arms: &[Arm],
    scored: &[Scored],
    (position, repetition): (usize, usize),
    seed: u64,
    report: RankReport,
    truths: &[f64],
) -> Result<RankingRow, ExperimentError> {
    let arm = &arms[position];
    let trained: Vec<&Trained> = scored[position].of_seed(repetition).map(|(_, trained)| trained).collect();
    let from_first = std::iter::successors(Some(position), |&arm| arms[arm].parent);
    let seconds = from_first.flat_map(|arm| scored[arm].of_seed(repetition)).map(|(_, trained)| trained.seconds);
    let beside = regions::beside(arms, position);
    let others = beside.map(|other| scored[other].scores[repetition].as_slice());
    let regions = scored[position]
        .of_seed(repetition)
        .map(|(member, _)| regions::region(member, &scored[position].scores[repetition], others, truths));
    Ok(RankingRow {
        arm: arm.recipe.name.clone(),
        split: arm.split.clone(),
        seed,
        supernets: trained.len(),
        epochs: arm.cost.epochs,
        macs: arm.cost.macs + trained.iter().map(|trained| trained.fine_tune_macs).sum::<f64>(),
        seconds: seconds.sum(),
        scored_by: arm.scored_by.clone(),
        metrics: report.score,
        fused: report.fused,
        beside: beside.map(|other| arms[other].recipe.name.clone()).unwrap_or_default(),
        regions: regions.collect::<Result<_, _>>()?,
        // Scores that were only averaged have no training of their own.
        history: if arm.scores_of.is_some() { Vec::new() } else { train::mean_history(&trained) },
    })
}

/// Gives all codes of one function the mean of their scores.
fn share_by_function(space: &dyn Space, archs: &[Arch], scores: &mut [f64]) {
    let mut functions: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, arch) in archs.iter().enumerate() {
        functions.entry(space.structure(arch)).or_default().push(index);
    }
    for codes in functions.into_values() {
        let mean = codes.iter().map(|&index| scores[index]).sum::<f64>() / codes.len() as f64;
        codes.into_iter().for_each(|index| scores[index] = mean);
    }
}

/// What orders networks without any training.
fn free_rows(baselines: Baselines) -> Vec<FreeRow> {
    let Baselines { params, macs, structure, random } = baselines;
    let rows = [("#params", params), ("#MACs", macs), ("structure", structure), ("random", random)];
    rows.map(|(method, metrics)| FreeRow { method: method.to_string(), metrics }).into()
}

#[cfg(test)]
mod tests {
    use fewshot_space::{CellSkeleton, CellSpace};

    use super::*;

    #[test]
    fn codes_of_one_function_share_their_mean() {
        let space = CellSpace::by_name("nasbench201", CellSkeleton::default_for("nasbench201").unwrap()).unwrap();
        // A convolution before a skip, a skip before a convolution: one function. A lone skip: another.
        let codes = [[3, 0, 0, 0, 1, 0], [1, 0, 0, 0, 3, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 3, 0, 0]];
        let archs = codes.map(|code| Arch::new(code.to_vec()));
        let mut scores = [0.25, 0.5, 0.125, 0.75];
        share_by_function(&space, &archs, &mut scores);
        assert_eq!(scores, [0.5, 0.5, 0.125, 0.5]);
    }
}
