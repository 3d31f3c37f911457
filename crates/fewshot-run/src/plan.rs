//! A run's stages, their order, and what was done of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};

use super::atomic::{clean_leftovers, create_folder, write_json};
use super::checked::{Checked, file_checksum};
use super::done::{Done, Sums, repeat};
use super::error::{PlanError, RunError};
use super::folder::RunFolder;
use super::graph::{list, order};
use super::interrupt::{Interrupt, is_interrupted};
use super::log::{Event, INTERRUPTED, STAGE_DONE, STARTED};
use super::plan_file::{DONE, PLAN, PlanFile, StageEntry, difference};
use super::progress::{Progress, StageEnd, StageInfo};
use super::reader::{RUN_TOML, RunReader, read_json};
use super::stage::{Input, Stage, StageContext};

mod mend;

/// A graph of stages, checked: names are unique, inputs exist, nothing waits for itself.
///
/// A plan must follow from the recipe alone, so that each process that goes on with a run makes the
/// same one: it is compared with the first one, kept in `plan.json`.
pub struct Plan<'a> {
    stages: Vec<Stage<'a>>,
    /// Where each name stands in `stages`.
    positions: HashMap<String, usize>,
    /// Positions in `stages`, each after all that it waits for.
    order: Vec<usize>,
    /// Stages whose outputs were seen to be as they were written.
    seen: Mutex<BTreeSet<usize>>,
}

/// Where a stage works.
pub(super) struct Place {
    /// The stage's own folder.
    pub(super) folder: PathBuf,
    /// Where it makes files that are to lie in the run's.
    pub(super) publishes: PathBuf,
}

impl Place {
    /// Where a stage works whose run this process has alone.
    fn alone(run: &RunReader, info: StageInfo<'_>) -> Self {
        Self { folder: run.stage_folder(info.number, info.name), publishes: run.path().to_path_buf() }
    }
}

impl<'a> Plan<'a> {
    /// Checks the stages. Those that are ready run in the order given here, which also numbers
    /// their folders.
    ///
    /// # Errors
    /// [`PlanError`] naming the stage at fault.
    pub fn new(stages: Vec<Stage<'a>>) -> Result<Self, PlanError> {
        let order = order(&stages)?;
        // Only looked up, never iterated.
        let positions = stages.iter().enumerate().map(|(position, stage)| (stage.name.clone(), position)).collect();
        Ok(Self { stages, positions, order, seen: Mutex::default() })
    }

