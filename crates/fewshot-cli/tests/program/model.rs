//! A trained network in use: predict, eval, export, and what can go wrong with them.

use std::path::{Path, PathBuf};

use fewshot_nas::device;
use fewshot_nas::model::Model;
use fewshot_nas::run::Checkpoint;
use serde_json::{Value, json};

use crate::common::{failure, fewshot, files_in, last_json, program, said, trained, write_png};

/// Some test images of the embedded sample as PNG files, with their pixels.
fn images(folder: &Path, count: usize) -> Vec<(PathBuf, Vec<u8>)> {
    let test = fewshot_data::sample().unwrap().test.open().unwrap();
    let image = |index: usize| {
        let (path, pixels) = (folder.join(format!("{index}.png")), test.image(index).to_vec());
        write_png(&path, 28, &pixels);
        (path, pixels)
    };
    (0..count).map(image).collect()
}

#[test]
fn predictions_are_those_of_the_model() {
    let dir = tempfile::tempdir().unwrap();
    let images = images(dir.path(), 5);
    let mut command = fewshot(["predict", "--json", "--top", "2"]);
    let output = command.arg(trained()).args(images.iter().map(|(path, _)| path)).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let found = last_json(&output);
    assert_eq!(found["failed"], json!([]));

    let mut model = Model::open(trained(), &device::by_name("cpu").unwrap()).unwrap();
    let pixels: Vec<Vec<u8>> = images.iter().map(|(_, pixels)| pixels.clone()).collect();
    let wanted = model.logits(&pixels).unwrap();
    for (index, ((path, _), wanted)) in images.iter().zip(wanted).enumerate() {
        let image = &found["images"][index];
        assert_eq!(image["file"], path.display().to_string());
        let logits: Vec<f32> = serde_json::from_value(image["logits"].clone()).unwrap();
        assert_eq!(logits, wanted);
        let likely = image["classes"].as_array().unwrap();
        assert_eq!(likely.len(), 2);
        // The likeliest class is that of the largest logit, and its probability follows from all of them.
        let largest = (0..10).fold(0, |best, class| if logits[class] > logits[best] { class } else { best });
        assert_eq!(likely[0]["class"], model.card().classes[largest].as_str());
        let sum: f64 = logits.iter().map(|&logit| f64::from(logit - logits[largest]).exp()).sum();
        assert!((likely[0]["probability"].as_f64().unwrap() - 1.0 / sum).abs() < 1e-6, "{likely:?}");
    }
}

#[test]
fn an_image_that_cannot_be_read_is_named_and_the_others_are_answered() {
    let dir = tempfile::tempdir().unwrap();
    let images = images(dir.path(), 2);
    let whole = std::fs::read(&images[0].0).unwrap();
    let (cut, text, gone) = (dir.path().join("cut.png"), dir.path().join("notes.png"), dir.path().join("gone.jpg"));
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    std::fs::write(&text, "no image").unwrap();
    let output = program(&[&"predict", &trained(), &images[0].0, &cut, &text, &gone, &images[1].0]);
    assert_eq!(output.status.code(), Some(1));
    let (errors, table) = (said(&output), String::from_utf8_lossy(&output.stdout).into_owned());
    let lines: Vec<&str> = errors.lines().collect();
    assert_eq!(lines.len(), 4, "{errors}");
    for (line, name) in lines.iter().zip(["cut.png", "notes.png", "gone.jpg", "3 of 5 images"]) {
        assert!(line.starts_with("fewshot: ") && line.contains(name), "{line}");
    }
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 2, "{table}");
    assert!(rows[0].contains("0.png") && rows[1].contains("1.png") && rows[0].matches(" %").count() == 3, "{table}");
}

