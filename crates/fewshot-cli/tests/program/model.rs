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
