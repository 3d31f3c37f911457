//! Model files: what is written is read, and what is wrong is named.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use fewshot_data::{Dataset, Shape};
use serde_json::{Value, json};

use super::fixture::{images, model, space};
use super::{Card, MODEL, Model, ModelError};
use crate::run::{Checkpoint, TensorF32};

const IMAGE: [usize; 3] = [8, 8, 3];

fn small() -> Model {
    let space = space("cell1296", IMAGE);
    let arch = space.blueprint().parse("|nor_conv_3x3~0|+|max_pool_3x3~1|+|nor_conv_1x1~0|avg_pool_3x3~2|").unwrap();
    model(&space, &arch, 3)
}

fn saved(folder: &Path) -> PathBuf {
    let path = folder.join(MODEL);
    small().save(&path).unwrap();
    path
}

/// The error of reading `path`, which must name it and be one line.
fn refused(path: &Path) -> ModelError {
    let error = Model::open(path, &Device::flex()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&path.display().to_string()) && !text.contains('\n'), "{text}");
    error
}

/// The saved model with other metadata or tensors, under a checksum that fits.
fn altered(folder: &Path, alter: impl FnOnce(&mut Checkpoint)) -> PathBuf {
    let path = saved(folder);
    let mut checkpoint = Checkpoint::load(&path).unwrap();
    alter(&mut checkpoint);
    checkpoint.save(&path).unwrap();
    path
}

#[test]
fn a_model_comes_back_as_it_was_and_says_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = small();
    first.save(&dir.path().join(MODEL)).unwrap();
    // By its file and by the folder that it lies in.
    for path in [dir.path().join(MODEL), dir.path().to_path_buf()] {
        let mut again = Model::open(&path, &Device::flex()).unwrap();
        assert_eq!(again.card(), first.card());
        assert_eq!(again.to_bytes().unwrap(), first.to_bytes().unwrap());
        let images = images(&first, 70);
        assert_eq!(again.logits(&images).unwrap(), first.logits(&images).unwrap());
    }
}

#[test]
fn an_image_is_judged_alone() {
    let mut model = small();
    let images = images(&model, 70);
    let all = model.logits(&images).unwrap();
    assert!(all.windows(2).any(|rows| rows[0] != rows[1]), "{all:?}");
    for index in [0, 5, 69] {
        let alone = model.logits(&images[index..=index]).unwrap();
        let worst = alone[0].iter().zip(&all[index]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{worst}");
    }
}

#[test]
fn damage_is_told_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let path = saved(dir.path());
    let whole = std::fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for bytes in [&whole[..whole.len() - 1], &whole[..100], &whole[..0], &flipped] {
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(refused(&path), ModelError::Damaged { .. }));
    }
    assert!(matches!(refused(&dir.path().join("none.safetensors")), ModelError::File(_)));
}

#[test]
fn a_newer_format_is_told_with_the_program_that_wrote_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = altered(dir.path(), |checkpoint| {
        checkpoint.meta = json!({ "format": Card::FORMAT + 1, "program": "9.8.7", "layout": "unknown" });
    });
    let text = refused(&path).to_string();
    assert!(text.contains("9.8.7") && text.contains("use the newer program"), "{text}");
}

#[test]
fn other_files_are_no_models() {
    let dir = tempfile::tempdir().unwrap();
    let path = altered(dir.path(), |checkpoint| checkpoint.meta = json!({ "epoch": 3, "step": 0 }));
    assert!(matches!(refused(&path), ModelError::Foreign { .. }));
    let path = altered(dir.path(), |checkpoint| _ = checkpoint.meta.as_object_mut().unwrap().remove("std"));
    assert!(refused(&path).to_string().contains("std"));
    let empty = dir.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert!(matches!(refused(&empty), ModelError::Run(_)));
}

