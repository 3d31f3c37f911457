//! Folders of class folders.

use super::*;

#[test]
fn empty_classes() {
    let (folder, _) = made("class folders with train and test");
    fs::create_dir(folder.path().join("train/bug")).unwrap();
    refused(folder.path(), &["class `bug` has no image"]);
}

#[test]
fn one_class_is_none() {
    let folder = tempdir().unwrap();
    write_folders(folder.path(), &Tiny::new(GREY).train[..10], GREY);
    refused(folder.path(), &["1 class;"]);
    fs::write(folder.path().join("labels.csv"), "file,label").unwrap();
    refused(folder.path(), &["1 class;", "labels in a table are not read", "one folder a class"]);
}

#[test]
fn a_training_folder_without_classes() {
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("train")).unwrap();
    refused(folder.path(), &["train` lacks class folders"]);
}

#[test]
fn test_classes_must_be_training_classes() {
    let (folder, tiny) = made("class folders with train and test");
    let file = folder.path().join("test/dog/1.png");
    fs::create_dir(file.parent().unwrap()).unwrap();
    fs::write(file, encode_png(&tiny.test[0].0, COLOUR)).unwrap();
    refused(folder.path(), &["class `dog` is not among the training classes `ant`, `bee`, `cat`"]);
}

#[test]
fn damaged_and_foreign_images() {
    let (folder, _) = made("class folders with train and test");
    let file = folder.path().join("train/bee/014.png");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 20]).unwrap();
    refused(folder.path(), &["014.png", "cannot be decoded"]);
    fs::write(&file, &whole).unwrap();
    let foreign = folder.path().join("train/bee/photo.WebP");
    fs::write(&foreign, "RIFF").unwrap();
    refused(folder.path(), &["photo.WebP", "no image that is read"]);
    fs::write(&foreign, b"\0\0\0\x18ftypheic\0\0\0\0").unwrap();
    refused(folder.path(), &["photo.WebP", "it is HEIC, which is not read"]);
    fs::remove_file(foreign).unwrap();
    fs::write(folder.path().join("train/bee/LICENSE.txt"), "free").unwrap();
    let source = open_all(folder.path()).unwrap();
    assert_eq!(source.train.len(), 30);
    assert!(source.notes[0].contains("1 file that is no image"), "{:?}", source.notes);
    fs::write(folder.path().join("train/bee/metadata.csv"), "file_name,label").unwrap();
    let notes = open_all(folder.path()).unwrap().notes;
    assert!(notes.iter().any(|note| note.contains("1 table (labels in one are not read")), "{notes:?}");
}

/// Told before hours of training, not after.
#[test]
fn a_damaged_test_image_is_told_without_breaking_the_seal() {
    let (folder, _) = made("class folders with train and test");
    let file = folder.path().join("test/bee/007.png");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 20]).unwrap();
    let message = open_all(folder.path()).unwrap().test.check().unwrap_err().to_string();
    assert!(message.contains("007.png") && message.contains("cannot be decoded"), "{message}");
    fs::write(&file, whole).unwrap();
    open_all(folder.path()).unwrap().test.check().unwrap();
}

#[test]
fn the_test_part_is_told_apart_without_a_look_at_its_pixels() {
    let (folder, _) = made("class folders with train and test");
    let of = || open_all(folder.path()).unwrap().test.fingerprint().to_owned();
    let before = of();
    assert_eq!(before, of());
    fs::copy(folder.path().join("test/ant/000.png"), folder.path().join("test/ant/more.png")).unwrap();
    let added = of();
    assert_ne!(before, added);
    fs::rename(folder.path().join("test/ant/more.png"), folder.path().join("test/bee/more.png")).unwrap();
    assert_ne!(added, of());
}

#[cfg(unix)]
#[test]
fn dangling_links_are_errors() {
    let (folder, _) = made("class folders with train and test");
    std::os::unix::fs::symlink("/nowhere/at/all.png", folder.path().join("train/ant/link.png")).unwrap();
    refused(folder.path(), &["link.png", "is a broken link", "at/all.png"]);
}
