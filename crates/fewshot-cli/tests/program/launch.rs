//! Runs that several processes share end as those of one process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::common::{failure, fewshot, last_json, result_without_seconds, run, said, tiny_search};
use crate::ranking::reproduce;

/// Weights, models and tables of a run.
fn files(run: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![run.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.extension().and_then(|extension| extension.to_str()) {
                _ if path.is_dir() => folders.push(path),
                Some("safetensors" | "onnx" | "csv") => {
                    files.insert(path.strip_prefix(run).unwrap().to_path_buf(), std::fs::read(&path).unwrap());
                }
                _ => {}
            }
        }
    }
    files
}

fn assert_same(one: &Path, other: &Path) {
    assert_eq!(result_without_seconds(one), result_without_seconds(other));
    let (one, other) = (files(one), files(other));
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, bytes) in one {
        assert!(bytes == other[&name], "{} differs", name.display());
    }
}

fn stages_done(run: &Path) -> usize {
    let stages = std::fs::read_dir(run.join("stages")).into_iter().flatten();
    stages.filter(|stage| stage.as_ref().is_ok_and(|stage| stage.path().join("done.json").exists())).count()
}

fn local(mut command: Command) -> Command {
    command.args(["--launch", "local", "--workers", "2"]);
    command
}

#[test]
fn workers_find_what_one_process_finds_and_the_run_tells_how_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    let (alone, shared) = (dir.path().join("alone"), dir.path().join("shared"));
    assert!(tiny_search(dir.path(), &alone).output().unwrap().status.success());
    let output = local(tiny_search(dir.path(), &shared)).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_same(&alone, &shared);
    let left = std::fs::read_dir(shared.join("attempts")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["instructions"]);

    let status = last_json(&run(["status".as_ref(), shared.as_os_str(), "--json".as_ref()]));
    let stages = status["stages"].as_array().unwrap();
    assert!(stages.len() > 6 && stages.iter().all(|stage| stage["state"] == "done"), "{status}");
    let text = run(["status".as_ref(), alone.as_os_str()]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("stages done, 0 being worked on"), "{text}");
    // It has ended: nothing is left to do, whoever is to do it.
    let again = run(["resume".as_ref(), shared.as_os_str(), "--launch".as_ref(), "local".as_ref()]);
    assert!(said(&again).contains("nothing is left to do"), "{}", said(&again));
    for ended in [&shared, &alone] {
        let cancelled = run(["cancel".as_ref(), ended.as_os_str()]);
        let text = String::from_utf8_lossy(&cancelled.stdout).into_owned();
        assert!(cancelled.status.success() && text.contains("nothing to cancel"), "{text}{}", said(&cancelled));
        assert!(!ended.join("attempts/stop").exists());
    }
}

#[test]
fn who_is_cancelled_ends_as_who_is_interrupted_and_tells_all_that_was_done() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let work = || run(["work".as_ref(), out.as_os_str()]);
    let driver = local(ranking(dir.path(), &out)).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while stages_done(&out) < 2 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let cancelled = run(["cancel".as_ref(), out.as_os_str()]);
    assert!(cancelled.status.success(), "{}", said(&cancelled));
    let output = driver.wait_with_output().unwrap();
    let told = said(&output);
    assert_eq!(output.status.code(), Some(130), "{told}");
    assert!(told.contains("was asked to stop (`fewshot cancel`)"), "{told}");
    let ended = told.lines().filter(|line| line.contains("] ") && line.contains(" done in ")).count();
    assert_eq!(ended, stages_done(&out), "{told}");
    // Nor does a worker go on before somebody else does.
    assert_eq!(work().status.code(), Some(130));
    let output = local(fewshot(["resume".as_ref(), out.as_os_str()])).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let output = work();
    assert!(output.status.success() && said(&output).contains("nothing is left to do"), "{}", said(&output));
}

#[test]
fn a_run_of_one_process_is_begun_and_no_workers() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let mut process = tiny_search(dir.path(), &out).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while stages_done(&out) < 1 {
        std::thread::sleep(Duration::from_millis(5));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    let status = last_json(&run(["status".as_ref(), out.as_os_str(), "--json".as_ref()]));
    let text = run(["status".as_ref(), out.as_os_str()]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    for stage in status["stages"].as_array().unwrap() {
        let (name, state) = (stage["name"].as_str().unwrap(), stage["state"].as_str().unwrap());
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap();
        assert_eq!(line.split_whitespace().nth(1), Some(state), "{text}");
    }
    let output = run(["work".as_ref(), out.as_os_str()]);
    assert!(failure(&output, 1).contains("no processes share"), "{}", said(&output));
    assert!(said(&output).contains("--launch local") && !out.join("attempts").exists(), "{}", said(&output));
}

#[test]
fn flags_of_another_launcher_and_budgets_of_time_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let refused = |more: &[&str]| {
        let output = tiny_search(dir.path(), &out).args(more).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(!out.exists());
        said(&output)
    };
    assert!(refused(&["--workers", "2"]).contains("--launch local"));
    for flag in ["--sbatch-args=--time=1:00:00", "--prologue=module load a", "--wrapper=run"] {
        assert!(refused(&[flag]).contains("--launch slurm"), "{flag}");
    }
    let unclosed = refused(&["--launch", "slurm", "--sbatch-args", "--comment='two words"]);
    assert!(unclosed.contains("`--comment='two words`") && unclosed.contains("quote"), "{unclosed}");
    assert!(refused(&["--launch", "slurm", "--sbatch-args", "-a 0-9%4"]).contains("`--array=%4`"));
    assert!(refused(&["--launch", "local", "--minutes", "5"]).contains("budget of time"));
}

