//! One stage of a run, and what its body is given.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{RunError, StageError};
use super::folder::RunFolder;
use super::interrupt::Interrupt;
use super::progress::{Counter, Progress, StageInfo};

/// What a stage does; see [`Stage::new`].
pub(super) type Body<'a> = Box<dyn Fn(&StageContext<'_>) -> Result<Value, StageError> + 'a>;

/// One step of a run: a function of the values and files of the stages that it waits for.
pub struct Stage<'a> {
    pub(super) name: String,
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
    pub(super) body: Body<'a>,
}

impl<'a> Stage<'a> {
    /// A stage named `name` (lower-case letters, digits, `-` and `_`; it is part of a folder name).
    ///
    /// `body` does the work and returns a small JSON value, which later stages read; larger things
    /// are files in [`StageContext::folder`]. It must depend on nothing but what the context gives
    /// and the recipe. It saves a checkpoint now and then, after each checks
    /// [`StageContext::interrupt`], and begins by looking for its checkpoint: it may have been cut
    /// in an earlier process.
    ///
    /// The value is written as JSON: its floats come back exactly, but they must be finite.
    pub fn new(name: impl Into<String>, body: impl Fn(&StageContext<'_>) -> Result<Value, StageError> + 'a) -> Self {
        Self { name: name.into(), inputs: Vec::new(), outputs: Vec::new(), body: Box::new(body) }
    }

    /// Waits for these stages, and may read their values and outputs.
    #[must_use]
    pub fn after<S: Into<String>>(mut self, stages: impl IntoIterator<Item = S>) -> Self {
        self.inputs.extend(stages.into_iter().map(Into::into));
        self
    }

    /// Leaves these files in its folder, for later stages or the user. A stage that ends without
    /// one of them is not done.
    #[must_use]
    pub fn produces<S: Into<String>>(mut self, files: impl IntoIterator<Item = S>) -> Self {
        self.outputs.extend(files.into_iter().map(Into::into));
        self
    }

    /// The stage's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A stage that is done, as a later one sees it.
pub(super) struct Input<'a> {
    pub(super) value: Value,
    pub(super) folder: PathBuf,
    pub(super) outputs: &'a [String],
}

/// What the body of a stage is given.
pub struct StageContext<'a> {
    pub(super) info: StageInfo<'a>,
    pub(super) folder: PathBuf,
    pub(super) inputs: BTreeMap<&'a str, Input<'a>>,
    pub(super) run: &'a RunFolder,
    pub(super) interrupt: &'a Interrupt,
    pub(super) progress: &'a dyn Progress,
}

impl<'a> StageContext<'a> {
    /// The stage's name.
    pub fn name(&self) -> &str {
        self.info.name
    }

    /// The stage's own folder. What an earlier process left in it is still there.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path of a file in the stage's folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The run.
    pub fn run(&self) -> &RunFolder {
        self.run
    }

    /// The value that the stage `stage` returned.
    ///
    /// # Errors
    /// [`RunError::Undeclared`] unless this stage waits for it, [`RunError::InputForm`] if the
    /// value is no `T`.
    pub fn input<T: DeserializeOwned>(&self, stage: &str) -> Result<T, RunError> {
        T::deserialize(&self.declared(stage)?.value).map_err(|e| RunError::InputForm {
            stage: self.name().to_owned(),
            input: stage.to_owned(),
            reason: e.to_string(),
        })
    }

    /// The path of the file `file` that the stage `stage` produced.
    ///
    /// # Errors
    /// [`RunError::Undeclared`] unless this stage waits for that one, and that one declares the file.
    pub fn input_file(&self, stage: &str, file: &str) -> Result<PathBuf, RunError> {
        let input = self.declared(stage)?;
        if input.outputs.iter().any(|output| output == file) {
            return Ok(input.folder.join(file));
        }
        Err(self.undeclared(format!("{stage}/{file}")))
    }

    /// The flag to check in long loops.
    pub fn interrupt(&self) -> &Interrupt {
        self.interrupt
    }

    /// Writes an event of this stage to the run's log.
    ///
    /// # Errors
    /// [`RunError::Log`] if the log cannot be written.
    pub fn event(&self, kind: &str, data: Value) -> Result<(), RunError> {
        Ok(self.run.events_log().write(Some(self.name()), kind, data)?)
    }

    /// Where to tell how the work goes.
    pub fn progress(&self) -> &'a dyn Progress {
        self.progress
    }

    /// A counter of `unit`s of the work `what`, of which `start` were done by earlier processes.
    pub fn counter<'b>(&self, what: &'b str, unit: &'b str, start: u64, total: Option<u64>) -> Counter<'b>
    where
        'a: 'b,
    {
        Counter::new(self.progress, what, unit, start, total)
    }

    fn declared(&self, stage: &str) -> Result<&Input<'a>, RunError> {
        self.inputs.get(stage).ok_or_else(|| self.undeclared(stage.to_owned()))
    }

    fn undeclared(&self, input: String) -> RunError {
        RunError::Undeclared { stage: self.name().to_owned(), input }
    }
}
