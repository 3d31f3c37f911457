//! Signals to a child that works, idles or does not listen.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use super::super::{INTERRUPTED_EXIT_CODE, Interrupt, NoProgress};
use super::child::{command, start};
use super::toy;

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
    for (task, expected) in [("deaf", "told: stopping after this step"), ("idle", "told: interrupted: no work was")] {
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
