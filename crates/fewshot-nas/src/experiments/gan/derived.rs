//! Generators trained alone.

use std::path::Path as FilePath;

use fewshot_data::{grid, png_bytes};
use fewshot_fid::Gaussian;
use fewshot_guard::counted;
use fewshot_space::Arch;

use super::Gan;
use super::judging::JUDGE;
use super::result::{DerivedRow, RankedNetwork, RankingFacts};
use super::searches::{EQUAL_COST, PARENT, POOL, part_stage};
use super::summary::ORIGINS;
use crate::adversarial::judge::FeatureNet;
use crate::adversarial::{Derivation, DerivedPlan, DerivedProgress, DerivedTask, GanError, GeneratorNorms, Painter};
use crate::lab::ExperimentError;
use crate::latent::latent;
use crate::nets::{Net, Path};
use crate::rank::Paired;
use crate::run::{Checkpoint, Handle, RunError, Stage, StageContext, create_folder, write_atomic};
use crate::stages::{CHECKPOINT, Keeper, position, slug};

/// Stage that tells how well shared generators order.
pub static RANKING: Handle<RankingFacts> = Handle::new("ranking");
/// Folder of grids of images, in the run's.
pub const GRIDS: &str = "images";
/// Rows and columns of such a grid.
const GRID: usize = 8;

/// How an architecture was found, in the order of [`ORIGINS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// By the parent's search.
    OneShot,
    /// By the parts'.
    FewShot,
    /// By a one-shot search of equal cost.
    EqualCost,
    /// By chance.
    Random,
    /// By whoever wrote the recipe.
    Given,
}

impl Origin {
    fn name(self) -> &'static str {
        ORIGINS[self as usize]
    }
}

/// One training of a generator alone.
#[derive(Debug, Clone, Copy)]
pub struct Training {
    /// How the architecture was found.
    pub origin: Origin,
    /// Its place among those found so, from 0.
    pub place: usize,
    /// Of the training, from 0.
    pub seed: u64,
}

impl Training {
    /// Its stage, whose value is absent where so many were not found.
    pub fn stage(self) -> Handle<Option<DerivedRow>> {
        Handle::named(format!("train-{}-{}-{}", slug(self.origin.name()), self.place, self.seed))
    }
}

impl Gan {
    /// All trainings of generators alone, in order.
    pub(super) fn trainings(&self) -> Vec<Training> {
        let networks = self.recipe.derived.networks;
        let mut origins = match self.searches() {
            true => vec![(Origin::OneShot, networks)],
            false => vec![(Origin::Given, self.given.len())],
        };
        if self.is_split() {
            origins.push((Origin::FewShot, networks));
            if self.recipe.controls.equal_cost {
                origins.push((Origin::EqualCost, networks));
            }
        }
        origins.push((Origin::Random, self.recipe.controls.randoms));
        let seeds = self.lab.recipe().ranking.seeds;
        let of = |(origin, count): (Origin, usize)| {
            (0..count).flat_map(move |place| (0..seeds).map(move |seed| Training { origin, place, seed }))
        };
        origins.into_iter().flat_map(of).collect()
    }

