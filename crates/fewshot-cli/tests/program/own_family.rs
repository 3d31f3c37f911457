//! The example with a family of its own: what it can do, and what a plain program says of its runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::{fewshot, last_json, said};

/// The example `own_space`, which cargo builds beside the tests; else one line says that the test was skipped.
fn own_space() -> Option<PathBuf> {
    let folder = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples");
    let program = folder.join(format!("own_space{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        println!("skipped: the example own_space was not built (cargo build --examples)");
        return None;
    }
    Some(program)
}

fn run(program: &Path, arguments: &[&str], path: &Path) -> Output {
    let output = Command::new(program).args(arguments).arg(path).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    output
}

#[test]
fn a_family_from_outside_is_searched_resumed_reported_and_exported_like_the_others() {
    let Some(program) = own_space() else { return };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let flags = [
        "search",
        "--space",
        "chain",
        "--json",
        "--limit",
        "300",
        "--set",
        "width=4",
        "--epochs",
        "2",
        "--child-epochs",
        "1",
        "--budget",
        "6",
        "--alone-epochs",
        "2",
        "--finalists",
        "2",
        "--randoms",
        "1",
        "--max-macs",
        "200K",
        "--out",
    ];
    let result = last_json(&run(&program, &flags, &out));
    assert_eq!(result["space"], "chain");
    assert!(result["macs"].as_u64().unwrap() <= 200_000);
    assert_eq!(result["references"].as_array().unwrap().len(), 3);
    // Split on its first decision, the length.
    assert!(result["supernets"].as_u64().unwrap() > 1, "{result}");
    for file in ["report.html", "model.safetensors", "model.onnx"] {
        assert!(out.join(file).is_file(), "{file}");
    }
    std::fs::remove_file(out.join("model.onnx")).unwrap();
    let again = last_json(&run(&program, &["resume", "--json"], &out));
    assert_eq!(again["test_accuracy"], result["test_accuracy"]);
    let measured = last_json(&run(&program, &["eval", "--json"], &out));
    assert_eq!(measured["top1"], result["test_accuracy"]);

    // Its cost is that of its graph, and inert decisions count for nothing.
    let cost = |arch: &str| {
        let flags = ["cost", "--space", "chain", "--set", "width=4", "--image-size", "28", "--channels", "1", "--json"];
        last_json(&run(&program, &[&flags[..], &["--arch"]].concat(), Path::new(arch)))
    };
    let short = cost("length=1,kernel1=5");
    assert_eq!((&short["macs"], &short["params"]), (&short["live_macs"], &short["live_params"]));
    assert_eq!(short["macs"].as_u64().unwrap(), 14 * 14 * 4 * (9 + 25 * 4) + 5 * 10);
    assert!(cost("length=2,kernel1=5,kernel2=1")["macs"].as_u64() > short["macs"].as_u64());

    // A program without the family reads what it can, and names what it lacks.
    let output = fewshot(["resume"]).arg(&out).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("no space `chain`"), "{}", said(&output));
}
