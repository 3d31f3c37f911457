//! One method in one mode, worked out: parts, epochs, where it starts.

use std::sync::Arc;

use fewshot_space::{Partition, Region};

use super::recipe::{GradientRecipe, Mode};
use super::training::{Beginning, Found, Start, Training};
use crate::gradient::{MethodSettings, UNIFORM, WarmUp, method};
use crate::lab::{ExperimentError, Lab};
use crate::nets::{Blueprint, Net};
use crate::recipe::SplitRecipe;
use crate::run::Handle;

/// One method in one mode.
pub struct Job {
    /// Its stage, which leaves what was found per seed and part.
    pub stage: Handle<Vec<Found>>,
    /// How it is run.
    pub mode: Mode,
    /// Its supernets, one per part and seed.
    pub training: Training,
}

/// What there is to do.
pub struct Jobs {
    /// Warm-ups from whose end several go on.
    pub beginnings: Vec<Beginning>,
    /// Searches.
    pub jobs: Vec<Job>,
}

/// All methods of the recipe in all its modes, those of a method together.
pub fn jobs(lab: &Lab, recipe: &GradientRecipe) -> Result<Jobs, ExperimentError> {
    let (whole, parts) = (lab.parts(&SplitRecipe::default())?, lab.parts(&recipe.split())?);
    let size = &lab.recipe().space;
    let space = lab.space_of(size.width, size.cells, size.reduction)?.blueprint().clone();
    // Said now, and not after the first images: whether such networks can run several options at once.
    Net::catalogue(space.clone(), Region::full(space.clone()), lab.device()).sums()?;
    let mut all = Jobs { beginnings: Vec::new(), jobs: Vec::new() };
    for settings in &recipe.methods {
        let method = Method { lab, recipe, settings, whole: &whole, parts: &parts, space: &space };
        all.beginnings.extend(method.beginning()?);
        for &mode in &recipe.modes {
            all.jobs.push(method.job(mode)?);
        }
    }
    Ok(all)
}

/// One method of the recipe.
struct Method<'a> {
    lab: &'a Lab,
    recipe: &'a GradientRecipe,
    settings: &'a MethodSettings,
    whole: &'a Partition,
    parts: &'a Partition,
    space: &'a Arc<dyn Blueprint>,
}

impl Method<'_> {
    /// The warm-up by itself, where parts go on from its end.
    fn beginning(&self) -> Result<Option<Beginning>, ExperimentError> {
        if !self.recipe.branches(self.settings) {
            return Ok(None);
        }
        let warm_up = self.settings.warm_up_epochs();
        let training = self.training(self.whole, self.settings.clone(), Start::Fresh)?;
        let training = Training { until: warm_up, is_parent: true, is_hunted: false, ..training };
        Ok(Some(Beginning { stage: Handle::named(self.warm_up_stage()), training }))
    }

    fn warm_up_stage(&self) -> String {
        format!("{}-warm-up", self.settings.name)
    }

    fn stage(&self, mode: Mode) -> Handle<Vec<Found>> {
        Handle::named(format!("{}-{}", self.settings.name, slug(mode)))
    }

    fn job(&self, mode: Mode) -> Result<Job, ExperimentError> {
        let Self { recipe, settings, .. } = *self;
        let (epochs, warm_up) = (settings.train.epochs, settings.warm_up_epochs());
        let branches = recipe.branches(settings);
        let warm_up_stage = || Handle::named(self.warm_up_stage());
        let mut own = settings.clone().settle_warm_up();
        let (epochs, start) = match mode {
            Mode::OneShot if branches => (epochs, Start::GoOn(warm_up_stage())),
            Mode::OneShot => (epochs, Start::Fresh),
            Mode::OneShotEqualEpochs => (self.few_shot_epochs(), Start::Fresh),
            Mode::FewShotScratch => {
                let of_part = recipe.part_epochs(settings, mode);
                // The whole method in short.
                own.warm_up = WarmUp::Epochs((warm_up * of_part / epochs.max(1)).min(warm_up));
                (of_part, Start::Fresh)
            }
            Mode::FewShotTransfer if branches => {
                (warm_up + recipe.part_epochs(settings, mode), Start::Branch(warm_up_stage()))
            }
            Mode::FewShotTransfer => {
                // The weights that they start from had it.
                own.warm_up = WarmUp::NONE;
                (recipe.part_epochs(settings, mode), Start::Weights(self.stage(Mode::OneShot)))
            }
        };
        own.train.epochs = epochs;
        let partition = if mode.is_split() { self.parts } else { self.whole };
        let is_parent = mode == Mode::OneShot && recipe.modes.contains(&Mode::FewShotTransfer) && !branches;
        let training = Training { is_parent, ..self.training(partition, own, start)? };
        Ok(Job { stage: self.stage(mode), mode, training })
    }

    /// Epochs that few-shot has in all: from scratch where that is one of the modes, else by transfer, with those of what parts start
    /// from.
    fn few_shot_epochs(&self) -> u64 {
        let Self { recipe, settings, .. } = *self;
        let scratch = recipe.modes.contains(&Mode::FewShotScratch) || !recipe.modes.contains(&Mode::FewShotTransfer);
        let before = match recipe.branches(settings) {
            _ if scratch => 0,
            true => settings.warm_up_epochs(),
            false => settings.train.epochs,
        };
        let mode = if scratch { Mode::FewShotScratch } else { Mode::FewShotTransfer };
        before + recipe.part_epochs(settings, mode) * self.parts.regions().len() as u64
    }

    /// Supernets of these parts, to the end of the settings.
    fn training(
        &self,
        partition: &Partition,
        settings: MethodSettings,
        start: Start,
    ) -> Result<Training, ExperimentError> {
        let mut settings = settings.settle_warm_up();
        let batch = settings.held_out_batch(self.lab.scorable_images());
        if let Some(gates) = &mut settings.gates {
            gates.batch = batch;
        }
        Ok(Training {
            info: method(&settings.name)?,
            partition: partition.clone(),
            until: settings.train.epochs,
            start,
            is_parent: false,
            is_hunted: self.recipe.is_hunted(&settings),
            sees_unscored: self.recipe.all_unscored && settings.name == UNIFORM,
            space: self.space.clone(),
            settings,
        })
    }
}

impl Job {
    /// The mode as part of a stage's name.
    pub fn slug(&self) -> &'static str {
        slug(self.mode)
    }
}

fn slug(mode: Mode) -> &'static str {
    match mode {
        Mode::OneShot => "one-shot",
        Mode::OneShotEqualEpochs => "one-shot-equal",
        Mode::FewShotScratch => "scratch",
        Mode::FewShotTransfer => "transfer",
    }
}
