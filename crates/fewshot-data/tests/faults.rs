//! Broken data sets: each gives one error that names the file, the record and what is wrong.

mod support;

use std::fs;
use std::path::Path;

use fewshot_data::{DataError, OpenOptions, Shape, open, read_image};
use support::{COLOUR, GREY, Labelled, Parquet, Tiny, encode_jpeg, encode_png, gzip, layouts, message_of, open_all};
use support::{write_cifar, write_folders, write_idx};
use tempfile::{TempDir, tempdir};

/// Asserts that the data set in `folder` is refused with a message that contains all of `words`.
fn refused(folder: &Path, words: &[&str]) {
    let message = message_of(folder);
    for words in words {
        assert!(message.contains(words), "`{words}` is not in: {message}");
    }
    assert!(!message.is_empty() && !message.contains("  \n"), "{message}");
}

/// The tiny data set in the layout called `name`.
fn made(name: &str) -> (TempDir, Tiny) {
    layouts().into_iter().find(|layout| layout.name == name).expect("a known layout").make()
}

#[test]
fn paths_that_are_no_data_set() {
    let folder = tempdir().unwrap();
    refused(&folder.path().join("nowhere"), &["nowhere", "no such file or folder"]);
    refused(folder.path(), &["is empty"]);
    fs::write(folder.path().join(".DS_Store"), "x").unwrap();
    refused(folder.path(), &["is empty"]);
    let file = folder.path().join("notes.txt");
    fs::write(&file, "").unwrap();
    refused(&file, &["notes.txt", "0 bytes"]);
    fs::write(&file, "hello").unwrap();
    let supported = ["hugging-face-parquet:", "cifar-binary:", "idx:", "web-dataset:", "class-folders:"];
    refused(&file, &[&["notes.txt", "no reader"][..], &supported].concat());
    refused(folder.path(), &supported);
}

#[test]
fn settings_out_of_range() {
    let (folder, _) = made("idx.gz");
    let refused = |options: OpenOptions, words: &str| {
        let message = open(folder.path(), &options).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    };
    refused(OpenOptions { image_size: Some((0, 8)), ..OpenOptions::default() }, "image size is 0x8");
    refused(OpenOptions { image_size: Some((8, 5000)), ..OpenOptions::default() }, "1 to 4096");
    refused(OpenOptions { channels: Some(2), ..OpenOptions::default() }, "number of channels is 2");
    refused(OpenOptions { limit: Some(2), ..OpenOptions::default() }, "at least 3, one a class");
}

#[path = "faults/parquet.rs"]
mod parquet;

#[path = "faults/cifar.rs"]
mod cifar;

#[path = "faults/idx.rs"]
mod idx;

#[path = "faults/class_folders.rs"]
mod class_folders;

#[test]
fn too_few_images_to_hold_any_out() {
    let folder = tempdir().unwrap();
    let images: Vec<Labelled> = Tiny::new(GREY).train.into_iter().step_by(10).collect();
    write_folders(folder.path(), &images, GREY);
    refused(folder.path(), &["number of images is 3", "no test part"]);
}

#[test]
fn a_single_image_is_read_by_the_same_rules() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("picture.jpg");
    fs::write(&file, encode_png(&[7; 30], GREY)).unwrap(); // a PNG with a wrong name
    assert_eq!(read_image(&file, GREY, None).unwrap(), [7; 30]);
    let colour = Shape { height: 3, width: 4, channels: 3 };
    assert_eq!(read_image(&file, colour, None).unwrap(), [7; 36]);
    fs::write(&file, "nothing").unwrap();
    assert!(matches!(read_image(&file, GREY, None), Err(DataError::Image { .. })));
    assert!(matches!(read_image(folder.path().join("no.png"), GREY, None), Err(DataError::NotFound { .. })));
}
