//! The driver: submits what is missing, and waits.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::super::launcher::Launcher;
use super::super::sharing::{LOGS, Teller, failed, gather, kept, share};
use super::calls::SlurmCalls;
use super::jobs::cancel_jobs;
use super::queue::{Alive, Known, alive, forget, id_of, note, prefix};
use super::script::{Array, script, submission};
use super::settings::SlurmSettings;
use super::stalls::Stalls;
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

/// A stage is submitted so often by one driver without getting further, before it is said that something is wrong.
const MOST_SUBMISSIONS: u32 = 5;
/// An array is submitted so often before it counts as refused: the controller may have been away at the first time alone.
const SUBMISSIONS: usize = 2;
/// Said where the cluster says nothing.
const SILENT: &str = "the controller does not answer: asked again later";
/// Slurm's own, where the cluster does not say.
const MOST_TASKS: usize = 1001;

/// How often each stage was submitted since its work was last found to have got further.
#[derive(Debug, Default)]
struct Submissions(HashMap<String, Tries>);

#[derive(Debug, Default)]
struct Tries {
    times: u32,
    /// How often its work was kept by then.
    kept: usize,
}

impl Submissions {
    /// Makes sure that another submission of these stages is no vain one. One that was killed or cut in the middle of its work, and had
    /// kept more of it than the one before, is as good as the first.
    fn check(&mut self, run: &RunReader, stages: &[&StageStatus]) -> Result<(), RunError> {
        if stages.iter().all(|stage| !self.0.contains_key(&stage.name)) {
            return Ok(());
        }
        let kept = kept(run)?;
        for StageStatus { name, .. } in stages {
            let Some(tries) = self.0.get_mut(name) else { continue };
            let now = kept.get(name).copied().unwrap_or(0);
            if now > tries.kept {
                *tries = Tries { times: 0, kept: now };
            }
            if tries.times >= MOST_SUBMISSIONS {
                let (run, log) = (run.path().display().to_string(), run.path().join(LOGS).display().to_string());
                let last = format!("stage `{name}` again and again");
                return Err(SpreadError::Dying { run, times: MOST_SUBMISSIONS as usize, last, log }.into());
            }
        }
        Ok(())
    }

    fn add(&mut self, stage: &str) {
        self.0.entry(stage.to_owned()).or_default().times += 1;
    }
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
        let (mut submitted, mut stalls) = (Submissions::default(), Stalls::default());
        let mut asked: Option<Instant> = None;
        let mut most = None;
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
                    let stalled = stalls.take(&mut alive, &stages, self.settings.idle, Instant::now());
                    if !stalled.is_empty() {
                        progress.line(&format!("nobody works in {}: submitted again", stalled.join(", ")));
                        self.calls.call("scancel", &stalled, "")?;
                    }
                    // Asked once, when the controller is known to answer.
                    let most = match most {
                        Some(most) => most,
                        None => *most.insert(self.most_tasks()?),
                    };
                    self.pass(run, &mut alive, &stages, most, &mut submitted, progress)?;
                    let is_open = |stage: &StageStatus| {
                        matches!(stage.state, StageState::Ready { .. } | StageState::Working { .. })
                    };
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
        most: usize,
        submitted: &mut Submissions,
        progress: &dyn Progress,
    ) -> Result<(), RunError> {
        if !alive.stuck.is_empty() {
            self.calls.call("scancel", &alive.stuck, "")?;
        }
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
            for tasks in tasks.chunks(most) {
                let Some(id) = self.submit(run, tasks, &after)? else {
                    progress.message(SILENT);
                    return Ok(());
                };
                progress.line(&format!("submitted {} as {id}: {}", counted(tasks), tasks_in_words(tasks)));
                for (number, stage) in tasks.iter().enumerate().flat_map(|(n, task)| task.iter().map(move |s| (n, s))) {
                    submitted.add(stage);
                    alive.stages.insert(stage.clone(), format!("{id}_{number}"));
                }
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

    /// Submits one array. The id that the cluster gave it; `None` where the controller does not answer: if it was taken all the same,
    /// the next look at the queue shows it.
    fn submit(&self, run: &RunReader, tasks: &[Vec<String>], after: &[String]) -> Result<Option<String>, RunError> {
        // Jobs whose folders are missing run elsewhere, or end without a word.
        let path = fs::canonicalize(run.path()).map_err(|e| FileError::new("find", run.path(), e))?;
        create_folder(&path.join(LOGS))?;
        let name = format!("{}{}", prefix(run), unique());
        note(run.path(), &name, tasks)?;
        let array = Array { name: &name, tasks, after };
        let text = script(&array, &(self.command)(&path), &self.settings);
        let arguments = submission(&array, &path.display().to_string(), &self.settings);
        let mut said = String::new();
        for _ in 0..SUBMISSIONS {
            let answer = self.calls.call("sbatch", &arguments, &text)?;
            let id = answer.out.trim().split(';').next().unwrap_or_default().trim().to_owned();
            if answer.is_good && !id.is_empty() {
                return Ok(Some(id));
            }
            // The controller may have taken it and answered too late.
            match id_of(&name, self.calls)? {
                Known::As(id) => return Ok(Some(id)),
                Known::Silent => return Ok(None),
                Known::Not => said = answer.errors.trim().replace('\n', "; "),
            }
        }
        Err(SpreadError::Refused { program: String::from("sbatch"), said }.into())
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
