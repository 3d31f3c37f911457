//! Several processes on one run: the files of the run that one process made, whatever happens to them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::{
    Attempted, Checkpoint, InProcess, Interrupt, Launcher, LocalWorkers, Member, NoProgress, Patience, Plan, RunError,
    RunFolder, RunReader, SpreadError, Stage, StageContext, StageState, Survey, Work, ask_to_stop, begin_session,
};
use super::{child, toy};

/// As much as tests can wait.
pub(super) const QUICK: Patience =
    Patience { beat: Duration::from_millis(20), stale: Duration::from_millis(400), look: Duration::from_millis(10) };

/// What a worker process does: works until all is done, or its standard input ends.
pub(super) fn work(run: &Path) -> Result<(), RunError> {
    let interrupt = Interrupt::install(|_| {}).unwrap();
    let asked = interrupt.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        asked.request();
    });
    let member = Member::join(run, Some("logs/worker.log"), QUICK)?;
    let recipe = member.reader().recipe()?;
    let plan = toy::plan(&recipe);
    Work::new(&plan, &member, &interrupt, &NoProgress)?.any()
}

/// What a driver process does.
pub(super) fn drive(run: &Path) -> Result<(), RunError> {
    let held = toy::begin(run)?;
    let recipe = RunReader::open(run)?.recipe()?;
    let plan = toy::plan(&recipe);
    let launcher = LocalWorkers::new(2, QUICK, |seat| {
        let mut command = child::command("work", seat.run);
        command.env(toy::SLOW, std::env::var(toy::SLOW).unwrap_or_default());
        command
    });
    let (folder, values) = launcher.launch(&plan, run, held, &Interrupt::install(|_| {}).unwrap(), &NoProgress)?;
    folder.write_result(&values["search"])
}

/// The files of a run but those that tell of times and processes.
pub(super) fn files(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = toy::files(run);
    files.retain(|name, _| !name.ends_with("events.jsonl") && !name.starts_with("logs/"));
    files
}

pub(super) fn whole(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let whole = dir.join("whole");
    toy::run(&whole, &Interrupt::new(), &NoProgress).unwrap();
    files(&whole)
}

fn begun(run: &Path) -> RunReader {
    let folder = RunFolder::create(run, &toy::Recipe::default(), &"data".into()).unwrap();
    begin_session(&toy::plan(&toy::Recipe::default()), &folder).unwrap();
    folder.reader().clone()
}

#[test]
fn workers_leave_the_files_of_one_process() {
    let dir = tempfile::tempdir().unwrap();
    let expected = whole(dir.path());
    let run = dir.path().join("run");
    drive(&run).unwrap();
    assert_eq!(files(&run), expected);
    assert_eq!(fs::read_dir(run.join("attempts")).unwrap().count(), 0, "nothing is left of attempts");
    // Each stage was begun once, and its time is in the run's.
    let reader = RunReader::open(&run).unwrap();
    let events = reader.events().unwrap();
    for stage in ["train", "child-a", "child-b", "search"] {
        let of = |kind: &str| events.iter().filter(|e| e.stage.as_deref() == Some(stage) && e.kind == kind).count();
        assert_eq!((of("started"), of("done")), (1, 1), "{stage}");
    }
    assert!(reader.seconds().unwrap() > 0.0);
    // One process takes it up, and finds all done.
    toy::run(&run, &Interrupt::new(), &NoProgress).unwrap();
    assert_eq!(files(&run), expected);
}

