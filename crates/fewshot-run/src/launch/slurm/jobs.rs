//! Jobs from outside and from inside: cancelling those of a run, and running this one again.

use super::calls::SlurmCalls;
use super::queue::{alive, has_jobs};
use crate::error::RunError;
use crate::reader::RunReader;
use crate::spread::SpreadError;

/// Cancels the jobs of a run that are in the queue or run; they save before they end. How many arrays were cancelled; `None` where
/// the controller does not answer, or no job was ever submitted.
///
/// # Errors
/// When the run's folder cannot be read, or there is no Slurm here although the run has jobs.
pub fn cancel_jobs(run: &RunReader, calls: &dyn SlurmCalls) -> Result<Option<usize>, RunError> {
    if !has_jobs(run.path())? {
        return Ok(None);
    }
    let Some(alive) = alive(run, calls)? else { return Ok(None) };
    let ids: Vec<String> = alive.ids.iter().cloned().chain(alive.stuck).collect();
    if !ids.is_empty() {
        calls.call("scancel", &ids, "")?;
    }
    Ok(Some(ids.len()))
}

/// Asks the cluster to run the job that this process is again, unless that was done `most` times. Whether it was asked.
///
/// # Errors
/// [`SpreadError::Start`] without Slurm.
pub fn requeue_this_job(calls: &dyn SlurmCalls, most: u32) -> Result<bool, SpreadError> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let job = match (variable("SLURM_ARRAY_JOB_ID"), variable("SLURM_ARRAY_TASK_ID")) {
        (Some(array), Some(task)) => format!("{array}_{task}"),
        _ => match variable("SLURM_JOB_ID") {
            Some(job) => job,
            None => return Ok(false),
        },
    };
    // Not set in the first run.
    let times: u32 = variable("SLURM_RESTART_COUNT").and_then(|times| times.parse().ok()).unwrap_or(0);
    Ok(times < most && calls.call("scontrol", &[String::from("requeue"), job], "")?.is_good)
}
