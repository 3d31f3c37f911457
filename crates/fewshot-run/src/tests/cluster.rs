//! The toy run on a real Slurm, where one answers: `.ci/run` has one, and so has whoever sets `SLURM_CONF`.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::{
    Cancelled, Holder, INTERRUPTED_EXIT_CODE, Installed, Interrupt, Launcher, Member, NoProgress, Plan, Queue,
    RunError, RunReader, SlurmCalls, SlurmJobs, SlurmSettings, SpreadError, Stage, StageContext, StageState, Survey,
    Work, cancel_jobs, requeue_this_job,
};
use super::crowd::{QUICK, files, whole};
use super::{child, toy};

/// What a job is to do: arguments as a worker gets them.
const ARGUMENTS: &str = "FEWSHOT_TEST_ARGUMENTS";
/// Environment variable: more arguments of `sbatch`.
const SBATCH: &str = "FEWSHOT_TEST_SBATCH";
/// Environment variable: stages side by side, in place of the toy's.
pub(super) const WIDE: &str = "FEWSHOT_TEST_WIDE";
/// Environment variable: a file; while it is there, one of these stages fails.
pub(super) const BROKEN: &str = "FEWSHOT_TEST_BROKEN";

/// The toy's plan, or one of so many stages side by side.
fn plan(recipe: &toy::Recipe) -> Plan<'_> {
    let Some(width) = std::env::var(WIDE).ok().and_then(|width| width.parse::<usize>().ok()) else {
        return toy::plan(recipe);
    };
    let name = |part: usize| format!("part-{part}");
    let part = |part: usize| {
        let body = move |context: &StageContext<'_>| {
            toy::slow(context.name());
            if part == 1 && std::env::var_os(BROKEN).is_some_and(|file| Path::new(&file).exists()) {
                return Err("broken".into());
            }
            Ok(json!(context.input::<usize>("first")? + part))
        };
        Stage::new(name(part), body).after(["first"])
    };
    let sum = move |context: &StageContext<'_>| {
        let parts = (0..width).map(|part| context.input::<usize>(&name(part)));
        Ok(json!(parts.sum::<Result<usize, _>>()?))
    };
    let mut stages = vec![Stage::new("first", |_| Ok(json!(1)))];
    stages.extend((0..width).map(part));
    stages.push(Stage::new("search", sum).after((0..width).map(name)));
    Plan::new(stages).unwrap()
}

/// Longest wait for anything. A controller that was killed takes jobs that ended shortly before for running ones, on nodes that are
/// free, for more than three minutes.
const PATIENT: Duration = Duration::from_secs(300);

