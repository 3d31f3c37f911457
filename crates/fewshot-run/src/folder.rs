//! A run as the one process that works on it holds it.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fewshot_guard::read_file;
use serde::Serialize;
use serde_json::{Value, json};

use super::atomic::{clean_leftovers, create_folder, is_temporary, write_atomic, write_json};
use super::checked::{Checked, file_checksum};
use super::error::RunError;
use super::file_error::FileError;
use super::interrupt::{Interrupt, is_interrupted};
use super::lock::{LOCK_FILE, RunLock};
use super::log::{ANSWERED, Event, EventLog, INTERRUPTED, JsonLines, OPENED, READY, SETTLED};
use super::reader::{EVENTS, HISTORY, IDENTITY, MOVED, RESULT, RUN_TOML, RunReader};
use super::settings::{Header, Origin, Versions, compose};
use super::spread::{Patience, release};

/// A result as `result.json` holds it.
#[derive(Debug, Serialize)]
pub struct Answer<'a, T> {
    format: u32,
    #[serde(flatten)]
    answer: &'a T,
}

impl<'a, T> Answer<'a, T> {
    /// In the newest form.
    pub fn new(answer: &'a T) -> Self {
        Self { format: RunReader::RESULT_FORMAT, answer }
    }
}

/// A run folder that this process works on: no other process can while this lives, however it ends. Where several share a run, it
/// stands for one stage of it ([`super::Member`]).
///
/// It derefs to [`RunReader`], since who works on a run may read it too.
#[derive(Debug)]
pub struct RunFolder {
    reader: RunReader,
    events: EventLog,
    /// Where files go that belong in the run's folder.
    publishes: PathBuf,
    /// Whether the events are those of one stage.
    is_one_stage: bool,
    _lock: Arc<RunLock>,
}

impl Deref for RunFolder {
    type Target = RunReader;

    fn deref(&self) -> &RunReader {
        &self.reader
    }
}

impl RunFolder {
    /// Begins a run in the folder `path`, which must be empty or not there.
    ///
    /// `recipe` must be resolved: every default written out, since defaults may change between
    /// versions. It becomes the table `[recipe]` of `run.toml`; in it an absent `Option` is left out.
    /// `origin` names the data, see [`RunReader::check_data`].
    ///
    /// `run.toml` is written last: a process killed before leaves a folder that counts as empty.
    ///
    /// # Errors
    /// - [`RunError::Exists`] if there is a run (says how to resume it), [`RunError::NotEmpty`] if
    ///   there is something else, [`RunError::InUse`] if another process begins one there.
    /// - [`RunError::Unwritable`] if the recipe holds what TOML cannot (a map whose keys are
    ///   no strings, integers above 2^64).
    /// - [`RunError::File`] if the folder cannot be made or written.
    pub fn create<R: Serialize>(path: &Path, recipe: &R, origin: &Origin) -> Result<Self, RunError> {
        let versions = Versions::current(origin.instructions.as_deref());
        let header = Header { format: RunReader::FORMAT, versions, data: origin.data.clone() };
        let settings = compose(&header, recipe)?;
        // Once before anything is written, so that a refusal leaves no trace; once more under the lock.
        refuse_if_used(path)?;
        create_folder(path)?;
        let lock = RunLock::acquire(path)?;
        refuse_if_used(path)?;
        clean_leftovers(path)?;
        write_atomic(&path.join(RUN_TOML), settings.as_bytes())?;
        let run = Self::opened(path, lock)?;
        run.note_settings(run.identity())?;
        Ok(run)
    }

    /// Refuses a folder in which [`RunFolder::create`] would refuse to begin a run: to be asked before anything else is done.
    ///
    /// # Errors
    /// [`RunError::Exists`], [`RunError::NotEmpty`].
    pub fn check_free(path: &Path) -> Result<(), RunError> {
        refuse_if_used(path)
    }