#[test]
fn killed_workers_are_started_again_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let expected = whole(dir.path());
    let run = dir.path().join("run");
    let mut kills = 0;
    for round in 0..60u64 {
        let mut driver = child::command("drive", &run).env(toy::SLOW, "12").spawn().unwrap();
        std::thread::sleep(Duration::from_millis(20 + round * 37 % 101 + 3 * round));
        // Now the driver, now the worker that holds a stage.
        let mut victim = None;
        if round % 2 == 0 && run.join("plan.json").exists() {
            let stages = Survey::new(QUICK).look(&RunReader::open(&run).unwrap()).unwrap();
            victim = stages.into_iter().find_map(|stage| match stage.state {
                StageState::Working { claim, .. } => Some(claim.holder.process),
                _ => None,
            });
        }
        if let Some(process) = victim {
            let _ = std::process::Command::new("kill").args(["-KILL", &process.to_string()]).output();
            std::thread::sleep(Duration::from_millis(30));
        }
        if driver.try_wait().unwrap().is_some_and(|status| status.success()) {
            break;
        }
        driver.kill().unwrap();
        driver.wait().unwrap();
        kills += 1;
    }
    assert!(kills > 1, "only {kills} kills");
    drive(&run).unwrap();
    assert_eq!(files(&run), expected);
}

#[test]
fn two_drivers_at_once_do_each_stage_once() {
    let dir = tempfile::tempdir().unwrap();
    let expected = whole(dir.path());
    let run = dir.path().join("run");
    begun(&run);
    let workers: Vec<_> = (0..4)
        .map(|_| child::command("work", &run).env(toy::SLOW, "2").stdin(std::process::Stdio::piped()).spawn().unwrap())
        .collect();
    for mut worker in workers {
        // Its input stays open until it has ended.
        let input = worker.stdin.take();
        assert!(worker.wait().unwrap().success());
        drop(input);
    }
    let events = RunReader::open(&run).unwrap().events().unwrap();
    assert_eq!(events.iter().filter(|event| event.kind == "started").count(), 4);
    toy::run(&run, &Interrupt::new(), &NoProgress).unwrap();
    assert_eq!(files(&run), expected);
}

#[test]
fn one_process_goes_on_with_what_workers_began_and_they_with_what_it_began() {
    let dir = tempfile::tempdir().unwrap();
    let expected = whole(dir.path());
    for first in ["toy", "work"] {
        let run = dir.path().join(first);
        if first == "work" {
            begun(&run);
        }
        let mut child =
            child::command(first, &run).env(toy::SLOW, "10").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let checkpoint = |folder: &str| run.join(folder).join("checkpoint.safetensors").exists();
        for _ in 0..2000 {
            if checkpoint("stages/01-train") || checkpoint("attempts/01-train/1") {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if first == "work" {
            toy::run(&run, &Interrupt::new(), &NoProgress).unwrap();
        } else {
            drive(&run).unwrap();
        }
        assert_eq!(files(&run), expected, "begun by {first}");
        let events = RunReader::open(&run).unwrap().events().unwrap();
        let begins = events.iter().filter(|e| e.stage.as_deref() == Some("train") && e.kind == "started").count();
        assert_eq!(begins, 2, "it went on, and did not begin anew in another place");
    }
}

#[test]
fn a_failed_stage_stops_only_what_waits_for_it_and_is_tried_again_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let mended = dir.path().join("mended");
    let stages = || {
        let mended = mended.clone();
        Plan::new(vec![
            Stage::new("good", |_| Ok(json!(1))),
            Stage::new("bad", move |_| if mended.exists() { Ok(json!(2)) } else { Err("the loss is NaN".into()) }),
            Stage::new("last", |context| Ok(json!(context.input::<u32>("bad")? + 1))).after(["bad"]),
            Stage::new("other", |_| Ok(Value::Null)).after(["good"]),
        ])
        .unwrap()
    };
    let plan = stages();
    let folder = RunFolder::create(&run, &toy::Recipe::default(), &"data".into()).unwrap();
    begin_session(&plan, &folder).unwrap();
    drop(folder);
    let interrupt = Interrupt::new();
    let member = Member::join(&run, Some("logs/a.log"), QUICK).unwrap();
    let work = Work::new(&plan, &member, &interrupt, &NoProgress).unwrap();
    let error = work.any().unwrap_err();
    assert!(error.to_string().contains("stage `bad` failed: the loss is NaN"), "{error}");
    let look = || Survey::new(QUICK).look(member.reader()).unwrap().into_iter().map(|s| s.state).collect::<Vec<_>>();
    let states = look();
    assert_eq!((&states[0], &states[3]), (&StageState::Done, &StageState::Done));
    assert!(
        matches!(&states[1], StageState::Failed { claim, attempts: 1 } if claim.note.as_deref() == Some("the loss is NaN"))
    );
    assert_eq!(states[2], StageState::Waiting { on: vec![String::from("bad")] });
    assert!(matches!(work.named(&["last"]), Err(RunError::NotReady { .. })));
    assert!(matches!(work.named(&["nobody"]), Err(RunError::UnknownStage { .. })));
    // A worker does not try it again by itself.
    assert!(matches!(work.any(), Err(RunError::Spread(SpreadError::Failed { .. }))));
    assert!(matches!(look()[1], StageState::Failed { attempts: 1, .. }));
    fs::write(&mended, "").unwrap();
    begin_session(&plan, member.reader()).unwrap();
    work.any().unwrap();
    assert!(look().iter().all(|state| *state == StageState::Done));
}

#[test]
fn all_who_share_a_run_compute_with_the_same_instructions() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    begun(&run);
    let member = || Member::join(&run, None, QUICK).unwrap();
    let (one, other) = (member(), member());
    one.agree_on("avx2").unwrap();
    one.agree_on("avx2").unwrap();
    let error = other.agree_on("avx512").unwrap_err().to_string();
    assert!(error.contains("avx512") && error.contains("`avx2`"), "{error}");
    // One process has it meanwhile, and what was agreed stays.
    drop((one, other));
    drop(RunFolder::open(&run).unwrap());
    assert!(member().agree_on("avx512").is_err());
    member().agree_on("avx2").unwrap();
}

