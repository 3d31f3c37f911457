//! Runs: an experiment in a folder, from its beginning or from where it was cut.

use std::path::Path;
use std::time::{Duration, Instant};

use burn::tensor::Device;
use fewshot_kernels::simd;

use super::bench::Bench;
use super::earlier::recipe_of;
use super::gan::{self, Gan};
use super::gradient::Gradient;
use super::moved::{self, Moved};
use super::outcome::Outcome;
use super::ranking::Ranking;
use super::recipe::{CheckedRecipe, Experiment, Recipe};
use super::search::Search;
use super::strategies::Comparison;
use super::train::Train;
use super::truth::Measurement;
use crate::lab::{ExperimentError, Images, Lab};
use crate::recipe::RecipeError;
use crate::run::{
    InProcess, Interrupt, Launcher, Member, Origin, Patience, Plan, Progress, RunError, RunFolder, RunReader,
    SpreadError, Work,
};
use crate::stages::Passed;

/// Stages that others are cut into where a run begins with workers or jobs: more than most have nodes, so that nobody waits long for
/// the last one, and few enough to list.
const LAUNCHED_SHARDS: usize = 64;

/// Said of a run that has ended.
const ENDED: &str = "nothing is left to do: the run has ended, and all that it left is there";

/// What a run needs besides its recipe.
pub struct Session<'a> {
    /// Where tensors live.
    pub device: Device,
    /// Checked between steps.
    pub interrupt: &'a Interrupt,
    /// Told how the work goes.
    pub progress: &'a dyn Progress,
    /// Images by value, in place of those at the recipe's path. Who goes on with such a run gives the same again.
    pub images: Option<Images>,
    /// Where stages are worked on.
    pub launcher: &'a dyn Launcher,
}

impl<'a> Session<'a> {
    /// One that reads the images that recipes name.
    pub fn new(device: Device, interrupt: &'a Interrupt, progress: &'a dyn Progress) -> Self {
        Self { device, interrupt, progress, images: None, launcher: &InProcess }
    }

    /// The same with stages worked on where `launcher` says.
    #[must_use]
    pub fn launched_by(self, launcher: &'a dyn Launcher) -> Self {
        Self { launcher, ..self }
    }

    /// The same on images that are in memory.
    #[must_use]
    pub fn on(self, images: Images) -> Self {
        Self { images: Some(images), ..self }
    }
}

/// Begins a run in the new folder `out` and takes it to its end.
///
/// # Errors
/// When the folder is in use, or a stage fails or is interrupted; [`resume`] goes on from there.
pub fn start(recipe: CheckedRecipe, out: &Path, session: &Session<'_>) -> Result<Outcome, ExperimentError> {
    // Reading images and measuring blocks may take minutes.
    RunFolder::check_free(out)?;
    // Where the recipe is that of an earlier run, this one may have other files.
    let mut recipe = recipe.into_inner();
    recipe.forget_seen();
    check_launched(&recipe, session)?;
    if session.launcher.works_elsewhere() && recipe.experiment.has_shards() && recipe.common.launch.shards == 0 {
        recipe.common.launch.shards = LAUNCHED_SHARDS;
    }
    let mut bench = open(recipe, session)?;
    bench.look_ahead()?;
    // What is wrong with the settings is said before there is a folder.
    Plan::new(bench.stages()?)?;
    // Those of the workers are found when they begin: this machine may be another kind than theirs.
    let instructions = (!session.launcher.works_elsewhere()).then(|| simd::level().name().to_owned());
    let mut run = RunFolder::create(out, &bench.recipe(), &Origin { data: bench.fingerprint(), instructions })?;
    let bench = run.prepare(session.interrupt, |run| {
        let bench = settled(bench, run)?;
        let told = bench.lab().map(Lab::told).unwrap_or_default();
        told.iter().chain(&bench.announcement()?).for_each(|line| session.progress.line(line));
        Ok::<_, ExperimentError>(bench)
    })?;
    finish(bench.as_ref(), run, session)
}

