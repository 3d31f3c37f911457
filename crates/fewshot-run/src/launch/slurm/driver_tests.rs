//! The driver on a cluster that is made up: its jobs run when the queue is asked.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::super::calls::Said;
use super::super::submissions::MOST_SUBMISSIONS;
use super::*;
use crate::NoProgress;
use crate::log::EventLog;
use crate::spread::{Claimed, Member, Survey, Work, begin_session};
use crate::stage::{Stage, StageContext};

#[path = "refusal_tests.rs"]
mod refusals;

const QUICK: Patience =
    Patience { beat: Duration::from_millis(20), stale: Duration::from_millis(300), look: Duration::from_millis(1) };

/// One array that was submitted.
#[derive(Debug, Clone)]
struct Submitted {
    id: usize,
    name: String,
    after: Option<String>,
    tasks: Vec<Vec<String>>,
    ended: Vec<Option<bool>>,
}

/// A cluster whose tasks run one after the other, on the plan of a test.
struct Fake<'a> {
    plan: &'a Plan<'a>,
    run: PathBuf,
    arrays: RefCell<Vec<Submitted>>,
    calls: RefCell<BTreeMap<String, usize>>,
    most: usize,
    /// Submissions that are taken, although `sbatch` says that they were not.
    late: Cell<usize>,
    /// The same, and whether it was taken cannot be asked either.
    silent: Cell<usize>,
    /// Submissions that are refused.
    refused: Cell<usize>,
    /// Most tasks in the queue.
    limit: usize,
}

impl<'a> Fake<'a> {
    fn new(plan: &'a Plan<'a>, run: &Path) -> Self {
        let (arrays, calls) = (RefCell::default(), RefCell::default());
        Self {
            plan,
            run: run.to_path_buf(),
            arrays,
            calls,
            most: 1001,
            late: Cell::new(0),
            silent: Cell::new(0),
            refused: Cell::new(0),
            limit: usize::MAX,
        }
    }

    fn submit(&self, arguments: &[String], script: &str) -> Said {
        let value = |key: &str| arguments.iter().find_map(|argument| argument.strip_prefix(key)).map(str::to_owned);
        let lines = script.lines().skip_while(|line| *line != "stages=(").skip(1).take_while(|line| *line != ")");
        let stages = |line: &str| line.trim().trim_matches('\'').split(' ').map(str::to_owned).collect();
        let tasks: Vec<Vec<String>> = lines.map(stages).collect();
        assert_eq!(value("--array=").unwrap(), format!("0-{}", tasks.len() - 1));
        assert!(tasks.len() <= self.most);
        let mut arrays = self.arrays.borrow_mut();
        let id = 100 + arrays.len();
        let (name, after) = (value("--job-name=").unwrap(), value("--dependency="));
        assert!(arrays.iter().all(|array| array.name != name), "names are unique");
        let waiting = arrays.iter().flat_map(|array| &array.ended).filter(|ended| ended.is_none()).count();
        if waiting + tasks.len() > self.limit {
            return Said { is_good: false, out: String::new(), errors: String::from("QOSMaxSubmitJobPerUserLimit") };
        }
        arrays.push(Submitted { id, name, after, ended: vec![None; tasks.len()], tasks });
        if self.late.get() > 0 {
            self.late.set(self.late.get() - 1);
            return Said { is_good: false, out: String::new(), errors: String::from("Socket timed out") };
        }
        Said { is_good: true, out: format!("{id}\n"), errors: String::new() }
    }

    /// Runs the tasks that wait for nothing more.
    fn advance(&self) {
        let arrays = self.arrays.borrow().clone();
        for array in &arrays {
            let is_met = |after: &String| {
                after.strip_prefix("afterok:").unwrap().split(':').all(|task| {
                    let (id, task) = task.split_once('_').expect("each task by its name");
                    let array = arrays.iter().find(|array| array.id.to_string() == id).expect("of a known job");
                    array.ended[task.parse::<usize>().unwrap()] == Some(true)
                })
            };
            if !array.after.as_ref().is_none_or(is_met) {
                continue;
            }
            for (task, stages) in array.tasks.iter().enumerate().filter(|(task, _)| array.ended[*task].is_none()) {
                let names: Vec<&str> = stages.iter().map(String::as_str).collect();
                let member = Member::join(&self.run, None, QUICK).unwrap();
                let interrupt = Interrupt::new();
                let work = Work::new(self.plan, &member, &interrupt, &NoProgress).unwrap();
                let is_good = work.named(&names).is_ok();
                self.arrays.borrow_mut()[array.id - 100].ended[task] = Some(is_good);
            }
        }
    }
}

