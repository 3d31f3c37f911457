//! Files that released versions wrote are still read, and runs that they began still go on.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::{fewshot, last_json, said};

fn copied(name: &str, folder: &Path) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/released").join(name);
    let to = folder.join(name);
    copy(&from, &to);
    to
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn json(command: &str, run: &Path) -> Value {
    let output = fewshot([command, "--json"]).arg(run).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    last_json(&output)
}

#[test]
fn a_run_that_was_cut_goes_on_to_the_numbers_of_the_one_that_was_not() {
    let dir = tempfile::tempdir().unwrap();
    let (cut, ended) = (copied("0.1.0/cut", dir.path()), copied("0.1.0/ended", dir.path()));
    let (went_on, expected) = (json("resume", &cut), json("resume", &ended));
    for key in ["arch", "space", "score", "macs", "params", "evaluations", "distinct"] {
        assert_eq!(went_on[key], expected[key], "{key}");
    }
    // Numbers of training are the same bits on one instruction set only.
    let instructions = |run: &Path| {
        let toml: toml::Table = fs::read_to_string(run.join("run.toml")).unwrap().parse().unwrap();
        toml["versions"]["instructions"].as_str().map(str::to_owned)
    };
    if instructions(&ended).as_deref() == Some(fewshot_kernels::simd::level().name()) {
        assert_eq!(went_on["test_accuracy"], expected["test_accuracy"]);
        assert_eq!(went_on["finalists"], expected["finalists"]);
        let model = |run: &Path| fs::read(run.join("model.safetensors")).unwrap().len();
        assert_eq!(model(&cut), model(&ended));
    }
}

#[test]
fn a_model_still_answers() {
    let dir = tempfile::tempdir().unwrap();
    let ended = copied("0.1.0/ended", dir.path());
    let (measured, result) = (json("eval", &ended), json("resume", &ended));
    assert_eq!(measured["images"], 2000);
    let difference = measured["top1"].as_f64().unwrap() - result["test_accuracy"].as_f64().unwrap();
    assert!(difference.abs() < 0.01, "{difference}");
    let onnx = dir.path().join("model.onnx");
    let output = fewshot(["export", "--format", "onnx", "--out"]).arg(&onnx).arg(&ended).output().unwrap();
    assert!(output.status.success() && onnx.is_file(), "{}", said(&output));
}
