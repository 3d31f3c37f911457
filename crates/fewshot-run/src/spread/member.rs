//! A process that works on a run which others work on too.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use super::super::atomic::write_json;
use super::super::checked::Checked;
use super::super::error::RunError;
use super::super::folder::RunFolder;
use super::super::interrupt::{Interrupt, is_interrupted};
use super::super::lock::RunLock;
use super::super::log::{BEGUN_ANEW, Event, EventLog, OPENED, STAGE_DONE};
use super::super::plan::{Place, Plan};
use super::super::plan_file::DONE;
use super::super::progress::{Progress, StageEnd};
use super::super::reader::RunReader;
use super::attempt::{Left, Prepared, Taken, prepare, publish, take};
use super::claim::{Claim, Patience, Standing, Watch};
use super::error::SpreadError;
use super::layout::{Attempts, PUBLISHED, STAGE_EVENTS, agreed};

/// A run that this process works on as one of several: it holds single stages, and nothing else of it.
#[derive(Debug)]
pub struct Member {
    reader: RunReader,
    lock: Arc<RunLock>,
    log: Option<String>,
    patience: Patience,
    watch: Mutex<Watch>,
}

/// What came of an attempt at a stage.
#[derive(Debug)]
pub enum Attempted {
    /// The stage is done: by this process, or by another one before.
    Done,
    /// Another process works on it, or seems to.
    Busy,
    /// It failed: now, or before and nobody asked to try it again. What was said of it.
    Failed(String),
}

impl Member {
    /// Joins those who work on the run in the folder `path`, which must have begun a round of work ([`super::begin_session`]).
    /// `log` names the file that this process says things in, for those who look at the run.
    ///
    /// # Errors
    /// As [`RunReader::open`]; [`RunError::InUse`] if one process has the whole run.
    pub fn join(path: &Path, log: Option<&str>, patience: Patience) -> Result<Self, RunError> {
        let reader = RunReader::open(path)?;
        let lock = Arc::new(RunLock::share(path)?);
        Ok(Self { reader, lock, log: log.map(str::to_owned), patience, watch: Mutex::default() })
    }

    /// The run as anybody may read it.
    pub fn reader(&self) -> &RunReader {
        &self.reader
    }

    /// How long things may take.
    pub fn patience(&self) -> &Patience {
        &self.patience
    }

    /// Makes sure that all who share the run compute with the same instructions, since its numbers would depend on who did what: those
    /// that it began with, or else those of the first who joined.
    ///
    /// # Errors
    /// [`SpreadError::OtherInstructions`]; [`RunError::File`] when the run's folder cannot be read or written.
    pub fn agree_on(&self, instructions: &str) -> Result<(), RunError> {
        let path = self.reader.path();
        let began = match self.reader.instructions() {
            Some(began) => began.to_owned(),
            None => agreed(path, instructions)?,
        };
        if began == instructions {
            return Ok(());
        }
        let (run, found) = (path.display().to_string(), instructions.to_owned());
        Err(SpreadError::OtherInstructions { run, began, found }.into())
    }

    /// Whether stage `index` of the plan is done.
    pub(super) fn is_done(&self, plan: &Plan<'_>, index: usize) -> bool {
        self.attempts(plan, index).is_done()
    }

    fn attempts(&self, plan: &Plan<'_>, index: usize) -> Attempts {
        let info = plan.info(index);
        Attempts::at(self.reader.path(), self.reader.stage_folder(info.number, info.name))
    }

    /// Takes stage `index` of the plan if nobody else has it, and takes it to its end.
    ///
    /// # Errors
    /// [`RunError::Interrupted`] when it was told to stop; other errors when the run's folder cannot be read or written. That the stage's own work fails is no error: others may go on.
    pub(in super::super) fn attempt(
        &self,
        plan: &Plan<'_>,
        index: usize,
        retry: bool,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<Attempted, RunError> {
        let (info, attempts) = (plan.info(index), self.attempts(plan, index));
        let taken = {
            let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
            take(&attempts, &mut watch, &self.patience, self.log.as_deref(), retry)?
        };
        let mut claim = match taken {
            Taken::Own(claim) => claim,
            Taken::Done => return Ok(Attempted::Done),
            Taken::Busy => return Ok(Attempted::Busy),
            Taken::Failed(claimed) => return Ok(Attempted::Failed(claimed.note.unwrap_or_default())),
        };
        claim.beat(self.reader.path().to_path_buf(), interrupt, self.patience.beat).map_err(RunError::from)?;
        let ended = self.hold(plan, index, &attempts, &claim, interrupt, progress);
        // Who cannot see it does not know, and drops nothing: the next attempt goes on with what this one did.
        if !claim.is_held(&self.patience)? {
            // Another took over, since this one was not heard of for too long.
            progress.stage_finished(info, StageEnd::Interrupted);
            return Ok(if attempts.is_done() { Attempted::Done } else { Attempted::Busy });
        }
        match ended {
            Ok(seconds) => {
                publish(self.reader.path(), &attempts, claim)?;
                progress.stage_finished(info, StageEnd::Done { seconds });
                Ok(Attempted::Done)
            }
            Err(error) if is_interrupted(&error) => {
                claim.end(Standing::Stopped, None)?;
                Err(error)
            }
            Err(error) => {
                let note = match &error {
                    RunError::Stage { source, .. } => source.to_string(),
                    error => error.to_string(),
                };
                claim.end(Standing::Failed, Some(note.clone()))?;
                Ok(Attempted::Failed(note))
            }
        }
    }

    /// Does the work of a stage in the folder of an attempt, with all that is to be published in it. Seconds that all attempts took.
    fn hold(
        &self,
        plan: &Plan<'_>,
        index: usize,
        attempts: &Attempts,
        claim: &Claim,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<f64, RunError> {
        let info = plan.info(index);
        let Prepared { folder, left } = prepare(attempts, claim.number(), &self.patience)?;
        let events = EventLog::open(&folder.join(STAGE_EVENTS))?;
        let data = json!({ "process": std::process::id(), "attempt": claim.number(), "log": self.log });
        events.write(Some(info.name), OPENED, data)?;
        if let Some(Left { attempt, why }) = left {
            let (name, attempts) = (info.name, attempts.folder().display());
            progress.line(&format!(
                "stage `{name}` begins from nothing: what attempt {attempt} has done, which may go on, cannot be copied from \
                 `{attempts}/{attempt}` ({why})"
            ));
            events.write(Some(name), BEGUN_ANEW, json!({ "attempt": attempt, "why": why }))?;
        }
        let run = RunFolder::of_attempt(self.reader.clone(), events, folder.join(PUBLISHED), Arc::clone(&self.lock));
        let place = Place { publishes: folder.join(PUBLISHED), folder };
        let done = plan.work(index, &run, &place, interrupt, progress)?;
        write_json(&place.folder.join(DONE), &Checked(done))?;
        let seconds = Event::stage_seconds(&run.own_events()?, info.name);
        run.events_log().write(Some(info.name), STAGE_DONE, json!({ "seconds": seconds }))?;
        Ok(seconds)
    }
}