#[test]
fn an_evaluation_repeats_the_test_of_the_run() {
    let stored: Value = serde_json::from_slice(&std::fs::read(trained().join("result.json")).unwrap()).unwrap();
    // By the folder, by the file, on the embedded sample and on the files that it is made of.
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/fashion-mnist-sample");
    let model = trained().join("model.safetensors");
    for output in
        [program(&[&"eval", &"--json", &trained()]), program(&[&"eval", &"--json", &model, &"--data", &sample])]
    {
        assert!(output.status.success(), "{}", said(&output));
        let found = last_json(&output);
        assert_eq!(found, stored["test"]);
        assert_eq!(found["top1"], stored["test_accuracy"]);
    }
    let test = &stored["test"];
    let rows: Vec<Vec<u64>> = serde_json::from_value(test["confusion"].clone()).unwrap();
    assert_eq!(test["images"].as_u64().unwrap(), rows.iter().flatten().sum::<u64>());
    let recall: Vec<f64> = serde_json::from_value(test["recall"].clone()).unwrap();
    let mean = recall.iter().sum::<f64>() / 10.0;
    assert!((test["balanced_accuracy"].as_f64().unwrap() - mean).abs() < 1e-12);
    assert!(test["top5"].as_f64().unwrap() >= test["top1"].as_f64().unwrap());

    let output = program(&[&"eval", &trained(), &"--part", &"all"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for part in ["12000 images", "top-1", "top-5", "balanced", "Sneaker", "class, given as"] {
        assert!(text.contains(part), "{part}: {text}");
    }

    let page = std::fs::read_to_string(trained().join("report.html")).unwrap();
    assert!(page.contains("Class by class") && page.contains("most frequent mistakes"));
}

#[test]
fn images_of_other_classes_and_sizes() {
    let dir = tempfile::tempdir().unwrap();
    for (class, grey) in [("Sneaker", 40), ("horse", 200)] {
        let folder = dir.path().join(class);
        std::fs::create_dir(&folder).unwrap();
        // Another size than the network's: they are brought to it.
        (0..5).for_each(|index| write_png(&folder.join(format!("{index}.png")), 31, &[grey; 31 * 45]));
    }
    let text = failure(&program(&[&"eval", &trained(), &"--data", &dir.path()]), 1);
    assert!(text.contains("horse") && text.contains("Ankle boot"), "{text}");
    std::fs::rename(dir.path().join("horse"), dir.path().join("Bag")).unwrap();
    let output = program(&[&"eval", &trained(), &"--data", &dir.path(), &"--part", &"all", &"--json"]);
    assert!(output.status.success(), "{}", said(&output));
    let found = last_json(&output);
    assert_eq!((found["images"].as_u64(), found["recall"][0].is_null()), (Some(10), true), "{found}");
}

#[test]
fn damaged_and_newer_models_are_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let image = images(dir.path(), 1).remove(0).0;
    let model = dir.path().join("model.safetensors");
    let whole = std::fs::read(trained().join("model.safetensors")).unwrap();
    let commands = |model: &Path| {
        [
            program(&[&"predict", &model, &image]),
            program(&[&"eval", &model]),
            program(&[&"export", &model, &"--format", &"onnx"]),
        ]
    };
    std::fs::write(&model, &whole[..whole.len() - 7]).unwrap();
    for output in commands(&model) {
        let text = failure(&output, 1);
        assert!(text.contains("model.safetensors") && text.contains("damaged"), "{text}");
    }
    std::fs::write(&model, &whole).unwrap();
    let mut newer = Checkpoint::load(&model).unwrap();
    newer.meta["format"] = json!(1000);
    newer.meta["program"] = json!("99.0.0");
    newer.save(&model).unwrap();
    for output in commands(&model) {
        let text = failure(&output, 1);
        assert!(text.contains("99.0.0") && text.contains("use the newer program"), "{text}");
    }
    for output in commands(&dir.path().join("nothing")) {
        assert!(failure(&output, 1).contains("nothing"));
    }
    assert_eq!(files_in(dir.path()), ["0.png", "model.safetensors"]);
}

#[test]
fn exports_are_written_where_they_are_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let export = |format: &str, out: &str| {
        let output = program(&[&"export", &trained(), &"--format", &format, &"--out", &dir.path().join(out)]);
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8_lossy(&output.stdout).lines().count()
    };
    assert_eq!(
        (export("onnx", "new/x.onnx"), export("safetensors", "copy.safetensors"), export("pytorch", "py")),
        (1, 1, 2)
    );
    let bytes = |path: PathBuf| std::fs::read(path).unwrap();
    assert!(bytes(dir.path().join("new/x.onnx")) == bytes(trained().join("model.onnx")));
    let weights = bytes(trained().join("model.safetensors"));
    assert!(bytes(dir.path().join("copy.safetensors")) == weights);
    assert!(bytes(dir.path().join("py/model.safetensors")) == weights);
    assert_eq!(files_in(&dir.path().join("py")), ["model.py", "model.safetensors"]);
    // Python itself, where there is one, finds no fault in the code.
    let code = dir.path().join("py/model.py");
    match std::process::Command::new("python3")
        .args(["-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())"])
        .arg(&code)
        .output()
    {
        Ok(output) => assert!(output.status.success(), "{}", said(&output)),
        Err(error) => println!("model.py was not parsed: no python3 ({error})"),
    }
}

