//! Runs that are killed at every moment and go on to the same end.

use std::path::Path;
use std::time::Duration;

use super::super::fault::{CUT_AT, CUT_EXIT_CODE};
use super::super::{Event, Interrupt, NoProgress, RunReader};
use super::{child, toy};

/// Runs the toy in a child that ends at its `cut`-th file operation; whether it came to its end
/// before.
fn run_cut(run: &Path, cut: u64) -> bool {
    let output = child::command("toy", run).env(CUT_AT, cut.to_string()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0) => true,
        Some(CUT_EXIT_CODE) => false,
        other => panic!("cut at {cut}: exit {other:?}\n{text}"),
    }
}

#[test]
fn a_cut_at_any_file_operation_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    toy::run(&whole, &Interrupt::new(), &NoProgress).unwrap();
    let expected = toy::files(&whole);
    let names: Vec<&str> =
        expected.keys().map(String::as_str).filter(|n| !n.ends_with("04-search/done.json")).collect();
    assert_eq!(names, toy::NAMES);

    let mut cut = 1;
    loop {
        let run = dir.path().join(format!("cut-{cut}"));
        if run_cut(&run, cut) {
            break;
        }
        // The resumed process is cut too, somewhere in its first operations, then left alone.
        run_cut(&run, 1 + cut * 7 % 31);
        toy::run(&run, &Interrupt::new(), &NoProgress).unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
        assert_eq!(toy::files(&run), expected, "cut at {cut}");
        std::fs::remove_dir_all(&run).unwrap();
        cut += 1;
    }
    assert!(cut > 100, "only {cut} operations seen");
}

#[test]
fn a_kill_at_any_moment_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    toy::run(&whole, &Interrupt::new(), &NoProgress).unwrap();
    let run = dir.path().join("killed");
    let mut kills = 0;
    for round in 0..40u64 {
        let mut child = child::command("toy", &run).env(toy::SLOW, "4").spawn().unwrap();
        // Spread over the time that a stage takes; longer each time, so that a slow machine gets
        // past the start of the process as well.
        std::thread::sleep(Duration::from_millis(5 + round * 17 % 53 + 3 * round));
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            break;
        }
        kills += 1;
    }
    assert!(kills > 0, "it was never killed");
    toy::run(&run, &Interrupt::new(), &NoProgress).unwrap();
    assert_eq!(toy::files(&run), toy::files(&whole));
    let events = RunReader::open(&run).unwrap().events().unwrap();
    assert!(Event::seconds(&events) > 0.0);
}

#[test]
fn a_killed_process_frees_the_run() {
    use super::super::{RunError, RunFolder};
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    drop(RunFolder::create(&run, &toy::Recipe::default(), &"data".into()).unwrap());
    let mut holder = child::start("hold", &run);
    match RunFolder::open(&run) {
        Err(error @ RunError::InUse { pid, .. }) => {
            assert_eq!(pid, Some(holder.id()));
            assert!(error.to_string().contains(&format!("process {}", holder.id())), "{error}");
        }
        other => panic!("{other:?}"),
    }
    // Reading needs no lock.
    RunReader::open(&run).unwrap().events().unwrap();
    holder.kill().unwrap();
    holder.wait().unwrap();
    RunFolder::open(&run).unwrap();
}
