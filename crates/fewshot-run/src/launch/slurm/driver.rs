//! The driver: submits what is missing, and waits.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::super::launcher::Launcher;
use super::super::sharing::{LOGS, Teller, failed, gather, share};
use super::calls::SlurmCalls;
use super::jobs::cancel_jobs;
use super::queue::{Alive, Known, alive, forget, forget_one, id_of, note, prefix};
use super::refusals::{Refusals, is_limit};
use super::script::{Array, script, submission};
use super::settings::SlurmSettings;
use super::stalls::Stalls;
use super::submissions::Submissions;
use crate::atomic::create_folder;
use crate::error::RunError;
use crate::file_error::FileError;
use crate::folder::RunFolder;
use crate::interrupt::Interrupt;
use crate::log::{Event, read_lines};
use crate::plan::Plan;
use crate::progress::Progress;
use crate::reader::RunReader;
use crate::spread::{Driving, Patience, STAGE_EVENTS, SpreadError, StageState, StageStatus, is_asked_to_stop};

/// An array is submitted so often before it counts as refused: the controller may have been away at the first time alone.
const SUBMISSIONS: usize = 2;
/// Said where the cluster says nothing.
const SILENT: &str = "the controller does not answer: asked again later";
/// Slurm's own, where the cluster does not say.
const MOST_TASKS: usize = 1001;

/// What a driver has found out so far, and a later one finds out again.
struct Memory {
    submitted: Submissions,
    refusals: Refusals,
    stalls: Stalls,
    /// The most tasks of one array, once the controller answered.
    most: Option<usize>,
}

/// What came of submitting an array.
enum Submitted {
    /// The cluster has it, under this id.
    As(String),
    /// The controller does not answer: if it was taken all the same, the next look at the queue shows it.
    Silent,
    /// The cluster does not take it, and says why.
    Refused(String),
}

/// The words of a worker's command line on the run in a folder.
type Words<'a> = Box<dyn Fn(&Path) -> Vec<String> + 'a>;

/// Jobs of a Slurm cluster, whose machines see the run's folder under the same path.
pub struct SlurmJobs<'a> {
    settings: SlurmSettings,
    patience: Patience,
    calls: &'a dyn SlurmCalls,
    command: Words<'a>,
}

impl<'a> SlurmJobs<'a> {
    /// `command` gives the words of a worker's command line on a run: it takes `--stage NAME` again and again and `--log FILE` behind
    /// them, must run [`crate::Work::named`], and end with something else than 0 unless these stages are done.
    pub fn new(
        settings: SlurmSettings,
        patience: Patience,
        calls: &'a dyn SlurmCalls,
        command: impl Fn(&Path) -> Vec<String> + 'a,
    ) -> Self {
        Self { settings, patience, calls, command: Box::new(command) }
    }

    fn drive(&self, run: &RunReader, interrupt: &Interrupt, progress: &dyn Progress) -> Result<(), RunError> {
        let _working = interrupt.working();
        create_folder(&run.path().join(LOGS))?;
        let mut teller = Teller::new(progress, self.patience);
        let mut driving = Driving::new(run.path(), self.patience);
        let mut is_told = false;
        let mut memory = self.memory();
        let mut asked: Option<Instant> = None;
        self.announce(progress);
        loop {
            let is_due = asked.is_none_or(|asked| asked.elapsed() >= self.settings.poll);
            // Before the folder is looked at: what a job did that has ended meanwhile is seen there.
            let queue = match is_due && driving.is_own(interrupt)? {
                true => Some(alive(run, self.calls)?),
                false => None,
            };
            let stages = teller.look(run)?;
            if stages.iter().all(|stage| stage.state == StageState::Done) {
                driving.end()?;
                return Ok(());
            }
            if is_asked_to_stop(run.path()) {
                return Err(SpreadError::cancelled(run.path()).into());
            }
            if interrupt.is_requested() {
                progress.line("jobs that are in the queue go on without this: `fewshot cancel` ends them");
                return Err(RunError::interrupted(run.path()));
            }
            match queue {
                Some(Some(mut alive)) => {
                    let stalled = memory.stalls.take(&mut alive, &stages, self.settings.idle, Instant::now());
                    if !stalled.is_empty() {
                        progress.line(&format!("nobody works in {}: submitted again", stalled.join(", ")));
                        self.calls.call("scancel", &stalled, "")?;
                    }
                    self.pass(run, &mut alive, &stages, &mut memory, progress)?;
                    let is_working = |stage: &StageStatus| matches!(stage.state, StageState::Working { .. });
                    let is_alive = !alive.stages.is_empty() || stages.iter().any(is_working);
                    memory.refusals.check(is_alive, Instant::now())?;
                    memory.refusals.tell(progress);
                    let is_open =
                        |stage: &StageStatus| is_working(stage) || matches!(stage.state, StageState::Ready { .. });
                    if alive.stages.is_empty() && !stages.iter().any(is_open) {
                        return Err(failed(run.path(), &stages));
                    }
                }
                Some(None) => progress.message(SILENT),
                None if !is_told && is_due => {
                    progress.line("another process submits the jobs of this run; this one watches");
                    is_told = true;
                }
                None => {}
            }
            if is_due {
                asked = Some(Instant::now());
            }
            std::thread::sleep(self.patience.look);
        }
    }

