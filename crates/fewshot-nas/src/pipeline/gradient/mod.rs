//! Runs of kind `gradient`: architectures found by gradients, one-shot and few-shot, and what they are worth.
//!
//! Every method in every mode is one stage, which runs its seeds and sub-supernets side by side. The last stage looks up
//! what was chosen in the table of truths, beside what a random choice is worth.

mod job;
mod result;
mod search;

pub use result::{Flag, GradientResult, GradientRow, PartRow, RandomRow};

use std::collections::BTreeMap;
use std::sync::Arc;

use fewshot_space::{Arch, Region};
use serde_json::Value;

use self::job::Job;
use self::search::Found;
use super::{Lab, PipelineError, stages};
use crate::run::{RunFolder, Stage, StageContext};

/// Stage that compares what was chosen.
const COMPARE: &str = "compare";

/// The stages.
pub fn stages(lab: &Lab) -> Result<Vec<Stage<'_>>, PipelineError> {
    let jobs: Arc<[Job]> = job::jobs(lab)?.into();
    let mut all = Vec::new();
    for (position, job) in jobs.iter().enumerate() {
        let of = jobs.clone();
        let body = move |context: &StageContext<'_>| search::run(lab, context, &of[position]);
        let mut stage = stages::stage(job.stage.clone(), body).after(job.parent.clone());
        if job.is_parent {
            stage = stage.produces((0..lab.recipe().ranking.seeds).map(search::weights));
        }
        all.push(stage);
    }
    let inputs: Vec<String> = jobs.iter().map(|job| job.stage.clone()).collect();
    let compare = stages::stage(COMPARE, move |context| compare(lab, context, &jobs));
    all.push(compare.after(inputs));
    Ok(all)
}

fn compare(lab: &Lab, context: &StageContext<'_>, jobs: &[Job]) -> Result<GradientResult, PipelineError> {
    let table = Table::of(lab)?;
    let mut rows = Vec::new();
    for job in jobs {
        let found: Vec<Found> = context.input(&job.stage)?;
        let before: Vec<Found> =
            job.parent.as_deref().map_or_else(|| Ok(Vec::new()), |parent| context.input(parent))?;
        for (repetition, found) in found.chunks(job.partition.regions().len()).enumerate() {
            let seed = lab.recipe().seed + repetition as u64;
            rows.push(row(lab, job, seed, found, before.get(repetition), table.as_ref())?);
        }
    }
    Ok(GradientResult {
        space: lab.alone_space().name().to_string(),
        truth: lab.truth().map(super::Truth::title),
        images: lab.scored()?.1.len() as u64,
        rows,
        random: table.map(|table| table.random()),
        seconds: 0.0,
        seeds: (0..lab.recipe().ranking.seeds).map(|repetition| lab.recipe().seed + repetition).collect(),
    })
}

/// What a job found with one seed; `before` is the search that it started from.
fn row(
    lab: &Lab,
    job: &Job,
    seed: u64,
    found: &[Found],
    before: Option<&Found>,
    table: Option<&Table>,
) -> Result<GradientRow, PipelineError> {
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

fn part(lab: &Lab, region: &Region, found: &Found, table: Option<&Table>) -> Result<PartRow, PipelineError> {
    let space = lab.alone_space();
    let arch = space.parse(&found.arch)?;
    Ok(PartRow {
        region: region.label(),
        arch: found.arch.clone(),
        truth: table.and_then(|table| table.get(&arch)),
        random_truth: table.and_then(|table| table.mean(region)),
        path_accuracy: found.path_accuracy,
        mixed_accuracy: found.mixed_accuracy,
        flags: Flag::all(lab.cell_space()?, region, &arch),
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
    fn of(lab: &Lab) -> Result<Option<Self>, PipelineError> {
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

/// The result, from the values of the stages.
pub fn result(run: &RunFolder, values: &BTreeMap<String, Value>) -> Result<GradientResult, PipelineError> {
    let compared: GradientResult = stages::value(values, COMPARE)?;
    Ok(GradientResult { seconds: run.seconds()?, ..compared })
}
