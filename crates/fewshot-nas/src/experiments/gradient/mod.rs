//! Experiments of kind `gradient`: architectures found by gradients, one-shot and few-shot, and what they are worth.
//!
//! Every method in every mode is one stage, which runs its seeds and sub-supernets side by side. The last stage looks up
//! what was chosen in the table of truths, beside what a random choice is worth.

mod job;
pub(super) mod recipe;
pub(super) mod result;
mod search;

pub use recipe::{GradientRecipe, Mode};
pub use result::{Flag, GradientResult, GradientRow, PartRow, RandomRow};

use std::collections::BTreeMap;

use fewshot_space::{Arch, Region};
use serde_json::Value;

use self::job::{Found, Job, jobs};
use super::bench::Bench;
use super::outcome::Outcome;
use super::recipe::{Experiment, Recipe};
use crate::lab::{ExperimentError, Lab, Truth};
use crate::run::{Fingerprint, Handle, RunFolder, Stage, StageContext};
use crate::stages::value;

/// Stage that compares what was chosen.
static COMPARE: Handle<GradientResult> = Handle::new("compare");

/// A comparison of methods on their images.
pub(super) struct Gradient {
    lab: Lab,
    recipe: GradientRecipe,
    jobs: Vec<Job>,
}

impl Gradient {
    /// The methods of the recipe in all its modes.
    ///
    /// # Errors
    /// When the space lacks a decision that is split on.
    pub fn open(lab: Lab, recipe: GradientRecipe) -> Result<Self, ExperimentError> {
        let jobs = jobs(&lab, &recipe)?;
        Ok(Self { lab, recipe, jobs })
    }

    fn compare(&self, context: &StageContext<'_>) -> Result<GradientResult, ExperimentError> {
        let Self { lab, jobs, .. } = self;
        let table = Table::of(lab)?;
        let mut rows = Vec::new();
        for job in jobs {
            let found = context.value(&job.stage)?;
            let before = job.parent.as_ref().map_or_else(|| Ok(Vec::new()), |parent| context.value(parent))?;
            for (repetition, found) in found.chunks(job.partition.regions().len()).enumerate() {
                let seed = lab.recipe().seed + repetition as u64;
                rows.push(row(lab, job, seed, found, before.get(repetition), table.as_ref())?);
            }
        }
        Ok(GradientResult {
            space: lab.alone_space().name().to_string(),
            truth: lab.truth().map(Truth::title),
            images: lab.scored()?.1.len() as u64,
            rows,
            random: table.map(|table| table.random()),
            seconds: 0.0,
            seeds: (0..lab.recipe().ranking.seeds).map(|repetition| lab.recipe().seed + repetition).collect(),
        })
    }
}

impl Bench for Gradient {
    fn lab(&self) -> Option<&Lab> {
        Some(&self.lab)
    }

    fn fingerprint(&self) -> Fingerprint {
        self.lab.fingerprint()
    }

    fn recipe(&self) -> Recipe {
        Recipe { experiment: Experiment::Gradient(self.recipe.clone()), common: self.lab.recipe().clone() }
    }

    fn stages(&self) -> Result<Vec<Stage<'_>>, ExperimentError> {
        let mut all = Vec::new();
        for job in &self.jobs {
            let stage = Stage::of(&job.stage, move |context| search::run(&self.lab, context, job));
            let stage = stage.after(&job.parent);
            let weights = (0..self.lab.recipe().ranking.seeds).map(search::weights);
            all.push(if job.is_parent { stage.produces(weights) } else { stage });
        }
        let compare = Stage::of(&COMPARE, |context| self.compare(context));
        all.push(compare.after(self.jobs.iter().map(|job| &job.stage)));
        Ok(all)
    }

    fn outcome(&self, run: &RunFolder, values: &BTreeMap<String, Value>) -> Result<Outcome, ExperimentError> {
        let compared = value(values, &COMPARE)?;
        Ok(Outcome::Gradient(GradientResult { seconds: run.seconds()?, ..compared }))
    }
}

/// What a job found with one seed; `before` is the search that it started from.
fn row(
    lab: &Lab,
    job: &Job,
    seed: u64,
    found: &[Found],
    before: Option<&Found>,
    table: Option<&Table>,
) -> Result<GradientRow, ExperimentError> {
    let of_part = |(region, found): (&Region, &Found)| part(lab, region, found, table);
    let parts = job.partition.regions().iter().zip(found).map(of_part).collect::<Result<Vec<_>, _>>()?;
    let chosen = result::chosen(&parts);
    let truth = parts.get(chosen).and_then(|part| part.truth);
    let spent = || found.iter().chain(before);
    Ok(GradientRow {
        method: job.settings.name.clone(),
        mode: job.mode.name().to_string(),
        seed,
        epochs: spent().map(|found| found.epochs).sum(),
        macs: spent().map(|found| found.macs).sum(),
        steps: spent().map(|found| found.steps).sum(),
        seconds: spent().map(|found| found.seconds).sum(),
        chosen,
        truth,
        better_than: table.zip(truth).map(|(table, truth)| table.share_below(truth)),
        parts,
    })
}

fn part(lab: &Lab, region: &Region, found: &Found, table: Option<&Table>) -> Result<PartRow, ExperimentError> {
    let space = lab.alone_space();
    let arch = space.parse(&found.arch)?;
    Ok(PartRow {
        region: region.label(),
        arch: found.arch.clone(),
        truth: table.and_then(|table| table.get(&arch)),
        random_truth: table.and_then(|table| table.mean(region)),
        path_accuracy: found.path_accuracy,
        mixed_accuracy: found.mixed_accuracy,
        flags: Flag::all(space.as_ref(), region, &arch),
        history: found.history.clone(),
    })
}

/// The truths of all networks that have one.
struct Table {
    truths: BTreeMap<Arch, f64>,
    /// The values alone, ascending.
    sorted: Vec<f64>,
}

impl Table {
    fn of(lab: &Lab) -> Result<Option<Self>, ExperimentError> {
        let Some(truth) = lab.truth() else { return Ok(None) };
        let archs = truth.archs();
        let mut sorted = truth.of(&archs)?;
        let truths = archs.into_iter().zip(sorted.iter().copied()).collect();
        sorted.sort_by(f64::total_cmp);
        Ok((!sorted.is_empty()).then_some(Self { truths, sorted }))
    }

    fn get(&self, arch: &Arch) -> Option<f64> {
        self.truths.get(arch).copied()
    }

    /// Mean truth of the networks of a region: what a random choice in it is worth.
    fn mean(&self, region: &Region) -> Option<f64> {
        let own = self.truths.iter().filter(|(arch, _)| region.contains(arch)).map(|(_, truth)| *truth);
        let (sum, count) = own.fold((0.0, 0), |(sum, count), truth| (sum + truth, count + 1));
        (count > 0).then(|| sum / f64::from(count))
    }

    /// Share of the networks whose truth is lower.
    fn share_below(&self, truth: f64) -> f64 {
        self.sorted.partition_point(|other| *other < truth) as f64 / self.sorted.len() as f64
    }

    fn random(&self) -> RandomRow {
        let last = self.sorted.len() - 1;
        RandomRow {
            networks: self.sorted.len(),
            mean: self.sorted.iter().sum::<f64>() / self.sorted.len() as f64,
            quantiles: result::QUANTILES.map(|share| self.sorted[(share * last as f64).round() as usize]),
            best: self.sorted[last],
        }
    }
}
