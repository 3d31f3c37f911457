//! One stage of a run, and what its body is given.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::checkpoint::{Checkpoint, Owner};
use super::checkpoint_error::CheckpointError;
use super::error::{RunError, StageError};
use super::file_error::FileError;
use super::folder::RunFolder;
use super::handle::Handle;
use super::interrupt::Interrupt;
use super::log::{BEGAN, CHECKPOINT, Event, LogError};
use super::progress::{Counter, Progress, StageInfo};

/// What a stage does; see [`Stage::new`].
pub(super) type Body<'a> = Box<dyn Fn(&StageContext<'_>) -> Result<Value, StageError> + 'a>;

/// Least time between two events that only say that work was kept.
const EVENT_EVERY: Duration = Duration::from_secs(5);

/// One step of a run: a function of the values and files of the stages that it waits for.
pub struct Stage<'a> {
    pub(super) name: String,
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
    pub(super) publishes: Vec<String>,
    /// How much work it is.
    pub(super) cost: f64,
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
        let (inputs, outputs, publishes) = (Vec::new(), Vec::new(), Vec::new());
        Self { name: name.into(), inputs, outputs, publishes, cost: 0.0, body: Box::new(body) }
    }

    /// The same with a value of the type that its handle says.
    pub fn of<T: Serialize, E: Into<StageError>>(
        handle: &Handle<T>,
        body: impl Fn(&StageContext<'_>) -> Result<T, E> + 'a,
    ) -> Self {
        Self::new(handle, move |context| Ok(serde_json::to_value(body(context).map_err(Into::into)?)?))
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

    /// Always leaves these files in the run's folder, by [`StageContext::publish`]. Said here, they are also missed in runs whose
    /// stages did not note yet what they published.
    #[must_use]
    pub fn publishes<S: Into<String>>(mut self, files: impl IntoIterator<Item = S>) -> Self {
        self.publishes.extend(files.into_iter().map(Into::into));
        self
    }

    /// Is about so much work, in any unit that all stages of the plan have in common; 0 where nothing is said. Of those that are ready,
    /// several processes take the costliest first: so nobody is left with a long one when all others have nothing more to do. One
    /// process keeps to the order of the plan.
    #[must_use]
    pub fn costs(mut self, cost: f64) -> Self {
        self.cost = cost;
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
    pub(super) publishes: PathBuf,
    pub(super) inputs: BTreeMap<&'a str, Input<'a>>,
    pub(super) run: &'a RunFolder,
    pub(super) interrupt: &'a Interrupt,
    pub(super) progress: &'a dyn Progress,
    /// Files in the run's folder that the stage has written.
    pub(super) published: Mutex<BTreeSet<String>>,
    /// When work was last said to be kept.
    pub(super) kept: Mutex<Option<Instant>>,
}

/// The time that a piece of work took, in all processes that worked on it.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// Seconds up to the checkpoint that this process went on from.
    before: f64,
    began: Instant,
}

impl Clock {
    /// Seconds up to now.
    pub fn seconds(&self) -> f64 {
        self.before + self.began.elapsed().as_secs_f64()
    }
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

    /// The value of a stage that this one waits for.
    ///
    /// # Errors
    /// As [`StageContext::input`].
    pub fn value<T: DeserializeOwned>(&self, stage: &Handle<T>) -> Result<T, RunError> {
        self.input(stage.name())
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

    /// Saves a checkpoint to a file of the stage, as this stage's own. The time up to now counts as worked from then on, even if
    /// the process is killed.
    ///
    /// # Errors
    /// As [`Checkpoint::save`]; also when the run's log cannot be written.
    pub fn save(&self, checkpoint: Checkpoint, path: &Path) -> Result<(), CheckpointError> {
        checkpoint.owned_by(self.owner(path)).save(path)?;
        self.log(CHECKPOINT, json!({ "file": file_name(path) }), path)
    }

    /// Loads a checkpoint of the stage, or one that an earlier stage left ([`StageContext::input_file`]).
    ///
    /// # Errors
    /// As [`Checkpoint::load`]; [`CheckpointError::Foreigner`] if another run or another stage wrote it.
    pub fn load(&self, path: &Path) -> Result<Checkpoint, CheckpointError> {
        let checkpoint = Checkpoint::load(path)?;
        checkpoint.check_owner(&self.owner(path))?;
        Ok(checkpoint)
    }

    /// The same, or `None` where there is no such file: what a stage asks for when it begins or goes on.
    ///
    /// # Errors
    /// As [`StageContext::load`].
    pub fn load_if_exists(&self, path: &Path) -> Result<Option<Checkpoint>, CheckpointError> {
        let checkpoint = Checkpoint::load_if_exists(path)?;
        if let Some(checkpoint) = &checkpoint {
            checkpoint.check_owner(&self.owner(path))?;
        }
        Ok(checkpoint)
    }

    /// The folder in which the stage makes the files that are to lie in the run's, under the same names. It is the run's own, or,
    /// where several processes share the run, one from which they go there when the stage ends.
    pub fn publish_folder(&self) -> &Path {
        &self.publishes
    }

    /// Notes that the stage wrote the file `path` in [`StageContext::publish_folder`], for people or programs. If it is found lost or damaged
    /// later, the stage is run once more: its value stays, and it must find its work done.
    pub fn publish(&self, path: &Path) {
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        published.insert(self.place(path));
    }

    /// Says that work is kept whose time is to count even if the process is killed; for what is kept without a checkpoint.
    ///
    /// # Errors
    /// [`RunError::Log`] if the log cannot be written.
    pub fn keeps(&self) -> Result<(), RunError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_none_or(|kept| kept.elapsed() > EVENT_EVERY) {
            *kept = Some(Instant::now());
            self.event(CHECKPOINT, Value::Null)?;
        }
        Ok(())
    }

    /// A clock for the piece of work whose checkpoints are saved to `path`, earlier processes included.
    ///
    /// # Errors
    /// When the run's log cannot be read or written.
    pub fn clock(&self, path: &Path) -> Result<Clock, RunError> {
        let file = file_name(path);
        let before = match path.exists() {
            true => Event::piece_seconds(&self.run.own_events()?, self.name(), &file),
            false => 0.0,
        };
        self.event(BEGAN, json!({ "file": file }))?;
        Ok(Clock { before, began: Instant::now() })
    }

    fn owner(&self, path: &Path) -> Owner {
        Owner { run: self.run.identity().to_owned(), file: self.place(path) }
    }

    /// A path as its place in the run's folder, be it there already or later.
    fn place(&self, path: &Path) -> String {
        let path = match (path.strip_prefix(&self.publishes), path.strip_prefix(&self.folder)) {
            (Ok(inside), _) => self.run.path().join(inside),
            (_, Ok(inside)) => self.run.stage_folder(self.info.number, self.info.name).join(inside),
            _ => path.to_path_buf(),
        };
        let inside = path.strip_prefix(self.run.path()).unwrap_or(&path);
        // The same on systems that write paths otherwise.
        inside.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
    }

    fn log(&self, kind: &str, data: Value, path: &Path) -> Result<(), CheckpointError> {
        let written = self.run.events_log().write(Some(self.name()), kind, data);
        Ok(written.map_err(|error| match error {
            LogError::File(error) => error,
            other => FileError::new("note", path, std::io::Error::other(other)),
        })?)
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

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
