//! Several processes of this machine.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::atomic::create_folder;
use super::super::error::RunError;
use super::super::file_error::FileError;
use super::super::folder::RunFolder;
use super::super::interrupt::{BLINK, INTERRUPTED_EXIT_CODE, Interrupt};
use super::super::plan::Plan;
use super::super::progress::Progress;
use super::super::reader::RunReader;
use super::super::spread::{Patience, SpreadError, StageState, StageStatus, is_asked_to_stop};
use super::launcher::Launcher;
use super::sharing::{LOGS, Teller, failed, gather, kept, share};

/// Workers that were killed are started again, but not more often than this without any work being kept.
const MOST_DEATHS: usize = 20;
/// The same for workers that ended by themselves, which know why.
const MOST_FAILURES: usize = 3;

/// What a worker needs to know to begin.
#[derive(Debug)]
pub struct WorkerSeat<'a> {
    /// The run.
    pub run: &'a Path,
    /// Where it says things, in the run's folder.
    pub log: &'a Path,
    /// How many work side by side.
    pub workers: usize,
}

/// Workers that are processes of this machine: each takes whatever stage is ready. They are started again when they are killed,
/// and stop when the driver ends, however it ends, since they hold the other end of a pipe.
pub struct LocalWorkers<'a> {
    workers: usize,
    patience: Patience,
    command: Box<dyn Fn(&WorkerSeat<'_>) -> Command + 'a>,
}

impl<'a> LocalWorkers<'a> {
    /// So many workers (at least one), each started by `command`: it must run [`super::super::Work::any`] on the run, request its interrupt
    /// when its standard input ends, and end with [`INTERRUPTED_EXIT_CODE`] where it was interrupted.
    pub fn new(workers: usize, patience: Patience, command: impl Fn(&WorkerSeat<'_>) -> Command + 'a) -> Self {
        Self { workers: workers.max(1), patience, command: Box::new(command) }
    }

    fn start(&self, run: &Path, number: usize) -> Result<Worker, RunError> {
        let log = PathBuf::from(LOGS).join(format!("worker-{number}.log"));
        let path = run.join(&log);
        let said = OpenOptions::new().create(true).append(true).open(&path);
        let said = said.and_then(|file| Ok((file.try_clone()?, file)));
        let (out, errors) = said.map_err(|e| FileError::new("write", &path, e))?;
        let mut command = (self.command)(&WorkerSeat { run, log: &log, workers: self.workers });
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(Stdio::piped()).stdout(out).stderr(errors).spawn();
        Ok(Worker { child: child.map_err(|source| SpreadError::Start { program, source })?, number })
    }

    /// Sees to it that workers work until all stages are done.
    fn drive(&self, run: &RunReader, interrupt: &Interrupt, progress: &dyn Progress) -> Result<(), RunError> {
        let _working = interrupt.working();
        create_folder(&run.path().join(LOGS))?;
        let mut teller = Teller::new(progress, self.patience);
        let mut stages = teller.look(run)?;
        let mut crew = Crew::default();
        let (mut deaths, mut failures, mut kept_before) = (0, 0, 0);
        // Fewer than wanted where fewer stages are left.
        let left = stages.iter().filter(|stage| stage.state != StageState::Done).count();
        for number in 1..=self.workers.min(left) {
            crew.workers.push(self.start(run.path(), number)?);
        }
        loop {
            let stop = match (interrupt.is_requested(), is_asked_to_stop(run.path())) {
                (true, _) => Some(RunError::interrupted(run.path())),
                (_, true) => Some(SpreadError::cancelled(run.path()).into()),
                _ => None,
            };
            if let Some(stop) = stop {
                crew.stop();
                // What they ended since the last look, or on being stopped.
                teller.look(run)?;
                return Err(stop);
            }
            let ended = crew.ended().map_err(|e| FileError::new("watch workers of", run.path(), e))?;
            stages = teller.look(run)?;
            if done(&stages) == stages.len() {
                // Those that wait for something to do need not find out by themselves.
                crew.stop();
                return Ok(());
            }
            let is_open =
                |stage: &StageStatus| matches!(stage.state, StageState::Ready { .. } | StageState::Working { .. });
            let has_work = stages.iter().any(is_open);
            if !has_work && crew.workers.is_empty() {
                return Err(failed(run.path(), &stages));
            }
            for (number, status) in ended {
                if !has_work || status.success() {
                    continue;
                }
                let kept_now = kept(run)?.values().sum();
                if kept_now > kept_before {
                    (deaths, failures, kept_before) = (0, 0, kept_now);
                }
                match status.code() {
                    // Asked by somebody else; he may ask for another as well.
                    None | Some(INTERRUPTED_EXIT_CODE) => deaths += 1,
                    Some(_) => failures += 1,
                }
                if deaths > MOST_DEATHS || failures > MOST_FAILURES {
                    crew.stop();
                    let log = run.path().join(LOGS).join(format!("worker-{number}.log")).display().to_string();
                    let (run, times) = (run.path().display().to_string(), deaths + failures);
                    return Err(SpreadError::Dying { run, times, last: status.to_string(), log }.into());
                }
                crew.workers.push(self.start(run.path(), number)?);
            }
            if crew.workers.is_empty() {
                // All ended well or were told to, and another driver's workers are at what is left.
                crew.workers.push(self.start(run.path(), 1)?);
            }
            crew.watch(self.patience.look, interrupt);
        }
    }
}

impl Launcher for LocalWorkers<'_> {
    fn launch(
        &self,
        plan: &Plan<'_>,
        path: &Path,
        held: Option<RunFolder>,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<(RunFolder, BTreeMap<String, Value>), RunError> {
        let reader = share(plan, path, held)?;
        self.drive(&reader, interrupt, progress)?;
        gather(plan, reader.path(), &self.patience, interrupt, progress)
    }
}

fn done(stages: &[StageStatus]) -> usize {
    stages.iter().filter(|stage| stage.state == StageState::Done).count()
}

struct Worker {
    child: Child,
    number: usize,
}

/// The workers that run. Dropped, it lets go of the pipes: they save and stop.
#[derive(Default)]
struct Crew {
    workers: Vec<Worker>,
}

impl Crew {
    /// Takes out those that have ended.
    fn ended(&mut self) -> std::io::Result<Vec<(usize, ExitStatus)>> {
        let mut ended = Vec::new();
        let mut left = Vec::new();
        for mut worker in self.workers.drain(..) {
            match worker.child.try_wait()? {
                Some(status) => ended.push((worker.number, status)),
                None => left.push(worker),
            }
        }
        self.workers = left;
        Ok(ended)
    }

    /// Waits for so long, or until one has ended or a stop is asked for.
    fn watch(&mut self, time: Duration, interrupt: &Interrupt) {
        let until = Instant::now() + time;
        // Why one cannot be asked is found when those that have ended are.
        while self.workers.iter_mut().all(|worker| matches!(worker.child.try_wait(), Ok(None))) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || interrupt.is_requested() {
                break;
            }
            std::thread::sleep(left.min(BLINK));
        }
    }

    /// Asks all to save and stop, and waits until they have.
    fn stop(&mut self) {
        self.workers.iter_mut().for_each(|worker| drop(worker.child.stdin.take()));
        self.wait();
    }

    fn wait(&mut self) {
        for worker in &mut self.workers {
            // Not to be waited for, it has ended.
            let _ = worker.child.wait();
        }
        self.workers.clear();
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.stop();
    }
}
