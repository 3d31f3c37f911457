//! What the search strategy finds within the limits in the supernets of each arm, and trains alone.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::compared::Compared;
use super::foresight;
use super::member::Member;
use super::result::{FoundRow, Randoms};
use crate::estimate::{FewShot, ScoreSet};
use crate::lab::ExperimentError;
use crate::run::{Counter, Handle, Stage, StageContext};
use crate::stages::{
    Caught, Network, NetworkRow, Piecework, Quest, Scored, asked_for, hunt, scored_anew, side_by_side, train_and_test,
};

/// Stage that trains what was found alone.
static FOUND: Handle<Vec<NetworkRow>> = Handle::new("found");

/// The searches of a ranking: one for each seed in the supernets of each arm that has some of its own.
pub struct Searches<'a> {
    compared: &'a Compared,
    /// Of each arm that is searched its position, and the stage that has what was found.
    arms: Vec<(usize, Handle<Vec<Caught>>)>,
}

impl<'a> Searches<'a> {
    /// Those that the recipe asks for.
    pub fn of(compared: &'a Compared) -> Self {
        let is_wanted = compared.lab.recipe().ranking.find;
        let arms = compared.arms.iter().enumerate();
        let arms = arms.filter(|(_, arm)| is_wanted && arm.scores_of.is_none() && arm.config.epochs > 0);
        let stage = |position| Handle::named(format!("{}-search", compared.stage(position)));
        Self { compared, arms: arms.map(|(position, _)| (position, stage(position))).collect() }
    }

    /// Whether there are some.
    pub fn are_wanted(&self) -> bool {
        !self.arms.is_empty()
    }

    /// Whether searches go by what predictors say.
    fn predicts(&self) -> bool {
        self.compared.lab.recipe().scoring.predictor > 0
    }

    /// The stages whose values [`Searches::rows`] reads.
    pub fn read(&self) -> Vec<String> {
        let searches = self.arms.iter().map(|(_, stage)| String::from(stage));
        let predictors = self.arms.iter().filter(|_| self.predicts());
        let predictors = predictors.map(|(position, _)| String::from(&foresight::handle(self.compared, *position)));
        searches.chain(predictors).chain(self.are_wanted().then(|| String::from(&FOUND))).collect()
    }

    /// Those that search, and those that train what was found alone.
    pub fn stages(&self) -> Vec<Stage<'a>> {
        let compared = self.compared;
        let seeds = compared.lab.recipe().ranking.seeds as usize;
        let mut stages = Vec::new();
        for (position, own) in &self.arms {
            if self.predicts() {
                stages.extend(foresight::stages(compared, *position));
            }
            let members = compared.members(*position);
            stages.extend(compared.dealt_out(seeds).stages(own, |handle, pieces| {
                let seeds: Vec<u64> = pieces.map(|seed| seed as u64).collect();
                let of_seeds = members.iter().filter(|member| seeds.contains(&member.repetition));
                let trained = of_seeds.map(|member| compared.trained_by(*position, member.repetition, member.part));
                let mut inputs = trained.collect::<BTreeSet<String>>();
                if self.predicts() {
                    inputs.extend(seeds.iter().flat_map(|&seed| foresight::sources(compared, *position, seed)));
                }
                let position = *position;
                Stage::of(handle, move |context| search(compared, context, position, &seeds)).after(inputs)
            }));
        }
        if !self.are_wanted() {
            return stages;
        }
        let arms: Vec<Handle<Vec<Caught>>> = self.arms.iter().map(|(_, stage)| stage.clone()).collect();
        stages.extend(compared.dealt_out(seeds * arms.len()).stages(&FOUND, |handle, pieces| {
            let (arms, own) = (arms.clone(), pieces.collect::<Vec<usize>>());
            let inputs: Vec<String> = arms.iter().map(String::from).collect();
            let alone = move |context: &StageContext<'_>| alone(compared, context, &arms, &own);
            Stage::of(handle, alone).after(inputs)
        }));
        stages
    }

    /// The rows of what was found, arm by arm and seed by seed.
    pub fn rows(
        &self,
        context: &StageContext<'_>,
        randoms: Option<&Randoms>,
    ) -> Result<Vec<FoundRow>, ExperimentError> {
        if !self.are_wanted() {
            return Ok(Vec::new());
        }
        let mut networks = context.value(&FOUND)?.into_iter();
        let mut rows = Vec::new();
        for (position, stage) in &self.arms {
            let arm = &self.compared.arms[*position];
            let predicting = match self.predicts() {
                true => context.value(&foresight::handle(self.compared, *position))?,
                false => Vec::new(),
            };
            // Of each seed those of all parts.
            let mut of_seeds = predicting.chunks(arm.partition.regions().len().max(1));
            for (seed, caught) in (self.compared.lab.recipe().seed..).zip(context.value(stage)?) {
                let network = networks.next().ok_or(ExperimentError::NothingScored)?;
                rows.push(FoundRow {
                    arm: arm.recipe.name.clone(),
                    split: arm.split.clone(),
                    seed,
                    score: best(&caught)?.score,
                    evaluations: caught.evaluations,
                    predictors: of_seeds.next().unwrap_or_default().to_vec(),
                    better_than: randoms.map(|randoms| randoms.below(network.percent())),
                    network,
                });
            }
        }
        Ok(rows)
    }
}

