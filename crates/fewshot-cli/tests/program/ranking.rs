//! `fewshot reproduce`: supernets' scores against a truth, and the making of a truth.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::common::{fewshot, kill_and_resume, last_json, result_without_seconds, run};

/// A ranking of the proof of concept with little training.
const TINY: &str = r#"
[data]
limit = 240
val_fraction = 0.25
[space]
width = 3
[supernet]
epochs = 2
batch = 30
[children]
epochs = 1
batch = 30
[scoring]
batch = 30
[standalone]
width = 3
[standalone.train]
epochs = 1
batch = 40
"#;

/// `reproduce NAME` into `out`, ready to start.
pub fn reproduce(folder: &Path, name: &str, out: &Path) -> Command {
    let recipe = folder.join("tiny.toml");
    std::fs::write(&recipe, TINY).unwrap();
    let mut command = fewshot(["reproduce", name, "--json", "--recipe"]);
    command.arg(recipe).arg("--out").arg(out);
    command
}

#[test]
fn a_ranking_compares_its_arms_and_kills_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (uncut, cut) = (dir.path().join("uncut"), dir.path().join("cut"));
    let ranking = |out: &Path, threads: &str| {
        let mut command = reproduce(dir.path(), "proof-of-concept", out);
        command.args(["--networks", "40", "--seeds", "2", "--threads", threads]);
        command
    };
    let began = Instant::now();
    let output = ranking(&uncut, "2").output().unwrap();
    let whole = began.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result = last_json(&output);
    let column = |key: &str| result["rows"].as_array().unwrap().iter().map(|row| row[key].clone()).collect::<Vec<_>>();
    let arms = ["one-shot", "few-shot", "one-shot, equal cost"].map(|arm| [arm, arm]).concat();
    assert_eq!(column("arm"), arms);
    assert_eq!(column("supernets"), [1, 1, 6, 6, 1, 1]);
    // Two epochs, then six sub-supernets of one each; the same multiply-adds in one training.
    assert_eq!(column("epochs"), [2, 2, 8, 8, 8, 8]);
    assert_eq!(column("seed"), [0, 1, 0, 1, 0, 1]);
    // Beside each part stands what one supernet of that cost makes of it; over all parts, that is what it makes of the space.
    let one = "one-shot, equal cost";
    assert_eq!(column("beside"), ["", "", one, one, "", ""]);
    let regions = |row: usize| column("regions")[row].as_array().unwrap().clone();
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    for seed in [0, 1] {
        let sum = regions(2 + seed).iter().fold((0.0, 0.0), |(networks, sum), part| {
            let many = number(&part["networks"]);
            (networks + many, sum + many * number(&part["beside"]["mean_score"]))
        });
        assert_eq!(sum.0, 40.0);
        assert!((sum.1 / 40.0 - number(&regions(4 + seed)[0]["mean_score"])).abs() < 1e-12);
    }
    assert_eq!(result["free"].as_array().unwrap().len(), 4);
    assert!(column("metrics").iter().chain(&column("fused")).all(|metrics| metrics["tau_b"].is_number()), "{result}");
    assert_ne!(column("metrics")[0], column("metrics")[1], "seeds differ");
    assert_eq!(std::fs::read_to_string(uncut.join("scores.csv")).unwrap().lines().count(), 41);
    let page = std::fs::read_to_string(uncut.join("report.html")).unwrap();
    assert!(page.contains("few-shot") && page.contains("<svg"));
    let shown = run(["rank", uncut.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("| few-shot, fused | 6 | 8 |"));

    // Killed at several moments, on one thread: the same numbers.
    let output = kill_and_resume(|| ranking(&cut, "2"), &cut, whole, &[0.1, 0.3, 0.5, 0.5]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let one = dir.path().join("one");
    assert!(ranking(&one, "1").output().unwrap().status.success());
    for other in [&cut, &one] {
        assert_eq!(result_without_seconds(other), result_without_seconds(&uncut));
        let scores = |run: &Path| std::fs::read_to_string(run.join("scores.csv")).unwrap();
        assert_eq!(scores(other), scores(&uncut));
    }
}

#[test]
fn networks_are_trained_by_themselves_before_they_are_scored_and_kills_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (uncut, cut) = (dir.path().join("uncut"), dir.path().join("cut"));
    let arms = r#"
[ranking]
networks = 300
[[arms]]
name = "one-shot"
[[arms]]
name = "tuned"
from = "one-shot"
train.epochs = 0
measure = "speed"
fine_tune.steps = 6
[[arms]]
name = "tuned from scratch"
train.epochs = 0
fine_tune.steps = 2
[[arms]]
name = "tuned, by function"
by_function = "tuned"
"#;
    let ranking = |out: &Path| {
        let mut command = reproduce(dir.path(), "proof-of-concept", out);
        std::fs::write(dir.path().join("tiny.toml"), format!("{TINY}{arms}")).unwrap();
        command.args(["--threads", "2"]);
        command
    };
    let began = Instant::now();
    let output = ranking(&uncut).output().unwrap();
    let whole = began.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = last_json(&output)["rows"].as_array().unwrap().clone();
    let macs = |row: usize| rows[row]["macs"].as_f64().unwrap();
    assert!(macs(1) > macs(0) && macs(2) > 0.0, "their own training counts");
    assert_ne!(rows[0]["metrics"], rows[1]["metrics"]);
    assert_eq!(macs(3), macs(1), "what takes another's scores costs as much");
    assert_ne!(rows[3]["metrics"], rows[1]["metrics"]);
    let by: Vec<&str> = rows.iter().map(|row| row["scored_by"].as_str().unwrap()).collect();
    let by_function = "speed of 6 steps, mean over the codes of a function";
    assert_eq!(by, ["accuracy", "speed of 6 steps", "accuracy after 2 steps", by_function]);

    let output = kill_and_resume(|| ranking(&cut), &cut, whole, &[0.2, 0.3, 0.3, 0.3]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(result_without_seconds(&cut), result_without_seconds(&uncut));
    let scores = |run: &Path| std::fs::read_to_string(run.join("scores.csv")).unwrap();
    assert_eq!(scores(&cut), scores(&uncut));

    // A scoring that was cut after its first scores goes on from these: they are taken as they were left.
    let stages = cut.join("stages");
    for name in ["02-01-tuned", "04-03-tuned--by-function", "05-compare"] {
        std::fs::remove_file(stages.join(name).join("done.json")).unwrap();
    }
    std::fs::remove_file(stages.join("02-01-tuned/seed0-part0.json")).unwrap();
    let left = r#"{"scores": [0.98765], "networks": 1, "seconds": 1.0}"#;
    std::fs::write(stages.join("02-01-tuned/seed0-part0-scoring.json"), left).unwrap();
    assert!(run(["resume", cut.to_str().unwrap()]).status.success());
    let (ours, theirs) = (scores(&cut), scores(&uncut));
    let tuned = |text: &str| text.lines().skip(1).map(|line| line.rsplit(',').nth(2).unwrap().to_string()).collect();
    let (ours, theirs): (Vec<String>, Vec<String>) = (tuned(&ours), tuned(&theirs));
    assert!(ours.iter().any(|score| score == "0.98765"));
    assert!(ours.iter().zip(&theirs).all(|(ours, theirs)| ours == "0.98765" || ours == theirs));
}

#[test]
fn a_truth_of_ones_own_is_made_and_compared_with() {
    let dir = tempfile::tempdir().unwrap();
    let truth = dir.path().join("truth");
    let output = reproduce(dir.path(), "cell1296-truth", &truth).args(["--networks", "30"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result = last_json(&output);
    assert_eq!((&result["networks"], &result["seeds"]), (&30.into(), &2.into()));
    // Codes of one function are one network, and have one truth.
    let functions = result["functions"].as_u64().unwrap();
    assert!((10..30).contains(&functions), "{functions}");
    // It tells how far it is from the table that comes with the program: far, after one epoch on few images.
    assert!(result["largest_difference_to_table"].as_f64().unwrap() > 5.0, "{result}");
    let table = truth.join("truth.csv");
    assert_eq!(std::fs::read_to_string(&table).unwrap().lines().count(), 31);

    // The networks of the table are those that a ranking of all compares.
    let out = dir.path().join("ranking");
    let mut command = reproduce(dir.path(), "proof-of-concept", &out);
    command.args(["--networks", "0", "--truth", table.to_str().unwrap(), "--truth-columns", "seed0,seed1"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result = last_json(&output);
    assert_eq!(result["networks"], 30);
    assert!(result["ceiling"].is_number(), "{result}");

    let mut command = reproduce(dir.path(), "proof-of-concept", &dir.path().join("none"));
    let output = command.args(["--truth", "missing.csv", "--truth-columns", "seed0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("missing.csv"));
}

#[test]
fn entries_of_the_table_are_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut command =
        fewshot(["reproduce", "cell1296-truth", "--networks", "2", "--seeds", "1", "--seed", "0", "--json"]);
    let output = command.arg("--out").arg(dir.path().join("truth")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result = last_json(&output);
    // The same bits where the vector instructions are the same; elsewhere as far off as another seed would be.
    let difference = result["largest_difference_to_table"].as_f64().unwrap();
    println!("largest difference to the table: {difference}");
    assert!(difference < 8.0, "{result}");
}

#[test]
fn sub_supernets_are_split_again_from_their_own_weights() {
    let dir = tempfile::tempdir().unwrap();
    // What starts from other weights and is trained with a vanishing rate scores as those weights do.
    let arms = |last: &str| {
        let still = "train.lr = 1e-30\ntrain.lr_min = 0.0\ntrain.weight_decay = 0.0\n";
        let again = "name = \"again\"\nfrom = \"few-shot\"\nsplit.decisions = [";
        format!(
            "{TINY}[[arms]]\nname = \"one-shot\"\n\
             [[arms]]\nname = \"few-shot\"\nfrom = \"one-shot\"\nsplit.decisions = [\"e2\"]\ntrain.lr = 0.2\n\
             [[arms]]\n{again}\"{last}\", \"e1\"]\n{still}"
        )
    };
    let ranking = |name: &str, last: &str| {
        let recipe = dir.path().join("arms.toml");
        std::fs::write(&recipe, arms(last)).unwrap();
        let mut command = fewshot(["reproduce", "proof-of-concept", "--json", "--networks", "40", "--recipe"]);
        command.arg(recipe).arg("--out").arg(dir.path().join(name)).output().unwrap()
    };
    let output = ranking("chain", "e2");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result = last_json(&output);
    let column = |key: &str| result["rows"].as_array().unwrap().iter().map(|row| row[key].clone()).collect::<Vec<_>>();
    assert_eq!(column("supernets"), [1, 6, 36]);
    // Two epochs, then 6 and then 36 times one: what comes before is counted.
    assert_eq!(column("epochs"), [2, 8, 44]);
    assert_eq!(column("metrics")[1], column("metrics")[2]);
    assert_ne!(column("metrics")[0], column("metrics")[1]);

    let output = ranking("astray", "e0");
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("arm `again`") && error.contains("lies in no part of `few-shot`"), "{error}");
}

#[test]
fn networks_beyond_the_limits_are_left_out_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let limited = |out: &str, limit: &str| {
        let mut command = reproduce(dir.path(), "proof-of-concept", &dir.path().join(out));
        let arms = "[[arms]]\nname = \"one-shot\"\n[[arms]]\nname = \"split\"\nsplit.decisions = [\"e0\"]\n";
        let recipe = format!("{TINY}[search]\nmax_params = {limit}\n{arms}");
        std::fs::write(dir.path().join("tiny.toml"), recipe).unwrap();
        command.args(["--networks", "0", "--seeds", "1"]).output().unwrap()
    };
    let output = limited("some", "800");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    let result = last_json(&output);
    let (compared, left_out) = (result["networks"].as_u64().unwrap(), result["left_out"].as_u64().unwrap());
    assert!(compared > 1 && left_out > 1 && compared + left_out == 1296, "{compared} {left_out}");
    assert!(told.contains(&format!("{left_out} networks of the truth")), "{told}");
    // Every one that is compared has a score of its own.
    let scores = std::fs::read_to_string(dir.path().join("some/scores.csv")).unwrap();
    assert_eq!(scores.lines().count() as u64, 1 + compared);
    let shown = run(["rank", dir.path().join("some").to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains(&format!("left out: {left_out} networks of the truth")));
    let output = limited("none", "1");
    assert!(!output.status.success());
}

#[test]
fn a_run_goes_on_only_with_the_truth_that_it_began_with() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("truth.csv");
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/cell1296-truth.csv");
    let text = std::fs::read_to_string(own).unwrap();
    let lines: Vec<&str> = text.lines().take(41).collect();
    std::fs::write(&table, lines.join("\n")).unwrap();
    let column = lines[0].split(',').find(|name| name.starts_with("seed")).unwrap();
    let out = dir.path().join("run");
    let mut command = reproduce(dir.path(), "proof-of-concept", &out);
    let args = ["--networks", "0", "--seeds", "1", "--truth", table.to_str().unwrap(), "--truth-columns", column];
    assert!(command.args(args).output().unwrap().status.success());
    let stages = std::fs::read_dir(out.join("stages")).unwrap().map(|entry| entry.unwrap().path());
    let compare = stages.into_iter().find(|stage| stage.to_string_lossy().ends_with("compare")).unwrap();
    let resume = || {
        std::fs::remove_file(compare.join("done.json")).ok();
        run(["resume", out.to_str().unwrap()])
    };
    // The same networks in another order, and other numbers.
    let turned = [&lines[..1], &lines[1..].iter().rev().copied().collect::<Vec<_>>()].concat();
    let shifted = [&lines[..40], &[lines[40].split(',').next().unwrap()]].concat();
    for changed in [turned.join("\n"), lines[..40].join("\n"), shifted[..40].join("\n")] {
        std::fs::write(&table, changed).unwrap();
        let output = resume();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("truth.csv") && told.contains("changed since the run began"), "{told}");
    }
    std::fs::write(&table, lines.join("\n")).unwrap();
    assert!(resume().status.success());
}
