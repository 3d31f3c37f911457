//! A small real run, and ways to start the program.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Settings under which a whole search takes seconds: real images, real training, little of it.
pub const TINY: &str = r#"
threads = 1
[data]
limit = 240
val_fraction = 0.25
[space]
name = "nasbench201"
width = 3
[split]
decisions = ["e0"]
[supernet]
epochs = 2
batch = 30
[children]
epochs = 1
batch = 30
[scoring]
batch = 30
[search]
budget = 24
finalists = 2
[standalone]
width = 3
randoms = 2
[standalone.train]
epochs = 2
batch = 40
"#;

/// The program with these arguments.
pub fn fewshot<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fewshot"));
    command.args(args);
    command
}

/// Runs it to its end.
pub fn run<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
    fewshot(args).output().unwrap()
}

/// A tiny search into `out`, ready to start.
pub fn tiny_search(folder: &Path, out: &Path) -> Command {
    let recipe = folder.join("tiny.toml");
    std::fs::write(&recipe, TINY).unwrap();
    let mut command = fewshot(["search", "--json", "--recipe"]);
    command.arg(recipe).arg("--out").arg(out);
    command
}

/// The last line of standard output as JSON.
pub fn last_json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_else(|| panic!("no output; {}", String::from_utf8_lossy(&output.stderr)));
    serde_json::from_str(line).unwrap()
}

/// `result.json` without the one field that depends on the clock.
pub fn result_without_seconds(run: &Path) -> Value {
    let mut value: Value = serde_json::from_slice(&std::fs::read(run.join("result.json")).unwrap()).unwrap();
    value.as_object_mut().unwrap().remove("seconds").expect("`seconds` is part of every result");
    value
}
