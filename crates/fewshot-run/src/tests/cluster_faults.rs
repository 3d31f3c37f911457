//! Faults of a cluster, put into one that is ours alone: `tools/slurm-here.sh` runs one, and `FEWSHOT_TEST_SLURM` names its folder
//! (CONTRIBUTING.md). Nobody else's daemons are ended, and no test of another kind has this cluster meanwhile.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::super::{Holder, RunReader};
use super::cluster::{Driver, assert_whole, patiently, working};
use super::crowd::files;
use super::{child, toy};

/// Environment variable: the folder of that cluster.
const OWN: &str = "FEWSHOT_TEST_SLURM";

/// That folder, for one test at a time, and who looks after its nodes; says so if there is none.
fn own_cluster() -> Option<(PathBuf, (Caretaker, MutexGuard<'static, ()>))> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let folder = std::env::var_os(OWN).map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: no Slurm of these tests' own here ({OWN})");
    }
    let folder = folder?;
    let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    Some((folder, (Caretaker::begin(), alone)))
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

/// Who looks after the cluster, until he is dropped: takes back nodes that a controller drained, since after a crash it gave the ids of
/// jobs that it had forgotten once more.
struct Caretaker {
    leave: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Caretaker {
    fn begin() -> Self {
        let (leave, left) = channel::<()>();
        let care = move || {
            while let Err(RecvTimeoutError::Timeout) = left.recv_timeout(Duration::from_secs(1)) {
                let drained = ["--noheader", "--Node", "--states=drain", "--format=%N"];
                let Ok(said) = Command::new("sinfo").args(drained).output() else { continue };
                for node in String::from_utf8_lossy(&said.stdout).split_whitespace() {
                    // One that is not drained any more is as good.
                    let _ =
                        Command::new("scontrol").args(["update", &format!("NodeName={node}"), "State=RESUME"]).output();
                }
            }
        };
        Self { leave: Some(leave), thread: Some(std::thread::spawn(care)) }
    }
}

impl Drop for Caretaker {
    fn drop(&mut self) {
        drop(self.leave.take());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A daemon that is started again when its test ends, however that ends.
struct Killed<'a> {
    cluster: &'a Path,
    program: &'a str,
    arguments: Vec<&'a str>,
}

impl Drop for Killed<'_> {
    fn drop(&mut self) {
        start_daemon(self.cluster, self.program, &self.arguments);
    }
}

/// The node that a job has.
fn node_of(holder: &Holder) -> Option<String> {
    let job = holder.job.clone()?;
    let said = Command::new("squeue").args(["--noheader", "--format=%N", "--job", &job]).output().unwrap();
    let node = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    node.starts_with('n').then_some(node)
}

#[test]
fn a_controller_that_is_killed_and_comes_back_loses_nothing() {
    let Some((cluster, _alone)) = own_cluster() else { return };
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let driver = Driver::wide(&run, 6, Path::new(""));
    patiently("job", || working(&run, "part-"));
    kill_daemon(&cluster, "slurmctld.pid");
    std::thread::sleep(Duration::from_secs(3));
    start_daemon(&cluster, "slurmctld", &[]);
    driver.succeeds();
    assert_whole(&run, 6);
}

#[test]
fn a_node_that_is_lost_in_the_middle_of_an_array_loses_nothing() {
    let Some((cluster, _alone)) = own_cluster() else { return };
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let driver = Driver::wide(&run, 6, Path::new(""));
    // Its node's daemon and the process, as when the machine goes down.
    let (node, holder) = patiently("job", || {
        let holder = working(&run, "part-")?;
        Some((node_of(&holder)?, holder))
    });
    kill_daemon(&cluster, &format!("{node}.pid"));
    let _killed = Killed { cluster: &cluster, program: "slurmd", arguments: vec!["-N", &node] };
    let _ = Command::new("kill").args(["-KILL", &holder.process.to_string()]).status();
    driver.succeeds();
    assert_whole(&run, 6);
}

/// Environment variable: draws another order of kills.
const SEED: &str = "FEWSHOT_TEST_SEED";
/// Steps of each stage of the run that is killed at, and milliseconds of each: longer than the kills take.
const LONG: [(&str, &str); 2] = [(toy::STEPS, "120"), (toy::SLOW, "500")];

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Driver,
    Worker,
    /// The daemon of the node of a job.
    Node,
    Controller,
}

/// Twenty of them. Few controllers: one that was killed holds jobs that ended shortly before for running ones, for minutes.
const VICTIMS: [(Victim, usize); 4] =
    [(Victim::Driver, 7), (Victim::Worker, 8), (Victim::Node, 3), (Victim::Controller, 2)];

/// Numbers that look like chance, the same ones for a seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ x >> 31) % bound
    }
}

#[test]
fn twenty_kills_of_drivers_workers_and_daemons_in_one_run_change_no_bit() {
    let Some((cluster, _alone)) = own_cluster() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (whole, run) = (dir.path().join("whole"), dir.path().join("run"));
    // The same steps in one process, as fast as they go.
    let output = child::command("toy", &whole).env(LONG[0].0, LONG[0].1).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut draw = Draw(seed);
    let mut victims: Vec<Victim> =
        VICTIMS.iter().flat_map(|(victim, times)| std::iter::repeat_n(*victim, *times)).collect();
    for last in (1..victims.len()).rev() {
        victims.swap(last, draw.below(last as u64 + 1) as usize);
    }
    let start = || Driver::start(child::command("cluster", &run).envs(LONG));
    let (began, mut driver) = (Instant::now(), start());
    for (number, victim) in (1..).zip(victims) {
        // At some moment of somebody's work.
        let at_work = || {
            assert!(!run.join("result.json").exists(), "the run ended before kill {number}");
            working(&run, "")
        };
        patiently("job", at_work);
        std::thread::sleep(Duration::from_millis(draw.below(3_000)));
        let holder = patiently("job", at_work);
        let away = Duration::from_millis(draw.below(3_000));
        match victim {
            Victim::Driver => {
                // Dropped, it is killed.
                drop(driver);
                driver = start();
            }
            // It may have ended just now.
            Victim::Worker => drop(Command::new("kill").args(["-KILL", &holder.process.to_string()]).status()),
            Victim::Node => {
                let node = patiently("node", || working(&run, "").as_ref().and_then(node_of));
                kill_daemon(&cluster, &format!("{node}.pid"));
                let _killed = Killed { cluster: &cluster, program: "slurmd", arguments: vec!["-N", &node] };
                std::thread::sleep(away);
            }
            Victim::Controller => {
                kill_daemon(&cluster, "slurmctld.pid");
                let _killed = Killed { cluster: &cluster, program: "slurmctld", arguments: Vec::new() };
                std::thread::sleep(away);
            }
        }
        println!("{:6.1} s: kill {number}, {victim:?}", began.elapsed().as_secs_f64());
    }
    driver.succeeds();
    let events = RunReader::open(&run).unwrap().events().unwrap();
    let attempts = events.iter().filter(|event| event.kind == "opened" && event.stage.is_some()).count();
    println!("{:6.1} s: the end, after {attempts} attempts; seed {seed}", began.elapsed().as_secs_f64());
    // Values, weights, history, result.
    assert_eq!(files(&run), files(&whole));
}
