//! Batches: order, resumption, values, threads.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fewshot_data::{
    Augment, AutoAugment, Batch, CentreCrop, CutMix, Dataset, EvalLoader, Jitter, MixUp, Normalise, ResizedCrop, Shape,
    TrainLoader,
};

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

const ALL: Augment = Augment { flip: true, crop_pad: 2, cutout: 3, erase: 50, zoom: 20, light: 20, ..Augment::none() };

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
fn what_training_sees_is_shown_below_what_it_is_made_of() {
    let rows = |augment: Augment, normalise: Normalise, count: usize| {
        let loader = TrainLoader::new(dataset(50), indices(50), normalise, augment, 20, SEED).unwrap();
        let (pixels, shape) = loader.shown(count).unwrap();
        // Eight images of 6 pixels in a row, with a pixel between two.
        assert_eq!((shape.width, (shape.height + 1) % (SHAPE.height + 1), shape.channels), (8 * 7 - 1, 0, 3));
        let rows: Vec<Vec<u8>> = pixels.chunks((SHAPE.height + 1) * shape.width * 3).map(<[u8]>::to_vec).collect();
        assert_eq!(pixels.len(), shape.bytes());
        rows.into_iter().map(|row| row[..SHAPE.height * shape.width * 3].to_vec()).collect::<Vec<_>>()
    };
    // 20 images of the batch fill two rows of eight.
    let unchanged = rows(Augment::none(), identity(), 24);
    assert_eq!((unchanged.len(), &unchanged[0], &unchanged[2]), (4, &unchanged[1], &unchanged[3]));
    assert_eq!(rows(Augment::none(), identity(), 8), unchanged[..2]);
    let first = loader(50, 20, Augment::none()).epoch(0, 0).next().unwrap();
    let shown: Vec<usize> = (0..8).map(|image| usize::from(unchanged[0][image * 7 * 3])).collect();
    assert_eq!(shown, images_of(&first)[..8]);
    // However pixels become floats, they become the same bytes again.
    let measured = Normalise::measure(&dataset(50), &indices(50)).unwrap();
    assert_eq!(rows(Augment::none(), measured.clone(), 24), unchanged);
    let changed = rows(ALL, measured, 24);
    assert_eq!((&changed[0], &changed[2]), (&unchanged[0], &unchanged[2]));
    assert!(changed[1] != changed[0] && changed[3] != changed[2]);
    assert!(loader(50, 20, ALL).shown(0).is_err());
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

/// A loader of 50 images: 29 of class 0, 1 of class 1, 4 each of the other five.
fn unbalanced() -> TrainLoader {
    let indices: Vec<u32> = (0..203)
        .filter(|image| match image % 7 {
            0 => true,
            1 => *image == 1,
            _ => *image < 28,
        })
        .collect();
    assert_eq!(indices.len(), 50);
    TrainLoader::new(dataset(203), indices.into(), identity(), Augment::none(), 8, SEED).unwrap().balanced(true)
}

#[test]
fn a_balanced_epoch_has_all_classes_equally_often() {
    let loader = unbalanced();
    assert_eq!(loader.steps_per_epoch(), 7);
    let (mut with_more, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for epoch in 0..20 {
        let batches: Vec<Batch> = loader.epoch(epoch, 0).collect();
        let images: Vec<usize> = batches.iter().flat_map(images_of).collect();
        let labels: Vec<u32> = batches.iter().flat_map(|batch| batch.labels.clone()).collect();
        assert_eq!(labels, images.iter().map(|image| (image % 7) as u32).collect::<Vec<_>>());
        let times = |image: usize| images.iter().filter(|&&other| other == image).count();
        for class in 0..7 {
            // 50 images are 7 a class, and one more.
            let count = images.iter().filter(|&image| image % 7 == class).count();
            assert!(count == 7 || count == 8, "class {class}: {count}");
            if count == 8 {
                with_more.insert(class);
            }
        }
        for image in 0..203 {
            let most = times(image);
            match image % 7 {
                0 => assert!(most <= 1, "29 images for 7 places"),
                1 => assert!(if image == 1 { most == 7 || most == 8 } else { most == 0 }),
                _ => assert!(if image < 28 { most == 1 || most == 2 } else { most == 0 }, "4 images for 7 places"),
            }
        }
        assert!(labels[..7].iter().collect::<BTreeSet<_>>().len() > 1, "shuffled");
        seen.extend(images);
    }
    assert!(with_more.len() > 3, "the place that is left goes round: {with_more:?}");
    assert_eq!(seen.len(), 50, "no image is left out for good");
}

#[test]
fn a_balanced_epoch_is_decided_by_seed_and_epoch_and_can_be_resumed() {
    let uncut: Vec<Batch> = unbalanced().epoch(3, 0).collect();
    for step in 0..=7 {
        assert!(unbalanced().epoch(3, step).collect::<Vec<_>>() == uncut[step..], "from step {step}");
    }
    assert!(unbalanced().epoch(4, 0).collect::<Vec<_>>() != uncut);
    assert!(unbalanced().balanced(false).epoch(3, 0).collect::<Vec<_>>() != uncut);
}

#[test]
fn a_balanced_epoch_of_balanced_classes_has_every_image_once() {
    let images: Vec<usize> =
        loader(49, 7, Augment::none()).balanced(true).epoch(2, 0).flat_map(|batch| images_of(&batch)).collect();
    assert_eq!(images.len(), 49);
    assert_eq!(images.iter().collect::<BTreeSet<_>>().len(), 49);
    assert!(!images.is_sorted());
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

/// What is mixed in, cut out of the whole data set.
fn mixing() -> [Augment; 2] {
    let more = Augment { auto_augment: Some(AutoAugment::default()), jitter: Jitter::MILD, ..ALL };
    [
        Augment { cut_mix: Some(CutMix::default()), ..more },
        Augment { mix_up: Some(MixUp::default()), ..Augment { zoom: 0, ..more } },
    ]
}

/// Neither the step that is begun with nor the size of batches changes an image or its target.
#[test]
fn mixed_batches_can_be_resumed_and_cut_otherwise() {
    for augment in mixing() {
        let uncut: Vec<Batch> = loader(50, 8, augment).epoch(3, 0).collect();
        for step in 0..uncut.len() {
            assert!(loader(50, 8, augment).epoch(3, step).collect::<Vec<_>>() == uncut[step..], "from step {step}");
        }
        let all = |batch_size| {
            let batches: Vec<Batch> = loader(48, batch_size, augment).epoch(1, 0).collect();
            let images: Vec<f32> = batches.iter().flat_map(|batch| batch.images.clone()).collect();
            let targets: Vec<f32> = batches.iter().flat_map(|batch| batch.targets(7)).collect();
            (images, targets)
        };
        assert!(all(48) == all(5));
    }
}

#[test]
fn targets_are_the_shares_of_what_was_mixed() {
    // Image i is all i, of class i: what a pixel shows is where it comes from.
    let shape = Shape { height: 16, width: 16, channels: 1 };
    let pixels = (0..7).flat_map(|image| vec![image as u8; shape.bytes()]).collect();
    let classes = (0..7).map(|class| class.to_string()).collect();
    let data = Arc::new(Dataset::new("classes", shape, pixels, (0..7).collect(), classes).unwrap());
    let order: Arc<[u32]> = (0..140).map(|at| at % 7).collect();
    let grey = Normalise { mean: vec![0.0], std: vec![1.0] };
    let batch = |augment| {
        let loader = TrainLoader::new(Arc::clone(&data), Arc::clone(&order), grey.clone(), augment, 140, SEED).unwrap();
        loader.epoch(0, 0).next().unwrap()
    };
    let shown = |image: &[f32], class: usize| {
        image.iter().filter(|&&value| (value * 255.0).round() as usize == class).count() as f32 / 256.0
    };

    let once = batch(Augment { cut_mix: Some(CutMix { pastes: 1, ..CutMix::default() }), ..Augment::none() });
    let targets = once.targets(7);
    let mut mixed = 0;
    for (image, target) in once.images.chunks(256).zip(targets.chunks(7)) {
        mixed += usize::from(target.iter().filter(|&&share| share > 0.0).count() == 2);
        for (class, &share) in target.iter().enumerate() {
            assert!((shown(image, class) - share).abs() < 1e-6, "class {class}: {share}");
        }
    }
    assert!((35..=90).contains(&mixed), "{mixed} of 140");

    let mean = batch(Augment { mix_up: Some(MixUp { alpha: 1.0 }), ..Augment::none() });
    for (image, target) in mean.images.chunks(256).zip(mean.targets(7).chunks(7)) {
        let expected: f32 = target.iter().enumerate().map(|(class, share)| class as f32 / 255.0 * share).sum();
        assert!((image[0] - expected).abs() < 1e-6 && (target.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    // Labels are those of the images themselves, and nothing else changes with what is mixed in.
    let plain = batch(Augment::none());
    assert_eq!((&plain.labels, &plain.labels), (&once.labels, &mean.labels));
    assert!(plain.mixed.is_empty());
    let one_hot = plain.targets(7);
    assert!(one_hot.chunks(7).zip(&plain.labels).all(|(row, &label)| row[label as usize] == 1.0));
    assert_eq!(one_hot.iter().sum::<f32>(), 140.0);
}

#[test]
fn sides_are_drawn_for_each_batch() {
    let augment = Augment { resized_crop: Some(ResizedCrop { side: 5, ..ResizedCrop::default() }), ..Augment::none() };
    let elastic = loader(200, 8, augment).sides(&[3, 4, 6]).unwrap();
    let sides: Vec<usize> = elastic.epoch(0, 0).map(|batch| batch.shape[1]).collect();
    assert_eq!(sides.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from([3, 4, 6]));
    assert_eq!(elastic.epoch(0, 7).map(|batch| batch.shape[2]).collect::<Vec<_>>(), sides[7..]);
    assert_ne!(elastic.epoch(1, 0).map(|batch| batch.shape[2]).collect::<Vec<_>>(), sides);
    assert!(elastic.epoch(0, 0).all(|batch| batch.images.len() == batch.shape.iter().product::<usize>()));
    assert!(loader(9, 8, augment).epoch(0, 0).all(|batch| batch.shape[1..] == [5, 5, 3]));
    assert!(loader(9, 8, augment).sides(&[3, 0]).unwrap_err().to_string().contains("1 to 4096 pixels"));
    assert!(loader(9, 8, Augment::none()).sides(&[3]).unwrap_err().to_string().contains("`resized_crop` is off"));
}

#[test]
fn evaluation_can_cut_the_centre_out() {
    let crop = CentreCrop { side: 4, share: 1.0, ..CentreCrop::default() };
    let loader = EvalLoader::all(dataset(5), identity(), 2).unwrap().centre_crop(Some(crop)).unwrap();
    let batches: Vec<Batch> = loader.batches().collect();
    assert_eq!(batches.iter().map(|batch| batch.shape).collect::<Vec<_>>(), [[2, 4, 4, 3], [2, 4, 4, 3], [1, 4, 4, 3]]);
    // With the shorter side as it is, the centre is the middle rows: 8x6 to 6x6.
    let crop = CentreCrop { side: 6, ..crop };
    let loader = EvalLoader::all(dataset(5), identity(), 5).unwrap().centre_crop(Some(crop)).unwrap();
    let cut = loader.batches().next().unwrap();
    let whole = EvalLoader::all(dataset(5), identity(), 5).unwrap().batches().next().unwrap();
    assert_eq!(cut.images[..108], whole.images[18..126]);
    let refused =
        EvalLoader::all(dataset(5), identity(), 5).unwrap().centre_crop(Some(CentreCrop { share: 2.0, ..crop }));
    assert!(refused.unwrap_err().to_string().contains("0.1 to 1"));
}

/// Checksums of epochs, taken when the changes that runs were recorded with were all there were.
#[test]
fn recorded_runs_keep_their_bits() {
    let checksum = |augment: Augment| {
        let mut sum = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |word: u32| sum = (sum ^ u64::from(word)).wrapping_mul(0x0100_0000_01b3);
        for batch in loader(50, 8, augment).epoch(3, 0) {
            batch.images.iter().for_each(|value| add(value.to_bits()));
            batch.labels.iter().for_each(|&label| add(label));
        }
        sum
    };
    assert_eq!(checksum(ALL), 0x3caa_b7e3_eed5_f4f2);
    assert_eq!(checksum(Augment { zoom: 0, erase: 0, light: 0, ..ALL }), 0x54e7_ad70_1204_0fd1);
}
