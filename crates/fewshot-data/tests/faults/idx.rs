//! Files in the format of MNIST.

use super::*;

const IMAGES: &str = "train-images-idx3-ubyte";
const LABELS: &str = "train-labels-idx1-ubyte";

/// Replaces a file of the plain layout by what `change` makes of it.
fn changed(name: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> TempDir {
    let (folder, _) = made("idx with names");
    let file = folder.path().join(name);
    fs::write(&file, change(fs::read(&file).unwrap())).unwrap();
    folder
}

fn with(at: usize, value: u8) -> impl FnOnce(Vec<u8>) -> Vec<u8> {
    move |mut bytes| {
        bytes[at] = value;
        bytes
    }
}

#[test]
fn wrong_magic() {
    refused(changed(IMAGES, with(2, 9)).path(), &[IMAGES, "no idx3 image file", "00 00 09 03"]);
    refused(changed(LABELS, with(3, 3)).path(), &[LABELS, "no idx1 label file", "00 00 08 03"]);
}

#[test]
fn wrong_counts() {
    refused(changed(IMAGES, with(7, 31)).path(), &[IMAGES, "record 30 ", "cut off: 946 bytes were expected, 916"]);
    refused(changed(IMAGES, with(7, 29)).path(), &[IMAGES, "goes on after the 29 records"]);
    refused(changed(LABELS, with(7, 31)).path(), &[LABELS, "record 30 ", "39 bytes were expected, 38"]);
    refused(changed(LABELS, with(7, 29)).path(), &[LABELS, "goes on after the 29 records"]);
    refused(changed(IMAGES, with(11, 0)).path(), &[IMAGES, "images of 0x5"]);
    refused(changed(IMAGES, with(8, 255)).path(), &[IMAGES, "1 to 4096"]);
}

#[test]
fn images_and_labels_must_be_equally_many() {
    let folder = changed(LABELS, |mut bytes| {
        bytes[7] = 29;
        bytes.pop();
        bytes
    });
    refused(folder.path(), &[IMAGES, "30 images", LABELS, "29 labels"]);
}

#[test]
fn labels_out_of_range() {
    refused(changed(LABELS, with(8 + 11, 3)).path(), &[LABELS, "record 11 ", "label 3", "0 to 2"]);
    let folder = changed(LABELS, with(8 + 11, 3));
    fs::remove_file(folder.path().join("classes.txt")).unwrap();
    // Without names, 3 might be a class of its own: the next number. 200 cannot.
    assert_eq!(open_all(folder.path()).unwrap().train.classes().len(), 4);
    let folder = changed(LABELS, with(8 + 11, 200));
    fs::remove_file(folder.path().join("classes.txt")).unwrap();
    refused(folder.path(), &[LABELS, "after 2 comes 200"]);
}

#[test]
fn missing_files() {
    for name in [IMAGES, LABELS, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"] {
        let (folder, _) = made("idx with names");
        fs::remove_file(folder.path().join(name)).unwrap();
        refused(folder.path(), &[&format!("lacks `{name}`")]);
    }
}

#[test]
fn test_images_of_another_size() {
    let (folder, tiny) = made("idx with names");
    let turned = Shape { height: GREY.width, width: GREY.height, channels: 1 };
    write_idx(folder.path(), "t10k", &tiny.test, turned, false);
    refused(folder.path(), &["t10k-images-idx3-ubyte", "5x6", "6x5"]);
}

#[test]
fn damaged_gzip() {
    let (folder, _) = made("idx.gz");
    let file = folder.path().join("train-images-idx3-ubyte.gz");
    let whole = fs::read(&file).unwrap();
    // Without its last byte only the checksum at the end is incomplete.
    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    refused(folder.path(), &["train-images-idx3-ubyte.gz", "damaged"]);
    let mut wrong_sum = whole.clone();
    wrong_sum[whole.len() - 6] ^= 1;
    fs::write(&file, wrong_sum).unwrap();
    refused(folder.path(), &["train-images-idx3-ubyte.gz", "damaged"]);
    // A header that promises gigabytes, in a file of a few bytes.
    fs::write(&file, gzip(&[0, 0, 8, 3, 255, 255, 255, 255, 0, 0, 16, 0, 0, 0, 16, 0])).unwrap();
    refused(folder.path(), &["train-images-idx3-ubyte.gz"]);
}