/// A ranking of sub-supernets with two seeds.
fn ranking(folder: &Path, out: &Path) -> Command {
    let mut command = reproduce(folder, "proof-of-concept", out);
    command.args(["--networks", "600", "--seeds", "2", "--threads", "2"]);
    command
}

/// Names, shapes and numbers of the weights that a ranking keeps, by arm and supernet, in whatever stage they were trained.
fn weights(run: &Path) -> BTreeMap<String, (Value, Vec<u8>)> {
    let mut weights = BTreeMap::new();
    for (path, bytes) in files(run).into_iter().filter(|(path, _)| path.starts_with("stages")) {
        let stage = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let arm = stage.split("-shard").next().unwrap().split_once('-').unwrap().1.to_string();
        let (length, rest) = bytes.split_at(8);
        let (header, data) = rest.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
        // Beside the tensors it says which run and stage they belong to.
        let mut header: Value = serde_json::from_slice(header).unwrap();
        header.as_object_mut().unwrap().remove("__metadata__").unwrap();
        weights.insert(format!("{arm}/{}", path.file_name().unwrap().display()), (header, data.to_vec()));
    }
    weights
}

fn assert_same_ranking(one: &Path, other: &Path) {
    assert_eq!(result_without_seconds(one), result_without_seconds(other));
    assert_eq!(std::fs::read(one.join("scores.csv")).unwrap(), std::fs::read(other.join("scores.csv")).unwrap());
    let (one, other) = (weights(one), weights(other));
    assert!(one.len() >= 2 && one.keys().eq(other.keys()), "{:?} {:?}", one.keys(), other.keys());
    assert!(one == other, "weights differ");
}

#[test]
fn arms_and_truths_cut_into_shards_are_those_of_one_process_whatever_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let (alone, shared) = (dir.path().join("alone"), dir.path().join("shared"));
    let output = ranking(dir.path(), &alone).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    // Now a worker is killed, now the driver.
    let mut kills = 0;
    for round in 0..6 {
        let begin = match shared.join("run.toml").exists() {
            true => fewshot(["resume".as_ref(), shared.as_os_str()]),
            false => ranking(dir.path(), &shared),
        };
        let mut driver = local(begin).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // However slow the machine is: some stages later each time.
        while stages_done(&shared) < 1 + 3 * round && driver.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
        if round % 2 == 0 {
            let status = last_json(&run(["status".as_ref(), shared.as_os_str(), "--json".as_ref()]));
            let working = status["stages"].as_array().unwrap().iter().find(|stage| stage["state"] == "working");
            if let Some(process) = working.and_then(|stage| stage["claim"]["holder"]["process"].as_u64()) {
                let _ = Command::new("kill").args(["-KILL", &process.to_string()]).output();
                std::thread::sleep(Duration::from_millis(300));
            }
        }
        if driver.try_wait().unwrap().is_some() {
            break;
        }
        driver.kill().unwrap();
        driver.wait().unwrap();
        kills += 1;
    }
    assert!(kills > 1, "only {kills} kills");
    let output = local(fewshot(["resume".as_ref(), shared.as_os_str()])).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_same_ranking(&alone, &shared);
    // Each supernet was a stage of its own, as two seeds times six parts are fewer than the shards that there may be.
    let plan: Value = serde_json::from_slice(&std::fs::read(shared.join("plan.json")).unwrap()).unwrap();
    let names: Vec<&str> =
        plan["stages"].as_array().unwrap().iter().map(|stage| stage["name"].as_str().unwrap()).collect();
    assert_eq!(names.iter().filter(|name| name.contains("few-shot-e2-shard")).count(), 12, "{names:?}");

    let (alone, shared) = (dir.path().join("truth"), dir.path().join("shared-truth"));
    let truth = |out: &Path| {
        let mut command = reproduce(dir.path(), "cell1296-truth", out);
        command.args(["--networks", "12", "--seeds", "2"]);
        command
    };
    for command in [truth(&alone), local(truth(&shared))].iter_mut() {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
    assert_eq!(result_without_seconds(&alone), result_without_seconds(&shared));
    assert_eq!(std::fs::read(alone.join("truth.csv")).unwrap(), std::fs::read(shared.join("truth.csv")).unwrap());
}

#[test]
fn jobs_of_a_cluster_find_what_one_process_finds() {
    let answers = Command::new("sinfo").arg("--noheader").output();
    if !answers.is_ok_and(|output| output.status.success() && !output.stdout.is_empty()) {
        eprintln!("skipped: no Slurm answers here (`sinfo`)");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (alone, shared) = (dir.path().join("alone"), dir.path().join("shared"));
    let output = ranking(dir.path(), &alone).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let mut command = ranking(dir.path(), &shared);
    let output = command.args(["--launch", "slurm", "--sbatch-args", "--time=10"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_same_ranking(&alone, &shared);
    let left: Vec<_> = std::fs::read_dir(&shared).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name == "jobs"), "what was submitted is forgotten: {left:?}");
}
