//! Batches: order, resumption, values, threads.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fewshot_data::{Augment, Batch, Dataset, EvalLoader, Normalise, Shape, TrainLoader};

const SHAPE: Shape = Shape { height: 8, width: 6, channels: 3 };
const SEED: u64 = 5;

/// Images whose first byte is their index.
fn dataset(images: usize) -> Arc<Dataset> {
    let pixels = (0..images).flat_map(|image| (0..SHAPE.bytes()).map(move |at| (image + at * 5) as u8)).collect();
    let labels = (0..images).map(|image| (image % 7) as u32).collect();
    let classes = (0..7).map(|class| class.to_string()).collect();
    Arc::new(Dataset::new("numbers", SHAPE, pixels, labels, classes).unwrap())
}

fn indices(images: usize) -> Arc<[u32]> {
    (0..images as u32).collect()
}

fn identity() -> Normalise {
    Normalise { mean: vec![0.0; 3], std: vec![1.0; 3] }
}

fn loader(images: usize, batch_size: usize, augment: Augment) -> TrainLoader {
    TrainLoader::new(dataset(images), indices(images), identity(), augment, batch_size, SEED).unwrap()
}

const ALL: Augment = Augment { flip: true, crop_pad: 2, cutout: 3 };

/// The indices of the images in a batch that is neither augmented nor normalised.
fn images_of(batch: &Batch) -> Vec<usize> {
    batch.images.chunks(SHAPE.bytes()).map(|image| (image[0] * 255.0).round() as usize).collect()
}

#[test]
fn an_epoch_has_every_image_once_with_its_label() {
    let loader = loader(50, 8, Augment::none());
    assert_eq!(loader.steps_per_epoch(), 7);
    let mut orders = BTreeSet::new();
    for epoch in 0..3 {
        let batches: Vec<Batch> = loader.epoch(epoch, 0).collect();
        assert_eq!(batches.iter().map(|batch| batch.shape[0]).collect::<Vec<_>>(), [8, 8, 8, 8, 8, 8, 2]);
        let images: Vec<usize> = batches.iter().flat_map(images_of).collect();
        let labels: Vec<u32> = batches.iter().flat_map(|batch| batch.labels.clone()).collect();
        assert_eq!(labels, images.iter().map(|image| (image % 7) as u32).collect::<Vec<_>>());
        assert_eq!(images.iter().collect::<BTreeSet<_>>().len(), 50);
        orders.insert(images);
    }
    assert_eq!(orders.len(), 3, "epochs have different orders");
    assert!(!orders.contains(&(0..50).collect::<Vec<_>>()), "epochs are shuffled");
}

#[test]
fn resuming_at_any_step_gives_the_rest_of_the_uncut_epoch() {
    let loader = loader(50, 8, ALL);
    let uncut: Vec<Batch> = loader.epoch(3, 0).collect();
    for step in 0..=loader.steps_per_epoch() + 1 {
        let rest: Vec<Batch> = loader.epoch(3, step).collect();
        assert!(rest == uncut[step.min(uncut.len())..], "from step {step}");
    }
}

#[test]
fn seed_and_epoch_decide_everything() {
    let epoch = |seed, epoch| -> Vec<Batch> {
        let loader = TrainLoader::new(dataset(40), indices(40), identity(), ALL, 8, seed).unwrap();
        loader.epoch(epoch, 0).collect()
    };
    assert!(epoch(1, 0) == epoch(1, 0));
    assert!(epoch(1, 0) != epoch(2, 0));
    assert!(epoch(1, 0) != epoch(1, 1));
}

#[test]
fn the_batch_size_changes_no_image() {
    let images =
        |batch_size| -> Vec<f32> { loader(48, batch_size, ALL).epoch(1, 0).flat_map(|batch| batch.images).collect() };
    assert!(images(48) == images(5));
}

#[test]
fn augmentation_differs_between_images_and_epochs() {
    // One image many times, so that all differences come from the augmentation.
    let dataset = dataset(1);
    let loader = TrainLoader::new(dataset, vec![0; 64].into(), identity(), ALL, 64, SEED).unwrap();
    let variants = |epoch| -> BTreeSet<Vec<u32>> {
        let batch = loader.epoch(epoch, 0).next().unwrap();
        batch.images.chunks(SHAPE.bytes()).map(|image| image.iter().map(|value| value.to_bits()).collect()).collect()
    };
    let (first, second) = (variants(0), variants(1));
    assert!(first.len() > 55 && second.len() > 55, "{} and {} variants of 64", first.len(), second.len());
    assert!(first != second);
}

