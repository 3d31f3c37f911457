//! Experiments of kind `gan`: generators of images, found one-shot and few-shot, and what they are worth.
//!
//! The parent's search trains a shared generator and discriminator level by level. Each part, one per option of the decisions that the
//! recipe splits on, starts from them and searches on within itself. What all parts keep is scored again, each by the generator of its
//! own part, on the same latent numbers. The best are trained alone from scratch, beside the best of the parent, of a one-shot search
//! that had as many iterations as parent and parts together, and random ones.

mod derived;
mod finish;
mod judging;
pub(super) mod recipe;
pub(super) mod result;
mod searches;

pub use recipe::{ControlsRecipe, DerivedRecipe, GanRecipe, JudgeRecipe, ScheduleRecipe};
pub use result::{Candidate, DerivedRow, GanResult, JudgeFacts, RankedNetwork, RankingFacts, SearchRow};

use std::collections::BTreeMap;

use fewshot_space::autogan::AutoGanSkeleton;
use serde_json::Value;

use self::derived::Origin;
use self::finish::{FINISH, Finished};
use self::judging::JUDGE;
use self::searches::{EQUAL_COST, PARENT, POOL, part_stage};
use super::bench::Bench;
use super::outcome::Outcome;
use super::recipe::{Experiment, Recipe};
use crate::families::OpenSpace;
use crate::lab::{ExperimentError, Lab};
use crate::recipe::{RecipeError, SupernetReduction};
use crate::run::{Fingerprint, RunFolder, Stage};
use crate::stages::value;

/// A search for generators on its images.
pub(super) struct Gan {
    lab: Lab,
    recipe: GanRecipe,
    /// Of the shared generator.
    shared: AutoGanSkeleton,
    /// Of generators alone.
    alone: AutoGanSkeleton,
}

impl Gan {
    /// Lays it out.
    ///
    /// # Errors
    /// When the recipe's space makes no images.
    pub fn open(lab: Lab, recipe: GanRecipe) -> Result<Self, ExperimentError> {
        let common = lab.recipe();
        let of = |width: usize, cells: usize| -> Result<AutoGanSkeleton, ExperimentError> {
            let space = lab.space_of(width, cells, SupernetReduction::Own)?;
            skeleton(&space)
        };
        let shared = of(common.space.width, common.space.cells)?;
        let alone = of(common.standalone.width, common.standalone.cells)?;
        if shared.cells() != alone.cells() || recipe.search.iterations.len() != shared.cells() {
            let (levels, cells) = (recipe.search.iterations.len(), shared.cells());
            let problem = format!(
                "gan.search.iterations = {levels} numbers for shared generators of {cells} cells and generators alone of {}: \
                 give one per cell, and as many cells to both",
                alone.cells()
            );
            return Err(RecipeError::setting("gan.search.iterations", problem).into());
        }
        Ok(Self { lab, recipe, shared, alone })
    }

    /// Whether there are parts.
    fn is_split(&self) -> bool {
        self.lab.is_split() && !self.recipe.part_iterations.is_empty()
    }
}

/// What is given of the generators of a space.
fn skeleton(space: &OpenSpace) -> Result<AutoGanSkeleton, ExperimentError> {
    let name = space.blueprint().name();
    let missing = || {
        let problem =
            format!("space.name: networks of {name} make no images; experiments of kind `gan` need `autogan`");
        RecipeError::setting("space.name", problem)
    };
    Ok(space.generators().ok_or_else(missing)?.skeleton().clone())
}

impl Bench for Gan {
    fn lab(&self) -> Option<&Lab> {
        Some(&self.lab)
    }

    fn fingerprint(&self) -> Fingerprint {
        self.lab.fingerprint()
    }

    fn recipe(&self) -> Recipe {
        Recipe { experiment: Experiment::Gan(Box::new(self.recipe.clone())), common: self.lab.recipe().clone() }
    }

    fn announcement(&self) -> Result<Vec<String>, ExperimentError> {
        let parts = if self.is_split() { self.lab.partition().regions().len() } else { 0 };
        let trained = self.trainings().len();
        Ok(vec![format!(
            "one search of {} iterations, {parts} parts, {trained} generators trained alone for {} steps each",
            self.recipe.search.iterations.iter().sum::<u64>(),
            self.recipe.derived.plan.generator_steps
        )])
    }

    fn stages(&self) -> Result<Vec<Stage<'_>>, ExperimentError> {
        let mut all = vec![self.judge_stage(), self.parent_stage()];
        if self.is_split() {
            all.extend((0..self.lab.partition().regions().len()).map(|part| self.part_stage(part)));
            all.push(self.pool_stage());
            if self.recipe.controls.equal_cost {
                all.push(self.equal_cost_stage());
            }
        }
        all.extend(self.trainings().into_iter().map(|training| self.training_stage(training)));
        if self.recipe.controls.ranked > 0 {
            all.push(self.ranking_stage());
        }
        all.push(self.finish_stage());
        Ok(all)
    }

    fn outcome(&self, run: &RunFolder, values: &BTreeMap<String, Value>) -> Result<Outcome, ExperimentError> {
        let Finished { test, best } = value(values, &FINISH)?;
        let judged = value(values, &JUDGE)?;
        let mut searches = vec![value(values, &PARENT)?];
        let mut pooled = Vec::new();
        if self.is_split() {
            for part in 0..self.lab.partition().regions().len() {
                searches.push(value(values, &part_stage(part))?);
            }
            pooled = value(values, &POOL)?;
            if self.recipe.controls.equal_cost {
                searches.push(value(values, &EQUAL_COST)?);
            }
        }
        let trainings = self.trainings();
        let derived = trainings.iter().map(|training| value(values, &training.stage()));
        let derived: Vec<DerivedRow> =
            derived.collect::<Result<Vec<Option<DerivedRow>>, _>>()?.into_iter().flatten().collect();
        let ranking = match self.recipe.controls.ranked {
            0 => None,
            _ => Some(value(values, &derived::RANKING)?),
        };
        let space = self.lab.alone_space();
        let cost = space.cost(&space.parse(&best.arch)?);
        Ok(Outcome::Gan(Box::new(GanResult {
            space: space.name().to_string(),
            arch: best.arch,
            judgement: best.best.judgement,
            macs: cost.macs,
            params: cost.params,
            judge: JudgeFacts {
                names: judged.names,
                digest: judged.digest,
                features: judged.features,
                accuracy: judged.accuracy,
                training: judged.training,
                test,
            },
            searches,
            pooled,
            derived,
            ranking,
            seconds: run.seconds()?,
            seed: self.lab.recipe().seed,
        })))
    }
}

impl Gan {
    /// All trainings of generators alone, in order.
    fn trainings(&self) -> Vec<derived::Training> {
        let networks = self.recipe.derived.networks;
        let mut origins = vec![(Origin::OneShot, networks)];
        if self.is_split() {
            origins.push((Origin::FewShot, networks));
            if self.recipe.controls.equal_cost {
                origins.push((Origin::EqualCost, networks));
            }
        }
        origins.push((Origin::Random, self.recipe.controls.randoms));
        let seeds = self.lab.recipe().ranking.seeds;
        let of = |(origin, count): (Origin, usize)| {
            (0..count).flat_map(move |place| (0..seeds).map(move |seed| derived::Training { origin, place, seed }))
        };
        origins.into_iter().flat_map(of).collect()
    }
}