/// A stage whose body does as told, on a run of its own.
fn alone(dir: &Path, name: &str) -> RunReader {
    let folder = RunFolder::create(&dir.join(name), &toy::Recipe::default(), &"data".into()).unwrap();
    folder.reader().clone()
}

#[test]
fn a_worker_that_was_not_heard_of_is_overtaken_and_its_work_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let reader = alone(dir.path(), "run");
    let run = reader.path().to_path_buf();
    let other = Patience { beat: Duration::from_secs(60), ..QUICK };
    let second = std::sync::Mutex::new(None);
    // The first attempt saves something, and another machine thinks that it is dead while it goes on.
    let body = |context: &super::super::StageContext<'_>| {
        let file = context.file("state.safetensors");
        let seen = context.load_if_exists(&file)?.map(|state| state.meta::<u32>()).transpose()?;
        if seen.is_some() {
            return Ok(json!("second"));
        }
        context.save(Checkpoint::new(&1u32)?, &file)?;
        let claim = run.join("attempts/01-slow/1.json");
        let text = fs::read_to_string(&claim)?;
        // As of another machine, where it cannot be seen whether the process lives.
        fs::write(&claim, text.replace("\"boot\":\"", "\"boot\":\"other-"))?;
        let plan = Plan::new(vec![Stage::new("slow", |_| Ok(json!("second")))])?;
        let member = Member::join(&run, None, QUICK)?;
        let interrupt = Interrupt::new();
        let mut looks = 0;
        let attempted = loop {
            looks += 1;
            match member.attempt(&plan, 0, false, &interrupt, &NoProgress)? {
                Attempted::Busy => std::thread::sleep(QUICK.look),
                other => break other,
            }
        };
        assert!(looks > 5, "it waited until the claim had stood still for long");
        *second.lock().unwrap() = Some(matches!(attempted, Attempted::Done));
        Ok(json!("first"))
    };
    let plan = Plan::new(vec![Stage::new("slow", body)]).unwrap();
    begin_session(&plan, &reader).unwrap();
    let member = Member::join(reader.path(), None, other).unwrap();
    let attempted = member.attempt(&plan, 0, false, &Interrupt::new(), &NoProgress).unwrap();
    assert!(matches!(attempted, Attempted::Done), "by the other one: {attempted:?}");
    assert_eq!(*second.lock().unwrap(), Some(true));
    assert_eq!(plan.value("slow", &reader).unwrap(), Some(json!("second")));
    // What the first had saved went along.
    assert!(reader.path().join("stages/01-slow/state.safetensors").exists());
}