    /// Submits what is missing, which is `alive` then.
    fn pass(
        &self,
        run: &RunReader,
        alive: &mut Alive,
        stages: &[StageStatus],
        memory: &mut Memory,
        progress: &dyn Progress,
    ) -> Result<(), RunError> {
        if !alive.stuck.is_empty() {
            self.calls.call("scancel", &alive.stuck, "")?;
        }
        let Memory { submitted, refusals, most, .. } = memory;
        let mut tasks_alive = alive.phases.len();
        if refusals.is_pausing(tasks_alive, Instant::now()) {
            return Ok(());
        }
        // Asked once, when the controller is known to answer.
        let most = match *most {
            Some(most) => most,
            None => *most.insert(self.most_tasks()?),
        };
        for (inputs, group) in self.groups(stages, alive) {
            // Jobs that were just seen alive, or submitted; an input that failed, or that something else works on, has none.
            let after: Option<Vec<String>> = inputs
                .iter()
                .filter(|input| !is_done(stages, input))
                .map(|input| alive.stages.get(*input).cloned())
                .collect();
            let Some(mut after) = after else { continue };
            // Stages that share a task.
            let mut seen = HashSet::new();
            after.retain(|task| seen.insert(task.clone()));
            submitted.check(run, &group)?;
            let per_task = self.stages_per_task(run, stages, &inputs, group.len(), most)?;
            let tasks: Vec<Vec<String>> =
                group.chunks(per_task).map(|chunk| chunk.iter().map(|stage| stage.name.clone()).collect()).collect();
            let mut rest = tasks.as_slice();
            while !rest.is_empty() {
                let (array, others) = rest.split_at(refusals.most(most).min(rest.len()));
                let id = match self.submit(run, array, &after)? {
                    Submitted::As(id) => id,
                    Submitted::Silent => {
                        progress.message(SILENT);
                        return Ok(());
                    }
                    Submitted::Refused(said) => {
                        refusals.refused(array.len(), tasks_alive, said, Instant::now());
                        return Ok(());
                    }
                };
                refusals.taken();
                tasks_alive += array.len();
                progress.line(&format!("submitted {} as {id}: {}", counted(array), tasks_in_words(array)));
                for (number, stage) in array.iter().enumerate().flat_map(|(n, task)| task.iter().map(move |s| (n, s))) {
                    submitted.add(stage);
                    alive.stages.insert(stage.clone(), format!("{id}_{number}"));
                }
                rest = others;
            }
        }
        Ok(())
    }

