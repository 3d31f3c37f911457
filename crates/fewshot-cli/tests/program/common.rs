//! A small real run, and ways to start the program.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Settings under which a whole search takes seconds: real images, real training, little of it.
pub const TINY: &str = r#"
base = "quick"
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

/// A network of its space.
const ARCH: &str = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_1x1~2|";

/// The program with these arguments.
pub fn fewshot<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fewshot"));
    command.args(args);
    command
}

/// Runs it to its end.
pub fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
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

/// A run that trained one network on the embedded sample; made once for all tests.
pub fn trained() -> &'static Path {
    static RUN: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, out) = RUN.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let (recipe, out) = (dir.path().join("tiny.toml"), dir.path().join("run"));
        std::fs::write(&recipe, TINY).unwrap();
        let mut command = fewshot(["train", "--arch", ARCH, "--recipe"]);
        let output = command.arg(&recipe).arg("--out").arg(&out).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find(|line| line.starts_with("trained network")).unwrap();
        assert!(line.contains("model.safetensors") && line.contains("model.onnx"), "{line}");
        (dir, out)
    });
    out
}

/// What is on standard error.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The one line on standard error of a command that must fail with `code`.
pub fn failure(output: &Output, code: i32) -> String {
    let text = said(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

/// The command with words and paths mixed.
pub fn program(args: &[&dyn AsRef<OsStr>]) -> Output {
    run(args.iter().map(|arg| arg.as_ref()))
}

/// A grey PNG file.
pub fn write_png(path: &Path, width: u32, pixels: &[u8]) {
    let file = std::fs::File::create(path).unwrap();
    let mut encoder = png::Encoder::new(file, width, pixels.len() as u32 / width);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
}

/// Names of files and folders, sorted.
pub fn files_in(folder: &Path) -> Vec<String> {
    let names =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Forty photographs of two classes, half of them to test on.
pub fn photos(folder: &Path) -> PathBuf {
    let photos = folder.join("photos");
    for (part, class, shade) in
        [("train", "dusk", 30), ("train", "noon", 200), ("test", "dusk", 35), ("test", "noon", 205)]
    {
        let folder = photos.join(part).join(class);
        std::fs::create_dir_all(&folder).unwrap();
        for number in 0..10 {
            write_png(&folder.join(format!("{number:02}.png")), 8, &[shade + number; 64]);
        }
    }
    photos
}
