//! `fewshot reproduce mbconv`: three runs, the truth made in each, found networks trained alone beside random ones.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

use crate::common::{failure, fewshot, kill_and_resume, last_json, result_without_seconds, said};

fn reproduce(name: &str, out: &Path) -> Command {
    let mut command = fewshot(["reproduce", name, "--threads", "2", "--out"]);
    command.arg(out);
    command
}

fn successful(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    output
}

fn result(run: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(run.join("result.json")).unwrap()).unwrap()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap()
}

/// A ranking with its own truth, whose limit is so many multiply-adds.
fn check_ranking(run: &Path, limit: u64) {
    let result = result(run);
    assert_eq!((result["networks"].as_u64(), result["within"].as_u64()), (Some(6), Some(3)), "{result}");
    assert!(result["truth"].as_str().unwrap().contains("trained alone in this run"), "{result}");
    assert_eq!(result["randoms"]["networks"], 3, "half keep the limit, the others do not");
    for (name, supernets) in [("one-shot", 1), ("five parts", 5), ("one-shot, equal cost", 1)] {
        let row = list(&result, "rows").iter().find(|row| row["arm"] == name).unwrap();
        assert_eq!(row["supernets"], supernets, "{name}");
        let owned = list(row, "regions").iter().map(|region| region["networks"].as_u64().unwrap());
        assert_eq!(owned.sum::<u64>(), 6, "{name}: each network has one owner");
        let found = list(&result, "found").iter().find(|found| found["arm"] == name).unwrap();
        assert!(found["network"]["macs"].as_u64().unwrap() <= limit, "{found}");
        assert_eq!(found["evaluations"], 12);
    }
    let methods = list(&result, "free").iter().map(|row| row["method"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(methods, ["#params", "#MACs", "structure", "random"]);
    let macs =
        |name: &str| list(&result, "rows").iter().find(|row| row["arm"] == name).unwrap()["macs"].as_f64().unwrap();
    let (parts, equal) = (macs("five parts"), macs("one-shot, equal cost"));
    // To half of an epoch of the shortest training, which is much of so short a one.
    assert!(parts > macs("one-shot") && (equal / parts - 1.0).abs() < 0.2, "{parts} {equal}");
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    for part in ["Within the limits", "3 random networks", "one-shot, equal cost", "The sub-supernets", "#params"] {
        assert!(page.contains(part), "{part}");
    }
    let scores = std::fs::read_to_string(run.join("scores.csv")).unwrap();
    assert_eq!(scores.lines().count(), 7, "{scores}");
}

/// One JSON object for all runs of a series, by each command that takes their folder.
fn check_series(out: &Path, again: &Output) {
    let runs = ["mbconv-ofa", "mbconv-proxyless", "mbconv-gates"].map(|run| out.join(run).display().to_string());
    let paths = |value: &Value| -> Vec<String> {
        list(value, "runs").iter().map(|run| run["run"].as_str().unwrap().to_string()).collect()
    };
    let resumed = successful(with_folder("resume", out, &["--json"]));
    for output in [again, &resumed] {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let whole: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!((whole["format"].as_u64(), whole["series"].as_str()), (Some(1), Some("mbconv")));
        assert_eq!(paths(&whole), runs);
        for (run, path) in list(&whole, "runs").iter().zip(&runs) {
            assert_eq!(run["result"], result(Path::new(path)));
        }
    }
    let status = last_json(&successful(with_folder("status", out, &["--json"])));
    assert_eq!((paths(&status), list(&status, "missing").len()), (runs.to_vec(), 0));
    let is_done = |stage: &Value| stage["state"] == "done";
    assert!(list(&status, "runs").iter().all(|run| list(run, "stages").iter().all(is_done)), "{status}");
    for command in ["status", "report", "cancel"] {
        let shown = successful(with_folder(command, out, &[]));
        let text = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(runs.iter().all(|run| text.contains(run.as_str())), "{command}: {text}");
    }
    let refused = with_folder("report", out, &["--out", "page.html"]).output().unwrap();
    assert!(failure(&refused, 2).contains("--out is for the page of one run"), "{}", said(&refused));
    // Other commands say which runs there are.
    let refused = with_folder("rank", out, &[]).output().unwrap();
    assert!(failure(&refused, 1).contains("give one of those in it: mbconv-gates, mbconv-ofa"), "{}", said(&refused));
}

fn with_folder(command: &str, folder: &Path, more: &[&str]) -> Command {
    let mut command = fewshot([command]);
    command.arg(folder).args(more);
    command
}

#[test]
fn flags_that_a_comparison_does_not_read_are_refused_by_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("none");
    let mine = dir.path().join("mine.toml");
    std::fs::write(&mine, "base = \"splits-smoke\"\n").unwrap();
    let mine = mine.display().to_string();
    for (name, flags, words) in [
        ("mbconv", ["--methods", "proxyless"], "or give it to `fewshot reproduce mbconv-gates --methods ..`"),
        ("mbconv-ofa", ["--methods", "proxyless"], "--methods is for comparisons of gradient-based methods"),
        ("mbconv-gates", ["--networks", "5"], "--networks is for comparisons of many networks"),
        ("mbconv", ["--networks", "5"], "`fewshot reproduce mbconv-ofa --networks ..` or"),
        ("cell1296-truth", ["--truth", "t.csv"], "--truth is for comparisons with a table of truths"),
        ("mbconv", ["--recipe", &mine], "--recipe changes one run, and mbconv is several"),
        ("mbconv-gates", ["--methods", "gdas"], "--methods: gradient: `gdas` cannot keep `search.max_macs`"),
        (
            "cifar10-nasnet",
            ["--methods", "darts-v1-original"],
            "--methods: gradient: `strategies` search the supernets",
        ),
    ] {
        let refused = reproduce(name, &out).args(flags).output().unwrap();
        let told = failure(&refused, 2);
        assert!(told.contains(words), "{words} in {told}");
        assert!(!out.exists(), "{told}");
    }
    // One that takes the place of the comparison is told.
    let mut replaced = reproduce("mbconv-gates", &out);
    let told = said(&replaced.args(["--recipe", &mine, "--methods", "proxyless"]).output().unwrap());
    assert!(told.contains("begins from splits-smoke: nothing of the comparison mbconv-gates stays"), "{told}");
    assert!(told.contains("--methods is for"), "{told}");
}

#[test]
fn a_search_by_predictors_goes_on_where_it_was_cut_and_tells_how_they_do() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = dir.path().join("predicted.toml");
    let text = "base = \"mbconv-ofa-smoke\"\n[scoring]\npredictor = 60\nrescored = 3\n[search]\nbudget = 100\n";
    std::fs::write(&recipe, text).unwrap();
    let run = |out: &Path, threads: &str| {
        let mut command = fewshot(["reproduce", "mbconv-ofa", "--threads", threads, "--recipe"]);
        command.arg(&recipe).arg("--out").arg(out);
        command
    };
    let [uncut, cut, one] = ["uncut", "cut", "one"].map(|name| dir.path().join(name));
    successful(run(&uncut, "2"));
    let result = result(&uncut);
    for (name, parts) in [("one-shot", 1), ("five parts", 5), ("one-shot, equal cost", 1)] {
        let found = list(&result, "found").iter().find(|found| found["arm"] == name).unwrap();
        assert_eq!((found["evaluations"].as_u64(), list(found, "predictors").len()), (Some(100), parts), "{name}");
        // As many scores in all, a fifth of them held out.
        for predictor in list(found, "predictors") {
            let pairs = 60 / parts as u64;
            assert_eq!((predictor["pairs"].as_u64(), predictor["held_out"].as_u64()), (Some(pairs), Some(pairs / 5)));
            assert!(predictor["epochs"].as_u64().unwrap() >= 20 && predictor["error"].is_number(), "{predictor}");
        }
        // The score is that of a supernet, on 50 images.
        let right = 50.0 * found["score"].as_f64().unwrap();
        assert!((right - right.round()).abs() < 1e-6, "{found}");
    }
    let whole = Duration::from_secs_f64(result["seconds"].as_f64().unwrap());
    let output = kill_and_resume(|| run(&cut, "2"), &cut, whole, &[0.5, 0.2, 0.2]);
    assert!(output.status.success(), "{}", said(&output));
    let tables = String::from_utf8_lossy(&output.stdout);
    assert!(tables.contains("| predictors | networks scored for them |"), "{tables}");
    successful(run(&one, "1"));
    for other in [&cut, &one] {
        assert_eq!(result_without_seconds(other), result_without_seconds(&uncut));
    }
    std::fs::write(&recipe, "base = \"mbconv-gates-smoke\"\n[scoring]\npredictor = 60\n").unwrap();
    let refused = fewshot(["recipes", "check"]).arg(&recipe).output().unwrap();
    assert!(
        said(&refused).contains("scoring.predictor: a predictor is for rankings that search"),
        "{}",
        said(&refused)
    );
}

