//! Which jobs of a run are alive, and which stages each of them is to work on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::calls::SlurmCalls;
use crate::atomic::{create_folder, write_json};
use crate::checked::hex;
use crate::error::RunError;
use crate::reader::{RunReader, read_json};
use crate::spread::{SpreadError, names};

/// Folder of what was submitted, in the run's: a file per array.
const JOBS: &str = "jobs";
/// Job names of fewshot begin so.
const OURS: &str = "fewshot";
/// States of jobs that have ended, as `squeue` says them.
const ENDED: [&str; 10] = [
    "COMPLETED",
    "CANCELLED",
    "FAILED",
    "TIMEOUT",
    "NODE_FAIL",
    "PREEMPTED",
    "BOOT_FAIL",
    "DEADLINE",
    "OUT_OF_MEMORY",
    "REVOKED",
];
/// The state of jobs that have a node.
pub(super) const RUNNING: &str = "RUNNING";
/// Reasons of jobs that never begin by themselves: what they wait for will not be, or they could not be started (as after a crash of
/// the controller).
const NEVER: [&str; 2] = ["DependencyNeverSatisfied", "launch failed requeued held"];

/// What a submitted array works on; written before it is submitted.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    tasks: Vec<Vec<String>>,
}

/// What a task is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It waits for other tasks.
    Waiting,
    /// It waits for a node, or for its turn.
    Queued,
    /// It has a node.
    Running,
}

/// Jobs of one run that are alive.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Alive {
    /// The task that each stage is left to, as `ARRAY_TASK`.
    pub(super) stages: BTreeMap<String, String>,
    /// What these tasks are at, as the queue says.
    pub(super) phases: BTreeMap<String, Phase>,
    /// Tasks that never begin by themselves.
    pub(super) stuck: Vec<String>,
}

/// How the names of the run's jobs begin. A copy of the run elsewhere has others.
pub(super) fn prefix(run: &RunReader) -> String {
    let path = std::fs::canonicalize(run.path()).unwrap_or_else(|_| run.path().to_path_buf());
    let sum = Sha256::digest(format!("{}\n{}", run.identity(), path.display()).as_bytes());
    format!("{OURS}-{}-", &hex(&sum)[..10])
}

/// Keeps what the array `name` is about to work on.
pub(super) fn note(run: &Path, name: &str, tasks: &[Vec<String>]) -> Result<(), RunError> {
    let path = file(run, name);
    create_folder(&run.join(JOBS))?;
    Ok(write_json(&path, &Record { tasks: tasks.to_vec() })?)
}

/// Forgets an array that the cluster did not take.
pub(super) fn forget_one(run: &Path, name: &str) {
    // As below.
    let _ = std::fs::remove_file(file(run, name));
}

/// Forgets all arrays, when the run has ended.
pub(super) fn forget(run: &Path) {
    // Records that stay do no harm.
    let _ = std::fs::remove_dir_all(run.join(JOBS));
}

/// Whether any array was ever submitted.
pub(super) fn has_jobs(run: &Path) -> Result<bool, RunError> {
    Ok(!names(&run.join(JOBS))?.is_empty())
}

/// A task of the run that has not ended, as the queue shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// The array's.
    pub(super) id: String,
    /// The user who submitted it, by number.
    pub(super) user: String,
    /// As `ARRAY_TASK`.
    pub(super) task: String,
    /// Slurm's word for what it is at.
    pub(super) state: String,
    /// Slurm's word for why it does not run, where it does not.
    pub(super) reason: String,
    /// What it is to work on.
    pub(super) stages: Vec<String>,
}

/// What the queue says when it is asked for a run's tasks.
#[derive(Debug)]
pub(super) enum Answer {
    /// Those that have not ended.
    Rows(Vec<Row>),
    /// Nothing: the controller does not answer. What was said instead.
    Silent(String),
}

