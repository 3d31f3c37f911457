//! Run folders: begun, refused, opened again.

use std::fs;

use serde_json::{Value, json};

use super::super::{RunError, RunFolder, RunReader};
use super::toy::Recipe;

#[test]
fn a_run_comes_back_as_it_was_begun() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("runs/a");
    let recipe = Recipe { steps: 3, lr: 0.025 };
    let run = RunFolder::create(&path, &recipe, &"abc".into()).unwrap();
    assert_eq!(run.result::<Value>().unwrap(), None);
    run.write_result(&json!({ "arch": "x" })).unwrap();
    assert!(matches!(RunFolder::open(&path), Err(RunError::InUse { .. })), "held by `run`");
    drop(run);

    let run = RunFolder::open(&path).unwrap();
    assert_eq!(run.recipe::<Recipe>().unwrap(), recipe);
    assert_eq!(run.result::<Value>().unwrap(), Some(json!({ "format": 1, "arch": "x" })));
    run.check_data(&"abc".into()).unwrap();
    let error = run.check_data(&"abd".into()).unwrap_err();
    assert!(matches!(error, RunError::DataChanged { .. }), "{error}");
    let kinds: Vec<String> = run.events().unwrap().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["opened", "settled", "result", "opened"]);
}

#[test]
fn what_is_decided_later_takes_the_place_of_the_settings_and_hands_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let mut run = RunFolder::create(&path, &Recipe { steps: 0, lr: 0.1 }, &"abc".into()).unwrap();
    let (begun, identity) = (run.settings().to_owned(), run.identity().to_owned());
    let decided = Recipe { steps: 70, lr: 0.1 };
    run.settle(&decided).unwrap();
    assert_eq!(run.recipe::<Recipe>().unwrap(), decided);
    assert_ne!(run.identity(), identity, "checkpoints are of the settings that they follow");
    drop(run);

    let run = RunFolder::open(&path).unwrap();
    assert_eq!(run.recipe::<Recipe>().unwrap(), decided);
    run.check_data(&"abc".into()).unwrap();
    drop(run);

    // Killed between the note and the file: the settings are those of the beginning.
    fs::write(path.join("run.toml"), &begun).unwrap();
    drop(RunFolder::open(&path).unwrap());
    fs::write(path.join("run.toml"), begun.replace("0.1", "0.2")).unwrap();
    let error = RunFolder::open(&path).unwrap_err();
    assert!(matches!(error, RunError::SettingsChanged { .. }), "{error}");
}

#[test]
fn a_used_folder_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = Recipe::default();
    let path = dir.path().join("photos");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("cat.png"), b"png").unwrap();
    let error = RunFolder::create(&path, &recipe, &"".into()).unwrap_err();
    assert!(matches!(error, RunError::NotEmpty { .. }), "{error}");
    assert!(error.to_string().contains("cat.png"), "{error}");
    let error = RunFolder::open(&path).unwrap_err();
    assert!(matches!(error, RunError::NotARun { .. }), "{error}");
    assert_eq!(fs::read_dir(&path).unwrap().count(), 1, "no trace");

    let path = dir.path().join("run");
    drop(RunFolder::create(&path, &recipe, &"".into()).unwrap());
    let error = RunFolder::create(&path, &recipe, &"".into()).unwrap_err();
    assert!(matches!(error, RunError::Exists { .. }));
    let advice = format!("fewshot resume {}", path.display());
    assert!(error.to_string().contains(&advice), "{error}");

    let error = RunFolder::open(dir.path()).unwrap_err();
    assert!(error.to_string().ends_with("(give one of those in it: run)"), "{error}");

    let error = RunFolder::open(&dir.path().join("photos/cat.png")).unwrap_err();
    assert!(matches!(error, RunError::NotARun { .. }), "{error}");
    let error = RunFolder::create(&dir.path().join("photos/cat.png"), &recipe, &"".into()).unwrap_err();
    assert!(error.to_string().contains("cat.png"), "{error}");
}

#[test]
fn what_a_killed_beginning_left_counts_as_empty() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(".lock"), "1\n").unwrap();
    fs::write(dir.path().join(".tmp-1-0-run.toml"), "[vers").unwrap();
    let run = RunFolder::create(dir.path(), &Recipe::default(), &"".into()).unwrap();
    drop(run);
    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".lock", "events.jsonl", "run.toml"]);
}

#[test]
fn other_formats_are_told_from_broken_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    drop(RunFolder::create(&path, &Recipe::default(), &"".into()).unwrap());
    let file = path.join("run.toml");
    let good = fs::read_to_string(&file).unwrap();
    let open_with = |text: &str| {
        fs::write(&file, text).unwrap();
        RunFolder::open(&path).unwrap_err()
    };
    let now = format!("format = {}", RunReader::FORMAT);
    assert!(good.contains(&now), "{good}");

    let error = open_with(&good.replace(&now, "format = 0"));
    assert!(matches!(error, RunError::OlderFormat { found: 0, .. }), "{error}");
    // A later version may look quite different: only its format is read.
    let error = open_with("format = 7\n[versions]\nprogram = \"9.1.0\"\n");
    assert!(matches!(error, RunError::NewerFormat { found: 7, .. }), "{error}");
    assert!(error.to_string().contains("9.1.0"), "{error}");

    for broken in ["", "format = ", "format = \"one\"", &now, &good[..good.len() / 3]] {
        let error = open_with(broken);
        assert!(matches!(error, RunError::Toml(_)), "{broken}: {error}");
        assert!(error.to_string().contains("run.toml"), "{error}");
    }

    // Where no log says what the run wrote.
    fs::remove_file(path.join("events.jsonl")).unwrap();
    fs::write(&file, good.replace("lr = ", "lr = \"fast\" # ")).unwrap();
    let run = RunReader::open(&path).unwrap();
    let error = run.recipe::<Recipe>().unwrap_err().to_string();
    assert!(error.contains("lr = \"fast\"") && error.contains(" line "), "{error}");
}

#[test]
fn results_say_their_format_and_newer_ones_are_refused_by_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let run = RunFolder::create(&path, &Recipe::default(), &"".into()).unwrap();
    run.write_result(&json!({ "arch": "x" })).unwrap();
    let file = path.join("result.json");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("\"format\": 1"), "{text}");
    assert_eq!(run.result::<Value>().unwrap().unwrap()["arch"], "x");
    // The first results did not say it.
    fs::write(&file, "{\"arch\": \"y\"}").unwrap();
    assert_eq!(run.result::<Value>().unwrap().unwrap()["arch"], "y");
    fs::write(&file, text.replace(": 1", ": 2")).unwrap();
    assert!(matches!(run.result::<Value>(), Err(RunError::NewerFormat { found: 2, known: 1, .. })));
}

#[test]
fn a_damaged_result_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let run = RunFolder::create(&path, &Recipe::default(), &"".into()).unwrap();
    fs::write(path.join("result.json"), "{\"arch\":").unwrap();
    let error = run.result::<Value>().unwrap_err();
    assert!(matches!(error, RunError::Damaged { .. }));
    assert!(error.to_string().contains("result.json` is damaged"), "{error}");
}
