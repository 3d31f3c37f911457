//! State that numbers come from is believed only as this run wrote it; another program or machine is told.

use std::fs;
use std::path::Path;

use crate::common::{failure, program, run, said, tiny_search};

/// A finished search with this seed.
fn search(folder: &Path, seed: &str) -> std::path::PathBuf {
    let out = folder.join(format!("seed{seed}"));
    let output = tiny_search(folder, &out).args(["--seed", seed]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    out
}

/// Changes the digit behind the first `0.` that follows `key`.
fn change_a_digit(file: &Path, key: &str) -> Vec<u8> {
    let before = fs::read(file).unwrap();
    let text = String::from_utf8(before.clone()).unwrap();
    let at = text.find(key).unwrap();
    let at = at + text[at..].find("0.").unwrap() + 2;
    let digit = if &text[at..=at] == "1" { "2" } else { "1" };
    fs::write(file, format!("{}{digit}{}", &text[..at], &text[at + 1..])).unwrap();
    before
}

/// Makes the stages from this one on undone, by their numbers.
fn undo_from(run: &Path, number: u32) {
    for entry in fs::read_dir(run.join("stages")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name[..2].parse::<u32>().unwrap() >= number {
            let _ = fs::remove_file(entry.path().join("done.json"));
        }
    }
}

#[test]
fn a_changed_digit_and_weights_of_another_run_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, theirs) = (search(dir.path(), "3"), search(dir.path(), "4"));
    let stage = |run: &Path, name: &str| {
        let ends = |path: &std::path::PathBuf| path.to_string_lossy().ends_with(name);
        let mut all = fs::read_dir(run.join("stages")).unwrap().map(|entry| entry.unwrap().path());
        all.find(ends).unwrap_or_else(|| panic!("no stage {name}"))
    };
    let refused = |words: &[&str]| {
        let output = program(&[&"resume", &ours]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("fewshot: ")).collect();
        assert!(errors.len() == 1 && words.iter().all(|word| errors[0].contains(word)), "{text}");
    };

    // The value of a finished stage.
    let done = stage(&ours, "-test").join("done.json");
    let before = change_a_digit(&done, "\"winner\"");
    refused(&["done.json", "checksum is wrong", "delete the folder"]);
    failure(&program(&[&"report", &ours]), 1);
    fs::write(&done, before).unwrap();
    // That of another run.
    let before = fs::read(&done).unwrap();
    fs::copy(stage(&theirs, "-test").join("done.json"), &done).unwrap();
    refused(&["done.json", "belongs to another run"]);
    fs::write(&done, before).unwrap();

    // Weights that a finished stage left: altered, or of the same shape from another seed.
    let weights = stage(&ours, "-child-1").join("checkpoint.safetensors");
    let before = fs::read(&weights).unwrap();
    fs::copy(stage(&theirs, "-child-1").join("checkpoint.safetensors"), &weights).unwrap();
    let number: u32 = stage(&ours, "-search").file_name().unwrap().to_str().unwrap()[..2].parse().unwrap();
    undo_from(&ours, number);
    refused(&["child-1/checkpoint.safetensors", "checksum is wrong"]);
    // Those of one under way.
    fs::remove_file(stage(&ours, "-child-1").join("done.json")).unwrap();
    refused(&["child-1/checkpoint.safetensors", "another run", "delete the folder"]);
    fs::copy(stage(&ours, "-child-0").join("checkpoint.safetensors"), &weights).unwrap();
    refused(&["child-1/checkpoint.safetensors", "child-0/checkpoint.safetensors` of this run"]);
    fs::write(&weights, before).unwrap();

    // The state of a search.
    let state = stage(&ours, "-search").join("search.json");
    let before = change_a_digit(&state, "\"score\"");
    refused(&["search.json", "checksum is wrong"]);
    fs::write(&state, before).unwrap();
    let history = ours.join("history.jsonl");
    let before = change_a_digit(&history, "\"score\"");
    let output = program(&[&"resume", &ours]);
    assert!(output.status.success() && said(&output).contains("history"), "{}", said(&output));
    assert!(fs::read(&history).unwrap() == before);
}

#[test]
fn another_program_or_machine_is_told_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let out = search(dir.path(), "3");
    assert!(!said(&run(["resume".as_ref(), out.as_os_str()])).contains("numbers may differ"));
    let file = out.join("run.toml");
    let before = fs::read_to_string(&file).unwrap();
    let set = before.lines().find(|line| line.starts_with("instructions = ")).unwrap();
    let text = before.replace(set, "instructions = \"mmx\"");
    fs::write(&file, &text).unwrap();
    // As one who wants to go on with it all the same.
    let plan = out.join("plan.json");
    let sum = |text: &str| {
        use std::fmt::Write;
        let mut hex = String::new();
        for byte in <sha2::Sha256 as sha2::Digest>::digest(text.as_bytes()) {
            write!(hex, "{byte:02x}").unwrap();
        }
        hex
    };
    let planned = fs::read_to_string(&plan).unwrap();
    assert!(planned.contains(&sum(&before)));
    fs::write(&plan, planned.replace(&sum(&before), &sum(&text))).unwrap();
    let output = program(&[&"resume", &out]);
    assert!(output.status.success(), "{}", said(&output));
    let told: Vec<String> = said(&output).lines().filter(|line| line.contains("mmx")).map(String::from).collect();
    assert!(told.len() == 1 && told[0].contains("numbers may differ"), "{}", said(&output));
}