/// Goes on with the run in `path`. A run that has ended gives its result again, and needs no data for that; what it left and
/// what is lost or damaged since is made again.
///
/// Data that lies elsewhere by now is read where `moved` says, and looked for there from then on.
///
/// # Errors
/// As [`start`]; also when the folder holds no run, or the data has changed.
pub fn resume(path: &Path, moved: &Moved, session: &Session<'_>) -> Result<Outcome, ExperimentError> {
    if session.launcher.works_elsewhere() {
        return resume_shared(path, moved, session);
    }
    let mut run = RunFolder::open(path)?;
    if let Some(other) = run.other_version(Some(simd::level().name())) {
        session.progress.line(&format!("the run began with {other}: numbers may differ in their last digits"));
    }
    let mut recipe = run.recipe::<Recipe>()?.checked()?.into_inner();
    let is_moved = *moved != Moved::default();
    if !is_moved && let Some(outcome) = Outcome::of_ended(recipe.kind(), &run)? {
        session.progress.line(ENDED);
        return Ok(outcome);
    }
    let moved = Moved::of(&run, moved)?;
    moved.apply(&mut recipe);
    check_launched(&recipe, session)?;
    let bench = open(recipe.clone(), session).map_err(|error| moved::explained(error, &recipe.common, path))?;
    run.check_data(&bench.fingerprint())?;
    if is_moved {
        run.note_moved(&moved)?;
    }
    run.ready(Some(simd::level().name()))?;
    let bench = run.prepare(session.interrupt, |run| settled(bench, run))?;
    finish(bench.as_ref(), run, session)
}

/// Goes on with a run that others may work on just now: it is never held as a whole before all stages are done.
fn resume_shared(path: &Path, moved: &Moved, session: &Session<'_>) -> Result<Outcome, ExperimentError> {
    let run = RunReader::open(path)?;
    let mut recipe = run.recipe::<Recipe>()?.checked()?.into_inner();
    check_launched(&recipe, session)?;
    if let Some(outcome) = Outcome::of_ended(recipe.kind(), &run)? {
        session.progress.line(ENDED);
        return Ok(outcome);
    }
    let is_moved = *moved != Moved::default();
    let moved = Moved::of(&run, moved)?;
    moved.apply(&mut recipe);
    let bench = open(recipe.clone(), session).map_err(|error| moved::explained(error, &recipe.common, path))?;
    run.check_data(&bench.fingerprint())?;
    if is_moved {
        // Workers that read the old place must not be at work meanwhile.
        RunFolder::open(path)?.note_moved(&moved)?;
    }
    let plan = Plan::new(bench.stages()?)?;
    let (run, values) = session.launcher.launch(&plan, path, None, session.interrupt, session.progress)?;
    let outcome = bench.outcome(&run, &values)?;
    run.write_result(&outcome)?;
    Ok(outcome)
}

/// Works on stages of the run in `path` as one of several processes that a launcher started: on those that are `named`, or on
/// whatever is ready, until all are done. `log` names the file, in the run's folder, that this process says things in.
///
/// # Errors
/// When nobody has launched the run, one process has the whole of it, this machine computes with other instructions or finds other data than the run began with,
/// a stage fails, or it is interrupted.
pub fn work(
    path: &Path,
    named: Option<&[&str]>,
    log: Option<&str>,
    session: &Session<'_>,
) -> Result<(), ExperimentError> {
    let member = Member::join(path, log, Patience::default())?;
    let run = member.reader();
    if Outcome::of_ended(run.recipe::<Recipe>()?.kind(), run)?.is_some() {
        session.progress.line(ENDED);
        return Ok(());
    }
    if !run.is_shared() {
        return Err(RunError::from(SpreadError::NotLaunched { run: path.display().to_string() }).into());
    }
    member.agree_on(simd::level().name())?;
    if let Some(other) = run.other_version(run.instructions()) {
        return Err(ExperimentError::OtherProgram { run: path.display().to_string(), other });
    }
    let recipe = recipe_of(run)?.checked()?.into_inner();
    let bench = open(recipe.clone(), session).map_err(|error| moved::explained(error, &recipe.common, path))?;
    run.check_data(&bench.fingerprint())?;
    let plan = Plan::new(bench.stages()?)?;
    let work = Work::new(&plan, &member, session.interrupt, session.progress)?;
    match named {
        Some(names) => work.named(names)?,
        None => work.any()?,
    }
    Ok(())
}