impl SlurmCalls for Fake<'_> {
    fn call(&self, program: &str, arguments: &[String], input: &str) -> Result<Said, SpreadError> {
        *self.calls.borrow_mut().entry(program.to_owned()).or_insert(0) += 1;
        let good = |out: String| Ok(Said { is_good: true, out, errors: String::new() });
        match program {
            "scontrol" => good(format!("MaxArraySize            = {}\n", self.most)),
            "sbatch" if self.refused.get() > 0 => {
                self.refused.set(self.refused.get() - 1);
                Ok(Said { is_good: false, out: String::new(), errors: String::from("invalid partition") })
            }
            "sbatch" => Ok(Said { is_good: self.silent.get() == 0, ..self.submit(arguments, input) }),
            "squeue" if self.silent.get() > 0 => {
                self.silent.set(self.silent.get() - 1);
                Ok(Said {
                    is_good: false,
                    out: String::new(),
                    errors: String::from("Unable to contact slurm controller"),
                })
            }
            "squeue" if arguments.iter().any(|argument| argument.starts_with("--name=")) => {
                let arrays = self.arrays.borrow();
                let named = |array: &&Submitted| arguments.contains(&format!("--name={}", array.name));
                good(arrays.iter().filter(named).map(|array| format!("{}\n", array.id)).collect())
            }
            "squeue" => {
                self.advance();
                let mut lines = String::from("3|N/A|17|RUNNING|somebody's|None\n");
                for array in self.arrays.borrow().iter() {
                    for (task, ended) in array.ended.iter().enumerate() {
                        let state = match ended {
                            None => "PENDING",
                            Some(true) => "COMPLETED",
                            Some(false) => "FAILED",
                        };
                        lines += &format!("{}|{task}|17|{state}|{}|Dependency\n", array.id, array.name);
                    }
                }
                good(lines)
            }
            "scancel" => good(String::new()),
            other => panic!("no {other}"),
        }
    }
}

/// one -> part-0 .. part-n -> last
fn plan(parts: usize, is_mended: &Cell<bool>) -> Plan<'_> {
    let mut stages = vec![Stage::new("one", |_| Ok(json!(1)))];
    let name = |part: usize| format!("part-{part}");
    stages.extend((0..parts).map(|part| {
        let body = move |context: &StageContext<'_>| match part == 2 && !is_mended.get() {
            true => Err("boom".into()),
            false => Ok(json!(context.input::<usize>("one")? + part)),
        };
        Stage::new(name(part), body).after(["one"])
    }));
    let sum = move |context: &StageContext<'_>| {
        let parts = (0..parts).map(|part| context.input::<usize>(&name(part))).sum::<Result<usize, _>>();
        Ok(json!(parts?))
    };
    stages.push(Stage::new("last", sum).after((0..parts).map(|part| format!("part-{part}"))));
    Plan::new(stages).unwrap()
}

fn launch(fake: &Fake<'_>, settings: SlurmSettings) -> Result<serde_json::Value, RunError> {
    let held = match RunFolder::create(&fake.run, &BTreeMap::from([("steps", 1)]), &"data".into()) {
        Err(RunError::Exists { .. }) => None,
        other => Some(other?),
    };
    let settings = SlurmSettings { poll: Duration::ZERO, ..settings };
    let jobs = SlurmJobs::new(settings, QUICK, fake, |_| vec![String::from("fewshot"), String::from("work")]);
    let (_, values) = jobs.launch(fake.plan, &fake.run, held, &Interrupt::new(), &NoProgress)?;
    Ok(values["last"].clone())
}

fn submitted(fake: &Fake<'_>) -> Vec<(usize, Option<String>)> {
    fake.arrays.borrow().iter().map(|array| (array.tasks.len(), array.after.clone())).collect()
}

#[test]
fn a_run_is_one_array_for_each_set_of_parallel_stages() {
    let dir = tempfile::tempdir().unwrap();
    let mended = Cell::new(true);
    let plan = plan(200, &mended);
    let fake = Fake::new(&plan, &dir.path().join("run"));
    assert_eq!(launch(&fake, SlurmSettings::default()).unwrap(), json!(200 + 199 * 100));
    let all: Vec<String> = (0..200).map(|task| format!("101_{task}")).collect();
    let after = |tasks: &str| Some(format!("afterok:{tasks}"));
    assert_eq!(submitted(&fake), [(1, None), (200, after("100_0")), (1, after(&all.join(":")))]);
    assert_eq!(fake.calls.borrow()["sbatch"], 3);
    // Going on with what is done submits nothing.
    launch(&fake, SlurmSettings::default()).unwrap();
    assert_eq!(fake.calls.borrow()["sbatch"], 3);
}