#[test]
fn an_export_that_cannot_be_written_fails_in_one_line_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let below = file.join("model.onnx");
    for format in ["onnx", "safetensors", "pytorch"] {
        let text = failure(&program(&[&"export", &trained(), &"--format", &format, &"--out", &below]), 1);
        assert!(text.contains("file"), "{text}");
    }
    // A folder that is not empty stands where the file should be.
    std::fs::create_dir_all(dir.path().join("full/inside")).unwrap();
    let text = failure(&program(&[&"export", &trained(), &"--format", &"onnx", &"--out", &dir.path().join("full")]), 1);
    assert!(text.contains("cannot write") && text.contains("full"), "{text}");
    assert_eq!(files_in(dir.path()), ["file", "full"]);
    assert_eq!(files_in(&dir.path().join("full")), ["inside"]);

    let text = failure(&program(&[&"export", &trained(), &"--format", &"safetensors"]), 2);
    assert!(text.contains("--out"), "{text}");
    let output = program(&[&"export", &trained(), &"--format", &"onyx"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("onnx"));
}

#[test]
fn a_run_without_a_model_says_how_to_get_one() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(trained().join("run.toml"), dir.path().join("run.toml")).unwrap();
    let text = failure(&program(&[&"export", &dir.path(), &"--format", &"onnx"]), 1);
    assert!(text.contains("fewshot resume"), "{text}");
}

/// The model of the trained run with another card, under a checksum that is right.
fn changed_model(folder: &Path, change: impl FnOnce(&mut Checkpoint)) -> PathBuf {
    let path = folder.join("changed.safetensors");
    let mut checkpoint = Checkpoint::load(&trained().join("model.safetensors")).unwrap();
    change(&mut checkpoint);
    checkpoint.save(&path).unwrap();
    path
}

/// Text that acts on a terminal, in HTML and in Python.
const ACTING: &str = "\u{1b}]0;owned\u{7}\u{1b}[2Jcat\nfewshot: all is well\u{202e}<b>\"\"\"\nimport os; os.system(\"touch PWNED\")\n\"\"\"";

/// Nothing in a text acts but its line breaks.
fn assert_tame(text: &str) {
    let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!text.contains(acts), "{text:?}");
    assert!(!text.lines().any(|line| line.starts_with("fewshot: all is well")), "{text}");
}

#[test]
fn what_a_model_file_says_of_itself_is_shown_and_does_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let image = images(dir.path(), 1).remove(0).0;
    let model = changed_model(dir.path(), |checkpoint| {
        checkpoint.meta["program"] = json!(ACTING);
        for class in 0..9 {
            checkpoint.meta["classes"][class] = json!(format!("{class} {ACTING}"));
        }
        // Wider than a table can be aligned to.
        checkpoint.meta["classes"][9] = json!("y".repeat(70_000));
    });
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/fashion-mnist-sample");
    let export = dir.path().join("net");
    for output in [
        program(&[&"predict", &model, &image, &"--top", &"10"]),
        program(&[&"predict", &model, &image, &"--top", &"10", &"--json"]),
        program(&[&"export", &model, &"--format", &"pytorch", &"--out", &export]),
        // Refused, with the names of the classes.
        program(&[&"eval", &model, &"--data", &sample]),
    ] {
        assert_tame(&said(&output));
        assert_tame(&String::from_utf8_lossy(&output.stdout));
    }
    let answered = program(&[&"predict", &model, &image, &"--top", &"10", &"--json"]);
    let classes = last_json(&answered)["images"][0]["classes"].clone();
    // As JSON they are what they were.
    assert!(classes.as_array().unwrap().iter().any(|class| class["class"] == format!("0 {ACTING}")), "{classes}");
    let code = std::fs::read_to_string(export.join("model.py")).unwrap();
    assert_tame(&code);
    // Python reads it as a string and runs none of it; without torch the import fails, which is after the text.
    let python = r#"
import ast, sys
tree = ast.parse(open(sys.argv[1]).read())
names = {n.targets[0].id: ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id in ("PROGRAM", "CLASSES")}
calls = [n for n in tree.body if isinstance(n, ast.Expr) and not isinstance(n.value, ast.Constant)]
sys.exit(0 if not calls and names["PROGRAM"] == sys.argv[2] and names["CLASSES"][0] == "0 " + sys.argv[2] else 1)
"#;
    match std::process::Command::new("python3").args(["-c", python]).arg(export.join("model.py")).arg(ACTING).output() {
        Ok(output) => assert!(output.status.success(), "{}", said(&output)),
        Err(_) => println!("skipped: no Python"),
    }
}

