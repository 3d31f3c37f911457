//! The embedded sample.

use std::collections::BTreeSet;

use fewshot_data::{OpenOptions, open, sample};

#[test]
fn ten_balanced_classes_without_overlap() {
    let source = sample().unwrap();
    let test = source.test.open().unwrap();
    let train = &source.train;
    assert_eq!((train.height(), train.width(), train.channels()), (28, 28, 1));
    assert_eq!(train.counts(), [1000; 10]);
    assert_eq!(test.counts(), [200; 10]);
    assert_eq!((train.classes()[0].as_str(), train.classes()[9].as_str()), ("T-shirt/top", "Ankle boot"));
    let seen: BTreeSet<&[u8]> = (0..train.len()).map(|index| train.image(index)).collect();
    assert!((0..test.len()).all(|index| !seen.contains(test.image(index))), "a test image is also a training image");
}

/// Every published figure on the sample rests on these bytes.
#[test]
fn the_sample_does_not_change() {
    let source = sample().unwrap();
    assert_eq!(source.train.fingerprint(), "5347ea570264c63b7b246f060a310f04eac9227d77d10639c8450130a7ab8847");
    assert_eq!(
        source.test.open().unwrap().fingerprint(),
        "d68d137074533f8f606aeffa67f6f9a03b45d583ac651f6923303293c5a9483e"
    );
}

#[test]
fn the_summary_tells_all_but_the_test_part() {
    let info = sample().unwrap().info().unwrap();
    let json = serde_json::to_value(&info).unwrap();
    assert_eq!(json["name"], "fashion-mnist-sample");
    assert_eq!(json["reader"], "embedded");
    assert_eq!((&json["height"], &json["width"], &json["channels"]), (&28.into(), &28.into(), &1.into()));
    assert_eq!((&json["train_images"], &json["test_images"]), (&10_000.into(), &2_000.into()));
    assert_eq!(json["classes"][7], serde_json::json!({ "name": "Sneaker", "train_images": 1000 }));
    assert_eq!(json["bytes"], 10_000 * (28 * 28 + 4));
    // Of all 60,000 training images: 0.2860 and 0.3530.
    assert!((info.mean[0] - 0.286).abs() < 0.005 && (info.std[0] - 0.353).abs() < 0.005, "{info:?}");
}

/// The folder in the repository is a data set like any other; its names are in `classes.txt`.
#[test]
fn the_files_are_the_embedded_ones() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/fashion-mnist-sample");
    let source = open(folder, &OpenOptions::default()).unwrap();
    assert_eq!(source.reader, "idx");
    assert_eq!(source.train.fingerprint(), sample().unwrap().train.fingerprint());
}