#[test]
fn one_command_makes_all_runs_and_goes_on_with_those_that_are_there() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("mbconv");
    successful(reproduce("mbconv", &out));
    check_ranking(&out.join("mbconv-ofa"), 300_000);
    check_ranking(&out.join("mbconv-proxyless"), 250_000);
    let gates = result(&out.join("mbconv-gates"));
    assert_eq!((list(&gates, "rows").len(), list(&gates, "random_networks").len()), (9, 3));
    for row in list(&gates, "rows") {
        assert!(row["network"]["macs"].as_u64().unwrap() <= 250_000, "{row}");
        // A warm-up of one epoch, from whose end one supernet has three more and each of five parts one.
        assert_eq!(row["epochs"], if row["mode"] == "one-shot" { 4 } else { 6 }, "{row}");
        assert_eq!(list(row, "parts").len(), if row["mode"] == "few-shot, transfer" { 5 } else { 1 }, "{row}");
    }
    let runs = ["mbconv-ofa", "mbconv-proxyless", "mbconv-gates"];
    let results = || runs.map(|run| result_without_seconds(&out.join(run)));
    let before = results();
    let mut again = reproduce("mbconv", &out);
    again.arg("--json");
    let again = successful(again);
    let told = said(&again);
    assert!(told.contains("mbconv-gates, which is there") && told.contains("nothing is left to do"), "{told}");
    assert_eq!(before, results());
    check_series(&out, &again);
    let other = reproduce("mbconv", &out).args(["--seeds", "2"]).output().unwrap();
    let told = failure(&other, 2);
    assert!(
        told.contains("mbconv-ofa is a run with other settings than these (`ranking.seeds` is 1 there and 2 here)"),
        "{told}"
    );
    let other = reproduce("mbconv-gates", &out.join("mbconv-gates")).args(["--methods", "proxyless"]).output().unwrap();
    assert!(failure(&other, 2).contains("(`gradient.methods` is [{"), "{}", said(&other));
    let model = fewshot(["eval"]).arg(out.join("mbconv-gates")).output().unwrap();
    assert!(said(&model).contains("it ended as a run that leaves none"), "{}", said(&model));
    let refused = reproduce("mbconv", &dir.path().join("none")).args(["--workers", "2"]).output().unwrap();
    assert!(!refused.status.success() && !said(&refused).contains("the same command"), "{}", said(&refused));

    // Phases, teachers and searches go on where they were cut, and are the same where workers share them.
    let (cut, shared) = (dir.path().join("cut"), dir.path().join("shared"));
    let whole = Duration::from_secs_f64(result(&out.join("mbconv-ofa"))["seconds"].as_f64().unwrap());
    let output = kill_and_resume(|| reproduce("mbconv-ofa", &cut), &cut, whole, &[0.3, 0.4, 0.3]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(result_without_seconds(&cut), before[0]);
    let mut launched = reproduce("mbconv-ofa", &shared);
    launched.args(["--launch", "local", "--workers", "2"]);
    successful(launched);
    assert_eq!(result_without_seconds(&shared), before[0]);
    let shards = std::fs::read_dir(shared.join("stages")).unwrap().map(|stage| stage.unwrap().file_name());
    let shards = shards.filter(|name| name.to_string_lossy().contains("truth-shard")).count();
    assert_eq!(shards, 6, "each network of the truth is a stage");
}
