//! Jobs from outside and from inside: cancelling those of a run, and running this one again.

use std::collections::{BTreeMap, BTreeSet};

use super::calls::SlurmCalls;
use super::queue::{Answer, has_jobs, own_number, rows};
use crate::error::RunError;
use crate::reader::RunReader;
use crate::spread::SpreadError;

/// What came of cancelling the jobs of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancelled {
    /// None was ever submitted.
    NoJobs,
    /// Those that were in the queue or ran were cancelled, as far as the cluster let this user.
    Asked {
        /// How many arrays were.
        arrays: usize,
        /// Those that were not, by who submitted them.
        left: Vec<LeftJobs>,
    },
    /// Nothing is known of them: the controller does not answer.
    Silent {
        /// What was said instead.
        said: String,
    },
    /// They are in the queue of a cluster whose programs are not here.
    NoSlurm {
        /// The program that could not be started.
        program: String,
    },
}

/// Arrays of one user that the cluster did not let another cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftJobs {
    /// The user's number.
    pub user: String,
    /// Whether that is another than who asked.
    pub is_another: bool,
    /// The arrays, as `scancel` names them.
    pub ids: BTreeSet<String>,
    /// What it said.
    pub said: String,
}

/// Cancels the jobs of a run that are in the queue or run, whoever submitted them; they save before they end. Only who submitted jobs,
/// and who looks after the cluster, may.
///
/// # Errors
/// When the run's folder cannot be read.
pub fn cancel_jobs(run: &RunReader, calls: &dyn SlurmCalls) -> Result<Cancelled, RunError> {
    if !has_jobs(run.path())? {
        return Ok(Cancelled::NoJobs);
    }
    let asked = match rows(run, calls) {
        Ok(Answer::Silent(said)) => return Ok(Cancelled::Silent { said }),
        Ok(Answer::Rows(rows)) => {
            let mut arrays: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for row in rows {
                arrays.entry(row.user).or_default().insert(row.id);
            }
            cancel_arrays(arrays, calls).map_err(RunError::from)
        }
        Err(error) => Err(error),
    };
    match asked {
        Err(RunError::Spread(SpreadError::Start { program, .. })) => Ok(Cancelled::NoSlurm { program }),
        other => other,
    }
}

/// Cancels arrays, user by user, so that what one does not let go keeps nobody's else.
fn cancel_arrays(arrays: BTreeMap<String, BTreeSet<String>>, calls: &dyn SlurmCalls) -> Result<Cancelled, SpreadError> {
    let own = own_number().map(|own| own.to_string());
    let (mut cancelled, mut left) = (0, Vec::new());
    for (user, ids) in arrays {
        let words: Vec<String> = ids.iter().cloned().collect();
        let answer = calls.call("scancel", &words, "")?;
        if answer.is_good {
            cancelled += ids.len();
        } else {
            let is_another = own.as_ref().is_some_and(|own| *own != user);
            left.push(LeftJobs { user, is_another, ids, said: answer.errors.trim().replace('\n', "; ") });
        }
    }
    Ok(Cancelled::Asked { arrays: cancelled, left })
}

/// What came of asking the cluster to run a job again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requeued {
    /// It does.
    Yes,
    /// This process is no job.
    NoJob,
    /// It was not asked: it did so this often already.
    Spent {
        /// How often.
        times: u32,
    },
    /// It does not, or could not be asked.
    Not {
        /// Why, as the program or the system says.
        why: String,
    },
}

/// Asks the cluster to run the job that this process is again, unless that was done `most` times. That it cannot be asked, as where a
/// container has none of Slurm's programs, is an answer.
pub fn requeue_this_job(calls: &dyn SlurmCalls, most: u32) -> Requeued {
    requeue(|name| std::env::var(name).ok().filter(|value| !value.is_empty()), calls, most)
}