#[test]
fn a_run_that_is_worked_on_is_refused_and_one_whose_workers_are_dead_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    begun(&run);
    let mut worker =
        child::command("work", &run).env(toy::SLOW, "50").stdin(std::process::Stdio::piped()).spawn().unwrap();
    for _ in 0..2000 {
        if run.join("attempts/01-train/1.json").exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(matches!(RunFolder::open(&run), Err(RunError::InUse { .. })));
    worker.kill().unwrap();
    worker.wait().unwrap();
    let whole = RunFolder::open(&run).unwrap();
    // Nobody joins while one process has it all.
    assert!(matches!(Member::join(&run, None, QUICK), Err(RunError::InUse { .. })));
    drop(whole);
    Member::join(&run, None, QUICK).unwrap();
}

#[test]
fn a_run_that_is_asked_to_stop_saves_and_goes_on_when_it_is_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    let expected = whole(dir.path());
    let run = dir.path().join("run");
    let driver = child::command("drive", &run).env(toy::SLOW, "20").spawn().unwrap();
    for _ in 0..2000 {
        if run.join("attempts/01-train/1/checkpoint.safetensors").exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    ask_to_stop(&run).unwrap();
    let output = driver.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && said.contains("was asked to stop"), "{said}");
    drive(&run).unwrap();
    assert_eq!(files(&run), expected);
}

#[test]
fn launched_in_this_process_a_run_is_what_it_always_was() {
    let dir = tempfile::tempdir().unwrap();
    let expected = whole(dir.path());
    let run = dir.path().join("run");
    let folder = toy::begin(&run).unwrap().unwrap();
    let recipe = folder.recipe().unwrap();
    let plan = toy::plan(&recipe);
    let (folder, values) = InProcess.launch(&plan, &run, Some(folder), &Interrupt::new(), &NoProgress).unwrap();
    folder.write_result(&values["search"]).unwrap();
    assert_eq!(toy::files(&run), toy::files(&dir.path().join("whole")));
    assert_eq!(files(&run), expected);
    assert!(!run.join("attempts").exists());
}

#[test]
fn the_costliest_of_what_is_ready_is_taken_first_and_one_process_keeps_to_the_plan() {
    let dir = tempfile::tempdir().unwrap();
    let order = RefCell::new(Vec::new());
    let stage = |name: &'static str, cost: f64| {
        let order = &order;
        let body = move |_: &StageContext<'_>| {
            order.borrow_mut().push(name);
            Ok(json!(1))
        };
        Stage::new(name, body).costs(cost)
    };
    let dear = stage("dear", 9.0).after(["opens"]);
    let stages = vec![stage("small", 1.0), dear, stage("opens", 4.0), stage("large", 5.0), stage("middle", 3.0)];
    let plan = Plan::new(stages).unwrap();
    let begun = |name: &str| RunFolder::create(&dir.path().join(name), &1, &"data".into()).unwrap();

    plan.run(&begun("alone"), &Interrupt::new(), &NoProgress).unwrap();
    let alone = order.take();
    let folder = begun("shared");
    begin_session(&plan, &folder).unwrap();
    let path = folder.path().to_path_buf();
    drop(folder);
    let member = Member::join(&path, None, QUICK).unwrap();
    Work::new(&plan, &member, &Interrupt::new(), &NoProgress).unwrap().any().unwrap();
    assert_eq!(order.take(), ["large", "opens", "dear", "middle", "small"]);
    assert_eq!(alone, ["small", "opens", "dear", "large", "middle"]);
    // Asked to stop when all is done, it has nothing to be sorry for.
    let asked = Interrupt::new();
    asked.request();
    Work::new(&plan, &member, &asked, &NoProgress).unwrap().any().unwrap();
}
