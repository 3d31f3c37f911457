//! A small real run, and ways to start the program.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

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

/// `result.json` without what depends on the clock: seconds in all, seconds or microseconds of each row.
pub fn result_without_seconds(run: &Path) -> Value {
    let mut value: Value = serde_json::from_slice(&std::fs::read(run.join("result.json")).unwrap()).unwrap();
    let result = value.as_object_mut().unwrap();
    result.remove("seconds").expect("`seconds` is part of every result");
    for row in result.get_mut("rows").and_then(Value::as_array_mut).into_iter().flatten() {
        let row = row.as_object_mut().unwrap();
        let time =
            row.remove("seconds").or_else(|| row.remove("microseconds")).expect("every row says how long it took");
        assert!(time.as_f64().unwrap() > 0.0);
    }
    value
}

/// Starts a run in the folder `out` and kills it after each of these shares of the time `whole` that an uncut one took,
/// going on with `resume` each time; the last one is let to its end.
pub fn kill_and_resume(start: impl Fn() -> Command, out: &Path, whole: Duration, shares: &[f64]) -> Output {
    for share in shares {
        let mut command =
            if out.join("run.toml").exists() { fewshot(["resume".as_ref(), out.as_os_str()]) } else { start() };
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let moment = Instant::now() + whole.mul_f64(*share);
        while Instant::now() < moment && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    run(["resume".as_ref(), out.as_os_str()])
}