    /// Opens the run in the folder `path` to go on with it.
    ///
    /// # Errors
    /// As [`RunReader::open`]; [`RunError::InUse`] names the process that has it open, or one that works on a stage of it. Whether one
    /// of another machine still lives takes up to [`Patience::stale`] to see.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        // First see that it is a run: a lock file has no place in any other folder.
        RunReader::open(path)?;
        let lock = RunLock::acquire(path)?;
        release(path, &Patience::default())?;
        clean_leftovers(path)?;
        Self::opened(path, lock)
    }

    /// The run for a stage that this process holds of it, with the log of that stage and the folder for what it publishes.
    pub(super) fn of_attempt(reader: RunReader, events: EventLog, publishes: PathBuf, lock: Arc<RunLock>) -> Self {
        Self { reader, events, publishes, is_one_stage: true, _lock: lock }
    }

    fn opened(path: &Path, lock: RunLock) -> Result<Self, RunError> {
        let reader = RunReader::open(path)?;
        let events = EventLog::open(&path.join(EVENTS))?;
        let current = Versions::current(None);
        let data = json!({
            "program": current.program,
            "target": current.target,
            "process": std::process::id(),
        });
        events.write(None, OPENED, data)?;
        Ok(Self { reader, events, publishes: path.to_path_buf(), is_one_stage: false, _lock: Arc::new(lock) })
    }

    /// The run as anybody may read it.
    pub fn reader(&self) -> &RunReader {
        &self.reader
    }

    /// The run's event log.
    pub fn events_log(&self) -> &EventLog {
        &self.events
    }

    /// What happened so far, as far as it can concern who works on this: all, or what happened in the one stage.
    pub(super) fn own_events(&self) -> Result<Vec<Event>, RunError> {
        if self.is_one_stage { Ok(self.events.read()?) } else { self.reader.events() }
    }

    /// `history.jsonl`, to write what the search sees. Open it once: two handles in one process
    /// would overwrite each other.
    ///
    /// # Errors
    /// [`RunError::Log`] naming the file.
    pub fn open_history(&self) -> Result<JsonLines, RunError> {
        let path = self.publishes.join(HISTORY);
        let known = self.path().join(HISTORY);
        // A stage goes on from what the run has, until it has lines of its own.
        if !path.exists() && known.exists() {
            let bytes = read_file(&known).map_err(|e| FileError::new("read", &known, e))?;
            write_atomic(&path, &bytes)?;
        }
        Ok(JsonLines::open(&path)?)
    }

    /// Says that this process has read the data, and with which instructions it computes: its working time counts from here, as
    /// that of the first process does.
    ///
    /// # Errors
    /// [`RunError::Log`] if the log cannot be written.
    pub fn ready(&self, instructions: Option<&str>) -> Result<(), RunError> {
        Ok(self.events.write(None, READY, json!({ "instructions": instructions }))?)
    }

    /// Writes into `run.toml` what was decided after the run began and before its first stage: `recipe` takes the place of what
    /// is there.
    ///
    /// # Errors
    /// As [`RunFolder::create`], for the recipe and for writing.
    pub fn settle<R: Serialize>(&mut self, recipe: &R) -> Result<(), RunError> {
        let settings = compose(self.reader.header(), recipe)?;
        let reader = RunReader::parse(self.path(), settings)?;
        // First the note: killed between the two, the run still has settings that it knows.
        self.note_settings(reader.identity())?;
        write_atomic(&self.path().join(RUN_TOML), reader.settings().as_bytes())?;
        self.reader = reader;
        Ok(())
    }

    fn note_settings(&self, identity: &str) -> Result<(), RunError> {
        Ok(self.events.write(None, SETTLED, json!({ IDENTITY: identity }))?)
    }

    /// Does what comes before the first stage. A stop that is asked for meanwhile is an event, as in a stage, and the error.
    ///
    /// # Errors
    /// Those of `work`; [`RunError::Interrupted`].
    pub fn prepare<T, E: std::error::Error + From<RunError> + 'static>(
        &mut self,
        interrupt: &Interrupt,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let _working = interrupt.working();
        match work(self) {
            Err(error) if !is_interrupted(&error) => Err(error),
            Ok(done) if !interrupt.is_requested() => Ok(done),
            Ok(_) | Err(_) => {
                self.events.write(None, INTERRUPTED, Value::Null).map_err(RunError::from)?;
                Err(RunError::interrupted(self.path()).into())
            }
        }
    }

    /// Writes the answer, `result.json`, and its checksum to the log.
    ///
    /// # Errors
    /// [`RunError::File`] naming the file.
    pub fn write_result<T: Serialize>(&self, result: &T) -> Result<(), RunError> {
        let path = self.path().join(RESULT);
        write_json(&path, &Answer::new(result))?;
        let sum = file_checksum(&path)?;
        if self.answer_checksum()?.as_ref() != Some(&sum) {
            self.events.write(None, ANSWERED, json!({ "sha256": sum }))?;
        }
        Ok(())
    }

    /// Keeps where data is now that lay elsewhere when the run began.
    ///
    /// # Errors
    /// [`RunError::File`] naming the file.
    pub fn note_moved<T: Serialize>(&self, moved: &T) -> Result<(), RunError> {
        Ok(write_json(&self.path().join(MOVED), &Checked(moved))?)
    }
}

/// Refuses a folder that holds more than what a killed [`RunFolder::create`] may have left.
fn refuse_if_used(path: &Path) -> Result<(), RunError> {
    let text = || path.display().to_string();
    if path.join(RUN_TOML).exists() {
        return Err(RunError::Exists { path: text() });
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(FileError::new("list", path, e).into()),
    };
    for entry in entries {
        let name = entry.map_err(|e| FileError::new("list", path, e))?.file_name();
        if name != LOCK_FILE && !is_temporary(&name) {
            return Err(RunError::NotEmpty { path: text(), found: name.to_string_lossy().into_owned() });
        }
    }
    Ok(())
}