/// The tasks of the run that have not ended, whoever submitted them and whoever asks.
pub(super) fn rows(run: &RunReader, calls: &dyn SlurmCalls) -> Result<Answer, RunError> {
    let arguments = ["--noheader", "--array", "--states=all", "--format=%F|%K|%U|%T|%j|%r"].map(String::from);
    let answer = calls.call("squeue", &[&arguments[..], &[users(run)?]].concat(), "")?;
    if !answer.is_good {
        return Ok(Answer::Silent(answer.errors.trim().to_owned()));
    }
    let prefix = prefix(run);
    let mut rows = Vec::new();
    let mut records: BTreeMap<String, Option<Record>> = BTreeMap::new();
    for line in answer.out.lines() {
        let fields: Vec<&str> = line.trim().splitn(6, '|').collect();
        let [id, task, user, state, name, reason] = fields[..] else { continue };
        if !name.starts_with(&prefix) || ENDED.contains(&state) {
            continue;
        }
        if !records.contains_key(name) {
            let record = read_json::<Record>(&file(run.path(), name), "delete it; its stages are submitted again")?;
            records.insert(name.to_owned(), record);
        }
        let stages = records.get(name).and_then(|record| record.as_ref()?.tasks.get(task.parse::<usize>().ok()?));
        rows.push(Row {
            id: id.to_owned(),
            user: user.to_owned(),
            task: format!("{id}_{task}"),
            state: state.to_owned(),
            reason: reason.to_owned(),
            stages: stages.cloned().unwrap_or_default(),
        });
    }
    Ok(Answer::Rows(rows))
}

/// Whose jobs are asked for: those of all who submitted some, and of who asks.
fn users(run: &RunReader) -> Result<String, RunError> {
    let mut users = submitters(run.path())?;
    // Where a file server gives files to another number than that of who wrote them, own jobs are known by this alone.
    let Some(own) = own_number() else { return Ok(String::from("--me")) };
    users.insert(own);
    Ok(format!("--user={}", users.iter().map(u32::to_string).collect::<Vec<_>>().join(",")))
}

/// The jobs of the run that are alive; `None` where the controller does not answer.
pub(super) fn alive(run: &RunReader, calls: &dyn SlurmCalls) -> Result<Option<Alive>, RunError> {
    let Answer::Rows(rows) = rows(run, calls)? else { return Ok(None) };
    let mut alive = Alive::default();
    for Row { task, state, reason, stages, .. } in rows {
        if NEVER.iter().any(|never| reason.contains(never)) {
            alive.stuck.push(task);
            continue;
        }
        let phase = match state.as_str() {
            "PENDING" if reason.contains("Dependency") => Phase::Waiting,
            RUNNING => Phase::Running,
            _ => Phase::Queued,
        };
        alive.stages.extend(stages.into_iter().map(|stage| (stage, task.clone())));
        alive.phases.insert(task, phase);
    }
    Ok(Some(alive))
}

/// The users who submitted arrays, by number.
#[cfg(unix)]
fn submitters(run: &Path) -> Result<BTreeSet<u32>, RunError> {
    use std::os::unix::fs::MetadataExt;

    let records = names(&run.join(JOBS))?.into_iter().filter_map(|name| run.join(JOBS).join(name).metadata().ok());
    Ok(records.map(|record| record.uid()).collect())
}

/// The number of this process's user; `None` where the system does not tell.
#[cfg(unix)]
pub(super) fn own_number() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;

    Some(std::fs::metadata("/proc/self").ok()?.uid())
}

/// The users who submitted arrays; none where that cannot be seen.
#[cfg(not(unix))]
fn submitters(_: &Path) -> Result<BTreeSet<u32>, RunError> {
    Ok(BTreeSet::new())
}

/// The number of this process's user; `None` where the system does not tell.
#[cfg(not(unix))]
pub(super) fn own_number() -> Option<u32> {
    None
}

/// What the controller says of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// It has it, under this id.
    As(String),
    /// It does not have it.
    Not,
    /// Nothing: it does not answer.
    Silent,
}

/// Whether the controller knows the array `name`: a submission may fail although it was taken.
pub(super) fn id_of(name: &str, calls: &dyn SlurmCalls) -> Result<Known, SpreadError> {
    let arguments = ["--noheader", "--states=all", "--format=%F"].map(String::from);
    let named = [format!("--name={name}")];
    let answer = calls.call("squeue", &[&arguments[..], &named[..]].concat(), "")?;
    if !answer.is_good {
        return Ok(Known::Silent);
    }
    let id = answer.out.lines().map(str::trim).find(|id| !id.is_empty());
    Ok(id.map_or(Known::Not, |id| Known::As(id.to_owned())))
}

fn file(run: &Path, name: &str) -> PathBuf {
    run.join(JOBS).join(format!("{name}.json"))
}