    /// Stages that are not done, that no job is left to and nobody works on, by what they wait for, in the order of the plan.
    fn groups<'s>(&self, stages: &'s [StageStatus], alive: &Alive) -> Vec<(Vec<&'s str>, Vec<&'s StageStatus>)> {
        let mut groups: Vec<(Vec<&str>, Vec<&StageStatus>)> = Vec::new();
        for stage in stages {
            let is_missing = matches!(stage.state, StageState::Ready { .. } | StageState::Waiting { .. });
            if !is_missing || alive.stages.contains_key(&stage.name) {
                continue;
            }
            let inputs: Vec<&str> = stage.inputs.iter().map(String::as_str).collect();
            match groups.iter_mut().find(|(known, _)| *known == inputs) {
                Some((_, group)) => group.push(stage),
                None => groups.push((inputs, vec![stage])),
            }
        }
        groups
    }

    /// How many of `count` stages with these inputs one task works on.
    fn stages_per_task(
        &self,
        run: &RunReader,
        stages: &[StageStatus],
        inputs: &[&str],
        count: usize,
        most: usize,
    ) -> Result<usize, RunError> {
        if let Some(wanted) = self.settings.stages_per_task {
            return Ok(wanted.max(1));
        }
        let mut seconds = Vec::new();
        for stage in stages.iter().filter(|stage| stage.state == StageState::Done) {
            if stage.inputs == inputs {
                let events = run.stage_folder(stage.number, &stage.name).join(STAGE_EVENTS);
                seconds.push(Event::stage_seconds(&read_lines::<Event>(&events)?, &stage.name));
            }
        }
        let known = match seconds.is_empty() {
            true => 1,
            false => {
                let mean = seconds.iter().sum::<f64>() / seconds.len() as f64;
                (self.settings.task.as_secs_f64() / mean.max(1e-3)).ceil() as usize
            }
        };
        Ok(known.clamp(count.div_ceil(most), count.max(1)))
    }

    /// Submits one array.
    fn submit(&self, run: &RunReader, tasks: &[Vec<String>], after: &[String]) -> Result<Submitted, RunError> {
        // Jobs whose folders are missing run elsewhere, or end without a word.
        let path = fs::canonicalize(run.path()).map_err(|e| FileError::new("find", run.path(), e))?;
        create_folder(&path.join(LOGS))?;
        let name = format!("{}{}", prefix(run), unique());
        note(run.path(), &name, tasks)?;
        let array = Array { name: &name, tasks, after };
        let text = script(&array, &(self.command)(&path), &self.settings);
        let arguments = submission(&array, &path.display().to_string(), &self.settings)?;
        let mut said = String::new();
        for _ in 0..SUBMISSIONS {
            let answer = self.calls.call("sbatch", &arguments, &text)?;
            let id = answer.out.trim().split(';').next().unwrap_or_default().trim().to_owned();
            if answer.is_good && !id.is_empty() {
                return Ok(Submitted::As(id));
            }
            // The controller may have taken it and answered too late.
            match id_of(&name, self.calls)? {
                Known::As(id) => return Ok(Submitted::As(id)),
                Known::Silent => return Ok(Submitted::Silent),
                Known::Not => said = answer.errors.trim().replace('\n', "; "),
            }
            if is_limit(&said) {
                break;
            }
        }
        forget_one(run.path(), &name);
        Ok(Submitted::Refused(said))
    }

    fn memory(&self) -> Memory {
        let refusals = Refusals::new(self.settings.poll, self.settings.refused);
        Memory { submitted: Submissions::default(), refusals, stalls: Stalls::default(), most: None }
    }

    /// Says what else jobs run: it may stand in a recipe of somebody else's.
    fn announce(&self, progress: &dyn Progress) {
        let SlurmSettings { prologue, wrapper, .. } = &self.settings;
        if !prologue.is_empty() {
            progress.line(&format!("each job first runs: {}", prologue.join("; ")));
        }
        if !wrapper.is_empty() {
            progress.line(&format!("each job's worker is run by: {}", wrapper.join(" ")));
        }
    }

    /// The most tasks of one array.
    fn most_tasks(&self) -> Result<usize, RunError> {
        let answer = self.calls.call("scontrol", &["show", "config"].map(String::from), "")?;
        let value = |line: &str| line.strip_prefix("MaxArraySize")?.trim().strip_prefix('=')?.trim().parse().ok();
        Ok(answer.out.lines().find_map(value).unwrap_or(MOST_TASKS).max(1))
    }
}

impl Launcher for SlurmJobs<'_> {
    fn launch(
        &self,
        plan: &Plan<'_>,
        path: &Path,
        held: Option<RunFolder>,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<(RunFolder, BTreeMap<String, Value>), RunError> {
        self.settings.check()?;
        let reader = share(plan, path, held)?;
        self.drive(&reader, interrupt, progress)?;
        let gathered = gather(plan, reader.path(), &self.patience, interrupt, progress)?;
        // What is in the queue twice, as after a crash of the controller, has nothing to do any more.
        cancel_jobs(&reader, self.calls)?;
        forget(reader.path());
        Ok(gathered)
    }
}

fn is_done(stages: &[StageStatus], name: &str) -> bool {
    stages.iter().any(|stage| stage.name == name && stage.state == StageState::Done)
}

fn unique() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    format!("{since:x}-{}", std::process::id())
}

fn counted(tasks: &[Vec<String>]) -> String {
    let stages: usize = tasks.iter().map(Vec::len).sum();
    match (stages, tasks.len()) {
        (1, _) => String::from("1 stage"),
        (stages, tasks) if stages == tasks => format!("{stages} stages"),
        (stages, tasks) => format!("{stages} stages in {tasks} tasks"),
    }
}

/// The first and the last stage.
fn tasks_in_words(tasks: &[Vec<String>]) -> String {
    let mut stages = tasks.iter().flatten();
    match (stages.next(), stages.next_back()) {
        (Some(first), Some(last)) => format!("{first} to {last}"),
        (Some(only), None) => only.clone(),
        _ => String::new(),
    }
}

#[cfg(test)]
#[path = "driver_tests.rs"]
mod tests;
