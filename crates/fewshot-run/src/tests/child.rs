//! Child processes of the tests: this test binary, called again for one entry.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::super::{INTERRUPTED_EXIT_CODE, Interrupt, NoProgress, RunError, RunFolder};
use super::{cluster, crowd, disk, outputs, toy};

/// Environment variables: what the child is to do, and on which run.
const TASK: &str = "FEWSHOT_TEST_TASK";
const RUN: &str = "FEWSHOT_TEST_RUN";

/// Where a child begins. Called as a test of its own it has no task and does nothing: what it does
/// is asserted by the tests that start it.
#[test]
fn child_entry() {
    let (Ok(task), Ok(run)) = (std::env::var(TASK), std::env::var(RUN)) else {
        return;
    };
    let run = Path::new(&run);
    match task.as_str() {
        "toy" => match toy::run(run, &Interrupt::install(told).unwrap(), &NoProgress) {
            Ok(()) => {}
            Err(RunError::Interrupted { .. }) => std::process::exit(INTERRUPTED_EXIT_CODE),
            Err(error) => panic!("{error}"),
        },
        "work" => cluster::end(crowd::work(run)),
        "drive" => cluster::end(crowd::drive(run)),
        "job" => cluster::end(cluster::job(run)),
        "cluster" => cluster::end(cluster::drive(run)),
        "hold" => {
            let _run = RunFolder::open(run).unwrap();
            println!("ready");
            std::thread::sleep(Duration::from_secs(60));
        }
        "deaf" => {
            let interrupt = Interrupt::install(told).unwrap();
            let _working = interrupt.working();
            println!("ready");
            std::thread::sleep(Duration::from_secs(60));
        }
        "idle" => {
            let interrupt = Interrupt::install(told).unwrap();
            drop(interrupt.working());
            println!("ready");
            std::thread::sleep(Duration::from_secs(60));
        }
        "polite" => {
            let interrupt = Interrupt::install(told).unwrap();
            let _working = interrupt.working();
            println!("ready");
            while interrupt.check().is_ok() {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::process::exit(INTERRUPTED_EXIT_CODE);
        }
        "outputs" => outputs::write_all(run),
        "full" => disk::fill(run),
        #[cfg(unix)]
        "close" => disk::close(run),
        other => panic!("no task {other}"),
    }
}

fn told(line: &str) {
    println!("told: {line}");
}

/// The command that starts a child with a task on a run.
pub(super) fn command(task: &str, run: &Path) -> Command {
    with_program(Command::new(std::env::current_exe().unwrap()), task, run)
}

/// The same behind a program that runs other programs, given with its own arguments.
#[cfg(target_os = "linux")]
pub(super) fn command_under(mut outer: Command, task: &str, run: &Path) -> Command {
    outer.arg(std::env::current_exe().unwrap());
    with_program(outer, task, run)
}

fn with_program(mut command: Command, task: &str, run: &Path) -> Command {
    // The name of this test without that of the crate.
    let (_, module) = module_path!().split_once("::").unwrap();
    command
        .arg(format!("{module}::child_entry"))
        .args(["--exact", "--nocapture", "--test-threads=1"])
        .env(TASK, task)
        .env(RUN, run)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Starts a child and waits until it says "ready".
pub(super) fn start(task: &str, run: &Path) -> Child {
    let mut child = command(task, run).spawn().unwrap();
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let ready = lines.map_while(Result::ok).any(|line| line.ends_with("ready"));
    assert!(ready, "the child ended early");
    child
}

#[cfg(unix)]
mod signals {
    use super::*;

    fn signal(child: &Child, name: &str) {
        let status = Command::new("kill").args([name, &child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for at most ten seconds.
    fn wait(mut child: Child) -> ExitStatus {
        for _ in 0..1000 {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill().unwrap();
        panic!("the child did not end");
    }

    #[test]
    fn one_signal_asks_and_a_second_one_kills() {
        for name in ["-INT", "-TERM"] {
            let polite = start("polite", Path::new(""));
            signal(&polite, name);
            assert_eq!(wait(polite).code(), Some(INTERRUPTED_EXIT_CODE));

            let mut deaf = start("deaf", Path::new(""));
            signal(&deaf, name);
            std::thread::sleep(Duration::from_millis(100));
            assert_eq!(deaf.try_wait().unwrap(), None, "the first only asks");
            signal(&deaf, name);
            assert_eq!(wait(deaf).code(), Some(INTERRUPTED_EXIT_CODE));

            // Before and after work there is nothing to save.
            let idle = start("idle", Path::new(""));
            signal(&idle, name);
            assert_eq!(wait(idle).code(), Some(INTERRUPTED_EXIT_CODE));
        }
    }

    #[test]
    fn what_a_signal_leads_to_is_told_at_once() {
        for (task, expected) in [("deaf", "told: stopping after this step"), ("idle", "told: interrupted: no work was")]
        {
            let mut child = start(task, Path::new(""));
            // What `start` read of it is gone, and nothing was said before "ready".
            signal(&child, "-INT");
            let lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let is_told = lines.map_while(Result::ok).any(|line| line.starts_with(expected));
            assert!(is_told, "{task}");
            let _ = child.kill();
            child.wait().unwrap();
        }
    }

    #[test]
    fn an_interrupted_run_goes_on_to_the_same_end() {
        let dir = tempfile::tempdir().unwrap();
        let whole = dir.path().join("whole");
        toy::run(&whole, &Interrupt::new(), &NoProgress).unwrap();
        let cut = dir.path().join("cut");
        let mut ends = 0;
        for step in 0..100 {
            let child = command("toy", &cut).env(toy::SLOW, "4").spawn().unwrap();
            // Longer each time, so that a slow machine gets to the end as well.
            std::thread::sleep(Duration::from_millis(20 + 7 * (step % 4) + 3 * step));
            // It may be done already; then there is nobody to signal.
            let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).output();
            let status = wait(child);
            if status.success() {
                break;
            }
            // Before the handlers are there, the signal itself ends the process.
            assert!(matches!(status.code(), Some(INTERRUPTED_EXIT_CODE) | None), "{status}");
            ends += 1;
        }
        assert!(ends > 0, "it was never interrupted");
        assert_eq!(toy::files(&cut), toy::files(&whole));
    }
}
