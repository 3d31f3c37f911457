//! Scores beside the truth: what a ranking ends with.

use std::collections::BTreeMap;
use std::sync::Arc;

use fewshot_space::{Arch, Space};

use super::arm::Arm;
use super::compared::Compared;
use super::member::Member;
use super::regions;
use super::result::{FreeRow, RankingRow};
use super::trained::{Trained, mean_history, of_others};
use crate::lab::ExperimentError;
use crate::rank::{Baselines, Metrics, RankReport};

/// How well the networks are ordered.
#[derive(Default)]
pub struct Order {
    /// By every arm with every seed.
    pub rows: Vec<RankingRow>,
    /// By what costs nothing.
    pub free: Vec<FreeRow>,
    /// The columns of the table of scores: each with its name, and what it says of each network.
    pub columns: Vec<(String, Vec<f64>)>,
}

/// Compares the scores of all arms with `truths`; `trained` is what the arms' stages left, in the order of the arms.
pub fn compare(compared: &Compared, trained: Vec<Vec<Trained>>, truths: &[f64]) -> Result<Order, ExperimentError> {
    let Compared { lab, arms, archs } = compared;
    let space: Arc<dyn Space> = lab.alone_space().clone();
    let mut scored = Vec::new();
    for (position, trained) in trained.into_iter().enumerate() {
        scored.push(Scored::new(compared, position, trained)?);
    }
    let limited = lab.partition().whole();
    let is_within = |index: &usize| lab.recipe().ranking.within > 0 && limited.contains(&archs[*index]);
    let within: Vec<usize> = (0..archs.len()).filter(is_within).collect();
    let mut order = Order { columns: vec![("truth".to_string(), truths.to_vec())], ..Order::default() };
    for (position, arm) in arms.iter().enumerate() {
        for (seed, (repetition, scores)) in (lab.recipe().seed..).zip(scored[position].scores.iter().enumerate()) {
            let report = RankReport::new(&space, archs, scores, truths)?;
            order.columns.push((format!("{}/{}/s{seed}", arm.recipe.name, arm.split), scores.clone()));
            let within = report_of(&space, archs, scores, truths, &within)?;
            // What costs nothing orders them alike whatever the arm.
            if order.free.is_empty() {
                order.free = free_rows(&report.baselines, within.as_ref().map(|report| &report.baselines));
            }
            let row = row(arms, &scored, (position, repetition), seed, report, truths)?;
            order.rows.push(RankingRow { tau_b_within: within.and_then(|report| report.score.tau_b), ..row });
        }
    }
    Ok(order)
}

/// The same of some of the networks, if there are any.
fn report_of(
    space: &Arc<dyn Space>,
    archs: &[Arch],
    scores: &[f64],
    truths: &[f64],
    wanted: &[usize],
) -> Result<Option<RankReport>, ExperimentError> {
    if wanted.is_empty() {
        return Ok(None);
    }
    let of = |values: &[f64]| wanted.iter().map(|&index| values[index]).collect::<Vec<f64>>();
    let archs: Vec<Arch> = wanted.iter().map(|&index| archs[index].clone()).collect();
    Ok(Some(RankReport::new(space, &archs, &of(scores), &of(truths))?))
}

/// An arm after its stage: its supernets, and how they score the compared networks.
struct Scored {
    members: Vec<Member>,
    trained: Vec<Trained>,
    /// Per seed.
    scores: Vec<Vec<f64>>,
}

impl Scored {
    fn new(compared: &Compared, position: usize, trained: Vec<Trained>) -> Result<Self, ExperimentError> {
        let Compared { lab, arms, archs } = compared;
        let members = compared.members(position);
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
        let mut scores = scores.ok_or_else(|| of_others(&compared.stage(position)))?;
        if arms[position].scores_of.is_some() {
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
        tau_b_within: None,
        beside: beside.map(|other| arms[other].recipe.name.clone()).unwrap_or_default(),
        regions: regions.collect::<Result<_, _>>()?,
        // Scores that were only averaged have no training of their own.
        history: if arm.scores_of.is_some() { Vec::new() } else { mean_history(&trained) },
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

/// What orders networks without any training: all of them, and those within the limits.
fn free_rows(all: &Baselines, within: Option<&Baselines>) -> Vec<FreeRow> {
    let each =
        |Baselines { params, macs, structure, random }: &Baselines| [params, macs, structure, random].map(Clone::clone);
    let tau_within = within.map(each).map(|within| within.map(|metrics: Metrics| metrics.tau_b)).unwrap_or_default();
    let rows = ["#params", "#MACs", "structure", "random"].into_iter().zip(each(all)).zip(tau_within);
    rows.map(|((method, metrics), tau_b_within)| FreeRow { method: method.to_string(), metrics, tau_b_within })
        .collect()
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
