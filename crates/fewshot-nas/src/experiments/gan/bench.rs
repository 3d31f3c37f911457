//! Its stages in order, and what they end with.

use std::collections::BTreeMap;

use fewshot_guard::counted;
use fewshot_space::Region;
use serde_json::Value;

use super::Gan;
use super::derived::RANKING;
use super::finish::{FINISH, Finished};
use super::given::Given;
use super::judging::JUDGE;
use super::result::{DerivedRow, GanResult, JudgeFacts};
use super::searches::{EQUAL_COST, PARENT, POOL, part_stage};
use super::summary;
use crate::experiments::bench::Bench;
use crate::experiments::outcome::Outcome;
use crate::experiments::recipe::{Experiment, Recipe};
use crate::lab::{ExperimentError, Lab};
use crate::run::{Fingerprint, RunFolder, Stage};
use crate::stages::value;

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

    fn look_ahead(&mut self) -> Result<(), ExperimentError> {
        let shape = self.lab.images().shape();
        self.recipe.judge.digest = Given::open(&self.recipe.judge, self.lab.device())?.looked_at(&[shape])?;
        Ok(())
    }

    fn announcement(&self) -> Result<Vec<String>, ExperimentError> {
        let parts = if self.is_split() { self.lab.partition().regions().len() } else { 0 };
        let trained = self.trainings().len();
        let whole = self.lab.partition().whole();
        let mut told = Vec::new();
        if !whole.filters().is_empty() {
            let all = Region::full(whole.space().clone()).size()?;
            // Listed once, for the searches too.
            let left = self.within(whole)?.listed().map_or(all, |members| members as u128);
            told.push(format!("the limits leave {left} of {all} generators: what leads out of them is never proposed"));
        }
        if !self.searches() {
            let steps = counted(self.recipe.derived.plan.generator_steps, "step");
            told.push(format!("{} trained alone for {steps} each, and no search", counted(trained, "generator")));
            return Ok(told);
        }
        told.push(format!(
            "one search of {}, {}, {} trained alone for {} each",
            counted(self.recipe.search.iterations.iter().sum::<u64>(), "iteration"),
            counted(parts, "part"),
            counted(trained, "generator"),
            counted(self.recipe.derived.plan.generator_steps, "step")
        ));
        Ok(told)
    }

    fn stages(&self) -> Result<Vec<Stage<'_>>, ExperimentError> {
        let mut all = vec![self.judge_stage()];
        if self.searches() {
            all.push(self.parent_stage());
        }
        if self.is_split() {
            all.extend((0..self.lab.partition().regions().len()).map(|part| self.part_stage(part)));
            all.push(self.pool_stage());
            if self.recipe.controls.equal_cost {
                all.push(self.equal_cost_stage());
            }
        }
        all.extend(self.trainings().into_iter().map(|training| self.training_stage(training)));
        if self.ranks() {
            all.push(self.ranking_stage());
        }
        all.push(self.finish_stage());
        Ok(all)
    }

    fn outcome(&self, run: &RunFolder, values: &BTreeMap<String, Value>) -> Result<Outcome, ExperimentError> {
        let Finished { test, best, latency } = value(values, &FINISH)?;
        let judged = value(values, &JUDGE)?;
        let mut searches = Vec::new();
        if self.searches() {
            searches.push(value(values, &PARENT)?);
        }
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
        let ranking = self.ranks().then(|| value(values, &RANKING)).transpose()?;
        let space = self.lab.alone_space();
        let cost = space.cost(&space.parse(&best.arch)?);
        Ok(Outcome::Gan(Box::new(GanResult {
            space: space.name().to_string(),
            arch: best.arch,
            found_by: best.found_by,
            training_seed: best.seed,
            judgement: best.best.judgement,
            macs: cost.macs,
            params: cost.params,
            latency,
            judge: JudgeFacts {
                names: judged.names,
                digest: judged.digest,
                features: judged.features,
                given: judged.given,
                accuracy: judged.accuracy,
                training: judged.training,
                test,
            },
            searches,
            pooled,
            origins: summary::origins(&derived),
            differences: summary::differences(&derived),
            derived,
            ranking,
            seconds: run.seconds()?,
            seed: self.lab.recipe().seed,
        })))
    }
}