#[test]
fn values_are_normalised_by_channel() {
    let normalise = Normalise { mean: vec![0.1, 0.2, 0.3], std: vec![0.5, 0.25, 2.0] };
    let data = dataset(3);
    let batch = EvalLoader::all(Arc::clone(&data), normalise.clone(), 2).unwrap().batches().next().unwrap();
    assert_eq!(batch.shape, [2, 8, 6, 3]);
    let bytes = [data.image(0), data.image(1)].concat();
    for (at, (value, byte)) in batch.images.iter().zip(bytes).enumerate() {
        let expected = (f32::from(byte) / 255.0 - normalise.mean[at % 3]) / normalise.std[at % 3];
        assert!((value - expected).abs() < 1e-6, "value {at}: {value} for {expected}");
    }
}

#[test]
fn evaluation_keeps_the_order_and_every_image() {
    let order: Arc<[u32]> = [9, 2, 2, 30, 7].into();
    let loader = EvalLoader::new(dataset(31), order, identity(), 2).unwrap();
    assert_eq!(loader.steps(), 3);
    let batches: Vec<Batch> = loader.batches().collect();
    assert_eq!(batches.iter().map(images_of).collect::<Vec<_>>(), [vec![9, 2], vec![2, 30], vec![7]]);
    assert_eq!(batches[1].labels, [2, 2]);
}

#[test]
fn short_last_batches() {
    let steps = |images, batch_size, drop_last| {
        let loader = loader(images, batch_size, Augment::none()).drop_last(drop_last).unwrap();
        let sizes: Vec<usize> = loader.epoch(0, 0).map(|batch| batch.labels.len()).collect();
        assert_eq!(sizes.len(), loader.steps_per_epoch());
        sizes
    };
    assert_eq!(steps(10, 4, false), [4, 4, 2]);
    assert_eq!(steps(10, 4, true), [4, 4]);
    assert_eq!(steps(9, 4, false), [4, 4], "a single image is no batch");
    assert_eq!(steps(8, 4, true), [4, 4]);
    assert_eq!(steps(3, 1, false), [1, 1, 1], "unless it is asked for");
}

#[test]
fn the_length_is_known() {
    let mut batches = loader(50, 8, ALL).epoch(0, 2);
    assert_eq!(batches.len(), 5);
    batches.next();
    assert_eq!(batches.len(), 4);
    assert_eq!(batches.count(), 4);
    assert_eq!(loader(50, 8, ALL).epoch(0, 99).len(), 0);
}

/// The worker is done when `drop` returns: nobody else holds the data set.
#[test]
fn dropping_the_iterator_ends_its_thread() {
    let data = dataset(250);
    for taken in [0, 1, 3, 50] {
        let loader = TrainLoader::new(Arc::clone(&data), indices(250), identity(), ALL, 2, SEED).unwrap();
        let start = Instant::now();
        let mut batches = loader.epoch(0, 0);
        for _ in 0..taken {
            batches.next().unwrap();
        }
        drop(batches);
        drop(loader);
        assert_eq!(Arc::strong_count(&data), 1, "after {taken} batches");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn unusable_settings_are_refused() {
    let refused = |indices: Vec<u32>, normalise, augment, batch_size, words: &str| {
        let error = TrainLoader::new(dataset(9), indices.into(), normalise, augment, batch_size, 0).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    };
    let none = Augment::none();
    refused(vec![], identity(), none, 4, "number of images is 0");
    refused(vec![0, 9], identity(), none, 4, "image index is 9, but must be below 9");
    refused(vec![0, 1], identity(), none, 0, "batch size is 0");
    refused(vec![0], identity(), none, 4, "number of training images is 1");
    refused(vec![0, 1], Normalise { mean: vec![0.0], std: vec![1.0] }, none, 4, "images' 3");
    refused(vec![0, 1], identity(), Augment { crop_pad: 6, ..none }, 4, "below the shorter side, 6");
    refused(vec![0, 1], identity(), Augment { cutout: 17, ..none }, 4, "twice the longer side, 16");
    let error = loader(3, 4, none).drop_last(true).unwrap_err();
    assert!(error.to_string().contains("at least a batch (4)"), "{error}");
    assert!(EvalLoader::new(dataset(1), indices(2), identity(), 1).is_err());
}
