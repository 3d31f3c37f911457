//! Faults of a cluster, put into one that is ours alone: `tools/slurm-here.sh` runs one, and `FEWSHOT_TEST_SLURM` names its folder
//! (CONTRIBUTING.md). Nobody else's daemons are ended, and no test of another kind has this cluster meanwhile.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::cluster::{Driver, assert_whole, patiently, working};

/// Environment variable: the folder of that cluster.
const OWN: &str = "FEWSHOT_TEST_SLURM";

/// That folder, for one test at a time; says so if there is none.
fn own_cluster() -> Option<(PathBuf, MutexGuard<'static, ()>)> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let folder = std::env::var_os(OWN).map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: no Slurm of these tests' own here ({OWN})");
    }
    Some((folder?, ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)))
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
        let job = holder.job.clone()?;
        let said = Command::new("squeue").args(["--noheader", "--format=%N", "--job", &job]).output().unwrap();
        let node = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        node.starts_with('n').then_some((node, holder))
    });
    kill_daemon(&cluster, &format!("{node}.pid"));
    let _killed = Killed { cluster: &cluster, program: "slurmd", arguments: vec!["-N", &node] };
    let _ = Command::new("kill").args(["-KILL", &holder.process.to_string()]).status();
    driver.succeeds();
    assert_whole(&run, 6);
}
