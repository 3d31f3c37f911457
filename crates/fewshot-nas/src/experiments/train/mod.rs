//! Experiments of kind `train`: one architecture alone.

pub(super) mod result;

pub use result::TrainResult;

use std::collections::BTreeMap;
use std::path::Path;

use fewshot_guard::counted;
use fewshot_space::Arch;
use serde_json::Value;

use super::bench::Bench;
use super::outcome::Outcome;
use super::recipe::{Experiment, Recipe};
use crate::estimate::Evaluation;
use crate::lab::{ExperimentError, Lab};
use crate::model::MODEL;
use crate::recipe::{BudgetPlan, CommonRecipe};
use crate::run::{Checkpoint, Fingerprint, Handle, RunFolder, RunReader, Stage, StageContext};
use crate::stages::{
    BRIEFLY, CHECKPOINT, Length, Passed, REST, Trained, about, alone_epoch_seconds, duration, fill, fit_warmup,
    keep_untested, load_from, network, parse_trained, step_of, test_and_keep, timing, train_to, training_stage,
    unneeded, value,
};

/// Stage that trains.
static TRAIN: Handle<Trained> = Handle::new("train");
/// Stage that opens the test set, the last one.
static TEST: Handle<Evaluation> = Handle::new("test");

/// Where the settings of the training stand.
const KEY: &str = "standalone.train";

/// The training of one architecture on its images.
pub(super) struct Train {
    lab: Lab,
    arch: Arch,
}

impl Train {
    /// The training of the architecture that the recipe names.
    ///
    /// # Errors
    /// When the recipe names no architecture of the space.
    pub fn open(lab: Lab) -> Result<Self, ExperimentError> {
        let arch = lab.alone_space().parse(&lab.recipe().standalone.arch)?;
        let mut train = Self { lab, arch };
        if train.lab.recipe().scoring.on_test && train.other_images().is_some() {
            // It was not these test images that chose it.
            let mut recipe = train.lab.recipe().clone();
            recipe.scoring.on_test = false;
            train.lab = train.lab.again(recipe)?;
        }
        Ok(train)
    }

    fn train(&self, context: &StageContext<'_>) -> Result<Trained, ExperimentError> {
        let (lab, recipe) = (&self.lab, &self.lab.recipe().standalone);
        let mut net = network(lab, &self.arch)?;
        // What is under way needs the weights that it began with no more.
        if !recipe.from.is_empty() && !context.file(CHECKPOINT).exists() {
            net = load_from(&Checkpoint::load(Path::new(&recipe.from))?, net)?;
        }
        let epochs = recipe.train.epochs;
        let length = Length { epochs, begun: 0, planned: epochs };
        let trained = train_to(lab, context, net, &self.arch, length, true)?;
        keep_untested(lab, context, &trained)?;
        Ok(trained)
    }
}

impl Train {
    /// What to know where the weights come from a run on other images.
    fn other_images(&self) -> Option<String> {
        let run = Path::new(&self.lab.recipe().standalone.from).parent()?;
        // Weights that lie in no run tell nothing of their images.
        let run = RunReader::open(run).ok()?;
        (run.data_fingerprint() != self.lab.fingerprint().training).then(|| {
            "these are not the images of the run: if its weights have seen some of the held-out ones, what these say of it flatters \
             it (--fresh trains anew)"
                .to_string()
        })
    }
}

/// Chooses the epochs of `recipe`, where they are open, for steps that take so long.
fn planned(lab: &Lab, recipe: &mut CommonRecipe, step: f64, passed: &Passed) -> Result<BudgetPlan, ExperimentError> {
    let epoch = alone_epoch_seconds(lab, step)?.kept;
    let affordable = (recipe.budget.seconds() * (1.0 - REST) - passed.until_now()) / epoch;
    let train = &mut recipe.standalone.train;
    let is_chosen = train.epochs == 0;
    fill(&mut train.epochs, affordable);
    let mut told: Vec<String> = fit_warmup(KEY, train, is_chosen).into_iter().collect();
    told.extend(is_chosen.then(|| unneeded(KEY, affordable, epoch)).flatten());
    let kept = train.epochs as f64 * epoch;
    Ok(BudgetPlan { measuring: passed.before, kept, step_ms: 1000.0 * step, told, ..BudgetPlan::default() })
}

