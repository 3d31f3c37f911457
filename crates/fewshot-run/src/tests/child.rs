//! Child processes of the tests: this test binary, called again for one entry (`entry.rs`).

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Environment variables: what the child is to do, and on which run.
pub(super) const TASK: &str = "FEWSHOT_TEST_TASK";
pub(super) const RUN: &str = "FEWSHOT_TEST_RUN";

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
    // The name of that test without that of the crate.
    let (_, module) = module_path!().split_once("::").unwrap();
    let (folder, _) = module.rsplit_once("::").unwrap();
    command
        .arg(format!("{folder}::entry::child_entry"))
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
