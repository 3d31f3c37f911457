//! Searches with a budget of time, what they are compared with, and how their networks go on.

use std::path::Path;

use serde_json::Value;

use crate::common::{fewshot, last_json, run, said};

/// A search of a few seconds on a few images, within this limit.
fn short_search(out: &Path, flags: &[&str]) -> std::process::Output {
    let mut command =
        fewshot(["search", "--json", "--minutes", "4s", "--limit", "300", "--max-macs", "300K", "--threads", "2"]);
    command.args(flags).arg("--out").arg(out).output().unwrap()
}

fn settings(run: &Path) -> toml::Table {
    std::fs::read_to_string(run.join("run.toml")).unwrap().parse().unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn a_budget_chooses_what_is_open_fills_the_limit_and_goes_on_with_train() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let output = short_search(&out, &["--no-references"]);
    assert!(output.status.success(), "{}", said(&output));
    let told = said(&output);
    for words in [
        "for the kept network: supernet",
        "networks of stages keep the limit",
        "images: all 28x28",
        "training images: ",
    ] {
        assert!(told.contains(words), "{words} in {told}");
    }
    let result = last_json(&output);
    let macs = result["macs"].as_u64().unwrap();
    assert!((180_000..=300_000).contains(&macs), "the limit is kept and filled: {macs}");
    assert!(result["epochs"].as_u64().unwrap() >= 1 && result.get("references").is_none());
    let recipe = &settings(&out)["recipe"];
    for (section, key) in [("supernet", "epochs"), ("search", "budget")] {
        assert!(recipe[section][key].as_integer().unwrap() >= 1, "{section}.{key}: {recipe}");
    }
    assert!(recipe["budget"]["plan"]["kept"].as_float().unwrap() > 0.0);
    // Every scored network is near the limit, the hand-made ones among them.
    let history = std::fs::read_to_string(out.join("history.jsonl")).unwrap();
    let entries: Vec<Value> = history.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(entries.iter().all(|entry| entry["macs"].as_u64().unwrap() <= 300_000));
    assert!(
        entries
            .iter()
            .any(|entry| entry["arch"].as_str().unwrap().contains("block1=residual,depth1=1,block2=residual"))
    );

    // The run's network further, on its own images; the test images stay closed unless they are asked for.
    let further = dir.path().join("further");
    let train = |out: &Path, flags: &[&str]| {
        let mut command = fewshot(["train", "--json", "--epochs", "2"]);
        let output = command.args(flags).arg("--out").arg(out).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        last_json(&output)
    };
    let folder = out.to_str().unwrap();
    let trained = train(&further, &[folder]);
    assert_eq!((&trained["arch"], &trained["epochs"]), (&result["arch"], &2.into()));
    assert!(number(&trained["held_out_accuracy"]) > 0.0 && trained.get("test_accuracy").is_none());
    assert_eq!(settings(&further)["recipe"]["data"]["limit"].as_integer(), Some(300));
    // It started from what the run had learned, not anew.
    let from = settings(&further)["recipe"]["standalone"]["from"].as_str().unwrap().to_string();
    // Of a run of a single epoch there is nothing from before.
    assert!(["before-held-out.safetensors", "model.safetensors"].iter().any(|name| from.ends_with(name)), "{from}");
    // Another seed would hold out images that the weights were trained on.
    let other = fewshot(["train", "--epochs", "1", "--seed", "7", folder]).output().unwrap();
    assert_eq!(other.status.code(), Some(2), "{}", said(&other));
    assert!(said(&other).contains("--seed holds out images") && said(&other).contains("--fresh"), "{}", said(&other));
    let fresh = train(&dir.path().join("fresh"), &[folder, "--fresh", "--test"]);
    assert!(number(&fresh["test_accuracy"]) > 0.0);
    let model = |run: &str| std::fs::read(dir.path().join(run).join("model.safetensors")).unwrap();
    assert!(model("fresh") != model("further"), "other weights to begin with");
    let named = train(&dir.path().join("named"), &["--arch", folder, "--limit", "300"]);
    assert_eq!((&named["arch"], &named["space"]), (&result["arch"], &result["space"]));
    assert!(number(&named["test_accuracy"]) > 0.0);
}