/// What is there in the end; a test must not wait for ever for a cluster that does nothing, and says what that is at.
pub(super) fn patiently<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        match look() {
            Some(found) => return found,
            None if began.elapsed() > PATIENT => panic!("no {what} after {PATIENT:?}\n{}", state_of_the_cluster()),
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Its queue and its nodes, for who reads why a test failed.
fn state_of_the_cluster() -> String {
    let calls = [("squeue", "--array"), ("sinfo", "--list-reasons"), ("sinfo", "--Node")];
    let said =
        calls.map(|(program, argument)| match Command::new("timeout").args(["10", program, argument]).output() {
            Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
            Err(error) => format!("{program}: {error}"),
        });
    said.join("\n")
}

/// A driver, which is killed where its test ends before it.
pub(super) struct Driver(Child);

impl Driver {
    pub(super) fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// A driver of a run with so many slow stages side by side, of which one fails while the file `broken` is there.
    pub(super) fn wide(run: &Path, wide: usize, broken: &Path) -> Self {
        let mut command = child::command("cluster", run);
        Self::start(command.env(WIDE, wide.to_string()).env(toy::SLOW, "1500").env(BROKEN, broken))
    }

    /// How it ended, and what it said, which is less than a pipe holds.
    pub(super) fn end(mut self) -> Output {
        patiently("end of the driver", || self.0.try_wait().unwrap());
        let mut output = Output { status: self.0.wait().unwrap(), stdout: Vec::new(), stderr: Vec::new() };
        self.0.stdout.take().unwrap().read_to_end(&mut output.stdout).unwrap();
        self.0.stderr.take().unwrap().read_to_end(&mut output.stderr).unwrap();
        output
    }

    pub(super) fn succeeds(self) {
        let output = self.end();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Who works on one of the stages whose names begin so.
pub(super) fn working(run: &Path, name: &str) -> Option<Holder> {
    let stages = Survey::new(QUICK).look(&RunReader::open(run).ok()?).ok()?;
    stages.into_iter().filter(|stage| stage.name.starts_with(name)).find_map(|stage| match stage.state {
        StageState::Working { claim, .. } => Some(claim.holder),
        _ => None,
    })
}

/// The run has its result, and no stage was taken to its end twice.
pub(super) fn assert_whole(run: &Path, wide: u64) {
    let reader = RunReader::open(run).unwrap();
    assert_eq!(reader.result::<Value>().unwrap().unwrap()["sum"], wide + (0..wide).sum::<u64>());
    let events = reader.events().unwrap();
    let done = events.iter().filter(|event| event.kind == "done").count() as u64;
    assert_eq!(done, wide + 2, "each stage once");
}

/// Whether a cluster answers; says so if not.
fn has_cluster() -> bool {
    let answers = Command::new("sinfo").arg("--noheader").output();
    let has = answers.is_ok_and(|output| output.status.success() && !output.stdout.is_empty());
    if !has {
        eprintln!("skipped: no Slurm answers here (`sinfo`)");
    }
    has
}

/// What the process of a job does.
pub(super) fn job(run: &Path) -> Result<(), RunError> {
    let text = std::env::var(ARGUMENTS).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    let of =
        |flag: &str| -> Vec<&str> { words.windows(2).filter(|pair| pair[0] == flag).map(|pair| pair[1]).collect() };
    let interrupt = Interrupt::install(|_| {}).unwrap();
    interrupt.heed_time_limit().unwrap();
    let member = Member::join(run, of("--log").first().copied(), QUICK)?;
    let recipe = member.reader().recipe()?;
    let plan = plan(&recipe);
    let worked = Work::new(&plan, &member, &interrupt, &NoProgress)?.named(&of("--stage"));
    if worked.is_err() && interrupt.is_limited() {
        requeue_this_job(&Installed::PATIENT, 3);
    }
    worked
}

/// What a driver process does.
pub(super) fn drive(run: &Path) -> Result<(), RunError> {
    let held = toy::begin(run)?;
    let recipe = RunReader::open(run)?.recipe()?;
    let plan = plan(&recipe);
    let sbatch_args = std::env::var(SBATCH).unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    let (poll, grace, idle) = (Duration::from_millis(500), Duration::from_secs(30), Duration::from_secs(20));
    let settings = SlurmSettings { sbatch_args, poll, grace, idle, ..SlurmSettings::default() };
    let launcher = SlurmJobs::new(settings, QUICK, &Loud, |run| {
        // The test program takes no arguments of a worker's: they go by a variable.
        let job = child::command("job", run);
        let words = std::iter::once(job.get_program()).chain(job.get_args());
        let words: Vec<String> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
        let variables = job.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let variables =
            variables.map(|(name, value)| format!("{}='{}'", name.to_string_lossy(), value.to_string_lossy()));
        let variables: Vec<String> = variables.collect();
        let line = format!("{} {ARGUMENTS}=\"$*\" exec {}", variables.join(" "), words.join(" "));
        ["bash", "-c", &line, "job"].map(str::to_owned).to_vec()
    });
    let interrupt = Interrupt::install(|_| {}).unwrap();
    let (folder, values) = launcher.launch(&plan, run, held, &interrupt, &NoProgress)?;
    match &values["search"] {
        sum if sum.is_u64() => folder.write_result(&json!({ "sum": sum })),
        found => folder.write_result(found),
    }
}

#[test]
fn jobs_leave_the_files_of_one_process() {
    if !has_cluster() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let expected = whole(dir.path());
    let run = dir.path().join("run");
    Driver::start(&mut child::command("cluster", &run)).succeeds();
    assert_eq!(files(&run), expected);
    let events = RunReader::open(&run).unwrap().events().unwrap();
    assert_eq!(events.iter().filter(|event| event.kind == "started").count(), 4, "each stage once");
}

#[test]
fn a_wide_run_is_three_arrays_and_few_calls() {
    if !has_cluster() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let output = Driver::start(child::command("cluster", &run).env(WIDE, "30")).end();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let result = RunReader::open(&run).unwrap().result::<Value>().unwrap().unwrap();
    assert_eq!(result["sum"], 30 + (0..30).sum::<u64>());
    let calls = |program: &str| said.lines().filter(|line| line.ends_with(&format!("called {program}"))).count();
    assert_eq!(calls("sbatch"), 3);
}

#[test]
fn a_job_at_its_time_limit_saves_has_itself_queued_again_and_goes_on_from_there() {
    if !has_cluster() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let expected = whole(dir.path());
    let run = dir.path().join("run");
    // Twelve steps in 54 seconds: a job may take a minute, and is told after half of it, or earlier (Slurm looks at limits now and then).
    let mut command = child::command("cluster", &run);
    let output = Driver::start(command.env(toy::SLOW, "train=4500").env(SBATCH, "--time=1")).end();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(files(&run), expected);
    let events = RunReader::open(&run).unwrap().events().unwrap();
    let of = |kind: &str| -> Vec<&Value> {
        let events = events.iter().filter(|event| event.stage.as_deref() == Some("train") && event.kind == kind);
        events.map(|event| &event.data).collect()
    };
    assert!((2..=3).contains(&of("opened").len()), "cut at either checkpoint, or both: {events:?}");
    let steps: Vec<&Value> = of("checkpoint").into_iter().map(|data| &data["step"]).collect();
    assert_eq!(steps, [5, 10], "no step was done twice");
    // It was the job that asked for its next turn: the driver submitted nothing twice.
    assert_eq!(said.lines().filter(|line| line.ends_with("called sbatch")).count(), 3, "{said}");
}

#[test]
fn the_queue_tells_why_jobs_wait() {
    if !has_cluster() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let driver = Driver::start(child::command("cluster", &run).env(SBATCH, "--hold"));
    let jobs = patiently("jobs in the queue", || {
        let reader = RunReader::open(&run).ok()?;
        match Queue::ask(&reader, &Installed::PATIENT).unwrap() {
            Queue::Shown { jobs } if jobs.len() == toy::STAGES => Some(jobs),
            _ => None,
        }
    });
    let reason = |stage: &str| (jobs[stage].state.as_str(), jobs[stage].reason.as_deref());
    assert_eq!(reason("train"), ("PENDING", Some("JobHeldUser")));
    assert_eq!(reason("search"), ("PENDING", Some("JobHeldUser")));
    drop(driver);
    let reader = RunReader::open(&run).unwrap();
    let all = Cancelled::Asked { arrays: 3, left: Vec::new() };
    assert_eq!(cancel_jobs(&reader, &Installed::PATIENT).unwrap(), all);
    patiently("end of the jobs", || match Queue::ask(&reader, &Installed::PATIENT).unwrap() {
        Queue::Shown { jobs } => jobs.is_empty().then_some(()),
        _ => None,
    });
}

/// Slurm's programs, whose calls are said.
struct Loud;

impl SlurmCalls for Loud {
    fn call(&self, program: &str, arguments: &[String], input: &str) -> Result<super::super::Said, SpreadError> {
        println!("\ncalled {program}");
        Installed::PATIENT.call(program, arguments, input)
    }
}

#[test]
fn cancelled_jobs_killed_drivers_and_warned_jobs_change_nothing() {
    if !has_cluster() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let expected = whole(dir.path());
    let run = dir.path().join("run");
    let start = || Driver::start(child::command("cluster", &run).env(toy::SLOW, "60"));
    let mut hits = 0;
    for round in 0..4 {
        let mut driver = start();
        let holder = patiently("job, nor the run's end", || match working(&run, "") {
            Some(holder) => Some(Some(holder)),
            None => driver.0.try_wait().unwrap().map(|_| None),
        });
        let Some(holder) = holder else { break };
        hits += 1;
        let job = holder.job.expect("a job");
        let call = |program: &str, arguments: &[&str]| Command::new(program).args(arguments).output().unwrap();
        match round {
            0 => drop(call("scancel", &[&job])),
            1 => drop(call("kill", &["-KILL", &holder.process.to_string()])),
            // As if its time were up.
            2 => drop(call("kill", &["-USR1", &holder.process.to_string()])),
            _ => {}
        }
    }
    assert!(hits >= 3, "only {hits} were hit");
    start().succeeds();
    assert_eq!(files(&run), expected);
}

#[test]
fn a_stage_that_fails_is_tried_again_by_the_next_driver_alone() {
    if !has_cluster() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (run, broken) = (dir.path().join("run"), dir.path().join("broken"));
    fs::write(&broken, "").unwrap();
    let output = Driver::wide(&run, 3, &broken).end();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("stage `part-1` failed: broken"), "{said}");
    fs::remove_file(&broken).unwrap();
    Driver::wide(&run, 3, &broken).succeeds();
    assert_whole(&run, 3);
}

#[test]
fn of_two_drivers_one_submits_and_both_see_the_end() {
    if !has_cluster() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let first = Driver::wide(&run, 4, Path::new(""));
    patiently("plan", || run.join("plan.json").exists().then_some(()));
    patiently("driver", || run.join("attempts/driver").exists().then_some(()));
    let second = Driver::wide(&run, 4, Path::new(""));
    first.succeeds();
    second.succeeds();
    assert_whole(&run, 4);
    let events = RunReader::open(&run).unwrap().events().unwrap();
    assert_eq!(events.iter().filter(|event| event.kind == "started").count(), 6, "nothing was begun twice");
}

/// How the process of a job, or a driver, ends.
pub(super) fn end(ended: Result<(), RunError>) {
    match ended {
        Ok(()) => {}
        Err(RunError::Interrupted { .. }) => std::process::exit(INTERRUPTED_EXIT_CODE),
        Err(error) => panic!("{error}"),
    }
}
