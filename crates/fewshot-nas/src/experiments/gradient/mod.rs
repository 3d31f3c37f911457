//! Experiments of kind `gradient`: architectures found by gradients, one-shot and few-shot, and what they are worth.
//!
//! Every method in every mode is one stage, which runs its seeds and sub-supernets side by side; search strategies are stages behind
//! those that train uniform paths. What is chosen is looked up in the table of truths, beside what a random choice is worth, or
//! trained alone beside random networks: then successive halving decides between what the parts found.

mod alone;
mod arm;
mod flags;
mod forward;
mod hunt;
mod job;
pub(super) mod recipe;
pub(super) mod result;
mod search;
mod training;
mod truths;

pub use flags::{Flag, Skips};
pub use recipe::{AloneRecipe, GradientRecipe, Mode};
pub use result::{GradientResult, GradientRow, PartRow, RandomRow};

use std::collections::BTreeMap;

use fewshot_space::{Region, Space};
use serde_json::Value;

use self::arm::{Arm, arms};
use self::flags::skips;
use self::hunt::{Hunt, hunts};
use self::job::{Job, Jobs, jobs};
use self::training::{Beginning, Found, Spent};
use self::truths::Table;
use super::bench::Bench;
use super::outcome::Outcome;
use super::recipe::{Experiment, Recipe};
use crate::gradient::EpochSeen;
use crate::lab::{ExperimentError, Lab, Truth};
use crate::run::{Fingerprint, Handle, RunFolder, Stage, StageContext};
use crate::stages::{Caught, Decided, Network, NetworkRow, Scored, train_and_test, value};

/// Stage that trains what was chosen, and random networks, alone.
static ALONE: Handle<Vec<NetworkRow>> = Handle::new("alone");
/// Stage that compares what was chosen.
static COMPARE: Handle<GradientResult> = Handle::new("compare");

/// A comparison of methods on their images.
pub(super) struct Gradient {
    lab: Lab,
    recipe: GradientRecipe,
    /// Where networks are trained alone, if they are.
    alone: Option<Lab>,
    beginnings: Vec<Beginning>,
    jobs: Vec<Job>,
    hunts: Vec<Hunt>,
    arms: Vec<Arm>,
}

impl Gradient {
    /// The methods of the recipe in all its modes.
    ///
    /// # Errors
    /// When the space lacks a decision that is split on.
    pub fn open(lab: Lab, recipe: GradientRecipe) -> Result<Self, ExperimentError> {
        let Jobs { beginnings, jobs } = jobs(&lab, &recipe)?;
        let hunts = hunts(&jobs, &recipe.strategies);
        let arms = arms(&jobs, &hunts);
        let alone = recipe.alone.as_ref().map(|alone| alone::lab(&lab, alone)).transpose()?;
        Ok(Self { lab, recipe, alone, beginnings, jobs, hunts, arms })
    }

    /// The chosen network of each arm with each seed, then random ones.
    fn networks(&self, lab: &Lab, context: &StageContext<'_>) -> Result<Vec<Network>, ExperimentError> {
        let mut networks = Vec::new();
        for arm in &self.arms {
            let finalists = arm.finalists(context, &self.jobs, &self.hunts)?;
            let decided = context.value(&arm.decided)?;
            for (repetition, (archs, decided)) in (0..).zip(finalists.iter().zip(decided)) {
                let taken = archs.get(decided.taken).ok_or(ExperimentError::NothingScored)?;
                networks.push(Network { arch: lab.alone_space().parse(taken)?, repetition });
            }
        }
        networks.extend(alone::randoms(lab)?);
        Ok(networks)
    }

