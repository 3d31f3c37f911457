//! What a finished run left for people is made again when it is lost, and data that moved is pointed at.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{
    TINY, failure, fewshot, files_in, photos, program, result_without_seconds, run, said, tiny_search, trained,
};

/// Files of a run that are its state, and none that it leaves for others.
const STATE: [&str; 6] = [".lock", "events.jsonl", "moved.json", "plan.json", "run.toml", "stages"];

/// What a run left, by its path in the run, but the page and the answer, which are made each time.
fn left(run: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![run.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for name in files_in(&folder) {
            let path = folder.join(&name);
            match path.is_dir() {
                true if folder != run || name != "stages" => folders.push(path),
                false
                    if !(STATE.contains(&name.as_str()) || ["report.html", "result.json"].contains(&name.as_str())) =>
                {
                    files.insert(path.strip_prefix(run).unwrap().to_path_buf(), fs::read(&path).unwrap());
                }
                _ => {}
            }
        }
    }
    files
}

/// Ends a run, takes away or damages all that it left, and has it made again.
fn made_again(mut begin: Command, out: &Path, expected: &[&str]) {
    let output = begin.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let (files, answer) = (left(out), result_without_seconds(out));
    let names: Vec<String> = files.keys().map(|path| path.display().to_string()).collect();
    assert_eq!(names, expected);
    // Whatever each file suffers first, it suffers the other the second time.
    for round in 0..2 {
        for (index, (path, bytes)) in files.iter().enumerate() {
            match (index + round) % 2 {
                0 => fs::remove_file(out.join(path)).unwrap(),
                _ => fs::write(out.join(path), &bytes[..bytes.len() / 2]).unwrap(),
            }
        }
        if round == 0 {
            fs::remove_file(out.join("result.json")).unwrap();
        } else {
            fs::write(out.join("result.json"), "{\"test_acc").unwrap();
        }
        fs::write(out.join("report.html"), "").unwrap();
        let output = run(["resume".as_ref(), out.as_os_str()]);
        assert!(output.status.success(), "{}", said(&output));
        for (path, bytes) in &files {
            assert!(fs::read(out.join(path)).unwrap() == *bytes, "{}, round {round}", path.display());
            assert!(said(&output).contains(&format!("`{}`", path.display())), "{}", said(&output));
        }
        assert_eq!(result_without_seconds(out), answer);
        assert!(fs::metadata(out.join("report.html")).unwrap().len() > 1000);
    }
    // Nothing is left to do, and nothing is done.
    let events = fs::read(out.join("events.jsonl")).unwrap().len();
    assert!(run(["resume".as_ref(), out.as_os_str()]).status.success());
    let more = fs::read_to_string(out.join("events.jsonl")).unwrap()[events..].to_string();
    assert_eq!(more.lines().count(), 1, "{more}");
}

#[test]
fn what_a_search_left_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let files = ["augmented.png", "history.jsonl", "model.onnx", "model.safetensors"];
    made_again(tiny_search(dir.path(), &out), &out, &files);
}

#[test]
fn what_a_search_for_a_front_left_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let mut search = tiny_search(dir.path(), &out);
    search.args(["--pareto", "2", "--randoms", "0"]);
    let files = [
        "augmented.png",
        "before-held-out.safetensors",
        "front/1/model.onnx",
        "front/1/model.safetensors",
        "history.jsonl",
        "model.onnx",
        "model.safetensors",
    ];
    made_again(search, &out, &files);
}

#[test]
fn what_other_runs_left_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = dir.path().join("tiny.toml");
    let small = "[data]\nlimit = 240\nval_fraction = 0.25\n[space]\nwidth = 3\n[supernet]\nepochs = 1\n[children]\nepochs = 1\n\
                 [standalone]\nwidth = 3\n[standalone.train]\nepochs = 1\n";
    let tables = "[space]\nname = \"cell1296\"\n[ranking]\nseeds = 2\ntruth = \"cell1296\"\ncolumns = [\"seed0\"]\n\
                  [strategies]\nevaluations = 20\nmarks = [20]\n[[strategies.modes]]\nname = \"vanilla\"\n";
    let reproduce = |name: &str, text: &str, flags: &[&str]| {
        fs::write(&recipe, text).unwrap();
        let out = dir.path().join(name);
        let mut command = fewshot(["reproduce", name, "--recipe"]);
        command.arg(&recipe).args(flags).arg("--out").arg(&out);
        (command, out)
    };
    let (ranking, out) = reproduce("proof-of-concept", small, &["--networks", "20", "--seeds", "1"]);
    made_again(ranking, &out, &["scores.csv"]);
    let (truth, out) = reproduce("cell1296-truth", small, &["--networks", "4", "--seeds", "2"]);
    made_again(truth, &out, &["truth.csv"]);
    let (strategies, out) = reproduce("strategies", tables, &[]);
    made_again(strategies, &out, &["curves.csv"]);

    fs::write(&recipe, TINY).unwrap();
    let arch = trained_arch();
    let out = dir.path().join("alone");
    let mut train = fewshot(["train", "--arch", &arch, "--recipe"]);
    train.arg(&recipe).arg("--out").arg(&out);
    made_again(train, &out, &["augmented.png", "before-held-out.safetensors", "model.onnx", "model.safetensors"]);
}

fn trained_arch() -> String {
    let result: serde_json::Value = serde_json::from_slice(&fs::read(trained().join("result.json")).unwrap()).unwrap();
    result["arch"].as_str().unwrap().to_string()
}

#[test]
fn data_that_moved_is_pointed_at_and_what_is_finished_needs_none() {
    let dir = tempfile::tempdir().unwrap();
    let (before, after, out) = (photos(dir.path()), dir.path().join("moved"), dir.path().join("run"));
    let output = tiny_search(dir.path(), &out).arg("--data").arg(&before).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    fs::rename(&before, &after).unwrap();
    let image = after.join("test/noon/00.png");

    // What is finished is used as before.
    for args in
        [[&"resume" as &dyn AsRef<std::ffi::OsStr>, &out].as_slice(), &[&"report", &out], &[&"predict", &out, &image]]
    {
        let output = program(args);
        assert!(output.status.success(), "{}", said(&output));
    }
    // What is to be made again needs the data, and says how to point at it.
    let model = out.join("model.safetensors");
    let bytes = fs::read(&model).unwrap();
    fs::remove_file(&model).unwrap();
    let text = failure(&program(&[&"resume", &out]), 1);
    assert!(text.contains(&format!("`fewshot resume {} --data PATH`", out.display())), "{text}");
    // Other images are not taken for these.
    fs::create_dir(dir.path().join("others")).unwrap();
    let others = photos(&dir.path().join("others"));
    fs::remove_file(others.join("train/dusk/03.png")).unwrap();
    let text = failure(&program(&[&"resume", &out, &"--data", &others]), 1);
    assert!(text.contains("changed since") && text.contains("--data PATH"), "{text}");
    assert!(!model.exists());

    // They are looked for there from then on.
    for flags in [[&"--data" as &dyn AsRef<std::ffi::OsStr>, &after].as_slice(), &[]] {
        let output = program(&[[&"resume" as &dyn AsRef<std::ffi::OsStr>, &out].as_slice(), flags].concat());
        assert!(output.status.success(), "{}", said(&output));
        assert!(fs::read(&model).unwrap() == bytes);
        fs::remove_file(&model).unwrap();
    }
}
