//! What the queue shows of a run, for people who look at it.
//!
//! It tells what the run's folder cannot: that a stage is left to a job, and why that job does not begin. How a stage stands is told
//! by the folder alone; where the queue cannot be asked, all that is missing is this.

use std::collections::BTreeMap;

use serde::Serialize;

use super::calls::SlurmCalls;
use super::queue::{Answer, RUNNING, Row, has_jobs, rows};
use crate::error::RunError;
use crate::reader::RunReader;
use crate::spread::SpreadError;

/// The job that a stage is left to, as the queue shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueuedJob {
    /// Its name for Slurm's programs: `17_3`.
    pub id: String,
    /// What it is at, in Slurm's words: `PENDING`, `RUNNING`.
    pub state: String,
    /// Why it does not run, in Slurm's words: `Resources`, `Dependency`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What the queue says of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum Queue {
    /// Nothing: no jobs of the run are known, so it was not asked.
    NotAsked,
    /// Its jobs that have not ended, by the stages that are left to them.
    Shown {
        /// By the name of the stage.
        #[serde(skip)]
        jobs: BTreeMap<String, QueuedJob>,
    },
    /// Nothing: there is no `squeue` here.
    NoSlurm,
    /// Nothing: the controller does not answer, or not in time.
    Silent {
        /// What `squeue` said instead.
        said: String,
    },
}

impl Queue {
    /// What the queue says of the run now. It is asked for the jobs of those who submitted some, whoever asks.
    ///
    /// # Errors
    /// When the run's folder cannot be read.
    pub fn ask(run: &RunReader, calls: &dyn SlurmCalls) -> Result<Self, RunError> {
        if !has_jobs(run.path())? {
            return Ok(Self::NotAsked);
        }
        let rows = match rows(run, calls) {
            Ok(Answer::Rows(rows)) => rows,
            Ok(Answer::Silent(said)) => return Ok(Self::Silent { said }),
            Err(RunError::Spread(SpreadError::Start { .. })) => return Ok(Self::NoSlurm),
            Err(error) => return Err(error),
        };
        let mut jobs: BTreeMap<String, QueuedJob> = BTreeMap::new();
        for Row { task, state, reason, stages, .. } in rows {
            for stage in stages {
                // Of two jobs, as after a crash of the controller, the one that has come furthest.
                if jobs.get(&stage).is_some_and(QueuedJob::is_running) {
                    continue;
                }
                let reason = Some(reason.clone()).filter(|reason| !["", "None"].contains(&reason.as_str()));
                jobs.insert(stage, QueuedJob { id: task.clone(), state: state.clone(), reason });
            }
        }
        Ok(Self::Shown { jobs })
    }

    /// The job that a stage is left to, if one is known.
    pub fn job(&self, stage: &str) -> Option<&QueuedJob> {
        match self {
            Self::Shown { jobs } => jobs.get(stage),
            _ => None,
        }
    }
}

impl QueuedJob {
    /// Whether it has a node.
    pub fn is_running(&self) -> bool {
        self.state == RUNNING
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io::{Error, ErrorKind};

    use super::super::calls::Said;
    use super::super::queue::{note, prefix};
    use super::*;
    use crate::folder::RunFolder;

    /// A queue that says the same to all.
    struct Says<F: Fn() -> Result<Said, SpreadError>>(F, RefCell<Vec<String>>);

    impl<F: Fn() -> Result<Said, SpreadError>> SlurmCalls for Says<F> {
        fn call(&self, program: &str, arguments: &[String], _: &str) -> Result<Said, SpreadError> {
            assert_eq!(program, "squeue");
            *self.1.borrow_mut() = arguments.to_vec();
            (self.0)()
        }
    }

    #[test]
    fn jobs_are_told_by_stage_and_what_cannot_be_asked_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(&dir.path().join("run"), &1, &"data".into()).unwrap();
        let run = folder.reader();
        let ask = |answer: Result<Said, SpreadError>| {
            let answer = RefCell::new(Some(answer));
            let calls = Says(|| answer.borrow_mut().take().expect("asked once"), RefCell::default());
            (Queue::ask(run, &calls).unwrap(), calls.1.into_inner())
        };
        let missing = || {
            let source = Error::from(ErrorKind::NotFound);
            Err(SpreadError::Start { program: String::from("squeue"), source })
        };
        // Nothing was submitted.
        assert_eq!(ask(missing()), (Queue::NotAsked, Vec::new()));
        let name = format!("{}1", prefix(run));
        let tasks = ["a b", "c", "d"].map(|stages| stages.split(' ').map(str::to_owned).collect());
        note(run.path(), &name, &tasks).unwrap();
        assert_eq!(ask(missing()).0, Queue::NoSlurm);
        let silent = Said { is_good: false, out: String::new(), errors: String::from("no controller\n") };
        assert_eq!(ask(Ok(silent)).0, Queue::Silent { said: String::from("no controller") });

        let lines = [
            "7|0|17|PENDING|NAME|BeginTime",
            "7|1|17|COMPLETED|NAME|None",
            "7|2|17|RUNNING|NAME|None",
            "9|2|18|PENDING|NAME|Resources",
            "3|0|17|RUNNING|fewshot-of-another-run|None",
            "4|N/A|17|RUNNING|mine",
        ];
        let out = lines.join("\n").replace("NAME", &name);
        let (queue, arguments) = ask(Ok(Said { is_good: true, out, errors: String::new() }));
        let job = |id: &str, state: &str, reason: Option<&str>| QueuedJob {
            id: id.to_owned(),
            state: state.to_owned(),
            reason: reason.map(str::to_owned),
        };
        let waits = job("7_0", "PENDING", Some("BeginTime"));
        assert_eq!(queue.job("a"), Some(&waits));
        assert_eq!(queue.job("b"), Some(&waits));
        assert_eq!(queue.job("c"), None, "it has ended");
        assert_eq!(queue.job("d"), Some(&job("7_2", "RUNNING", None)));
        // Whoever asks: those who submitted are looked for.
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;

            let own = dir.path().metadata().unwrap().uid();
            assert!(arguments.contains(&format!("--user={own}")), "{arguments:?}");
        }
    }
}
