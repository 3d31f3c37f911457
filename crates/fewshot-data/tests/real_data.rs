//! Full-size data sets, where they are at hand (`shared/data` beside the workspace); otherwise skipped.

use std::path::PathBuf;

use fewshot_data::{DataSource, OpenOptions, open};

/// The data set `name`, or `None` with a line that says so.
fn real(name: &str, options: &OpenOptions) -> Option<DataSource> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(name);
    if !folder.exists() {
        println!("skipped: the data set {name} is not here");
        return None;
    }
    Some(open(folder, options).unwrap())
}

fn close(found: &[f32], expected: [f32; 3]) -> bool {
    found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 0.002)
}

#[test]
fn cifar10_in_parquet() {
    let Some(source) = real("cifar10", &OpenOptions::default()) else { return };
    let info = source.info().unwrap();
    assert_eq!((info.height, info.width, info.channels), (32, 32, 3));
    assert_eq!(source.train.counts(), [5000; 10]);
    assert_eq!(source.train.classes()[..3], ["airplane", "automobile", "bird"]);
    assert_eq!(info.bytes, 50_000 * (32 * 32 * 3 + 4));
    // Measured with another JPEG decoder; decoders differ by a few grey levels.
    assert!(close(&info.mean, [0.4913, 0.4821, 0.4465]), "{:?}", info.mean);
    assert!(close(&info.std, [0.2452, 0.2428, 0.2606]), "{:?}", info.std);
    assert_eq!(source.test.open().unwrap().counts(), [1000; 10]);
}

#[test]
fn flowers5_in_parquet() {
    let Some(source) = real("flowers5", &OpenOptions::default()) else { return };
    let info = source.info().unwrap();
    assert_eq!((info.height, info.width, info.channels), (96, 96, 3));
    assert_eq!(source.train.counts(), [480, 480, 480, 478, 480]);
    assert!(close(&info.mean, [0.4869, 0.4362, 0.3134]), "{:?}", info.mean);
    assert!(close(&info.std, [0.2944, 0.2673, 0.2924]), "{:?}", info.std);
    assert_eq!(source.test.open().unwrap().counts(), [120; 5]);
}

#[test]
fn flowers5_resized_and_limited() {
    let options = OpenOptions { image_size: Some((48, 48)), limit: Some(200), ..OpenOptions::default() };
    let Some(source) = real("flowers5", &options) else { return };
    assert_eq!(source.train.counts(), [40; 5]);
    let info = source.info().unwrap();
    assert_eq!((info.height, info.width), (48, 48));
    // Resizing keeps the mean of an image (a fraction of the images: wider bounds).
    assert!(
        info.mean.iter().zip([0.4869, 0.4362, 0.3134]).all(|(found, all)| (found - all).abs() < 0.05),
        "{:?}",
        info.mean
    );
}
