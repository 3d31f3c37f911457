//! What is short, or far too much, is one clear line, at once.

use std::path::Path;
use std::process::{Command, Output};

use crate::common::{failure, files_in, program, said, tiny_search, trained};

/// The program with these arguments in a shell that first sets a limit.
fn limited(limit: &str, args: &[&str]) -> Output {
    let script = format!("{limit} && exec \"$@\"");
    Command::new("sh").args(["-c", &script, "sh", env!("CARGO_BIN_EXE_fewshot")]).args(args).output().unwrap()
}

/// The one line of a failure, among what a run says before.
fn error(output: &Output) -> String {
    let text = said(output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("fewshot: ")).collect();
    assert!(errors.len() == 1 && !text.contains("panicked"), "{text}");
    errors[0].to_string()
}

#[test]
fn counts_that_nobody_can_mean_are_refused_before_anything_is_planned() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    for (flag, count, key) in [
        ("--finalists", "4294967295", "search.finalists"),
        ("--randoms", "100000", "standalone.randoms"),
        ("--verify", "100000", "search.verify"),
        ("--pareto", "4294967295", "search.pareto"),
        ("--threads", "4294967295", "threads"),
        ("--budget", "1000000001", "search.budget"),
        ("--epochs", "4000000000", "supernet.epochs"),
        ("--child-epochs", "4000000000", "children.epochs"),
        ("--alone-epochs", "4000000000", "standalone.train.epochs"),
    ] {
        let output = tiny_search(dir.path(), &out).args([flag, count]).output().unwrap();
        let text = failure(&output, 2);
        assert!(text.contains(key) && text.contains(count), "{flag}: {text}");
    }
    let output = program(&[&"reproduce", &"cell1296-truth", &"--networks", &"4000000000", &"--out", &out]);
    assert!(failure(&output, 2).contains("ranking.networks"));
    assert_eq!(files_in(dir.path()), ["tiny.toml"]);
}

#[test]
#[cfg(target_os = "linux")]
fn memory_that_is_short_is_told_and_no_abort() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = dir.path().join("tiny.toml");
    std::fs::write(&recipe, crate::common::TINY).unwrap();
    let mut short = 0;
    for megabytes in [60, 100, 150, 220] {
        let out = dir.path().join(megabytes.to_string());
        let args = ["search", "--recipe", recipe.to_str().unwrap(), "--out", out.to_str().unwrap()];
        let output = limited(&format!("ulimit -v {}", megabytes * 1024), &args);
        if !output.status.success() {
            short += 1;
            assert!(error(&output).contains("memory"), "{megabytes} MB: {}", said(&output));
        }
    }
    assert!(short > 0, "60 MB are enough?");
}

#[test]
#[cfg(target_os = "linux")]
fn files_that_may_not_grow_and_threads_that_there_are_none_of_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let (recipe, out) = (dir.path().join("tiny.toml"), dir.path().join("run"));
    std::fs::write(&recipe, crate::common::TINY).unwrap();
    let args = ["search", "--recipe", recipe.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let text = error(&limited("ulimit -f 16", &args));
    assert!(text.contains("ulimit -f") && text.contains("fewshot resume"), "{text}");

    // The limit holds for no root, who takes another user's place.
    let nobody = |processes: &str, command: &[&str]| {
        let mut setpriv = Command::new("setpriv");
        let limit = format!("--nproc={processes}");
        setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups", "prlimit", &limit]);
        setpriv.arg(env!("CARGO_BIN_EXE_fewshot")).args(command).output()
    };
    if !nobody("unlimited", &["--version"]).is_ok_and(|output| output.status.success()) {
        println!("skipped: this user cannot be another one, or that one cannot run the program");
        return;
    }
    let text = error(&nobody("1", &["data", "info"]).unwrap());
    assert!(text.contains("thread") && text.contains("ulimit -u"), "{text}");
}

#[test]
#[cfg(unix)]
fn pipes_and_devices_are_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let image = dir.path().join("image.png");
    crate::common::write_png(&image, 8, &[7; 64]);
    for path in [pipe.as_path(), Path::new("/dev/zero")] {
        let refused = |args: &[&dyn AsRef<std::ffi::OsStr>]| {
            let output = program(args);
            let text = said(&output);
            assert!(!output.status.success() && text.lines().count() == 1, "{text}");
            assert!(text.contains("a pipe or device") && text.contains(path.to_str().unwrap()), "{text}");
        };
        refused(&[&"search", &"--recipe", &path, &"--out", &dir.path().join("run")]);
        refused(&[&"recipes", &"check", &path]);
        refused(&[&"rank", &"--truth", &path, &"--truth-column", &"a", &"--scores", &path, &"--score-column", &"b"]);
        refused(&[&"predict", &path, &image]);
        refused(&[&"train", &trained(), &"--recipe", &path]);
    }
}
