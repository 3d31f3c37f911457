//! Faults of a cluster, put into one that is ours alone: `tools/slurm-here.sh` runs one, and `FEWSHOT_TEST_SLURM` names its folder.
//! Nobody else's daemons are ended.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::{Holder, RunReader, StageState, Survey};
use super::child;
use super::cluster::{BROKEN, WIDE};
use super::crowd::QUICK;
use super::toy::SLOW;

/// Environment variable: the folder of that cluster.
const OWN: &str = "FEWSHOT_TEST_SLURM";
/// Longest wait for anything: a node that is lost is told only after a while.
const PATIENT: Duration = Duration::from_secs(150);

/// That folder; says so if there is none.
fn own_cluster() -> Option<PathBuf> {
    let folder = std::env::var_os(OWN).map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: no Slurm of these tests' own here ({OWN})");
    }
    folder
}

/// A driver of a run with so many stages side by side.
fn driver(run: &Path, wide: usize, broken: &Path) -> Child {
    let mut command = child::command("cluster", run);
    command.env(WIDE, wide.to_string()).env(SLOW, "1500").env(BROKEN, broken);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What is there in the end.
fn patiently<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        match look() {
            Some(found) => return found,
            None if began.elapsed() > PATIENT => panic!("no {what}"),
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Who works on one of the stages side by side.
fn working(run: &Path) -> Option<Holder> {
    let stages = Survey::new(QUICK).look(&RunReader::open(run).ok()?).ok()?;
    stages.into_iter().filter(|stage| stage.name.starts_with("part-")).find_map(|stage| match stage.state {
        StageState::Working { claim, .. } => Some(claim.holder),
        _ => None,
    })
}

fn succeeds(mut driver: Child) {
    let status = patiently("end of the driver", || driver.try_wait().unwrap());
    let output = driver.wait_with_output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The run has its result, and no stage was taken to its end twice.
fn assert_whole(run: &Path, wide: u64) {
    let reader = RunReader::open(run).unwrap();
    assert_eq!(reader.result::<Value>().unwrap().unwrap()["sum"], wide + (0..wide).sum::<u64>());
    let events = reader.events().unwrap();
    let done = events.iter().filter(|event| event.kind == "done").count() as u64;
    assert_eq!(done, wide + 2, "each stage once");
}

fn kill(process: &str) {
    assert!(Command::new("kill").args(["-KILL", process.trim()]).status().unwrap().success());
}

/// Kills the daemon whose id is in that file.
fn kill_daemon(cluster: &Path, file: &str) {
    kill(&fs::read_to_string(cluster.join("run").join(file)).unwrap());
}

/// Starts a daemon of the cluster.
fn start_daemon(cluster: &Path, program: &str, arguments: &[&str]) {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(program);
    command.args(arguments).arg("-f").arg(cluster.join("slurm.conf")).env("PATH", path);
    // Its output is not ours: who reads that would wait for the daemon's end.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().unwrap().success());
}

#[test]
fn a_controller_that_is_killed_and_comes_back_loses_nothing() {
    let Some(cluster) = own_cluster() else { return };
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let driver = driver(&run, 6, Path::new(""));
    patiently("job", || working(&run));
    kill_daemon(&cluster, "slurmctld.pid");
    std::thread::sleep(Duration::from_secs(3));
    start_daemon(&cluster, "slurmctld", &[]);
    succeeds(driver);
    assert_whole(&run, 6);
}

#[test]
fn a_node_that_is_lost_in_the_middle_of_an_array_loses_nothing() {
    let Some(cluster) = own_cluster() else { return };
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let driver = driver(&run, 6, Path::new(""));
    // Its node's daemon and the process, as when the machine goes down.
    let (node, holder) = patiently("job", || {
        let holder = working(&run)?;
        let job = holder.job.clone()?;
        let said = Command::new("squeue").args(["--noheader", "--format=%N", "--job", &job]).output().unwrap();
        let node = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        node.starts_with('n').then_some((node, holder))
    });
    kill_daemon(&cluster, &format!("{node}.pid"));
    let _ = Command::new("kill").args(["-KILL", &holder.process.to_string()]).status();
    succeeds(driver);
    start_daemon(&cluster, "slurmd", &["-N", &node]);
    assert_whole(&run, 6);
}

#[test]
fn a_stage_that_fails_is_tried_again_by_the_next_driver_alone() {
    let Some(_) = own_cluster() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (run, broken) = (dir.path().join("run"), dir.path().join("broken"));
    fs::write(&broken, "").unwrap();
    let output = driver(&run, 3, &broken).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("stage `part-1` failed: broken"), "{said}");
    fs::remove_file(&broken).unwrap();
    succeeds(driver(&run, 3, &broken));
    assert_whole(&run, 3);
}

#[test]
fn of_two_drivers_one_submits_and_both_see_the_end() {
    let Some(_) = own_cluster() else { return };
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let first = driver(&run, 4, Path::new(""));
    patiently("plan", || run.join("plan.json").exists().then_some(()));
    patiently("driver", || run.join("attempts/driver").exists().then_some(()));
    let second = driver(&run, 4, Path::new(""));
    succeeds(first);
    succeeds(second);
    assert_whole(&run, 4);
    let events = RunReader::open(&run).unwrap().events().unwrap();
    assert_eq!(events.iter().filter(|event| event.kind == "started").count(), 6, "nothing was begun twice");
}