#[test]
fn contradictions_are_refused() {
    type Alter = fn(&mut Checkpoint);
    let cases: [(&str, Alter); 10] = [
        ("2 classes for 3", |c| c.meta["classes"] = json!(["a", "b"])),
        ("mean and std", |c| c.meta["mean"] = json!([0.5])),
        ("no usable number", |c| c.meta["std"] = json!([0.5, 0.0, 0.5])),
        ("cells = 0", |c| c.meta["skeleton"]["cells"] = json!(0)),
        ("halve unevenly", |c| c.meta["skeleton"]["image_width"] = json!(9)),
        ("cell1297", |c| c.meta["space"] = json!("cell1297")),
        ("nor_conv_9x9", |c| {
            let arch = c.meta["arch"].as_str().unwrap().replace("3x3", "9x9");
            c.meta["arch"] = Value::from(arch);
        }),
        // Would take gigabytes if they were asked for.
        ("numbers for a network of", |c| c.meta["skeleton"]["width"] = json!(2048)),
        ("lacks the tensor `stem.weight`", |c| _ = c.tensors.remove("stem.weight")),
        ("no tensor `extra`", |c| c.insert("extra", TensorF32::new(vec![1], vec![0.0]).unwrap())),
    ];
    for (words, alter) in cases {
        let dir = tempfile::tempdir().unwrap();
        let path = altered(dir.path(), |checkpoint| {
            // So that a missing tensor is not told by the sum of all.
            if words.contains("lacks") {
                checkpoint.insert("spare", TensorF32::new(vec![5000], vec![0.0; 5000]).unwrap());
            }
            alter(checkpoint);
        });
        let error = refused(&path);
        assert!(
            matches!(error, ModelError::Card { .. } | ModelError::UnknownSpace { .. })
                && error.to_string().contains(words),
            "{error}"
        );
    }
}

fn labelled(model: &Model, labels: &[u32], classes: &[&str]) -> Dataset {
    let pixels = images(model, labels.len() as u64).concat();
    let classes = classes.iter().map(|class| class.to_string()).collect();
    Dataset::new("others", model.shape(), pixels, labels.to_vec(), classes).unwrap()
}

#[test]
fn classes_are_matched_by_name_and_else_by_order() {
    let mut model = small();
    let names: Vec<String> = model.card().classes.clone();
    let [a, b, c] = [0, 1, 2].map(|index| names[index].as_str());
    let labels = [0, 0, 1, 1, 2, 2];
    let plain = model.evaluate(vec![labelled(&model, &labels, &[a, b, c])]).unwrap();
    assert_eq!(plain.images, 6);
    // The same images with the same names in another order, or with numbers for names.
    let turned = labels.map(|label| [2, 0, 1][label as usize]);
    assert_eq!(model.evaluate(vec![labelled(&model, &turned, &[b, c, a])]).unwrap(), plain);
    assert_eq!(model.evaluate(vec![labelled(&model, &labels, &["0", "1", "2"])]).unwrap(), plain);
    // A class less: nothing can be said of it.
    let part = model.evaluate(vec![labelled(&model, &[0, 1], &[a, c])]).unwrap();
    assert_eq!(part.recall[1], None);
    // Parts are counted together.
    let both = vec![labelled(&model, &labels, &[a, b, c]), labelled(&model, &labels, &[a, b, c])];
    assert_eq!(model.evaluate(both).unwrap().images, 12);

    let error = model.evaluate(vec![labelled(&model, &[0, 1], &[a, "horse"])]).unwrap_err();
    assert!(matches!(&error, ModelError::OtherClass { class, .. } if class == "horse"), "{error}");
    let error = model.evaluate(vec![labelled(&model, &[0, 1], &["0", "1"])]).unwrap_err();
    assert!(matches!(error, ModelError::ClassCount { found: 2, expected: 3, .. }), "{error}");
    let shape = Shape { height: 8, width: 8, channels: 1 };
    let grey = Dataset::new("grey", shape, vec![0; 64], vec![0], names).unwrap();
    assert!(matches!(model.evaluate(vec![grey]).unwrap_err(), ModelError::Size { .. }));
}
