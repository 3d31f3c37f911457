//! `fewshot reproduce gradient`: every method, one-shot and few-shot, and what its choice is worth.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::common::{fewshot, kill_and_resume, last_json, result_without_seconds};

/// Little training on the space whose truth comes with the program.
const TINY: &str = r#"
[data]
limit = 160
image_size = 14
[space]
name = "cell1296"
[scoring]
batch = 40
[ranking]
seeds = 2
truth = "cell1296"
columns = ["seed0", "seed1"]
[gradient]
modes = ["one_shot", "few_shot_scratch", "few_shot_transfer", "one_shot_equal_epochs"]
split = ["e2"]
part_share = 0.5
[gradient.settings]
updates = 1
candidates = 5
[gradient.settings.train]
batch = 40
"#;

fn gradient(folder: &Path, methods: &str, threads: &str, out: &Path) -> Command {
    let recipe = folder.join("tiny.toml");
    std::fs::write(&recipe, TINY).unwrap();
    let mut command = fewshot(["reproduce", "gradient", "--json", "--methods", methods, "--threads", threads]);
    command.arg("--recipe").arg(recipe).arg("--out").arg(out);
    command
}

#[test]
fn every_method_is_run_one_shot_and_few_shot_and_judged_by_the_truth() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let all = "darts-v1,darts-v2,pc-darts,pc-darts-original,gdas,setn,enas,rsps";
    let output = gradient(dir.path(), all, "2", &out).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result = last_json(&output);
    let rows = result["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 8 * 4 * 2);
    for row in rows {
        let split = row["mode"].as_str().unwrap().starts_with("few-shot");
        let parts = row["parts"].as_array().unwrap();
        assert_eq!(parts.len(), if split { 6 } else { 1 });
        assert!(
            row["truth"].is_number() && row["better_than"].is_number() && row["macs"].as_f64().unwrap() > 0.0,
            "{row}"
        );
        // Two epochs; one in each of six parts, with those of the parent where there is one; as many in one supernet.
        let epochs = match row["mode"].as_str().unwrap() {
            "one-shot" => 2,
            // From the end of a warm-up of one epoch.
            "few-shot, transfer" if row["method"] == "pc-darts-original" => 7,
            "few-shot, transfer" => 8,
            _ => 6,
        };
        assert_eq!(row["epochs"], epochs, "{row}");
        for (option, part) in parts.iter().enumerate() {
            assert!(part["truth"].is_number());
            let arch = part["arch"].as_str().unwrap();
            // The split edge of the shortcut is the last of the first node but one: its operation is the part's.
            if split {
                let name = part["region"].as_str().unwrap().split('=').nth(1).unwrap();
                assert!(arch.contains(name), "part {option}: {arch}");
            }
        }
        // The part that does best by the method's own measure is taken.
        let measure = |part: &Value| part["mixed_accuracy"].as_f64().unwrap_or(part["path_accuracy"].as_f64().unwrap());
        let chosen = row["chosen"].as_u64().unwrap() as usize;
        assert!(parts.iter().all(|part| measure(part) <= measure(&parts[chosen])), "{row}");
        assert_eq!(row["truth"], parts[chosen]["truth"]);
    }
    assert_eq!(result["random"]["networks"], 1296);
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    for part in ["pc-darts-original", "The chosen cells", "How the choice came about", "<svg"] {
        assert!(page.contains(part), "{part}");
    }
    // Transfer is told: all weights of a part come from the parent, but those of a wider split edge of PC-DARTS.
    let events = std::fs::read_to_string(out.join("events.jsonl")).unwrap();
    let fresh = |stage: &str| {
        let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_stage = events.filter(|event| event["stage"] == stage && event["kind"] == "transfer");
        of_stage.map(|event| event["data"]["fresh"].as_array().unwrap().len()).collect::<Vec<_>>()
    };
    assert_eq!(fresh("gdas-transfer"), [0; 12]);
    assert!(fresh("pc-darts-transfer").iter().any(|&count| count > 0));
    assert!(fresh("pc-darts-original-transfer").iter().any(|&count| count > 0));
    let is_run = |stage: &str| events.lines().any(|line| line.contains(&format!("\"{stage}\"")));
    assert!(is_run("pc-darts-original-warm-up") && !is_run("pc-darts-warm-up"));
}

#[test]
fn kills_and_threads_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (uncut, cut, one) = (dir.path().join("uncut"), dir.path().join("cut"), dir.path().join("one"));
    let methods = "darts-v2,pc-darts-original,gdas,enas";
    let began = Instant::now();
    assert!(gradient(dir.path(), methods, "2", &uncut).output().unwrap().status.success());
    let whole = began.elapsed();
    let output = kill_and_resume(|| gradient(dir.path(), methods, "2", &cut), &cut, whole, &[0.1, 0.3, 0.5, 0.5]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("| one random network |"));
    assert!(gradient(dir.path(), methods, "1", &one).output().unwrap().status.success());
    for other in [&cut, &one] {
        assert_eq!(result_without_seconds(other), result_without_seconds(&uncut));
    }
}

#[test]
fn a_method_that_does_not_exist_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let output = gradient(dir.path(), "dart-v2", "1", &dir.path().join("run")).output().unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).to_string();
    assert!(text.contains("dart-v2") && text.contains("darts-v2"), "{text}");
}
