//! Images as people have them: in odd places, under odd names, in parts.

use std::path::Path;

use serde_json::Value;

use crate::common::{last_json, program, said, trained, write_png};

/// Some training images of the embedded sample as PNG files `folder/CLASS/NUMBER.png`, and their number.
fn class_folders(folder: &Path, classes: &[&str], each: usize) {
    let train = fewshot_data::sample().unwrap().train;
    for name in classes {
        let label = train.classes().iter().position(|class| class == name).unwrap() as u32;
        let of_class = (0..train.len()).filter(|&index| train.label(index) == label);
        std::fs::create_dir_all(folder.join(name)).unwrap();
        for (number, index) in of_class.take(each).enumerate() {
            write_png(&folder.join(name).join(format!("{number}.png")), 28, train.image(index));
        }
    }
}

fn info(path: &Path) -> Value {
    let output = program(&[&"data", &"info", &path, &"--json"]);
    assert!(output.status.success(), "{}", said(&output));
    last_json(&output)
}

#[test]
fn a_network_is_measured_on_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    // One class of the network's ten, and a test part without a training part.
    let (one, tested) = (dir.path().join("one"), dir.path().join("tested"));
    class_folders(&one, &["Bag"], 4);
    class_folders(&tested.join("test"), &["Bag", "Coat"], 3);
    std::fs::write(tested.join("test/Bag/notes.txt"), "words").unwrap();
    let output = program(&[&"eval", &trained(), &"--data", &one, &"--part", &"all", &"--json"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(last_json(&output)["images"], 4);
    let output = program(&[&"eval", &trained(), &"--data", &tested, &"--json"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(last_json(&output)["images"], 6);
    assert!(said(&output).contains("1 file that is no image"), "{}", said(&output));
    let output = program(&[&"eval", &trained(), &"--data", &tested, &"--part", &"train"]);
    assert!(said(&output).contains("no training part"), "{}", said(&output));

    // A class that the network does not know is refused by name.
    std::fs::rename(one.join("Bag"), one.join("Hat")).unwrap();
    let output = program(&[&"eval", &trained(), &"--data", &one, &"--part", &"all"]);
    assert!(said(&output).contains("class `Hat` is not among"), "{}", said(&output));
}

#[test]
fn a_folder_is_predicted_image_by_image() {
    let dir = tempfile::tempdir().unwrap();
    class_folders(dir.path(), &["Bag", "Coat"], 2);
    let output = program(&[&"predict", &trained(), &dir.path(), &"--json"]);
    assert!(output.status.success(), "{}", said(&output));
    let found = last_json(&output);
    let files: Vec<&str> =
        found["images"].as_array().unwrap().iter().map(|image| image["file"].as_str().unwrap()).collect();
    let expected = ["Bag/0.png", "Bag/1.png", "Coat/0.png", "Coat/1.png"].map(|name| dir.path().join(name));
    assert_eq!(files, expected.map(|path| path.display().to_string()));
}

#[test]
fn run_folders_inside_of_the_images_are_no_class() {
    let dir = tempfile::tempdir().unwrap();
    class_folders(dir.path(), &["Bag", "Coat"], 10);
    let before = info(dir.path());
    let run = dir.path().join("runs/search-1");
    std::fs::create_dir_all(&run).unwrap();
    for name in ["run.toml", "plan.json", "report.html"] {
        std::fs::copy(trained().join(name), run.join(name)).unwrap();
    }
    write_png(&run.join("picture.png"), 28, &[7; 28 * 28]);
    let after = info(dir.path());
    assert_eq!(before["fingerprint"], after["fingerprint"]);
    let notes = after["notes"].to_string();
    assert!(notes.contains("1 run folder of this program"), "{notes}");
    assert!(!notes.contains("`runs`"), "told once: {notes}");
}

#[test]
fn transparent_images_are_told_and_laid_on_a_ground() {
    let dir = tempfile::tempdir().unwrap();
    for (class, from) in [("left", 0), ("right", 8)] {
        std::fs::create_dir(dir.path().join(class)).unwrap();
        for number in 0..10 {
            let mut bytes = Vec::new();
            let mut encoder = png::Encoder::new(&mut bytes, 16, 16);
            encoder.set_color(png::ColorType::Rgba);
            let drawn = |at: usize| (from..from + 8).contains(&(at % 16)) && at / 16 > number % 4;
            let pixels: Vec<u8> = (0..256).flat_map(|at| [0, 0, 0, if drawn(at) { 255 } else { 0 }]).collect();
            encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
            std::fs::write(dir.path().join(class).join(format!("{number}.png")), bytes).unwrap();
        }
    }
    let found = info(dir.path());
    assert!(found["notes"].to_string().contains("all of the same colour without their alpha channel"), "{found}");
    let output = program(&[&"data", &"info", &dir.path(), &"--ground", &"white", &"--json"]);
    let found = last_json(&output);
    assert_eq!(found["notes"], serde_json::json!([]));
    assert!(found["mean"][0].as_f64().unwrap() > 0.5, "{found}");
    let output = program(&[&"data", &"info", &dir.path(), &"--ground", &"sky"]);
    assert!(said(&output).contains("the ground is sky, but must be white"), "{}", said(&output));
}

#[test]
fn an_empty_folder_is_named_and_the_other_images_are_answered() {
    let dir = tempfile::tempdir().unwrap();
    class_folders(dir.path(), &["Bag"], 2);
    let empty = dir.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    // Given by itself.
    let output = program(&[&"predict", &trained(), &empty, &dir.path().join("Bag"), &"--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let found = last_json(&output);
    assert_eq!(found["images"].as_array().unwrap().len(), 2, "{found}");
    assert!(found["failed"].to_string().contains("holds no image"), "{found}");
    assert!(said(&output).contains("empty` holds no image"), "{}", said(&output));
    // In a folder that is given.
    let output = program(&[&"predict", &trained(), &dir.path()]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("left out: 1 empty folder (nothing is in it), e.g. `empty`"), "{}", said(&output));
}

#[test]
fn images_of_one_colour_are_told() {
    let dir = tempfile::tempdir().unwrap();
    class_folders(dir.path(), &["Bag", "Coat"], 10);
    assert_eq!(info(dir.path())["notes"], serde_json::json!([]));
    for (name, shade) in [("a.png", 0), ("b.png", 0), ("c.png", 9)] {
        for number in 0..5 {
            write_png(&dir.path().join("Coat").join(format!("{number}-{name}")), 28, &[shade; 28 * 28]);
        }
    }
    let notes = info(dir.path())["notes"].to_string();
    assert!(notes.contains("have one colour all over") && notes.contains("of them black"), "{notes}");
    assert!(notes.contains("of class `Coat`") && !notes.contains("class `Bag`"), "{notes}");
}

#[cfg(unix)]
#[test]
fn a_broken_link_is_called_one() {
    let dir = tempfile::tempdir().unwrap();
    class_folders(dir.path(), &["Bag", "Coat"], 10);
    std::os::unix::fs::symlink("/nowhere/at/all.png", dir.path().join("Bag/link.png")).unwrap();
    let output = program(&[&"data", &"info", &dir.path()]);
    let text = crate::common::failure(&output, 1);
    assert!(text.contains("link.png` is a broken link: it leads to `/nowhere/at/all.png`"), "{text}");
}

#[test]
fn numbers_out_of_range_are_told_by_their_flags() {
    for (args, expected) in [
        (["search", "--verify", "3"], "--verify: search.verify = 3 is out of range"),
        (["search", "--split", "e9"], "--split: split.decisions[0]"),
    ] {
        let output = crate::common::run(args);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(expected), "{}", said(&output));
    }
}