    /// The names of the stages in the order in which [`Plan::run`] takes them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(|index| self.stages[*index].name.as_str())
    }

    /// Runs all stages that are not done yet, makes again what stages published and what is lost or damaged since, and returns
    /// the values of all by name.
    ///
    /// # Errors
    /// - [`RunError::Interrupted`] if `interrupt` was requested: later the same call goes on.
    /// - [`RunError::Stage`] with the error of the stage that failed; stages before it stay done.
    /// - [`RunError::PlanChanged`], [`RunError::SettingsChanged`] if the run was begun otherwise.
    /// - [`RunError::Damaged`], [`RunError::MissingOutput`] if a finished stage's files are not as
    ///   they were.
    pub fn run(
        &self,
        run: &RunFolder,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<BTreeMap<String, Value>, RunError> {
        let _working = interrupt.working();
        self.bind(run)?;
        let mut values = BTreeMap::new();
        for &index in &self.order {
            let value = self.execute(index, run, interrupt, progress)?;
            values.insert(self.stages[index].name.clone(), value);
        }
        self.mend(run, interrupt, progress)?;
        Ok(values)
    }

    /// Runs one stage, unless it is done, and returns its value. All its inputs must be done: this
    /// is the step by which a run can be spread over processes.
    ///
    /// # Errors
    /// As [`Plan::run`]; [`RunError::UnknownStage`], [`RunError::NotReady`].
    pub fn run_stage(
        &self,
        name: &str,
        run: &RunFolder,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<Value, RunError> {
        let index = self.position(name)?;
        let _working = interrupt.working();
        self.bind(run)?;
        self.execute(index, run, interrupt, progress)
    }

    /// The stages that can run now: not done, and all their inputs are.
    ///
    /// # Errors
    /// As [`Plan::run`], for what can be seen without running anything.
    pub fn ready(&self, run: &RunReader) -> Result<Vec<&str>, RunError> {
        self.check(run)?;
        let mut done = BTreeSet::new();
        for (index, stage) in self.stages.iter().enumerate() {
            if self.done(index, run)?.is_some() {
                done.insert(stage.name.as_str());
            }
        }
        let ready = |stage: &&Stage<'_>| {
            !done.contains(stage.name.as_str()) && stage.inputs.iter().all(|input| done.contains(input.as_str()))
        };
        Ok(self.stages.iter().filter(ready).map(|stage| stage.name.as_str()).collect())
    }

    /// The value of a stage, or `None` while it is not done.
    ///
    /// # Errors
    /// [`RunError::UnknownStage`], [`RunError::Damaged`], [`RunError::MissingOutput`].
    pub fn value(&self, name: &str, run: &RunReader) -> Result<Option<Value>, RunError> {
        Ok(self.done(self.position(name)?, run)?.map(|done| done.value))
    }

    /// The stages' numbers, from 1, and names.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(&self.stages).map(|(number, stage)| (number, stage.name.as_str()))
    }

    /// Positions of all stages, the costliest first, and those that cost the same as in [`Plan::names`].
    pub(super) fn costliest_first(&self) -> Vec<usize> {
        let mut order = self.order.clone();
        order.sort_by(|one, other| self.stages[*other].cost.total_cmp(&self.stages[*one].cost));
        order
    }

    /// Positions of the stages that a stage waits for.
    pub(super) fn inputs_of(&self, index: usize) -> impl Iterator<Item = usize> {
        self.stages[index].inputs.iter().filter_map(|input| self.positions.get(input).copied())
    }

    /// Which stage of how many is at a position.
    pub(super) fn info(&self, index: usize) -> StageInfo<'_> {
        StageInfo { name: &self.stages[index].name, number: index + 1, total: self.stages.len() }
    }

    /// Makes sure that all inputs of a stage are done, and as they were written.
    ///
    /// # Errors
    /// [`RunError::NotReady`] naming one that is not; [`RunError::Damaged`], [`RunError::MissingOutput`].
    pub(super) fn check_ready(&self, index: usize, run: &RunReader) -> Result<(), RunError> {
        self.inputs(&self.stages[index], run).map(drop)
    }

    fn execute(
        &self,
        index: usize,
        run: &RunFolder,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<Value, RunError> {
        let stage = &self.stages[index];
        let info = self.info(index);
        if let Some(done) = self.done(index, run)? {
            progress.stage_finished(info, StageEnd::Reused);
            return Ok(done.value);
        }
        let folder = run.stage_folder(info.number, &stage.name);
        let before = if folder.exists() { Event::stage_seconds(&run.events()?, &stage.name) } else { 0.0 };
        let began = Instant::now();
        let done = self.work(index, run, &Place::alone(run, info), interrupt, progress)?;
        write_json(&folder.join(DONE), &Checked(done))?;
        let seconds = before + began.elapsed().as_secs_f64();
        run.events_log().write(Some(&stage.name), STAGE_DONE, json!({ "seconds": seconds }))?;
        progress.stage_finished(info, StageEnd::Done { seconds });
        // Read back, so that this process goes on from the very value that a later one would read.
        let done = self.done(index, run)?.ok_or_else(|| RunError::Damaged {
            path: show(&folder.join(DONE)),
            reason: String::from("gone as soon as it was written"),
            advice: String::from("let nothing else work in the run's folder"),
        })?;
        Ok(done.value)
    }

    /// Runs a stage, and gathers what it leaves.
    pub(super) fn work(
        &self,
        index: usize,
        run: &RunFolder,
        place: &Place,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<Done, RunError> {
        let stage = &self.stages[index];
        let info = self.info(index);
        if interrupt.is_requested() {
            return Err(RunError::interrupted(run.path()));
        }
        let inputs = self.inputs(stage, run)?;
        let Place { folder, publishes } = place;
        create_folder(folder)?;
        clean_leftovers(folder)?;

        let events = run.events_log();
        events.write(Some(&stage.name), STARTED, Value::Null)?;
        progress.stage_started(info);
        let (published, kept) = (Mutex::default(), Mutex::default());
        let (folder, publishes) = (folder.clone(), publishes.clone());
        let context = StageContext { info, folder, publishes, inputs, run, interrupt, progress, published, kept };
        let value = match (stage.body)(&context) {
            Ok(value) => value,
            Err(error) => {
                let cut = is_interrupted(&*error as &(dyn std::error::Error + 'static));
                let (kind, end) = if cut { (INTERRUPTED, StageEnd::Interrupted) } else { ("failed", StageEnd::Failed) };
                progress.stage_finished(info, end);
                // The log may be what failed (a full disk): the stage's own error is the one to tell.
                let _ = events.write(Some(&stage.name), kind, json!(error.to_string()));
                return Err(if cut {
                    RunError::interrupted(run.path())
                } else {
                    RunError::Stage { stage: stage.name.clone(), source: error }
                });
            }
        };
        let mut outputs = Sums::new();
        for output in &stage.outputs {
            if !place.folder.join(output).is_file() {
                let (stage, output) = (stage.name.clone(), output.clone());
                return Err(RunError::OutputNotMade { stage, output });
            }
            outputs.insert(output.clone(), file_checksum(&place.folder.join(output))?);
        }
        let mut published = Sums::new();
        for file in context.published.into_inner().unwrap_or_else(PoisonError::into_inner) {
            let sum = file_checksum(&place.publishes.join(&file))?;
            published.insert(file, sum);
        }
        let run = Some(run.identity().to_owned());
        Ok(Done { stage: stage.name.clone(), run, value, outputs, published: Some(published) })
    }

    /// What the stages that `stage` waits for left.
    fn inputs<'s>(&'s self, stage: &'s Stage<'a>, run: &RunReader) -> Result<BTreeMap<&'s str, Input<'s>>, RunError> {
        let mut inputs = BTreeMap::new();
        for name in &stage.inputs {
            let index = self.position(name)?;
            let Done { value, .. } = self
                .done(index, run)?
                .ok_or_else(|| RunError::NotReady { stage: stage.name.clone(), input: name.clone() })?;
            let folder = run.stage_folder(index + 1, name);
            let outputs = &self.stages[index].outputs;
            inputs.insert(name.as_str(), Input { value, folder, outputs });
        }
        Ok(inputs)
    }

    /// What the stage left if it is done, with its files all there and as they were written.
    fn done(&self, index: usize, run: &RunReader) -> Result<Option<Done>, RunError> {
        let stage = &self.stages[index];
        let folder = run.stage_folder(index + 1, &stage.name);
        let Some(done) = run.done(index + 1, &stage.name)? else {
            return Ok(None);
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for output in &stage.outputs {
            let file = folder.join(output);
            if !file.is_file() {
                return Err(RunError::MissingOutput {
                    stage: stage.name.clone(),
                    path: show(&file),
                    folder: show(&folder),
                });
            }
            // Files are large and stages many: each is looked at once.
            if let Some(sum) = done.outputs.get(output)
                && !seen.contains(&index)
                && file_checksum(&file)? != *sum
            {
                let reason = String::from("its checksum is wrong: altered on the disk, or of another run");
                return Err(RunError::Damaged { path: show(&file), reason, advice: repeat(&folder) });
            }
        }
        seen.insert(index);
        Ok(Some(done))
    }

    /// Writes `plan.json` at the first start, checks it at the later ones.
    pub(super) fn bind(&self, run: &RunReader) -> Result<(), RunError> {
        if self.check(run)? {
            return Ok(());
        }
        Ok(write_json(&run.path().join(PLAN), &self.file(run))?)
    }

    /// Whether the run has its `plan.json` already; an error if that is of another plan.
    fn check(&self, run: &RunReader) -> Result<bool, RunError> {
        let advice = "bring back a copy of it, or begin a new run";
        let Some(old) = read_json::<PlanFile>(&run.path().join(PLAN), advice)? else {
            return Ok(false);
        };
        let new = self.file(run);
        if old.run_toml_sha256 != new.run_toml_sha256 {
            return Err(RunError::SettingsChanged { path: show(&run.path().join(RUN_TOML)) });
        }
        match difference(&old.stages, &new.stages) {
            None => Ok(true),
            Some(difference) => {
                Err(RunError::PlanChanged { path: show(run.path()), difference, program: run.program().to_owned() })
            }
        }
    }

    fn file(&self, run: &RunReader) -> PlanFile {
        let entry = |stage: &Stage<'_>| StageEntry {
            name: stage.name.clone(),
            inputs: stage.inputs.clone(),
            outputs: stage.outputs.clone(),
        };
        PlanFile { run_toml_sha256: run.settings_checksum(), stages: self.stages.iter().map(entry).collect() }
    }

    pub(super) fn position(&self, name: &str) -> Result<usize, RunError> {
        self.positions
            .get(name)
            .copied()
            .ok_or_else(|| RunError::UnknownStage { name: name.to_owned(), known: list(&self.stages) })
    }
}

fn show(path: &Path) -> String {
    path.display().to_string()
}