    pub(super) fn training_stage(&self, training: Training) -> Stage<'_> {
        let mut inputs = vec![String::from(&JUDGE)];
        match training.origin {
            Origin::OneShot => inputs.push(String::from(&PARENT)),
            Origin::FewShot => inputs.push(String::from(&POOL)),
            Origin::EqualCost => inputs.push(String::from(&EQUAL_COST)),
            Origin::Random | Origin::Given => {}
        }
        Stage::of(&training.stage(), move |context| self.train(context, training)).after(inputs).produces([CHECKPOINT])
    }

    fn train(&self, context: &StageContext<'_>, training: Training) -> Result<Option<DerivedRow>, ExperimentError> {
        let Some(arch) = self.found(context, training)? else {
            let text = format!("{}: fewer than {} were found", training.origin.name(), training.place + 1);
            context.progress().line(&text);
            // Whoever waits for the stage finds its file, with nothing in it.
            context.save(Checkpoint::new(&())?, &context.file(CHECKPOINT))?;
            return Ok(None);
        };
        let seed = self.lab.seed_of(training.seed, "derived");
        let task = self.derived_task(&arch, self.recipe.derived.plan, seed);
        let derivation = self.derive(context, &context.file(CHECKPOINT), task, true)?;
        let progress = derivation.progress();
        let best = *progress.best().ok_or_else(|| GanError::State("no evaluation".to_string()))?;
        Ok(Some(DerivedRow {
            found_by: training.origin.name().to_string(),
            arch: self.lab.alone_space().format(&arch),
            seed: self.lab.recipe().seed + training.seed,
            best,
            evaluations: progress.evaluations.clone(),
        }))
    }

    fn found(&self, context: &StageContext<'_>, training: Training) -> Result<Option<Arch>, ExperimentError> {
        let Training { origin, place, .. } = training;
        let text = match origin {
            Origin::Random => {
                let count = self.recipe.controls.randoms;
                return Ok(self.lab.random_archs("random generators", count)?.get(place).cloned());
            }
            Origin::Given => return Ok(self.given.get(place).cloned()),
            Origin::OneShot => context.value(&PARENT)?.best.into_iter().nth(place),
            Origin::EqualCost => context.value(&EQUAL_COST)?.best.into_iter().nth(place),
            Origin::FewShot => context.value(&POOL)?.into_iter().nth(place),
        };
        Ok(text.map(|found| self.lab.alone_space().parse(&found.arch)).transpose()?)
    }

    pub(super) fn derived_task(&self, arch: &Arch, plan: DerivedPlan, seed: u64) -> DerivedTask {
        DerivedTask {
            skeleton: self.alone.clone(),
            arch: arch.clone(),
            judge_channels: self.recipe.derived.discriminator,
            images: self.lab.image_handle().clone(),
            indices: self.lab.all_indices().into(),
            config: self.recipe.derived.train,
            plan,
            device: self.lab.device().clone(),
            seed,
        }
    }

    /// Trains to the end, from the checkpoint in `file` if there is one; leaves grids of its images where they are to be `shown`.
    fn derive(
        &self,
        context: &StageContext<'_>,
        file: &FilePath,
        task: DerivedTask,
        shown: bool,
    ) -> Result<Derivation, ExperimentError> {
        let (mut judge, real) = (self.judge(context)?, self.real(context)?);
        let (plan, critic_steps) = (task.plan, task.config.critic_steps);
        let mut derivation = Derivation::new(task)?;
        let done = position::<(DerivedProgress, [u64; 2])>(context, file)?.0;
        let done = done.steps + done.evaluations.len() as u64;
        // The last of them leads, and there is no step behind it.
        let steps = (plan.generator_steps - 1) * critic_steps + 1;
        let looks = plan.generator_steps.div_ceil(plan.evaluate_every);
        let counter = context.counter("training", "steps", done, Some(steps + looks));
        let mut keeper = Keeper::resume(context, file, &counter, &mut derivation)?;
        if shown {
            // Also where a process was killed between an evaluation and its grid.
            self.show(context, &derivation)?;
        }
        while !derivation.is_done() {
            let before = derivation.progress().evaluations.len();
            self.one_step(&mut derivation, judge.as_mut(), &real, context, &mut keeper)?;
            if shown && derivation.progress().evaluations.len() > before {
                self.show(context, &derivation)?;
            }
        }
        keeper.keep(&derivation)?;
        Ok(derivation)
    }

    fn one_step(
        &self,
        derivation: &mut Derivation,
        judge: &mut dyn FeatureNet,
        real: &Gaussian,
        context: &StageContext<'_>,
        keeper: &mut Keeper<'_>,
    ) -> Result<(), ExperimentError> {
        if let Err(error) = derivation.step(judge, real, context.interrupt()) {
            if matches!(error, GanError::Interrupted(_)) {
                keeper.keep(derivation)?;
            }
            return Err(error.into());
        }
        Ok(keeper.after_step(derivation)?)
    }

    /// Leaves a grid of what the generator makes of always the same latent numbers, and tells what the evaluation said.
    fn show(&self, context: &StageContext<'_>, derivation: &Derivation) -> Result<(), ExperimentError> {
        let Some(last) = derivation.progress().evaluations.last() else { return Ok(()) };
        let distance = last.judgement.distance.unwrap_or(f64::NAN);
        let text = format!(
            "{}: score {:.3}, distance {distance:.3}",
            counted(last.generator_steps, "step"),
            last.judgement.score
        );
        context.progress().message(&text);
        let mut net = derivation.averaged();
        let bytes = self.grid_of(&mut net, &derivation.task().arch)?;
        let folder = context.publish_folder().join(GRIDS);
        create_folder(&folder).map_err(RunError::from)?;
        let file = folder.join(format!("{}-{:08}.png", context.name(), last.generator_steps));
        // Those of earlier evaluations could not be made again, so a run does not miss them.
        write_atomic(&file, &bytes).map_err(RunError::from)?;
        if derivation.is_done() {
            context.publish(&file);
        }
        Ok(())
    }

    /// A PNG file of images of an architecture, made of latent numbers that are the same for all.
    pub(super) fn grid_of(&self, net: &mut Net, arch: &Arch) -> Result<Vec<u8>, ExperimentError> {
        let side = self.alone.image_side();
        let shape = fewshot_data::Shape { height: side, width: side, channels: self.alone.channels_out };
        let rows = latent(net, GRID * GRID, (self.lab.seed("grid"), 0, 0), "grid latent");
        let norms = GeneratorNorms::Running;
        let mut painter = Painter::new(net, Path::Shared(arch.clone()), shape, norms, 0)?;
        let images: Vec<Vec<u8>> = painter.paint(rows)?.chunks(shape.bytes()).map(<[u8]>::to_vec).collect();
        let (pixels, whole) = grid(&images, shape, GRID)?;
        Ok(png_bytes(&pixels, whole)?)
    }

    /// Whether it is told how well shared generators order, which takes some.
    pub(super) fn ranks(&self) -> bool {
        self.searches() && self.recipe.controls.ranked > 0
    }

    pub(super) fn ranking_stage(&self) -> Stage<'_> {
        let parts = if self.is_split() { self.lab.partition().regions().len() } else { 0 };
        let inputs = [String::from(&JUDGE), String::from(&PARENT)].into_iter();
        let inputs = inputs.chain((0..parts).map(|part| String::from(&part_stage(part))));
        Stage::of(&RANKING, |context| self.rank(context)).after(inputs)
    }

    /// Trains random architectures alone for a while, and compares how near their images come with what shared generators' images of
    /// them score.
    fn rank(&self, context: &StageContext<'_>) -> Result<RankingFacts, ExperimentError> {
        let controls = self.recipe.controls;
        let archs = self.lab.random_archs("ranked generators", controls.ranked)?;
        let plan = DerivedPlan {
            generator_steps: controls.ranked_steps,
            evaluate_every: controls.ranked_steps,
            ..self.recipe.derived.plan
        };
        let mut judge = self.judge(context)?;
        let mut parent = self.ended_parent(context)?;
        let parts = if self.is_split() { self.lab.partition().regions().len() } else { 0 };
        let mut parts = (0..parts).map(|part| self.ended(context, part)).collect::<Result<Vec<_>, _>>()?;
        let seed = self.lab.seed("ranked latent");
        let mut networks = Vec::new();
        for (place, arch) in archs.iter().enumerate() {
            let file = context.file(&format!("network-{place}.safetensors"));
            let task = self.derived_task(arch, plan, self.lab.seed("ranked"));
            let derivation = self.derive(context, &file, task, false)?;
            let best = derivation.progress().best().and_then(|best| best.judgement.distance);
            let distance = best.ok_or_else(|| GanError::State("no evaluation".to_string()))?;
            let owner = self.lab.partition().route(arch).and_then(|part| parts.get_mut(part));
            networks.push(RankedNetwork {
                arch: self.lab.alone_space().format(arch),
                distance,
                parent: parent.score(arch, judge.as_mut(), seed, context.interrupt())?.score,
                part: owner
                    .map(|search| search.score(arch, judge.as_mut(), seed, context.interrupt()))
                    .transpose()?
                    .map(|judgement| judgement.score),
            });
        }
        let nearness: Vec<f64> = networks.iter().map(|network| -network.distance).collect();
        let tau = |scores: Vec<f64>| -> Result<Option<f64>, ExperimentError> {
            Ok(Paired::new(&scores, &nearness, |place| networks[place].arch.clone())?.tau_b())
        };
        let by_parts: Option<Vec<f64>> = networks.iter().map(|network| network.part).collect();
        let parent = tau(networks.iter().map(|network| network.parent).collect())?;
        let parts = by_parts.map(tau).transpose()?.flatten();
        Ok(RankingFacts { parent, parts, networks })
    }
}
