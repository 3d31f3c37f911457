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
    requeue(|name| std::env::var(name).ok().filter(|value| !value.is_empty()), calls, most)
}

/// The same of the job whose environment is `variable`.
fn requeue(variable: impl Fn(&str) -> Option<String>, calls: &dyn SlurmCalls, most: u32) -> Result<bool, SpreadError> {
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::super::calls::Said;
    use super::*;

    /// Agrees to all, and keeps what was asked.
    #[derive(Default)]
    struct Agrees(RefCell<Vec<String>>);

    impl SlurmCalls for Agrees {
        fn call(&self, program: &str, arguments: &[String], _: &str) -> Result<Said, SpreadError> {
            self.0.borrow_mut().push(format!("{program} {}", arguments.join(" ")));
            Ok(Said { is_good: true, out: String::new(), errors: String::new() })
        }
    }

    #[test]
    fn a_job_is_queued_again_by_its_own_name_and_not_for_ever() {
        let asked = |variables: &[(&str, &str)]| {
            let agrees = Agrees::default();
            let variable = |name: &str| Some(variables.iter().find(|(known, _)| *known == name)?.1.to_owned());
            let is_asked = requeue(variable, &agrees, 20).unwrap();
            let calls = agrees.0.into_inner();
            assert_eq!(is_asked, !calls.is_empty());
            calls
        };
        // A task's own job has another number than its array.
        let task = [("SLURM_JOB_ID", "19"), ("SLURM_ARRAY_JOB_ID", "17"), ("SLURM_ARRAY_TASK_ID", "3")];
        assert_eq!(asked(&task), ["scontrol requeue 17_3"]);
        assert_eq!(asked(&task[..1]), ["scontrol requeue 19"]);
        assert!(asked(&[]).is_empty(), "this is no job");
        let after = |times| [task[0], ("SLURM_RESTART_COUNT", times)];
        assert_eq!(asked(&after("19")).len(), 1);
        assert!(asked(&after("20")).is_empty(), "it was twenty times");
    }
}