impl Bench for Train {
    fn lab(&self) -> Option<&Lab> {
        Some(&self.lab)
    }

    fn fingerprint(&self) -> Fingerprint {
        self.lab.fingerprint()
    }

    fn recipe(&self) -> Recipe {
        Recipe { experiment: Experiment::Train, common: self.lab.recipe().clone() }
    }

    /// The weights that it starts from, which are read after some steps were timed.
    fn look_ahead(&mut self) -> Result<(), ExperimentError> {
        let from = &self.lab.recipe().standalone.from;
        if !from.is_empty() {
            load_from(&Checkpoint::load(Path::new(from))?, network(&self.lab, &self.arch)?)?;
        }
        Ok(())
    }

    /// One architecture alone, in all of the time.
    fn planned(&self, passed: &Passed) -> Result<Option<Box<dyn Bench>>, ExperimentError> {
        let mut recipe = self.lab.recipe().clone();
        let step = step_of(&self.lab, &self.arch, timing(recipe.budget.seconds()))?;
        let plan = planned(&self.lab, &mut recipe, step, passed)?;
        recipe.budget.plan = Some(plan);
        Ok(Some(Box::new(Self { lab: self.lab.again(recipe)?, arch: self.arch.clone() })))
    }

    fn announcement(&self) -> Result<Vec<String>, ExperimentError> {
        let (recipe, epochs) = (self.lab.recipe(), self.lab.recipe().standalone.train.epochs);
        let mut lines: Vec<String> = self.other_images().into_iter().collect();
        if recipe.scoring.sees_test() {
            lines.push(
                "scores on test images had a part in choosing the architecture (scoring.on_test): its accuracy on these is no fresh one"
                    .to_string(),
            );
        }
        if let Some(plan) = &recipe.budget.plan {
            lines.push(format!("{} of training: {}", duration(plan.kept), counted(epochs, "epoch")));
            lines.extend(plan.told.iter().cloned());
            return Ok(lines);
        }
        let epoch = alone_epoch_seconds(&self.lab, step_of(&self.lab, &self.arch, BRIEFLY)?)?;
        lines.push(about(epochs as f64 * epoch.kept));
        Ok(lines)
    }

    fn stages(&self) -> Result<Vec<Stage<'_>>, ExperimentError> {
        let mut all = vec![training_stage(&TRAIN, |context| self.train(context)).publishes([MODEL])];
        if self.lab.recipe().standalone.test {
            let test = Stage::of(&TEST, |context| test_and_keep(&self.lab, context, &TRAIN, &self.lab.open_test()?));
            all.push(test.after([&TRAIN]).publishes([MODEL]));
        }
        Ok(all)
    }

    fn outcome(&self, run: &RunFolder, values: &BTreeMap<String, Value>) -> Result<Outcome, ExperimentError> {
        let trained = value(values, &TRAIN)?;
        let space = self.lab.alone_space();
        let arch = parse_trained(&self.lab, TRAIN.name(), &trained)?;
        let cost = space.cost(&arch);
        let test = values.contains_key(TEST.name()).then(|| value(values, &TEST)).transpose()?;
        Ok(Outcome::Train(TrainResult {
            arch: space.format(&arch),
            space: space.name().to_string(),
            test_accuracy: test.as_ref().map(|test| test.top1),
            on_test: self.lab.recipe().scoring.sees_test(),
            test,
            held_out_accuracy: trained.held_out_accuracy(),
            epochs: trained.history.len() as u64,
            macs: cost.macs,
            params: cost.params,
            seconds: run.seconds()?,
            seed: self.lab.recipe().seed,
        }))
    }
}
