//! A run's stages, their order, and what was done of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::atomic::{clean_leftovers, create_folder, write_json};
use super::error::{PlanError, RunError};
use super::folder::RunFolder;
use super::graph::{DONE, list, order};
use super::interrupt::{Interrupt, Interrupted, is_interrupted};
use super::progress::{Progress, StageEnd, StageInfo};
use super::reader::{RUN_TOML, RunReader, read_json};
use super::stage::{Input, Stage, StageContext};

/// Holds the plan that the run was begun with.
const PLAN: &str = "plan.json";

/// A graph of stages, checked: names are unique, inputs exist, nothing waits for itself.
///
/// A plan must follow from the recipe alone, so that each process that goes on with a run makes the
/// same one: it is compared with the first one, kept in `plan.json`.
pub struct Plan<'a> {
    stages: Vec<Stage<'a>>,
    /// Positions in `stages`, each after all that it waits for.
    order: Vec<usize>,
}

/// `done.json`.
#[derive(Serialize, Deserialize)]
struct Done {
    stage: String,
    value: Value,
}

/// `plan.json`.
#[derive(Serialize, Deserialize, PartialEq)]
struct PlanFile {
    run_toml_sha256: String,
    stages: Vec<StageEntry>,
}

#[derive(Serialize, Deserialize, PartialEq)]
struct StageEntry {
    name: String,
    inputs: Vec<String>,
    outputs: Vec<String>,
}

impl<'a> Plan<'a> {
    /// Checks the stages. Those that are ready run in the order given here, which also numbers
    /// their folders.
    ///
    /// # Errors
    /// [`PlanError`] naming the stage at fault.
    pub fn new(stages: Vec<Stage<'a>>) -> Result<Self, PlanError> {
        let order = order(&stages)?;
        Ok(Self { stages, order })
    }

