//! Where the stages of a run are worked on: in this process, by several of this machine, or by the jobs of a cluster.
//!
//! Whoever launches them, the truth about a run is its folder, and what comes out is the same bits. A driver (the process that
//! [`Launcher::launch`] runs in) keeps nothing that matters: it may be killed at any time, and another one, or two at once, go
//! on from what the folder tells.

mod local;
mod slurm;

pub use local::{LocalWorkers, WorkerSeat};
pub use slurm::{Installed, Said, SlurmCalls, SlurmJobs, SlurmSettings, cancel_jobs, requeue_this_job};

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::error::RunError;
use super::folder::RunFolder;
use super::interrupt::Interrupt;
use super::lock::RunLock;
use super::log::{Event, read_lines};
use super::plan::Plan;
use super::progress::{Progress, StageEnd, StageInfo};
use super::reader::RunReader;
use super::spread::{Patience, STAGE_EVENTS, StageState, StageStatus, Survey, begin_session};

/// Takes the stages of a run to their end somewhere.
pub trait Launcher {
    /// Works on all stages of the run in the folder `path` that are not done, or has others work on them, and gives the run with the
    /// values of all stages. `held` is the run where this process has all of it already.
    ///
    /// # Errors
    /// As [`Plan::run`] and [`RunFolder::open`]; [`RunError::Spread`] where others work.
    fn launch(
        &self,
        plan: &Plan<'_>,
        path: &Path,
        held: Option<RunFolder>,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<(RunFolder, BTreeMap<String, Value>), RunError>;

    /// Whether other processes work on the stages.
    fn works_elsewhere(&self) -> bool {
        true
    }
}

/// In this process, one stage after the other.
#[derive(Debug, Clone, Copy, Default)]
pub struct InProcess;

impl Launcher for InProcess {
    fn launch(
        &self,
        plan: &Plan<'_>,
        path: &Path,
        held: Option<RunFolder>,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<(RunFolder, BTreeMap<String, Value>), RunError> {
        let run = held.map_or_else(|| RunFolder::open(path), Ok)?;
        let values = plan.run(&run, interrupt, progress)?;
        Ok((run, values))
    }

    fn works_elsewhere(&self) -> bool {
        false
    }
}

/// Opens the run in the folder `path` for several processes, and lets go of it where this one has it.
fn share(plan: &Plan<'_>, path: &Path, held: Option<RunFolder>) -> Result<RunReader, RunError> {
    let reader = RunReader::open(path)?;
    if held.is_none() {
        // Nobody else must have all of it.
        RunLock::share(path)?;
    }
    begin_session(plan, &reader)?;
    Ok(reader)
}

/// When all stages are done: takes the run for this process alone, checks it and mends what is missing. Others may be at their end
/// just now, or do the same.
fn gather(
    plan: &Plan<'_>,
    run: &Path,
    patience: &Patience,
    interrupt: &Interrupt,
    progress: &dyn Progress,
) -> Result<(RunFolder, BTreeMap<String, Value>), RunError> {
    let began = Instant::now();
    let run = loop {
        match RunFolder::open(run) {
            Err(RunError::InUse { .. }) if began.elapsed() < patience.stale && !interrupt.is_requested() => {
                std::thread::sleep(patience.look);
            }
            other => break other?,
        }
    };
    let values = plan.run(&run, interrupt, &Quiet(progress))?;
    Ok((run, values))
}

/// Leaves out that stages were done before: that was told when they were.
struct Quiet<'a>(&'a dyn Progress);

impl Progress for Quiet<'_> {
    fn stage_started(&self, stage: StageInfo<'_>) {
        self.0.stage_started(stage);
    }
    fn stage_finished(&self, stage: StageInfo<'_>, end: StageEnd) {
        if end != StageEnd::Reused {
            self.0.stage_finished(stage, end);
        }
    }
    fn position(&self, position: super::progress::Position<'_>) {
        self.0.position(position);
    }
    fn message(&self, text: &str) {
        self.0.message(text);
    }
    fn time_left(&self, all: Duration) {
        self.0.time_left(all);
    }
    fn line(&self, text: &str) {
        self.0.line(text);
    }
}

/// Tells what is done as it comes to be.
struct Teller<'a> {
    progress: &'a dyn Progress,
    survey: Survey,
    /// Which stages were done at the last look; `None` before the first.
    done: Option<Vec<bool>>,
}

impl<'a> Teller<'a> {
    fn new(progress: &'a dyn Progress, patience: Patience) -> Self {
        Self { progress, survey: Survey::new(patience), done: None }
    }

    /// Looks at the run, and tells of stages that are done since the last look.
    fn look(&mut self, run: &RunReader) -> Result<Vec<StageStatus>, RunError> {
        let stages = self.survey.look(run)?;
        let done: Vec<bool> = stages.iter().map(|stage| stage.state == StageState::Done).collect();
        for (index, stage) in stages.iter().enumerate().filter(|(index, _)| done[*index]) {
            let info = StageInfo { name: &stage.name, number: stage.number, total: stages.len() };
            match &self.done {
                None => self.progress.stage_finished(info, StageEnd::Reused),
                Some(before) if !before.get(index).copied().unwrap_or(false) => {
                    let events = run.stage_folder(stage.number, &stage.name).join(STAGE_EVENTS);
                    let seconds = Event::stage_seconds(&read_lines::<Event>(&events)?, &stage.name);
                    self.progress.stage_finished(info, StageEnd::Done { seconds });
                }
                Some(_) => {}
            }
        }
        self.done = Some(done);
        Ok(stages)
    }
}
