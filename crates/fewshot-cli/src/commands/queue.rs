//! What the queue of a cluster shows of a run, for `fewshot status`.

use std::time::{Duration, Instant};

use fewshot_guard::printable;
use fewshot_nas::run::{Installed, Queue, QueuedJob, RunReader, StageState, StageStatus};
use serde::Serialize;

use crate::failure::Failure;

/// How long the queue may take to answer: the table is worth more than what it adds.
const LIMIT: Duration = Duration::from_secs(5);
/// How often it is asked at most: it belongs to many.
const EVERY: Duration = Duration::from_secs(30);

/// The queue as it was at the last question, which is asked anew after a while.
#[derive(Default)]
pub(super) struct LastSeen(Option<(Instant, Queue)>);

impl LastSeen {
    /// What it says, or said not long ago.
    pub(super) fn look(&mut self, run: &RunReader) -> Result<&Queue, Failure> {
        let is_recent = self.0.as_ref().is_some_and(|(asked, _)| asked.elapsed() < EVERY);
        let (asked, queue) = match self.0.take().filter(|_| is_recent) {
            Some(recent) => recent,
            None => {
                let queue = Queue::ask(run, &Installed::within(LIMIT))?;
                // Counted from the answer: a slow one is not asked again at once.
                (Instant::now(), queue)
            }
        };
        Ok(&self.0.insert((asked, queue)).1)
    }
}

/// A stage, with the job that it is left to.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    #[serde(flatten)]
    stage: &'a StageStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<&'a QueuedJob>,
}

impl<'a> Shown<'a> {
    pub(super) fn new(stage: &'a StageStatus, queue: &'a Queue) -> Self {
        // The queue may be behind, the folder is not.
        let is_open = stage.state != StageState::Done;
        Self { stage, job: queue.job(&stage.name).filter(|_| is_open) }
    }

    /// `job 17_3 pending (Resources)`, for a stage that nobody works on.
    pub(super) fn job_in_words(&self) -> Option<String> {
        let job = self.job.filter(|_| !matches!(self.stage.state, StageState::Working { .. }))?;
        let reason = job.reason.as_ref().map(|reason| format!(" ({})", printable::line(reason))).unwrap_or_default();
        let state = job.state.to_lowercase();
        Some(format!("job {} {}{reason}", printable::line(&job.id), printable::line(&state)))
    }
}

/// How many jobs there are, or why that is not known; nothing of a run that has none.
pub(super) fn in_words(queue: &Queue) -> Option<String> {
    match queue {
        Queue::NotAsked => None,
        Queue::Shown { jobs } => {
            let mut tasks: Vec<(&str, bool)> = jobs.values().map(|job| (job.id.as_str(), job.is_running())).collect();
            tasks.sort_unstable();
            tasks.dedup();
            let running = tasks.iter().filter(|(_, is_running)| *is_running).count();
            Some(format!("jobs in the queue: {running} running, {} waiting", tasks.len() - running))
        }
        Queue::NoSlurm => Some(String::from("the queue is not shown: there is no `squeue` here")),
        Queue::Silent { said } => Some(format!("the queue is not shown: {}", printable::line(said))),
    }
}
