//! What is said may be lost: nobody reads on, the terminal is gone, the disk is full. The run is not.

use std::process::{Command, Stdio};

use crate::common::{fewshot, run, tiny_search};

/// Runs the command with both outputs going to pipes whose other ends are closed at once.
fn unheard(mut command: Command) -> Option<i32> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    child.wait().unwrap().code()
}

#[test]
fn a_run_that_nobody_listens_to_comes_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    assert_eq!(unheard(tiny_search(dir.path(), &out)), Some(0));
    assert!(out.join("result.json").exists() && out.join("report.html").exists());
    for args in [["resume"].as_slice(), &["resume", "--json"], &["report"]] {
        let mut command = fewshot(args);
        command.arg(&out);
        assert_eq!(unheard(command), Some(0), "{args:?}");
    }
    // A failure stays one.
    assert_eq!(unheard(fewshot(["resume", "nothing"])), Some(1));
    assert_eq!(unheard(fewshot(["search", "--nonsense"])), Some(2));
    for args in [["recipes"].as_slice(), &["man"], &["completions", "bash"], &["spaces", "--json"], &["--help"]] {
        assert_eq!(unheard(fewshot(args)), Some(0), "{args:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_takes_progress_and_no_run() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut search = tiny_search(dir.path(), &out);
    assert_eq!(search.stderr(full()).output().unwrap().status.code(), Some(0));
    assert!(out.join("result.json").exists());
    assert_eq!(fewshot(["resume", "nothing"]).stderr(full()).status().unwrap().code(), Some(1));
    // A result that was asked for and could not be written is a failure, in one line.
    let output = fewshot(["recipes"]).stdout(full()).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("fewshot: cannot write the output") && said.lines().count() == 1, "{said}");
    assert!(run(["recipes"]).status.success());
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_that_is_gone_takes_no_run_with_it() {
    // `script` lends the program a terminal, and takes it away when it is killed. The shell only tells how the program ended.
    let dir = tempfile::tempdir().unwrap();
    let (recipe, out, code) = (dir.path().join("tiny.toml"), dir.path().join("run"), dir.path().join("code"));
    std::fs::write(&recipe, crate::common::TINY).unwrap();
    let [program, recipe] = [env!("CARGO_BIN_EXE_fewshot"), recipe.to_str().unwrap()];
    let line = format!(
        "trap '' HUP; '{program}' search --recipe '{recipe}' --out '{}'; echo $? >'{1}.new'; mv '{1}.new' '{1}'",
        out.display(),
        code.display()
    );
    let mut script = Command::new("script");
    script.args(["-q", "-c", &line, "/dev/null"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut script) = script.spawn() else {
        println!("skipped: there is no `script` here");
        return;
    };
    while !out.join("stages").exists() {
        assert!(script.try_wait().unwrap().is_none(), "it ended before its first stage");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    script.kill().unwrap();
    script.wait().unwrap();
    while !code.exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(std::fs::read_to_string(code).unwrap().trim(), "0");
    assert!(out.join("result.json").exists());
}
