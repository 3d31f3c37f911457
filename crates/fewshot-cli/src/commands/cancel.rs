//! Stopping runs that several processes share.

use fewshot_nas::run::{
    Cancelled, Installed, LeftJobs, Patience, RunError, RunReader, StageState, Survey, ask_to_stop, cancel_jobs,
};

use super::outcome::shown;
use super::print;
use super::series::Series;
use crate::args::CancelArgs;
use crate::failure::Failure;

/// Asks all who work on a run, or on those of a series, to save and stop.
pub fn cancel(args: CancelArgs) -> Result<(), Failure> {
    let Some(series) = Series::within(&args.run) else { return print(&cancelled(&RunReader::open(&args.run)?)?) };
    let runs = series.runs.iter().map(|run| RunReader::open(run)).collect::<Result<Vec<_>, _>>()?;
    // Of those that no processes share one may be worked on all the same: that is said once the others are stopped.
    let mut refused = None;
    for run in &runs {
        match cancelled(run) {
            Ok(line) => print(&format!("{}: {line}", shown(run.path())))?,
            Err(failure @ Failure::Usage(_)) => refused = Some(failure),
            Err(failure) => return Err(failure),
        }
    }
    refused.map_or(Ok(()), Err)
}

/// Stops one run; what came of that.
fn cancelled(run: &RunReader) -> Result<String, Failure> {
    if run.result::<serde_json::Value>()?.is_some() {
        return Ok(String::from("the run has ended: there is nothing to cancel"));
    }
    if !run.is_shared() {
        let hint = format!(
            "no processes share {}: stop the one that works on it by Ctrl-C, or `kill` without -9",
            shown(run.path())
        );
        return Err(Failure::Usage(hint));
    }
    // All who work on it see this, wherever they are; what follows is for those that have not begun.
    ask_to_stop(run.path()).map_err(RunError::from)?;
    let jobs = in_words(&cancel_jobs(run, &Installed::PATIENT)?, run);
    let stages = Survey::new(Patience::default()).look(run)?;
    let working = stages.iter().filter(|stage| matches!(stage.state, StageState::Working { .. })).count();
    let beat = Patience::default().beat.as_secs();
    Ok(format!("stages being worked on: {working}; who works on them saves and stops within {beat} seconds{jobs}"))
}

/// What became of the jobs of a run.
fn in_words(cancelled: &Cancelled, run: &RunReader) -> String {
    let again = format!("`fewshot cancel {}`", shown(run.path()));
    let meanwhile = "those that begin meanwhile end at once";
    match cancelled {
        Cancelled::NoJobs => String::new(),
        Cancelled::Asked { arrays, left } => {
            let left = left.iter().map(|left| left_in_words(left, &again));
            std::iter::once(format!("; arrays of jobs cancelled: {arrays}")).chain(left).collect()
        }
        Cancelled::Silent { said } => format!(
            "; its jobs are not cancelled, since the controller does not answer ({said}): run {again} once more later, {meanwhile}"
        ),
        Cancelled::NoSlurm { program } => format!(
            "; its jobs are not cancelled, since there is no `{program}` here: run {again} on a machine of the cluster, {meanwhile}"
        ),
    }
}

fn left_in_words(LeftJobs { user, is_another, ids, said }: &LeftJobs, again: &str) -> String {
    let ids = ids.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let whose = if *is_another {
        format!("submitted by user {user}, who can ({again})")
    } else {
        String::from("although they are yours")
    };
    format!("; not cancelled: {ids}, {whose}: {said}")
}
