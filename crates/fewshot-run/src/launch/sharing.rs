//! What launchers have in common whose stages other processes work on.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::error::RunError;
use super::super::folder::RunFolder;
use super::super::interrupt::Interrupt;
use super::super::lock::RunLock;
use super::super::log::{CHECKPOINT, Event, STAGE_DONE, read_lines};
use super::super::plan::Plan;
use super::super::progress::{Position, Progress, StageEnd, StageInfo};
use super::super::reader::RunReader;
use super::super::spread::{Patience, STAGE_EVENTS, SpreadError, StageState, StageStatus, Survey, begin_session};

/// Folder of what workers say, in the run's.
pub(super) const LOGS: &str = "logs";

/// Opens the run in the folder `path` for several processes, and lets go of it where this one has it.
pub(super) fn share(plan: &Plan<'_>, path: &Path, held: Option<RunFolder>) -> Result<RunReader, RunError> {
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
pub(super) fn gather(
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
    fn position(&self, position: Position<'_>) {
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
pub(super) struct Teller<'a> {
    progress: &'a dyn Progress,
    survey: Survey,
    /// Which stages were done at the last look; `None` before the first.
    done: Option<Vec<bool>>,
}

impl<'a> Teller<'a> {
    pub(super) fn new(progress: &'a dyn Progress, patience: Patience) -> Self {
        Self { progress, survey: Survey::new(patience), done: None }
    }

    /// Looks at the run, and tells of stages that are done since the last look.
    pub(super) fn look(&mut self, run: &RunReader) -> Result<Vec<StageStatus>, RunError> {
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

/// How often work was kept by now, by stage: a number that has grown since is work that got further.
pub(super) fn kept(run: &RunReader) -> Result<BTreeMap<String, usize>, RunError> {
    let mut kept = BTreeMap::new();
    for event in run.events()?.into_iter().filter(|event| [CHECKPOINT, STAGE_DONE].contains(&event.kind.as_str())) {
        *kept.entry(event.stage.unwrap_or_default()).or_insert(0) += 1;
    }
    Ok(kept)
}

/// What failed, where nothing else is left to work on.
pub(super) fn failed(run: &Path, stages: &[StageStatus]) -> RunError {
    let failed = stages.iter().filter_map(|stage| match &stage.state {
        StageState::Failed { claim, .. } => Some((stage.name.clone(), claim)),
        _ => None,
    });
    let failed: Vec<_> = failed.collect();
    let others = failed.len().saturating_sub(1);
    let (stage, note, log) = match failed.first() {
        Some((stage, claim)) => {
            let log = claim.holder.log.as_ref().map(|log| run.join(log).display().to_string());
            (stage.clone(), claim.note.clone().unwrap_or_default(), log)
        }
        None => Default::default(),
    };
    SpreadError::Failed { stage, note, log, others, run: run.display().to_string() }.into()
}