#[test]
fn what_failed_is_told_and_a_second_driver_submits_only_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let mended = Cell::new(false);
    let plan = plan(4, &mended);
    let fake = Fake::new(&plan, &dir.path().join("run"));
    // The fake cancels what can never run, as the cluster is asked to.
    let error = {
        let cancelling = Cancelling(&fake);
        let settings = SlurmSettings { poll: Duration::ZERO, ..SlurmSettings::default() };
        let folder = RunFolder::create(&fake.run, &BTreeMap::from([("steps", 1)]), &"data".into()).unwrap();
        let jobs = SlurmJobs::new(settings, QUICK, &cancelling, |_| vec![String::from("fewshot")]);
        jobs.launch(&plan, &fake.run, Some(folder), &Interrupt::new(), &NoProgress).unwrap_err()
    };
    assert!(error.to_string().contains("stage `part-2` failed: boom"), "{error}");
    let before = submitted(&fake).len();
    mended.set(true);
    assert_eq!(launch(&fake, SlurmSettings::default()).unwrap(), json!(4 + 6));
    let arrays = fake.arrays.borrow();
    let again: Vec<_> = arrays[before..].iter().map(|array| array.tasks.clone()).collect();
    let one = |name: &str| vec![vec![String::from(name)]];
    assert_eq!(again, [one("part-2"), one("last")]);
    // Done inputs are waited for by nobody: the cluster may have forgotten their jobs.
    assert_eq!(arrays[before].after, None);
    assert_eq!(arrays[before + 1].after, Some(format!("afterok:{}_0", arrays[before].id)));
}

/// Falls silent for a while just when it is asked to take the first array.
struct Falls<'a>(&'a Fake<'a>);

impl SlurmCalls for Falls<'_> {
    fn call(&self, program: &str, arguments: &[String], input: &str) -> Result<Said, SpreadError> {
        if program == "sbatch" && self.0.arrays.borrow().is_empty() {
            self.0.silent.set(3);
        }
        self.0.call(program, arguments, input)
    }
}

/// Ends what waits for a task that failed.
struct Cancelling<'a>(&'a Fake<'a>);

impl SlurmCalls for Cancelling<'_> {
    fn call(&self, program: &str, arguments: &[String], input: &str) -> Result<Said, SpreadError> {
        let answer = self.0.call(program, arguments, input)?;
        let has_failed = self.0.arrays.borrow().iter().any(|array| array.ended.contains(&Some(false)));
        if has_failed {
            for array in self.0.arrays.borrow_mut().iter_mut() {
                array.ended.iter_mut().for_each(|ended| *ended = ended.or(Some(false)));
            }
        }
        Ok(answer)
    }
}

#[test]
fn large_groups_are_split_and_short_stages_share_a_task() {
    let dir = tempfile::tempdir().unwrap();
    let mended = Cell::new(true);
    let plan = plan(20, &mended);
    let mut fake = Fake::new(&plan, &dir.path().join("split"));
    fake.most = 8;
    launch(&fake, SlurmSettings { stages_per_task: Some(1), ..SlurmSettings::default() }).unwrap();
    let sizes: Vec<usize> = submitted(&fake).iter().map(|(tasks, _)| *tasks).collect();
    assert_eq!(sizes, [1, 8, 8, 4, 1]);
    let fake = Fake::new(&plan, &dir.path().join("batched"));
    launch(&fake, SlurmSettings { stages_per_task: Some(7), ..SlurmSettings::default() }).unwrap();
    let sizes: Vec<usize> = fake.arrays.borrow()[1].tasks.iter().map(Vec::len).collect();
    assert_eq!(sizes, [7, 7, 6]);
}