/// A budget of time is shared out by the clock of one machine.
fn check_launched(recipe: &Recipe, session: &Session<'_>) -> Result<(), RecipeError> {
    if session.launcher.works_elsewhere() && recipe.common.budget.is_set() {
        let problem = "budget.minutes: a budget of time is that of one process: take a preset without one (--preset quick or standard), or a \
                       recipe that sets it to 0 and says all epochs and search.budget, or leave --launch out";
        return Err(RecipeError::setting("budget.minutes", problem.to_string()));
    }
    if session.launcher.works_elsewhere() && session.images.is_some() {
        let problem = "data.path: images that are in memory cannot be read by other processes: leave the launcher out, or name their place";
        return Err(RecipeError::setting("data.path", problem.to_string()));
    }
    Ok(())
}

/// Lays out a recipe on its data.
fn open(Recipe { experiment, common }: Recipe, session: &Session<'_>) -> Result<Box<dyn Bench>, ExperimentError> {
    let lab = |common| Lab::open(common, session.images.clone(), session.device.clone(), session.interrupt);
    Ok(match experiment {
        Experiment::Search => Box::new(Search::open(lab(common)?)?),
        Experiment::Train => Box::new(Train::open(lab(common)?)?),
        Experiment::Ranking(arms) => Box::new(Ranking::open(lab(common)?, arms)?),
        Experiment::Truth => Box::new(Measurement::open(lab(common)?)?),
        Experiment::Gradient(own) => Box::new(Gradient::open(lab(common)?, own)?),
        Experiment::Strategies(own) => Box::new(Comparison::open(common, own)?),
        Experiment::Gan(own) => {
            let common = gan::with_its_images(&own, common);
            let place = common.data.path.clone();
            Box::new(Gan::open(lab(common).map_err(|error| gan::without_classes(error, &place))?, *own)?)
        }
    })
}

/// Looks at those files that a recipe names, and whose use comes late in a run, which are there.
///
/// # Errors
/// When one of them cannot be used.
pub fn check_files(recipe: &CheckedRecipe) -> Result<(), ExperimentError> {
    match &recipe.experiment {
        Experiment::Gan(own) => gan::check_files(&own.judge, &recipe.common),
        _ => Ok(()),
    }
}

/// Shares the budget, where that has not been done, and keeps how in the run: whoever goes on with it does as it says.
fn settled(bench: Box<dyn Bench>, run: &mut RunFolder) -> Result<Box<dyn Bench>, ExperimentError> {
    let Some(lab) = bench.lab() else { return Ok(bench) };
    let budget = &lab.recipe().budget;
    if !budget.is_set() || budget.plan.is_some() {
        return Ok(bench);
    }
    let before = lab.read_at().elapsed().as_secs_f64();
    let passed = Passed { before, on_clock: run.seconds()?, at: Instant::now() };
    let Some(planned) = bench.planned(&passed)? else { return Ok(bench) };
    run.settle(&planned.recipe())?;
    Ok(planned)
}

/// Runs what is left of the stages.
fn finish(bench: &dyn Bench, run: RunFolder, session: &Session<'_>) -> Result<Outcome, ExperimentError> {
    let plan = Plan::new(bench.stages()?)?;
    if let Some(lab) = bench.lab()
        && let Some(plan) = &lab.recipe().budget.plan
    {
        let left = lab.recipe().budget.seconds() + plan.beside - plan.measuring - run.seconds()?;
        session.progress.time_left(Duration::from_secs_f64(left.max(0.0)));
    }
    let path = run.path().to_path_buf();
    let (run, values) = session.launcher.launch(&plan, &path, Some(run), session.interrupt, session.progress)?;
    let outcome = bench.outcome(&run, &values)?;
    run.write_result(&outcome)?;
    Ok(outcome)
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