    /// The names of the stages in the order in which [`Plan::run`] takes them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(|index| self.stages[*index].name.as_str())
    }

    /// Runs all stages that are not done yet, and returns the values of all by name.
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
        self.bind(run)?;
        let mut values = BTreeMap::new();
        for &index in &self.order {
            let value = self.execute(index, run, interrupt, progress)?;
            values.insert(self.stages[index].name.clone(), value);
        }
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
        self.done(self.position(name)?, run)
    }

    fn execute(
        &self,
        index: usize,
        run: &RunFolder,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<Value, RunError> {
        let stage = &self.stages[index];
        let info = StageInfo { name: &stage.name, number: index + 1, total: self.stages.len() };
        if let Some(value) = self.done(index, run)? {
            progress.stage_finished(info, StageEnd::Reused);
            return Ok(value);
        }
        let interrupted = || RunError::Interrupted { run: run.path().display().to_string(), source: Interrupted };
        if interrupt.is_requested() {
            return Err(interrupted());
        }
        let inputs = self.inputs(stage, run)?;
        let folder = run.stage_folder(info.number, &stage.name);
        create_folder(&folder)?;
        clean_leftovers(&folder)?;

        let events = run.events_log();
        events.write(Some(&stage.name), "started", Value::Null)?;
        progress.stage_started(info);
        let began = Instant::now();
        let context = StageContext { info, folder: folder.clone(), inputs, run, interrupt, progress };
        let value = match (stage.body)(&context) {
            Ok(value) => value,
            Err(error) => {
                let cut = is_interrupted(&*error as &(dyn std::error::Error + 'static));
                let (kind, end) =
                    if cut { ("interrupted", StageEnd::Interrupted) } else { ("failed", StageEnd::Failed) };
                progress.stage_finished(info, end);
                // The log may be what failed (a full disk): the stage's own error is the one to tell.
                let _ = events.write(Some(&stage.name), kind, json!(error.to_string()));
                return Err(if cut {
                    interrupted()
                } else {
                    RunError::Stage { stage: stage.name.clone(), source: error }
                });
            }
        };
        for output in &stage.outputs {
            if !folder.join(output).is_file() {
                let (stage, output) = (stage.name.clone(), output.clone());
                return Err(RunError::OutputNotMade { stage, output });
            }
        }
        write_json(&folder.join(DONE), &Done { stage: stage.name.clone(), value })?;
        let seconds = began.elapsed().as_secs_f64();
        events.write(Some(&stage.name), "done", json!({ "seconds": seconds }))?;
        progress.stage_finished(info, StageEnd::Done { seconds });
        // Read back, so that this process goes on from the very value that a later one would read.
        self.done(index, run)?.ok_or_else(|| RunError::Damaged {
            path: folder.join(DONE).display().to_string(),
            reason: String::from("gone as soon as it was written"),
            advice: String::from("let nothing else work in the run's folder"),
        })
    }

    /// What the stages that `stage` waits for left.
    fn inputs<'s>(&'s self, stage: &'s Stage<'a>, run: &RunReader) -> Result<BTreeMap<&'s str, Input<'s>>, RunError> {
        let mut inputs = BTreeMap::new();
        for name in &stage.inputs {
            let index = self.position(name)?;
            let value = self
                .done(index, run)?
                .ok_or_else(|| RunError::NotReady { stage: stage.name.clone(), input: name.clone() })?;
            let folder = run.stage_folder(index + 1, name);
            let outputs = &self.stages[index].outputs;
            inputs.insert(name.as_str(), Input { value, folder, outputs });
        }
        Ok(inputs)
    }

    /// The stage's value if it is done, with its files all there.
    fn done(&self, index: usize, run: &RunReader) -> Result<Option<Value>, RunError> {
        let stage = &self.stages[index];
        let folder = run.stage_folder(index + 1, &stage.name);
        let path = folder.join(DONE);
        let advice = format!("delete the folder `{}` to repeat the stage", folder.display());
        let Some(done) = read_json::<Done>(&path, &advice)? else {
            return Ok(None);
        };
        if done.stage != stage.name {
            let reason = format!("it belongs to the stage `{}`", done.stage);
            return Err(RunError::Damaged { path: show(&path), reason, advice });
        }
        for output in &stage.outputs {
            let file = folder.join(output);
            if !file.is_file() {
                return Err(RunError::MissingOutput {
                    stage: stage.name.clone(),
                    path: show(&file),
                    folder: show(&folder),
                });
            }
        }
        Ok(Some(done.value))
    }

    /// Writes `plan.json` at the first start, checks it at the later ones.
    fn bind(&self, run: &RunReader) -> Result<(), RunError> {
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

    fn position(&self, name: &str) -> Result<usize, RunError> {
        self.stages
            .iter()
            .position(|stage| stage.name == name)
            .ok_or_else(|| RunError::UnknownStage { name: name.to_owned(), known: list(&self.stages) })
    }
}

/// A stage of a run, as its folder tells.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedStage {
    /// Its name in the plan.
    pub name: String,
    /// What it returned; `None` while it is not done.
    pub value: Option<Value>,
}

impl RunReader {
    /// The stages of the run in the order of their numbers, without the code that runs them: for those who only want
    /// to see what was done. Empty before the first start.
    ///
    /// # Errors
    /// [`RunError::Damaged`] if `plan.json` or a `done.json` is not as written.
    pub fn stages(&self) -> Result<Vec<RecordedStage>, RunError> {
        let advice = "bring back a copy of it, or begin a new run";
        let Some(plan) = read_json::<PlanFile>(&self.path().join(PLAN), advice)? else {
            return Ok(Vec::new());
        };
        let record = |(number, entry): (usize, StageEntry)| {
            let folder = self.stage_folder(number, &entry.name);
            let advice = format!("delete the folder `{}` to repeat the stage", folder.display());
            let done = read_json::<Done>(&folder.join(DONE), &advice)?;
            Ok(RecordedStage { name: entry.name, value: done.map(|done| done.value) })
        };
        (1..).zip(plan.stages).map(record).collect()
    }
}

/// The first difference between two lists of stages, in words.
fn difference(old: &[StageEntry], new: &[StageEntry]) -> Option<String> {
    for (number, (old, new)) in (1..).zip(old.iter().zip(new)) {
        if old.name != new.name {
            return Some(format!("stage {number} was `{}`, is now `{}`", old.name, new.name));
        }
        if old != new {
            return Some(format!("stage `{}` has other inputs or outputs now", old.name));
        }
    }
    let (was, is) = (old.len(), new.len());
    (was != is).then(|| format!("it had {was} stages, now {is}"))
}

fn show(path: &Path) -> String {
    path.display().to_string()
}