/// The same of the job whose environment is `variable`.
fn requeue(variable: impl Fn(&str) -> Option<String>, calls: &dyn SlurmCalls, most: u32) -> Requeued {
    let job = match (variable("SLURM_ARRAY_JOB_ID"), variable("SLURM_ARRAY_TASK_ID")) {
        (Some(array), Some(task)) => format!("{array}_{task}"),
        _ => match variable("SLURM_JOB_ID") {
            Some(job) => job,
            None => return Requeued::NoJob,
        },
    };
    // Not set in the first run.
    let times: u32 = variable("SLURM_RESTART_COUNT").and_then(|times| times.parse().ok()).unwrap_or(0);
    if times >= most {
        return Requeued::Spent { times };
    }
    match calls.call("scontrol", &[String::from("requeue"), job], "") {
        Ok(answer) if answer.is_good => Requeued::Yes,
        Ok(answer) => Requeued::Not { why: answer.errors.trim().replace('\n', "; ") },
        Err(error) => Requeued::Not { why: error.to_string() },
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

    /// Answers all by a function, and keeps what was asked.
    struct Answers<F>(F, RefCell<Vec<String>>);

    impl<F: Fn(&str, &[String]) -> Result<Said, SpreadError>> SlurmCalls for Answers<F> {
        fn call(&self, program: &str, arguments: &[String], _: &str) -> Result<Said, SpreadError> {
            self.1.borrow_mut().push(format!("{program} {}", arguments.join(" ")));
            (self.0)(program, arguments)
        }
    }

    fn says(is_good: bool, out: &str, errors: &str) -> Result<Said, SpreadError> {
        Ok(Said { is_good, out: out.to_owned(), errors: errors.to_owned() })
    }

    fn missing(program: &str) -> Result<Said, SpreadError> {
        Err(SpreadError::Start { program: program.to_owned(), source: Error::from(ErrorKind::NotFound) })
    }

    #[test]
    fn a_job_is_queued_again_by_its_own_name_and_not_for_ever() {
        let asked = |variables: &[(&str, &str)], said: fn(&str) -> Result<Said, SpreadError>| {
            let answers = Answers(|program: &str, _: &[String]| said(program), RefCell::default());
            let variable = |name: &str| Some(variables.iter().find(|(known, _)| *known == name)?.1.to_owned());
            (requeue(variable, &answers, 20), answers.1.into_inner())
        };
        let agrees = |_: &str| says(true, "", "");
        // A task's own job has another number than its array.
        let task = [("SLURM_JOB_ID", "19"), ("SLURM_ARRAY_JOB_ID", "17"), ("SLURM_ARRAY_TASK_ID", "3")];
        assert_eq!(asked(&task, agrees), (Requeued::Yes, vec![String::from("scontrol requeue 17_3")]));
        assert_eq!(asked(&task[..1], agrees), (Requeued::Yes, vec![String::from("scontrol requeue 19")]));
        assert_eq!(asked(&[], agrees), (Requeued::NoJob, Vec::new()));
        let after = |times| [task[0], ("SLURM_RESTART_COUNT", times)];
        assert_eq!(asked(&after("19"), agrees).0, Requeued::Yes);
        assert_eq!(asked(&after("20"), agrees), (Requeued::Spent { times: 20 }, Vec::new()));
        // Nor does it matter to the caller why it cannot be asked.
        let Requeued::Not { why } = asked(&task, missing).0 else { panic!("there is no scontrol") };
        assert!(why.contains("cannot start `scontrol`"), "{why}");
        let refuses = |_: &str| says(false, "", "Job is held\n");
        assert_eq!(asked(&task, refuses).0, Requeued::Not { why: String::from("Job is held") });
    }

    /// What a call of a program with some arguments gives.
    type Answer<'a> = dyn Fn(&str, &[String]) -> Result<Said, SpreadError> + 'a;

    #[test]
    fn jobs_of_all_who_submitted_some_are_cancelled_and_what_cannot_be_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(&dir.path().join("run"), &1, &"data".into()).unwrap();
        let run = folder.reader();
        let cancel = |answer: &Answer<'_>| {
            let answers = Answers(answer, RefCell::default());
            (cancel_jobs(run, &answers).unwrap(), answers.1.into_inner())
        };
        assert_eq!(cancel(&|program, _| missing(program)), (Cancelled::NoJobs, Vec::new()));
        let name = format!("{}1", prefix(run));
        note(run.path(), &name, &[vec![String::from("a")], vec![String::from("b")]]).unwrap();
        // One that is not here, one that does not answer: not the same as no jobs.
        let no = |program: &str| Cancelled::NoSlurm { program: program.to_owned() };
        assert_eq!(cancel(&|program, _| missing(program)).0, no("squeue"));
        let said = String::from("no controller");
        assert_eq!(cancel(&|_, _| says(false, "", "no controller\n")).0, Cancelled::Silent { said });

        let own = own_number().unwrap_or(17);
        let queue = |another: &str| {
            let lines = [format!("7|0|{own}|RUNNING|{name}|None"), format!("7|1|{own}|PENDING|{name}|Resources")];
            format!("{}\n9|0|{another}|PENDING|{name}|DependencyNeverSatisfied\n", lines.join("\n"))
        };
        let another = (own + 1).to_string();
        let (came, asked) = cancel(&|program, arguments| match program {
            "squeue" => says(true, &queue(&another), ""),
            "scancel" if arguments == ["9"] => {
                says(false, "", "error: Kill job error on job id 9: Access/permission denied\n")
            }
            _ => says(true, "", ""),
        });
        // The queue is asked for those of all who submitted some, as well as for own ones.
        #[cfg(target_os = "linux")]
        {
            let mut users = BTreeSet::from([own]);
            // Only an administrator can make it another's.
            let record = run.path().join("jobs").join(format!("{name}.json"));
            if std::os::unix::fs::chown(&record, Some(own + 1), None).is_ok() {
                users.insert(own + 1);
            }
            let users = users.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
            let (_, asked) = cancel(&|_, _| says(true, "", ""));
            assert!(asked[0].ends_with(&format!(" --user={users}")), "{asked:?}");
        }
        let Cancelled::Asked { arrays: 1, left } = &came else { panic!("{came:?}") };
        assert_eq!(left.len(), 1);
        assert_eq!((left[0].user.as_str(), left[0].is_another), (another.as_str(), own_number().is_some()));
        assert!(left[0].ids.contains("9") && left[0].said.contains("denied"), "{left:?}");
        let mut cancelled = asked[1..].to_vec();
        cancelled.sort_unstable();
        assert_eq!(cancelled, ["scancel 7", "scancel 9"]);
        let (came, _) = cancel(&|program, _| match program {
            "squeue" => says(true, &queue(&another), ""),
            _ => missing(program),
        });
        assert_eq!(came, no("scancel"));
    }
}