    fn compare(&self, context: &StageContext<'_>) -> Result<GradientResult, ExperimentError> {
        let Self { lab, jobs, arms, .. } = self;
        let table = Table::of(lab)?;
        let mut alone = match self.alone {
            Some(_) => context.value(&ALONE)?.into_iter(),
            None => Vec::new().into_iter(),
        };
        let mut rows = Vec::new();
        for arm in arms {
            let job = &jobs[arm.job];
            let found = context.value(&job.stage)?;
            let before = job.training.start.spent(context)?;
            let decided = self.alone.as_ref().map(|_| context.value(&arm.decided)).transpose()?;
            let caught = arm.hunt.map(|hunt| context.value(&self.hunts[hunt].stage)).transpose()?;
            for (repetition, found) in found.chunks(job.training.partition.regions().len()).enumerate() {
                let of_seed = OfSeed {
                    seed: lab.recipe().seed + repetition as u64,
                    found,
                    before: before.get(repetition),
                    caught: caught.as_ref().and_then(|all| all.get(repetition)),
                    decided: decided.as_ref().and_then(|all| all.get(repetition)),
                };
                let row = row(lab, job, &arm.name, &of_seed, table.as_ref())?;
                let network = self.alone.as_ref().and_then(|_| alone.next());
                rows.push(GradientRow { network, ..row });
            }
        }
        let zeros = self.recipe.methods.iter().filter(|method| method.none).map(|method| method.name.clone());
        Ok(GradientResult {
            space: lab.alone_space().name().to_string(),
            truth: lab.truth().map(Truth::title),
            images: lab.scored()?.1.len() as u64,
            rows,
            random: table.map(|table| table.random()),
            seconds: 0.0,
            seeds: (0..lab.recipe().ranking.seeds).map(|repetition| lab.recipe().seed + repetition).collect(),
            random_networks: alone.collect(),
            zeros: zeros.collect(),
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
        let seeds = self.lab.recipe().ranking.seeds;
        for Beginning { stage, training } in &self.beginnings {
            let begin = Stage::of(stage, move |context| search::begin(&self.lab, context, training));
            all.push(begin.produces(training.kept(seeds)));
        }
        for Job { stage, training, .. } in &self.jobs {
            let search = Stage::of(stage, move |context| search::run(&self.lab, context, training));
            all.push(search.after(training.start.stage()).produces(training.kept(seeds)));
        }
        for hunt in &self.hunts {
            let job = &self.jobs[hunt.job];
            let stage = Stage::of(&hunt.stage, move |context| hunt::run(&self.lab, context, hunt, job));
            all.push(stage.after([&job.stage]));
        }
        let mut compare = Stage::of(&COMPARE, |context| self.compare(context));
        if let Some(lab) = &self.alone {
            for arm in &self.arms {
                let decide = move |context: &StageContext<'_>| {
                    let finalists = arm.finalists(context, &self.jobs, &self.hunts)?;
                    arm::decide(lab, context, &finalists, self.recipe.all_unscored)
                };
                all.push(Stage::of(&arm.decided, decide).after([arm.source(&self.jobs, &self.hunts)]));
            }
            let test = move |context: &StageContext<'_>| {
                let networks = self.networks(lab, context)?;
                let all: Vec<usize> = (0..networks.len()).collect();
                train_and_test(lab, context, &networks, &all)
            };
            let sources = self.arms.iter().map(|arm| arm.source(&self.jobs, &self.hunts));
            let stage = Stage::of(&ALONE, test).after(self.arms.iter().map(|arm| &arm.decided));
            all.push(stage.after(sources));
            compare = compare.after([&ALONE]).after(self.arms.iter().map(|arm| &arm.decided));
        }
        let compare = compare.after(self.beginnings.iter().map(|beginning| &beginning.stage));
        let compare = compare.after(self.jobs.iter().map(|job| &job.stage));
        all.push(compare.after(self.hunts.iter().map(|hunt| &hunt.stage)));
        Ok(all)
    }

    fn outcome(&self, run: &RunFolder, values: &BTreeMap<String, Value>) -> Result<Outcome, ExperimentError> {
        let compared = value(values, &COMPARE)?;
        Ok(Outcome::Gradient(GradientResult { seconds: run.seconds()?, ..compared }))
    }
}

