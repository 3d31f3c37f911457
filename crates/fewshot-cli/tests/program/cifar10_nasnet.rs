//! `fewshot reproduce cifar10-nasnet`: three methods one-shot, few-shot and at equal cost, and what they find trained alone.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::common::{fewshot, kill_and_resume, last_json, result_without_seconds};

/// As little as there can be of each.
const TINY: &str = r#"
[data]
limit = 80
image_size = 8
[scoring]
batch = 20
images = 20
calibration_batches = 1
[search]
budget = 6
finalists = 2
[standalone.train]
epochs = 4
batch = 40
[gradient.settings.train]
epochs = 2
batch = 20
"#;

fn reproduce(folder: &Path, out: &Path) -> Command {
    let recipe = folder.join("tiny.toml");
    std::fs::write(&recipe, TINY).unwrap();
    let mut command = fewshot(["reproduce", "cifar10-nasnet", "--json", "--threads", "2"]);
    command.arg("--recipe").arg(recipe).arg("--out").arg(out);
    command
}

#[test]
fn what_is_found_is_trained_alone_beside_random_networks_and_kills_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (uncut, cut) = (dir.path().join("uncut"), dir.path().join("cut"));
    let began = Instant::now();
    let output = reproduce(dir.path(), &uncut).output().unwrap();
    let whole = began.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result = last_json(&output);
    let rows = result["rows"].as_array().unwrap();
    let names: Vec<(&str, &str)> =
        rows.iter().map(|row| (row["method"].as_str().unwrap(), row["mode"].as_str().unwrap())).collect();
    for method in ["darts-v1-original", "random", "rea", "lanas"] {
        for mode in ["one-shot", "few-shot, transfer", "one-shot, equal epochs"] {
            assert!(names.contains(&(method, mode)), "{method}, {mode}: {names:?}");
        }
    }
    // The supernets of `rsps` are what the strategies search: it has no row of its own.
    assert_eq!(names.len(), 12);
    for row in rows {
        check_row(row);
    }
    let epochs = |mode: &str| {
        let of_mode = rows.iter().filter(|row| row["mode"] == mode);
        of_mode.map(|row| row["epochs"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    // Two of the parent and one of each of seven parts.
    assert_eq!(epochs("one-shot, equal epochs"), [9; 4]);
    assert_eq!(epochs("few-shot, transfer"), [9; 4]);
    assert_eq!(result["random_networks"].as_array().unwrap().len(), 5);
    assert_eq!(result["zeros"], serde_json::json!(["darts-v1-original"]));
    let page = std::fs::read_to_string(uncut.join("report.html")).unwrap();
    for part in ["The normal cell", "The reduction cell", "What was found, trained alone", "random networks", "Skips"] {
        assert!(page.contains(part), "{part}");
    }

    let output = kill_and_resume(|| reproduce(dir.path(), &cut), &cut, whole, &[0.3, 0.4]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("| 5 random networks |"));
    assert_eq!(result_without_seconds(&cut), result_without_seconds(&uncut));
}

fn check_row(row: &Value) {
    let is_split = row["mode"] == "few-shot, transfer";
    let parts = row["parts"].as_array().unwrap();
    let network = &row["network"];
    assert!(network["test_accuracy"].is_number() && network["params"].as_u64().unwrap() > 0, "{row}");
    assert_eq!(network["arch"], parts[row["chosen"].as_u64().unwrap() as usize]["arch"]);
    if row["method"] == "darts-v1-original" {
        assert_eq!(parts.len(), if is_split { 7 } else { 1 });
        let epochs = match (is_split, row["mode"] == "one-shot") {
            (true, _) => 1,
            (_, true) => 2,
            _ => 9,
        };
        for part in parts {
            assert_eq!(part["skips_by_epoch"].as_array().unwrap().len(), epochs, "{part}");
            let region = part["region"].as_str().unwrap();
            if is_split {
                let op = region.strip_prefix("normal.0-2=").unwrap();
                assert!(part["arch"].as_str().unwrap().starts_with(&format!("normal|{op}~0|")), "{part}");
            }
        }
    } else {
        assert_eq!((row["evaluations"].as_u64(), parts.len()), (Some(6), 2), "{row}");
        assert_eq!(row["supernets"], if is_split { 7 } else { 1 });
    }
    // Of several, the one that was trained longest and did best is taken.
    let alone = |part: &Value| {
        let reached = &part["alone"];
        (reached["epochs"].as_u64().unwrap_or(0), reached["accuracy"].as_f64().unwrap_or(0.0))
    };
    let chosen = alone(&parts[row["chosen"].as_u64().unwrap() as usize]);
    assert!(parts.iter().all(|part| alone(part) <= chosen), "{row}");
    assert_eq!(parts.len() > 1, chosen.0 > 0);
}