#[test]
fn hand_made_networks_count_among_those_that_are_scored() {
    let dir = tempfile::tempdir().unwrap();
    let output = short_search(&dir.path().join("run"), &["--no-references", "--budget", "1"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(last_json(&output)["evaluations"], 1);
    let told = "search.budget = 1 leaves these hand-made networks out: ";
    assert!(said(&output).contains(told), "{}", said(&output));
}

#[test]
fn a_plan_for_a_front_tells_of_its_networks_and_of_no_finalists() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let output = short_search(&out, &["--no-references", "--pareto", "3", "--finalists", "4"]);
    assert!(output.status.success(), "{}", said(&output));
    let told = said(&output);
    let plan = told.lines().find(|line| line.contains("for the kept network: supernet")).unwrap();
    assert!(!plan.contains("finalist"), "{plan}");
    for words in ["--finalists changed nothing", "more: up to 2 more of the front as long as the kept one"] {
        assert!(told.contains(words), "{words} in {told}");
    }
    assert!(!told.contains("of 4 finalists"), "{told}");
    let front = last_json(&output)["front"].as_array().unwrap().len();
    assert!((1..=3).contains(&front), "{front}");
}

/// Steps are timed after the run's folder is there, so a run that is cut then goes on all the same.
#[test]
fn a_run_that_is_killed_while_it_plans_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let flags = ["search", "--json", "--minutes", "4s", "--limit", "300", "--max-macs", "300K", "--no-references"];
    let mut child = fewshot(flags).arg("--out").arg(&out).stderr(std::process::Stdio::null()).spawn().unwrap();
    while !out.join("run.toml").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before it had a folder");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let output = fewshot(["resume", "--json"]).arg(&out).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(last_json(&output)["epochs"].as_u64().unwrap() >= 1);
    assert!(settings(&out)["recipe"]["budget"]["plan"]["kept"].as_float().unwrap() > 0.0);
}

#[test]
fn hand_made_networks_stand_beside_the_found_one() {
    let dir = tempfile::tempdir().unwrap();
    let (recipe, out) = (dir.path().join("tiny.toml"), dir.path().join("run"));
    let text = crate::common::TINY.replace("randoms = 2\n", "randoms = 1\nreferences = true\n");
    assert!(text.contains("references"));
    std::fs::write(&recipe, text).unwrap();
    let mut command = fewshot(["search", "--json", "--max-macs", "900K", "--recipe"]);
    let output = command.arg(&recipe).arg("--out").arg(&out).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let result = last_json(&output);
    let references = result["references"].as_array().unwrap();
    let names: Vec<&str> = references.iter().map(|made| made["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["plain", "residual", "separable"]);
    for made in references {
        assert!(made["macs"].as_u64().unwrap() <= 900_000 && made["epochs"] == result["epochs"], "{made}");
    }
    let best = references.iter().map(|made| number(&made["test_accuracy"])).fold(0.0, f64::max);
    let verdict = &result["verdict"];
    assert_eq!(number(&verdict["best_test_accuracy"]), best);
    let ahead = number(&verdict["ahead"]["points"]);
    assert!((ahead - (number(&result["test_accuracy"]) - best)).abs() < 1e-9);
    let [low, high] = [0, 1].map(|end| number(&verdict["ahead"]["interval"][end]));
    assert!(low <= ahead && ahead <= high);
    assert_eq!(verdict["may_be_chance"], low <= 0.0 && high >= 0.0);
    let shown = String::from_utf8(run(["resume".as_ref(), out.as_os_str()]).stdout).unwrap();
    assert!(shown.contains("made by hand     plain ") && shown.contains("the best of these"), "{shown}");
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("residual, by hand") && page.contains("the best of the hand-made networks"));
    assert!(page.contains("What training does to images"));
}

/// Who fixes the epochs gets a run of that length, whatever the budget is, and is told so.
#[test]
fn hand_made_networks_train_as_many_epochs_as_a_found_one_of_fixed_epochs() {
    let dir = tempfile::tempdir().unwrap();
    let flags =
        "--limit 300 --max-macs 300K --splits 0 --epochs 1 --budget 4 --finalists 1 --randoms 0 --alone-epochs 1";
    let mut command = fewshot(["search", "--json", "--threads", "1"]);
    let output = command.args(flags.split(' ')).arg("--out").arg(dir.path().join("run")).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("hand-made networks for as many epochs ("), "{}", said(&output));
    let result = last_json(&output);
    assert!(result["references"].as_array().unwrap().iter().all(|made| made["epochs"] == 1), "{result}");
}

#[test]
fn times_and_counts_are_read_as_people_write_them() {
    for (flags, words) in [
        (["--minutes", "soon"], "minutes"),
        (["--minutes", "0s"], "minutes"),
        (["--max-macs", "3.5X"], "max-macs"),
        (["--max-latency-ms", "fast"], "max-latency-ms"),
    ] {
        let output = run(["search"].iter().chain(&flags));
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        assert!(said(&output).contains(words), "{flags:?}: {}", said(&output));
    }
}
