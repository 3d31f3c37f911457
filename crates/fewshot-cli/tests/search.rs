//! The program, end to end.

mod common;

use common::{fewshot, last_json, result_without_seconds, run, tiny_search};

#[test]
fn a_search_ends_with_one_json_object_and_a_trained_network() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let output = tiny_search(dir.path(), &out).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let printed = last_json(&output);
    let stored: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("result.json")).unwrap()).unwrap();
    assert_eq!(printed, stored);
    for key in ["arch", "score", "test_accuracy", "random_test_accuracy_mean", "macs", "params", "seconds", "seed"] {
        assert!(!printed[key].is_null(), "{key} in {printed}");
    }
    for key in ["score", "test_accuracy", "random_test_accuracy_mean"] {
        assert!((0.0..=1.0).contains(&printed[key].as_f64().unwrap()), "{key} in {printed}");
    }
    assert_eq!(printed["evaluations"], 24);
    assert_eq!(printed["randoms"].as_array().unwrap().len(), 2);
    assert_eq!(printed["supernets"], 5);
    let history = std::fs::read_to_string(out.join("history.jsonl")).unwrap();
    assert_eq!(history.lines().count(), 24);
    assert!(out.join("model.safetensors").exists());

    // A finished run gives its result again, and repeats nothing.
    let again = run(["resume", "--json", out.to_str().unwrap()]);
    assert!(again.status.success());
    assert_eq!(last_json(&again)["arch"], printed["arch"]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("was done before"));

    // A second run into the same folder is refused.
    let refused = tiny_search(dir.path(), &out).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("resume"));
}

#[test]
fn the_same_seed_gives_the_same_bits_with_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let outs = [dir.path().join("one"), dir.path().join("two")];
    for (out, threads) in outs.iter().zip(["1", "2"]) {
        let output = tiny_search(dir.path(), out).args(["--threads", threads, "--splits", "0"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(result_without_seconds(&outs[0]), result_without_seconds(&outs[1]));
    let model = |out: &std::path::PathBuf| std::fs::read(out.join("model.safetensors")).unwrap();
    assert!(model(&outs[0]) == model(&outs[1]));
}

#[test]
fn limits_hold() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let output = tiny_search(dir.path(), &out).args(["--max-params", "2000", "--randoms", "1"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let history = std::fs::read_to_string(out.join("history.jsonl")).unwrap();
    for line in history.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(entry["params"].as_u64().unwrap() <= 2000, "{line}");
    }
}

#[test]
fn usage_errors_exit_with_2_and_say_what_was_meant() {
    for (args, hint) in [
        (vec!["search", "--space", "nasbench20l"], "nasbench201"),
        (vec!["search", "--preset", "quik"], "quick"),
        (vec!["search", "--split", "e9"], "e5"),
        (vec!["search", "--splits", "7"], "6 decisions"),
        (vec!["search", "--strategy", "ree"], "rea"),
        (vec!["search", "--device", "gpu"], "cpu"),
        (vec!["reproduce", "nothing"], "proof-of-concept"),
        (vec!["train", "--arch", "|none~0|"], "arch"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let output = fewshot(&args).current_dir(dir.path()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert!(text.contains(hint), "{args:?}: {text}");
        assert!(!text.contains("panicked"), "{args:?}: {text}");
        // Nothing is left behind by a run that could not begin.
        assert!(!dir.path().join("runs").exists(), "{args:?}");
    }
}

#[test]
fn missing_images_are_told_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("nowhere");
    let output = fewshot(["search", "--data"]).arg(&nowhere).current_dir(dir.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("nowhere"), "{text}");
}

#[test]
fn lists_are_printed_as_text_and_as_json() {
    for (args, word) in [
        (vec!["spaces"], "nasbench201"),
        (vec!["strategies"], "rea"),
        (vec!["recipes"], "quick"),
        (vec!["recipes", "quick"], "[supernet]"),
        (vec!["data", "info"], "Sneaker"),
    ] {
        let output = run(&args);
        assert!(output.status.success(), "{args:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains(word), "{args:?}");
    }
    for args in [vec!["spaces", "--json"], vec!["strategies", "--json"], vec!["data", "info", "--json"]] {
        last_json(&run(&args));
    }
}
