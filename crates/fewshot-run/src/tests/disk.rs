//! Disks that are full or closed.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::super::{Checkpoint, RunFolder, TensorF32, write_atomic};
use super::{child, toy};

/// What the child says when it could make its disk and all held.
const CHECKED: &str = "disk checked";

/// In a child that may mount: fills a disk of 128 KB under a run.
pub(super) fn fill(folder: &Path) {
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=128k", "tmpfs"]).arg(folder).status();
    if !mounted.is_ok_and(|status| status.success()) {
        return;
    }
    let run = folder.join("run");
    let folder = RunFolder::create(&run, &toy::Recipe::default(), &"data".into()).unwrap();
    let state = |len: usize| {
        let mut state = Checkpoint::new(&len).unwrap();
        state.insert("w", TensorF32::new(vec![len], vec![0.5; len]).unwrap());
        state
    };
    let path = run.join("checkpoint.safetensors");
    state(1_000).save(&path).unwrap();
    let error = state(100_000).save(&path).unwrap_err().to_string();
    let advice = format!("free space and run `fewshot resume {}`", run.display());
    assert!(error.starts_with("no space left on the disk to write"), "{error}");
    assert!(error.contains("checkpoint.safetensors") && error.ends_with(&advice), "{error}");
    assert_eq!(Checkpoint::load(&path).unwrap(), state(1_000), "the old one is whole");
    let left = fs::read_dir(&run).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!left.into_iter().any(|name| name.to_string_lossy().starts_with(".tmp-")));

    // A line that does not fit leaves no part behind, and the log goes on when there is space.
    let history = folder.open_history().unwrap();
    history.append(&1).unwrap();
    let long = "x".repeat(200_000);
    let error = history.append(&long).unwrap_err().to_string();
    assert!(error.starts_with("no space left on the disk to write"), "{error}");
    history.append(&2).unwrap();
    assert_eq!(history.read::<u32>().unwrap(), [1, 2]);
    println!("{CHECKED}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    // A namespace of its own, in which an ordinary user may mount and which ends with the child.
    let mut outer = Command::new("unshare");
    outer.args(["--user", "--map-root-user", "--mount"]);
    assert_checked(outer, "full", dir.path());
}

/// Runs the task in a child under `outer`. Where the system does not let the child make its disk,
/// that is said; where it fails, this fails.
#[cfg(target_os = "linux")]
fn assert_checked(outer: Command, task: &str, folder: &Path) {
    let skip = |why: &str| println!("skipped: the disk test `{task}`: {why}");
    let Ok(output) = child::command_under(outer, task, folder).output() else {
        return skip("there is no program `unshare` here");
    };
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    if out.contains(CHECKED) {
        return;
    }
    assert!(!err.contains("panicked"), "{out}\n{err}");
    skip("this user may make no namespace or no disk here");
}

/// Makes a folder in `folder` that cannot be written and looks at the errors, unless this user may
/// write everywhere.
#[cfg(unix)]
pub(super) fn close(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let closed = folder.join("closed");
    if !closed.exists() {
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    }
    if fs::write(closed.join("probe"), b"").is_ok() {
        fs::remove_file(closed.join("probe")).unwrap();
        return;
    }
    let error = write_atomic(&closed.join("a.json"), b"x").unwrap_err().to_string();
    assert!(error.contains("a.json") && error.contains("choose another folder"), "{error}");
    let error = RunFolder::create(&closed.join("run"), &toy::Recipe::default(), &"data".into());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("closed/run") && error.contains("choose another folder"), "{error}");
    println!("{CHECKED}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_folder_closed_to_writing_is_named() {
    let dir = tempfile::tempdir().unwrap();
    // In a namespace without users even root has only the rights that the folder gives.
    let mut outer = Command::new("unshare");
    outer.arg("--user");
    assert_checked(outer, "close", dir.path());
}