fn best(caught: &Caught) -> Result<&Scored, ExperimentError> {
    caught.best.first().ok_or(ExperimentError::NothingScored)
}

/// Trains the best networks of these of all searches alone, each with the seed of its search.
fn alone(
    compared: &Compared,
    context: &StageContext<'_>,
    arms: &[Handle<Vec<Caught>>],
    own: &[usize],
) -> Result<Vec<NetworkRow>, ExperimentError> {
    let mut networks = Vec::new();
    for arm in arms {
        for (repetition, caught) in (0..).zip(context.value(arm)?) {
            let arch = compared.lab.alone_space().parse(&best(&caught)?.arch)?;
            networks.push(Network { arch, repetition });
        }
    }
    train_and_test(&compared.lab, context, &networks, own)
}

/// Searches the supernets of the arm at `position`, once for each of these seeds.
fn search(
    compared: &Compared,
    context: &StageContext<'_>,
    position: usize,
    seeds: &[u64],
) -> Result<Vec<Caught>, ExperimentError> {
    let budget = compared.lab.recipe().search.budget as u64;
    let mut done = 0;
    for seed in seeds {
        let is_done = context.file(&value_file(*seed)).exists();
        done += if is_done { budget } else { asked_for(&context.file(&state_file(*seed)))? as u64 };
    }
    let counter = context.counter("search", "architectures", done, Some(budget * seeds.len() as u64));
    let (members, set) = (compared.members(position), Arc::new(compared.lab.score_set()?));
    side_by_side(context, &Work { compared, context, position, members, set, counter }, seeds)
}

fn value_file(repetition: u64) -> String {
    format!("seed{repetition}.json")
}

/// A search under way.
fn state_file(repetition: u64) -> String {
    format!("seed{repetition}.search.json")
}

struct Work<'a> {
    compared: &'a Compared,
    context: &'a StageContext<'a>,
    position: usize,
    /// The supernets of all seeds.
    members: Vec<Member>,
    set: Arc<ScoreSet>,
    /// Counts the architectures of all seeds.
    counter: Counter<'a>,
}

impl Piecework for Work<'_> {
    /// Repetition.
    type Piece = u64;
    type Value = Caught;

    fn value_file(&self, repetition: &u64) -> PathBuf {
        self.context.file(&value_file(*repetition))
    }

    fn leftovers(&self, repetition: &u64) -> Vec<PathBuf> {
        vec![self.context.file(&state_file(*repetition))]
    }

    fn work(&self, repetition: &u64) -> Result<Caught, ExperimentError> {
        let lab = &self.compared.lab;
        let scoring = &lab.recipe().scoring;
        let quest = Quest {
            strategy: &lab.recipe().search.strategy,
            region: lab.partition().whole(),
            seed: lab.seed_of(*repetition, "strategy"),
            budget: lab.recipe().search.budget,
            kept: if scoring.predictor > 0 { scoring.rescored } else { 1 },
        };
        let state = self.context.file(&state_file(*repetition));
        let counter = Some(&self.counter);
        if scoring.predictor == 0 {
            return hunt(self.context, &quest, &mut self.supernets(*repetition)?, &state, counter);
        }
        let mut predictors = foresight::predictors(self.compared, self.context, self.position, *repetition)?;
        let caught = hunt(self.context, &quest, &mut predictors, &state, counter)?;
        scored_anew(lab.alone_space().as_ref(), caught, &mut self.supernets(*repetition)?, 1)
    }
}

impl Work<'_> {
    fn supernets(&self, repetition: u64) -> Result<FewShot, ExperimentError> {
        let Self { compared, context, position, .. } = *self;
        let of_seed = self.members.iter().filter(|member| member.repetition == repetition);
        let scorers = of_seed.map(|member| foresight::scorer(compared, context, position, member, &self.set));
        let partition = compared.arms[position].partition.clone();
        Ok(FewShot::new(partition, scorers.collect::<Result<_, ExperimentError>>()?))
    }
}