/// What is known of one arm with one seed.
struct OfSeed<'a> {
    seed: u64,
    /// What its supernets' own method found.
    found: &'a [Found],
    /// What went into where these started.
    before: Option<&'a Spent>,
    /// What a strategy found in them.
    caught: Option<&'a Caught>,
    /// How the choice among networks trained alone went.
    decided: Option<&'a Decided>,
}

/// The row of an arm with one seed, without its network trained alone.
fn row(
    lab: &Lab,
    job: &Job,
    name: &str,
    of_seed: &OfSeed<'_>,
    table: Option<&Table>,
) -> Result<GradientRow, ExperimentError> {
    let OfSeed { seed, found, before, caught, decided } = *of_seed;
    let of_part = |(region, found): (&Region, &Found)| part(lab, region, found, table);
    let parts: Result<Vec<PartRow>, ExperimentError> = match caught {
        Some(caught) => caught.best.iter().map(|scored| finalist(lab, job, scored, table)).collect(),
        None => job.training.partition.regions().iter().zip(found).map(of_part).collect(),
    };
    let mut parts = parts?;
    let reached = decided.iter().flat_map(|decided| decided.reached.iter());
    for (part, reached) in parts.iter_mut().zip(reached) {
        part.alone = *reached;
    }
    let chosen = decided.map_or_else(|| result::chosen(&parts), |decided| decided.taken);
    let truth = parts.get(chosen).and_then(|part| part.truth);
    let spent = || found.iter().map(|found| &found.spent).chain(before);
    let epochs_alone = || decided.iter().flat_map(|decided| &decided.reached).flatten().map(|reached| reached.epochs);
    Ok(GradientRow {
        method: name.to_string(),
        mode: job.mode.name().to_string(),
        seed,
        epochs: spent().map(|spent| spent.epochs).sum(),
        macs: spent().map(|spent| spent.macs).sum(),
        steps: spent().map(|spent| spent.steps).sum(),
        seconds: spent().map(|spent| spent.seconds).sum::<f64>() + caught.map_or(0.0, |caught| caught.seconds),
        chosen,
        truth,
        better_than: table.zip(truth).map(|(table, truth)| table.share_below(truth)),
        parts,
        supernets: caught.map(|_| found.len()),
        evaluations: caught.map(|caught| caught.evaluations),
        choosing_epochs: decided.map(|_| epochs_alone().sum()),
        network: None,
    })
}

/// A finalist of a strategy as a part: it stands for the supernet that scored it.
fn finalist(lab: &Lab, job: &Job, scored: &Scored, table: Option<&Table>) -> Result<PartRow, ExperimentError> {
    let space = lab.alone_space();
    let arch = space.parse(&scored.arch)?;
    let partition = &job.training.partition;
    let owner = partition.route(&arch).and_then(|owner| partition.regions().get(owner));
    let region = owner.unwrap_or(partition.whole());
    Ok(PartRow {
        region: region.label(),
        arch: scored.arch.clone(),
        truth: table.and_then(|table| table.get(&arch)),
        random_truth: table.and_then(|table| table.mean(region)),
        path_accuracy: scored.score,
        mixed_accuracy: None,
        flags: Flag::all(space.as_ref(), region, &arch),
        history: Vec::new(),
        skips: skips(space.as_ref(), &arch),
        skips_by_epoch: Vec::new(),
        alone: None,
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
        skips: skips(space.as_ref(), &arch),
        skips_by_epoch: skips_by_epoch(space.as_ref(), &found.history)?,
        alone: None,
    })
}

/// Skips of the first cell of what would have been chosen after each epoch, where that is known.
fn skips_by_epoch(space: &dyn Space, history: &[EpochSeen]) -> Result<Vec<usize>, ExperimentError> {
    let of_epoch = |text: &String| {
        let arch = space.parse(text)?;
        Ok(skips(space, &arch).first().map_or(0, |cell| cell.skips))
    };
    history.iter().filter_map(|epoch| epoch.arch.as_ref()).map(of_epoch).collect()
}
