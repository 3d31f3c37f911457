//! A run that is killed at random moments, and resumed each time, ends as the run that was never cut.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{fewshot, result_without_seconds, said, tiny_search};
use fewshot_space::random;
use rand::RngExt;

const KILLS: u64 = 10;

#[test]
fn ten_kills_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (uncut, cut) = (dir.path().join("uncut"), dir.path().join("cut"));
    let began = Instant::now();
    assert!(tiny_search(dir.path(), &uncut).output().unwrap().status.success());
    let whole = began.elapsed();

    for kills in 0..=KILLS {
        let mut child = quiet(next(dir.path(), &cut));
        if kills == KILLS {
            assert!(child.wait().unwrap().success());
            break;
        }
        // Moments differ from run to run as the machine does, which is wanted: any moment must do.
        let share = random::stream(0, "kill", kills, 0).random_range(0.01..0.25);
        let moment = Instant::now() + whole.mul_f64(share);
        let mut ended = false;
        while Instant::now() < moment && !ended {
            ended = child.try_wait().unwrap().is_some();
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!ended || kills > 0, "the run ended before the first kill");
    }

    assert_eq!(result_without_seconds(&cut), result_without_seconds(&uncut));
    let (cut, uncut) = (weights(&cut), weights(&uncut));
    assert!(cut.len() > 8, "{:?}", cut.keys());
    assert_eq!(cut.keys().collect::<Vec<_>>(), uncut.keys().collect::<Vec<_>>());
    for (name, bytes) in cut {
        assert!(bytes == uncut[&name], "{} differs", name.display());
    }
}

#[test]
fn ctrl_c_keeps_the_last_step_and_exits_with_130() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let mut child = quiet(tiny_search(dir.path(), &out));
    while !out.join("stages").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!out.join("result.json").exists());
    assert!(fewshot(["resume"]).arg(&out).output().unwrap().status.success());
    assert!(out.join("result.json").exists());
}

#[test]
fn ctrl_c_says_at_once_that_the_run_stops() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let child = tiny_search(dir.path(), &out).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while !out.join("stages").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains("stopping after this step, which is saved"), "{text}");
}

/// Begins the run, or goes on with it once it has begun.
fn next(folder: &Path, run: &Path) -> Command {
    if run.join("run.toml").exists() {
        let mut command = fewshot(["resume"]);
        command.arg(run);
        command
    } else {
        tiny_search(folder, run)
    }
}

fn quiet(mut command: Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Every weights file of a run, by its path within the run.
fn weights(run: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![run.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "safetensors" || extension == "onnx") {
                files.insert(path.strip_prefix(run).unwrap().to_path_buf(), std::fs::read(&path).unwrap());
            }
        }
    }
    files
}