#[test]
fn a_submission_that_was_taken_although_it_failed_is_not_made_twice_and_one_that_was_not_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mended = Cell::new(true);
    let plan = plan(3, &mended);
    let fake = Fake::new(&plan, &dir.path().join("late"));
    fake.late.set(3);
    launch(&fake, SlurmSettings::default()).unwrap();
    assert_eq!(submitted(&fake).len(), 3);
    // While it is silent nothing is submitted; what it took before it fell silent is there when it speaks again.
    let fake = Fake::new(&plan, &dir.path().join("silent"));
    fake.silent.set(10);
    launch(&fake, SlurmSettings::default()).unwrap();
    assert_eq!(submitted(&fake).len(), 3);
    let fake = Fake::new(&plan, &dir.path().join("falls"));
    let folder = RunFolder::create(&fake.run, &BTreeMap::from([("steps", 1)]), &"data".into()).unwrap();
    let settings = SlurmSettings { poll: Duration::ZERO, ..SlurmSettings::default() };
    let falls = Falls(&fake);
    let jobs = SlurmJobs::new(settings, QUICK, &falls, |_| vec![String::from("fewshot")]);
    jobs.launch(&plan, &fake.run, Some(folder), &Interrupt::new(), &NoProgress).unwrap();
    assert_eq!(submitted(&fake).len(), 3);
    // A controller that was away for a moment has not taken it; one that refuses says so again.
    let fake = Fake::new(&plan, &dir.path().join("away"));
    fake.refused.set(1);
    launch(&fake, SlurmSettings::default()).unwrap();
    assert_eq!(submitted(&fake).len(), 3);
    let fake = Fake::new(&plan, &dir.path().join("refused"));
    fake.refused.set(usize::MAX);
    let error = launch(&fake, SlurmSettings::default()).unwrap_err();
    assert!(error.to_string().contains("invalid partition"), "{error}");
}

#[test]
fn a_stage_that_something_else_works_on_is_not_submitted() {
    let dir = tempfile::tempdir().unwrap();
    let mended = Cell::new(true);
    let plan = plan(3, &mended);
    let fake = Fake::new(&plan, &dir.path().join("run"));
    let folder = RunFolder::create(&fake.run, &BTreeMap::from([("steps", 1)]), &"data".into()).unwrap();
    begin_session(&plan, &folder).unwrap();
    // As from another machine, and it never moves: after a while it counts as dead.
    let mut claim = std::collections::BTreeMap::new();
    claim.insert("holder", json!({ "id": "x", "host": "elsewhere", "process": 1 }));
    claim.insert("standing", json!("working"));
    claim.insert("beat", json!(3));
    claim.insert("since", json!("2026-01-01T00:00:00.000Z"));
    let attempts = fake.run.join("attempts/01-one");
    fs::create_dir_all(&attempts).unwrap();
    fs::write(attempts.join("1.json"), json!(claim).to_string()).unwrap();
    let stages = Survey::new(QUICK).look(&folder).unwrap();
    assert!(matches!(&stages[0].state, StageState::Working { claim: Claimed { beat: 3, .. }, .. }), "{stages:?}");
    let jobs = SlurmJobs::new(SlurmSettings::default(), QUICK, &fake, |_| vec![String::from("fewshot")]);
    let mut alive = Alive::default();
    jobs.pass(&folder, &mut alive, &stages, &mut jobs.memory(), &NoProgress).unwrap();
    assert_eq!(alive, Alive::default(), "and what waits for it has no job to wait for");
    let settings = SlurmSettings { poll: Duration::ZERO, ..SlurmSettings::default() };
    let jobs = SlurmJobs::new(settings, QUICK, &fake, |_| vec![String::from("fewshot")]);
    let began = Instant::now();
    jobs.launch(&plan, &fake.run, Some(folder), &Interrupt::new(), &NoProgress).unwrap();
    assert!(began.elapsed() >= QUICK.stale);
}

#[test]
fn a_stage_that_gets_further_each_time_is_submitted_as_often_as_it_takes() {
    let dir = tempfile::tempdir().unwrap();
    let mended = Cell::new(true);
    let plan = plan(3, &mended);
    let folder = RunFolder::create(&dir.path().join("run"), &BTreeMap::from([("steps", 1)]), &"data".into()).unwrap();
    begin_session(&plan, &folder).unwrap();
    let stages = Survey::new(QUICK).look(&folder).unwrap();
    let (first, second) = ([&stages[0]], [&stages[1]]);
    let mut submitted = Submissions::default();
    let attempt = folder.path().join("attempts/01-one/1");
    fs::create_dir_all(&attempt).unwrap();
    let events = EventLog::open(&attempt.join(STAGE_EVENTS)).unwrap();
    for round in 0..3 {
        for _ in 0..MOST_SUBMISSIONS {
            submitted.check(&folder, &first).unwrap();
            submitted.add("one");
        }
        // That another stage was cut, or that this one began again, is nothing kept.
        events.write(Some("one"), "started", json!(round)).unwrap();
        let error = submitted.check(&folder, &first).unwrap_err();
        assert!(error.to_string().contains("5 times without getting further (stage `one` again and again)"), "{error}");
        submitted.check(&folder, &second).unwrap();
        events.write(Some("one"), "checkpoint", json!(round)).unwrap();
    }
    submitted.check(&folder, &first).unwrap();
}
