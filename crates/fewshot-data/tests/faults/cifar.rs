//! The binary files of CIFAR.

use super::*;

#[test]
fn a_cut_record_is_named() {
    let (folder, _) = made("CIFAR-10 binary");
    let file = folder.path().join("data_batch_2.bin");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 3]).unwrap();
    refused(folder.path(), &["data_batch_2.bin", "record 12 ", "3073 bytes were expected, 3070 are there"]);
}

/// By name, the tenth would come before the second.
#[test]
fn batches_come_in_the_order_of_their_numbers() {
    let (folder, tiny) = (tempdir().unwrap(), Tiny::new(COLOUR));
    for (number, images) in (1..).zip(tiny.train.chunks(3)) {
        write_cifar(&folder.path().join(format!("data_batch_{number}.bin")), images, &[]);
    }
    write_cifar(&folder.path().join("test_batch.bin"), &tiny.test, &[]);
    assert!(support::contents(&open_all(folder.path()).unwrap().train) == tiny.train);
}

#[test]
fn labels_out_of_range_and_missing_batches() {
    let (folder, mut tiny) = made("CIFAR-10 binary");
    tiny.test[4].1 = 3;
    write_cifar(&folder.path().join("test_batch.bin"), &tiny.test, &[]);
    refused(folder.path(), &["test_batch.bin", "record 4 ", "label 3", "3 classes"]);
    fs::remove_file(folder.path().join("data_batch_1.bin")).unwrap();
    refused(folder.path(), &["lacks `data_batch_1.bin`"]);
}

#[test]
fn without_names_labels_have_the_official_range() {
    let (folder, mut tiny) = made("CIFAR-100 binary without names");
    tiny.train[1].1 = 100;
    write_cifar(&folder.path().join("train.bin"), &tiny.train, &[0]);
    refused(folder.path(), &["train.bin", "record 1 ", "label 100", "100 classes"]);
    tiny.train[1].1 = 50;
    write_cifar(&folder.path().join("train.bin"), &tiny.train, &[0]);
    refused(folder.path(), &["not consecutive numbers", "after 2 comes 50"]);
}

#[test]
fn a_test_class_without_training_images_is_refused() {
    let (folder, mut tiny) = made("CIFAR-100 binary without names");
    tiny.test[1].1 = 7;
    write_cifar(&folder.path().join("test.bin"), &tiny.test, &[0]);
    refused(folder.path(), &["test.bin", "class `7` is not among the training classes `0`, `1`, `2`"]);
}
