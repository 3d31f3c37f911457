//! Experiments of kind `ranking`: how well supernets order networks whose truth is in a table.
//!
//! The recipe lists arms: supernets, or sub-supernets of some split, with fresh weights or from another arm's. Each arm,
//! and each split of an arm that tries every choice of some decisions, is one stage that trains with every seed and scores all
//! compared networks, each in the supernet that owns it; an arm `by_function` only averages the scores of another.

mod arm;
mod member;
pub(super) mod recipe;
mod regions;
pub(super) mod result;
mod scoring;
mod slices;
mod train;

pub use recipe::ArmRecipe;
pub use result::{COLUMNS, FreeRow, InPart, RankingResult, RankingRow, RegionRow};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fewshot_space::{Arch, Space};
use serde_json::Value;

use self::arm::{Arm, arms};
use self::member::{Member, members, weights};
use self::slices::{Schooled, Slice, put_together, school, score_slice, slice_of};
use self::train::{Parent, Trained};
use super::bench::Bench;
use super::outcome::Outcome;
use super::recipe::{Experiment, Recipe};
use crate::lab::{ExperimentError, Lab, Truth};
use crate::rank::{Baselines, RankReport};
use crate::run::{Fingerprint, Handle, RunFolder, Stage, StageContext};
use crate::stages::{Shards, value};
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

    /// How the supernets of an arm are dealt out to stages.
    fn shards(&self, arm: &Arm) -> Shards {
        let recipe = self.lab.recipe();
        Shards::new(arm.partition.regions().len() * recipe.ranking.seeds as usize, recipe.launch.shards)
    }

    /// The stage that trains the supernet of an arm with a seed on a part.
    fn trained_by(&self, position: usize, repetition: u64, part: usize) -> String {
        let arm = &self.arms[position];
        let (shards, stage) = (self.shards(arm), arm.stage(position));
        if self.slices(arm) == 1 && !shards.is_cut() {
            return stage;
        }
        let place = repetition as usize * arm.partition.regions().len() + part;
        String::from(&shards.handles::<Trained>(&stage)[shards.of(place)])
    }

    /// The stages of the arm at `position`; the last one has all that it leaves.
    fn stages_of<'a>(&'a self, position: usize, handles: &[Handle<Vec<Trained>>]) -> Vec<Stage<'a>> {
        let (arm, own) = (&self.arms[position], &handles[position]);
        if let Some(of) = arm.scores_of {
            let scored = handles[of].clone();
            return vec![Stage::of(own, move |context| context.value(&scored)).after([&handles[of]])];
        }
        let (shards, slices) = (self.shards(arm), self.slices(arm));
        if slices > 1 {
            return self.sliced(position, own, slices);
        }
        let members = members(&self.lab, arm, &self.archs);
        if !shards.is_cut() {
            return vec![self.training(position, own, members)];
        }
        let parts: Vec<Handle<Vec<Trained>>> = shards.handles(own.name());
        let shard = |(shard, handle): (usize, &Handle<Vec<Trained>>)| {
            let members = shards.pieces(shard).map(|piece| members[piece].clone()).collect();
            self.training(position, handle, members)
        };
        let mut stages: Vec<Stage<'a>> = parts.iter().enumerate().map(shard).collect();
        let inputs: Vec<String> = parts.iter().map(String::from).collect();
        stages.push(Stage::of(own, move |context| shards.gather(context, &parts)).after(inputs));
        stages
    }

    /// The stage that trains these supernets of the arm at `position`.
    fn training<'a>(&'a self, position: usize, own: &Handle<Vec<Trained>>, members: Vec<Member>) -> Stage<'a> {
        let arm = &self.arms[position];
        let inputs: BTreeSet<String> = members.iter().filter_map(|member| self.begun_from(arm, member)).collect();
        let left = if arm.kept { weights(&members) } else { Vec::new() };
        let stage = Stage::of(own, move |context| {
            self.with_parent(arm, |parent| train::train(&self.lab, context, arm, parent, &self.archs, &members))
        });
        stage.after(inputs).produces(left)
    }

    /// The stage whose weights a supernet begins from, where it has a parent.
    fn begun_from(&self, arm: &Arm, member: &Member) -> Option<String> {
        Some(self.trained_by(arm.parent?, member.repetition, arm.parent_parts[member.part]))
    }

    /// Calls `work` with what an arm starts from.
    fn with_parent<T>(&self, arm: &Arm, work: impl FnOnce(Option<Parent<'_>>) -> T) -> T {
        let Some(parent) = arm.parent else { return work(None) };
        let stage_of = |repetition, part| self.trained_by(parent, repetition, part);
        work(Some(Parent { stage_of: &stage_of, arm: &self.arms[parent] }))
    }

    /// Into how many slices the networks of each supernet are cut, to be scored by stages of their own; 1 where the stage that trains it
    /// scores too.
    fn slices(&self, arm: &Arm) -> usize {
        let parts = arm.partition.regions().len();
        let members = parts * self.lab.recipe().ranking.seeds as usize;
        let most = self.archs.len() / parts.max(1) / slice_of(arm);
        (self.lab.recipe().launch.shards / members.max(1)).min(most).max(1)
    }

    /// The stages of an arm whose supernets train in one stage each, unless they only score, and are scored with in `count` more each.
    fn sliced<'a>(&'a self, position: usize, own: &Handle<Vec<Trained>>, count: usize) -> Vec<Stage<'a>> {
        let arm = &self.arms[position];
        let members = members(&self.lab, arm, &self.archs);
        let alone = Shards::new(members.len(), members.len());
        let mut stages = Vec::new();
        let is_trained = arm.config.epochs > 0;
        let schooled: Vec<Handle<Vec<Schooled>>> = if is_trained { alone.handles(own.name()) } else { Vec::new() };
        for (member, handle) in members.iter().zip(&schooled) {
            let (inputs, left) = (self.begun_from(arm, member), weights(std::slice::from_ref(member)));
            let member = member.clone();
            let stage = Stage::of(handle, move |context| {
                self.with_parent(arm, |parent| {
                    Ok::<_, ExperimentError>(vec![school(&self.lab, context, arm, parent, &member)?])
                })
            });
            stages.push(stage.after(inputs).produces(left));
        }
        let all = Shards::new(members.len() * count, members.len() * count);
        let scored: Vec<Handle<Vec<Slice>>> = all.handles(&format!("{}-scores", own.name()));
        for (place, handle) in scored.iter().enumerate() {
            let (member, slice) = (members[place / count].clone(), place % count);
            let trained = schooled.get(place / count).map(|handle| handle.name().to_owned());
            let inputs = trained.clone().or_else(|| self.begun_from(arm, &member));
            let stage = Stage::of(handle, move |context| {
                let (lab, archs) = (&self.lab, &self.archs);
                self.with_parent(arm, |parent| {
                    let from = (parent, trained.as_deref());
                    Ok::<_, ExperimentError>(vec![score_slice(
                        lab,
                        context,
                        arm,
                        from,
                        archs,
                        &member,
                        (slice, count),
                    )?])
                })
            });
            stages.push(stage.after(inputs));
        }
        let inputs: Vec<String> = schooled.iter().map(String::from).chain(scored.iter().map(String::from)).collect();
        let together = Stage::of(own, move |context| {
            let schooled = match is_trained {
                true => alone.gather(context, &schooled)?,
                false => vec![Schooled::default(); members.len()],
            };
            put_together(context, arm, &self.archs, &members, schooled, &all.gather(context, &scored)?)
        });
        stages.push(together.after(inputs));
        stages
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
        let path = context.publish_folder().join(SCORES);
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
        let arms = 0..self.arms.len();
        let mut all: Vec<Stage<'_>> = arms.flat_map(|position| self.stages_of(position, &handles)).collect();
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
        let members = members(lab, arm, archs);
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
