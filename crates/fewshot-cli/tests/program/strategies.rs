//! `fewshot reproduce strategies`: searches on tables.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::common::{fewshot, kill_and_resume, last_json, result_without_seconds, run};

/// The comparison on the table that comes with the program: one seed of the truth scores, the other is true.
const TINY: &str = r#"
[space]
name = "cell1296"
[ranking]
seeds = 3
truth = "cell1296"
columns = ["seed0"]
[strategies]
evaluations = 120
marks = [20, 120]
[[strategies.modes]]
name = "vanilla"
[[strategies.modes]]
name = "other seed"
column = "seed1"
"#;

/// The comparison into `out`, ready to start, with a third source of scores: another file.
fn compare(folder: &Path, out: &Path, more: &str) -> Command {
    let recipe = folder.join("tiny.toml");
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/cell1296-truth.csv");
    let mode =
        format!("[[strategies.modes]]\nname = \"size\"\ncolumn = \"macs\"\ntable = {:?}\n", table.to_str().unwrap());
    std::fs::write(&recipe, format!("{more}{TINY}{mode}")).unwrap();
    let mut command = fewshot(["reproduce", "strategies", "--json", "--recipe"]);
    command.arg(recipe).arg("--out").arg(out);
    command
}

fn curves(run: &Path) -> String {
    std::fs::read_to_string(run.join("curves.csv")).unwrap()
}

#[test]
fn strategies_are_compared_and_kills_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (uncut, cut, one) = (dir.path().join("uncut"), dir.path().join("cut"), dir.path().join("one"));
    let began = Instant::now();
    let output = compare(dir.path(), &uncut, "").output().unwrap();
    let whole = began.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result = last_json(&output);
    let rows = result["rows"].as_array().unwrap();
    let of =
        |row: &Value, curve: &str| row["points"].as_array().unwrap().last().unwrap()[curve]["mean"].as_f64().unwrap();
    for row in rows {
        let (picked, oracle) = (of(row, "picked"), of(row, "oracle"));
        assert!(picked <= oracle && oracle <= result["best_truth"].as_f64().unwrap(), "{row}");
        if row["mode"] == "vanilla" {
            assert_eq!(picked, oracle, "the truth scores");
        }
    }
    let names: Vec<&Value> = rows.iter().map(|row| &row["strategy"]).collect();
    let count = names.len() / 3;
    assert!([0, count, 2 * count].iter().all(|&at| names[at] == "random"));
    assert_eq!((&names[..count], &names[..count]), (&names[count..2 * count], &names[2 * count..]));
    let page = std::fs::read_to_string(uncut.join("report.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("random, other seed") && page.contains("none: scores and truth"));
    let shown = run(["resume".as_ref(), uncut.as_os_str()]);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(text.contains("| strategy | 20 | 120 |") && text.contains("µs per evaluation"), "{text}");

    // Killed at several moments, and on one thread: the same numbers.
    let output = kill_and_resume(|| compare(dir.path(), &cut, ""), &cut, whole, &[0.2, 0.4, 0.4]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(compare(dir.path(), &one, "threads = 1\n").output().unwrap().status.success());
    for other in [&cut, &one] {
        assert_eq!(result_without_seconds(other), result_without_seconds(&uncut));
        assert_eq!(curves(other), curves(&uncut));
    }
}

#[test]
fn what_is_missing_is_named_before_anything_runs() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let refused = |mut command: Command, code: i32, expected: &str| {
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(expected), "{text}");
        assert!(!out.exists());
    };
    let mut without = fewshot(["reproduce", "strategies", "--out"]);
    without.arg(&out);
    refused(without, 1, "--truth");
    let mut missing = fewshot(["reproduce", "strategies", "--truth", "missing.csv", "--out"]);
    missing.arg(&out);
    refused(missing, 1, "missing.csv");
    for (from, to, code, expected) in [
        ("marks = [20, 120]", "marks = [20, 121]", 2, "1 to `evaluations`, ascending"),
        ("marks = [20, 120]", "marks = [120]\nnames = [\"rea\"]", 2, "`random` among them"),
        ("marks = [20, 120]", "marks = [120]\nnames = [\"random\", \"reas\"]", 2, "did you mean `rea`"),
        ("column = \"seed1\"", "column = \"seed7\"", 1, "no column `seed7`"),
        ("name = \"other seed\"", "name = \"vanilla\"", 2, "with different names"),
    ] {
        let recipe = dir.path().join("wrong.toml");
        std::fs::write(&recipe, TINY.replace(from, to)).unwrap();
        let mut command = fewshot(["reproduce", "strategies", "--recipe"]);
        command.arg(&recipe).arg("--out").arg(&out);
        refused(command, code, expected);
    }
}