#[test]
fn a_report_shows_what_a_run_says_of_itself_and_obeys_none_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run\u{1b}[2J");
    std::fs::create_dir(&run).unwrap();
    for name in ["run.toml", "plan.json", "result.json", "events.jsonl"] {
        let text = std::fs::read_to_string(trained().join(name)).unwrap();
        let text = text.replace("Sneaker", "<script>\u{202e}");
        std::fs::write(run.join(name), text.replace("# ", "# \u{202e}")).unwrap();
    }
    let output = program(&[&"report", &run]);
    assert!(output.status.success(), "{}", said(&output));
    assert_tame(&String::from_utf8_lossy(&output.stdout));
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert_tame(&page);
    assert!(page.contains("&lt;script&gt;\\u{202e}") && !page.contains("<script>"));
}

#[test]
fn weights_that_are_no_numbers_are_refused_by_every_command() {
    let dir = tempfile::tempdir().unwrap();
    let image = images(dir.path(), 1).remove(0).0;
    for value in [f32::NAN, f32::INFINITY] {
        let model = changed_model(dir.path(), |checkpoint| {
            let (name, tensor) = checkpoint.tensors.iter().next().unwrap();
            let (name, shape, mut data) = (name.clone(), tensor.shape().to_vec(), tensor.data().to_vec());
            *data.last_mut().unwrap() = value;
            checkpoint.tensors.insert(name, fewshot_nas::run::TensorF32::new(shape, data).unwrap());
        });
        for output in [
            program(&[&"predict", &model, &image]),
            program(&[&"eval", &model]),
            program(&[&"export", &model, &"--format", &"onnx"]),
        ] {
            let text = failure(&output, 1);
            assert!(text.contains("changed.safetensors") && text.contains("NaN or infinity"), "{text}");
        }
    }
    // Numbers that are, and whose products are not.
    let model = changed_model(dir.path(), |checkpoint| {
        for tensor in checkpoint.tensors.values_mut() {
            let data = vec![1e38; tensor.data().len()];
            *tensor = fewshot_nas::run::TensorF32::new(tensor.shape().to_vec(), data).unwrap();
        }
    });
    for output in [program(&[&"predict", &model, &image]), program(&[&"eval", &model])] {
        let text = failure(&output, 1);
        assert!(text.contains("answers with NaN or infinity"), "{text}");
    }
}

#[test]
fn outputs_replace_nothing_that_is_no_plain_file_or_belongs_to_a_run() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    std::fs::create_dir(&run).unwrap();
    for name in ["run.toml", "plan.json", "result.json", "events.jsonl", "model.safetensors", "model.onnx"] {
        std::fs::copy(trained().join(name), run.join(name)).unwrap();
    }
    let export = |format: &str, out: &Path| program(&[&"export", &run, &"--format", &format, &"--out", &out]);
    for name in ["run.toml", "result.json", "model.safetensors", "stages/03-test/done.json", "history.jsonl"] {
        let path = run.join(name);
        let before = std::fs::read(&path).ok();
        let outputs = [export("onnx", &path), program(&[&"report", &run, &"--out", &path])];
        for output in outputs {
            assert!(!output.status.success(), "{name}");
            assert!(
                said(&output).contains("belongs to the run") || said(&output).contains("the model itself"),
                "{}",
                said(&output)
            );
        }
        assert_eq!(std::fs::read(&path).ok(), before, "{name}");
    }
    // Its own place may be written again; the model copied onto itself stays as it is.
    assert!(export("onnx", &run.join("model.onnx")).status.success());
    assert!(failure(&export("safetensors", &run.join("model.safetensors")), 2).contains("the model itself"));
    #[cfg(unix)]
    {
        let (link, target) = (dir.path().join("link"), dir.path().join("target.html"));
        std::fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink("target.html", &link).unwrap();
        assert!(program(&[&"report", &run, &"--out", &link]).status.success());
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(std::fs::read_to_string(&target).unwrap().contains("<html"));
        let null = dir.path().join("null");
        std::os::unix::fs::symlink("/dev/null", &null).unwrap();
        assert!(program(&[&"report", &run, &"--out", &null]).status.success());
        assert!(std::fs::symlink_metadata(&null).unwrap().is_symlink());
        let piped = program(&[&"report", &run, &"--out", &"/dev/stdout"]);
        assert!(piped.status.success() && String::from_utf8_lossy(&piped.stdout).contains("<html"), "{}", said(&piped));
    }
}
