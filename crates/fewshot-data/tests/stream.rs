//! Images that stay on disk: the same as those in memory, in an order that depends on nothing but seed and epoch.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use fewshot_data::{
    Augment, Batch, CentreCrop, CutMix, DataError, Jitter, MixUp, Normalise, OpenOptions, ResizedCrop, Shape, Stream,
    StreamEval, StreamLoader, StreamSource, TrainLoader, open, open_stream,
};
use support::{COLOUR, Labelled, Layout, Parquet, Tar, Tiny, encode_jpeg, encode_png, layouts};

fn options() -> OpenOptions {
    OpenOptions { image_size: Some((12, 12)), ..OpenOptions::default() }
}

fn streamed() -> impl Iterator<Item = Layout> {
    layouts().into_iter().filter(|layout| !matches!(layout.reader, "cifar-binary" | "idx"))
}

fn opened(folder: &Path) -> StreamSource {
    open_stream(folder, &options()).unwrap()
}

fn identity(channels: usize) -> Normalise {
    Normalise { mean: vec![0.0; channels], std: vec![1.0 / 255.0; channels] }
}

fn all(stream: &Stream) -> Vec<u32> {
    (0..stream.len() as u32).collect()
}

fn loader(stream: &Arc<Stream>, augment: Augment, batch: usize) -> StreamLoader {
    StreamLoader::new(Arc::clone(stream), &all(stream), &identity(3), augment, batch, 5).unwrap()
}

fn whole(batches: impl Iterator<Item = Result<Batch, DataError>>) -> Vec<Batch> {
    batches.collect::<Result<_, _>>().unwrap()
}

/// Pixels, as bytes, and label of each image.
fn images_of(batches: &[Batch]) -> Vec<Labelled> {
    let of = |batch: &Batch| -> Vec<Labelled> {
        let size: usize = batch.shape[1..].iter().product();
        let images = batch.images.chunks(size).map(|image| image.iter().map(|&value| value.round() as u8).collect());
        images.zip(batch.labels.iter().copied()).collect()
    };
    batches.iter().flat_map(of).collect()
}

/// In every layout: evaluation gives the bytes that the data set in memory has, and an epoch of training the same ones in another
/// order.
#[test]
fn images_are_those_of_the_data_set_in_memory() {
    for layout in streamed() {
        let (folder, _) = layout.make();
        let name = layout.name;
        let source = opened(folder.path());
        let in_memory = open(folder.path(), &OpenOptions { channels: Some(3), ..options() }).unwrap();
        assert_eq!((source.reader, source.train.classes()), (layout.reader, in_memory.train.classes()), "{name}");
        assert_eq!((source.test.len(), source.train.labels()), (15, in_memory.train.labels()), "{name}");
        let expected: Vec<Labelled> = support::contents(&in_memory.train);
        let batches = StreamEval::all(Arc::clone(&source.train), &identity(3), 7).unwrap();
        assert!(images_of(&whole(batches.batches())) == expected, "{name}");
        let mut epoch = images_of(&whole(loader(&source.train, Augment::none(), 7).epoch(0, 0)));
        assert!(epoch != expected, "{name}: the order of an epoch is that on disk");
        let mut sorted = expected.clone();
        epoch.sort();
        sorted.sort();
        assert!(epoch == sorted, "{name}");
        source.test.check().unwrap();
        let test = StreamEval::all(source.test.open(), &identity(3), 15).unwrap();
        assert!(images_of(&whole(test.batches())) == support::contents(&in_memory.test.open().unwrap()), "{name}");
    }
}

#[test]
fn layouts_in_one_file_are_refused() {
    for layout in layouts().into_iter().filter(|layout| matches!(layout.reader, "cifar-binary" | "idx")) {
        let (folder, _) = layout.make();
        let message = open_stream(folder.path(), &options()).unwrap_err().to_string();
        assert!(message.contains("not streamed"), "{}: {message}", layout.name);
    }
}

/// Writes images into a folder.
type Write = fn(&Path, &[Labelled]);

/// Two hundred images in archives, Parquet files and folders; small windows, so that there are many.
fn many() -> Vec<(tempfile::TempDir, &'static str)> {
    let images: Vec<Labelled> = (0..200_u32)
        .map(|number| ((0..COLOUR.bytes() as u32).map(|at| (at * number / 7 + number) as u8).collect(), number % 3))
        .collect();
    let folders: [(&str, Write); 3] = [
        ("archives", |folder, images| {
            for (number, images) in images.chunks(50).enumerate() {
                let tar = Tar::samples(images, COLOUR, |label| ("cls", label.to_string()));
                tar.write(&folder.join(format!("train-{number}.tar")));
            }
        }),
        ("Parquet", |folder, images| {
            for (number, images) in images.chunks(70).enumerate() {
                let compression = parquet::basic::Compression::UNCOMPRESSED;
                Parquet { rows_per_group: 9, compression, ..Parquet::of(images, COLOUR) }
                    .write(&folder.join(format!("train-{number}.parquet")));
            }
        }),
        ("folders", |folder, images| support::write_folders(folder, images, COLOUR)),
    ];
    let make = |(name, write): (&'static str, Write)| {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &images);
        (folder, name)
    };
    folders.into_iter().map(make).collect()
}

fn published() -> Augment {
    let resized_crop = Some(ResizedCrop { side: 16, ..ResizedCrop::default() });
    Augment { flip: true, resized_crop, jitter: Jitter::STRONG, ..Augment::none() }
}

#[test]
fn an_epoch_taken_up_anywhere_is_the_rest_of_the_uncut_one() {
    for (folder, name) in many() {
        let source = opened(folder.path());
        let whole_epoch = |threads, step| {
            let loader = loader(&source.train, published(), 8).workers(threads).unwrap().window_bytes(60_000);
            whole(loader.epoch(3, step))
        };
        let uncut = whole_epoch(1, 0);
        assert_eq!(uncut.len(), 20, "{name}: a fifth of the images is held out");
        for step in [0, 1, 7, 13, 19, 20, 99] {
            assert!(whole_epoch(4, step) == uncut[step.min(20)..], "{name}: from step {step}");
        }
    }
}

#[test]
fn epochs_differ_and_each_has_all_images() {
    for (folder, name) in many() {
        let source = opened(folder.path());
        let loader = loader(&source.train, Augment::none(), 8).window_bytes(60_000);
        let [one, two] = [0, 1].map(|epoch| images_of(&whole(loader.epoch(epoch, 0))));
        assert!(one != two, "{name}");
        let counted = |images: &[Labelled]| {
            images.iter().fold(BTreeMap::new(), |mut counts, image| {
                *counts.entry(image.clone()).or_insert(0) += 1;
                counts
            })
        };
        assert!(counted(&one) == counted(&two), "{name}");
        assert_eq!(one.len(), source.train.len(), "{name}");
    }
}

/// The parts that a search trains and scores with.
#[test]
fn a_choice_of_images_is_only_those() {
    for (folder, name) in many() {
        let source = opened(folder.path());
        let chosen: Vec<u32> = (0..source.train.len() as u32).filter(|index| index % 3 == 1).collect();
        let everything =
            images_of(&whole(StreamEval::all(Arc::clone(&source.train), &identity(3), 9).unwrap().batches()));
        let some = StreamEval::new(Arc::clone(&source.train), &chosen, &identity(3), 9).unwrap();
        let expected: Vec<Labelled> = chosen.iter().map(|&index| everything[index as usize].clone()).collect();
        assert!(images_of(&whole(some.batches())) == expected, "{name}");
    }
}

/// Parts are cut out of images as they are on disk: the same as from a data set in memory that has them in this size.
#[test]
fn parts_are_those_of_whole_images() {
    let (folder, _) = (layouts().remove(0)).make();
    let source = opened(folder.path());
    let in_memory = open(folder.path(), &OpenOptions::default()).unwrap();
    let train = Arc::new(in_memory.train);
    let indices: Vec<u32> = (0..train.len() as u32).collect();
    let stream = loader(&source.train, published(), 1);
    let order = images_of(&whole(loader(&source.train, Augment::none(), 1).epoch(2, 0)));
    let fitted = open(folder.path(), &options()).unwrap().train;
    let fitted = support::contents(&fitted);
    for (position, batch) in whole(stream.epoch(2, 0)).into_iter().enumerate().take(10) {
        // The same image at the same position of an epoch in memory: its changes are drawn alike.
        let index = fitted.iter().position(|image| *image == order[position]).unwrap() as u32;
        let mut same = vec![index; position + 1];
        same.extend(&indices);
        let loader =
            TrainLoader::new(Arc::clone(&train), same.iter().map(|_| index).collect(), identity(3), published(), 1, 5);
        let expected = loader.unwrap().epoch(2, position).next().unwrap();
        assert!(batch == expected, "position {position}");
    }
}

#[test]
fn images_are_mixed_within_their_batch() {
    let (folder, _) = (layouts().remove(0)).make();
    let source = opened(folder.path());
    for augment in [
        Augment { cut_mix: Some(CutMix { probability: 1.0, ..CutMix::default() }), ..Augment::none() },
        Augment { mix_up: Some(MixUp { alpha: 1.0 }), ..Augment::none() },
    ] {
        let plain = whole(loader(&source.train, Augment::none(), 6).epoch(1, 0));
        let mixed = whole(loader(&source.train, augment, 6).epoch(1, 0));
        let mut changed = 0;
        for (plain, mixed) in plain.iter().zip(&mixed) {
            assert_eq!(plain.labels, mixed.labels);
            assert!(!mixed.mixed.is_empty());
            let targets = mixed.targets(3);
            assert!(targets.chunks(3).all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-5));
            assert!(mixed.mixed.iter().all(|share| plain.labels.contains(&share.class)));
            changed += usize::from(plain.images != mixed.images);
        }
        assert_eq!(changed, plain.len());
    }
}

#[test]
fn centres_are_cut_out_of_images_of_all_sizes() {
    let folder = tempfile::tempdir().unwrap();
    for (class, (height, width)) in [("a", (40, 60)), ("b", (90, 35))] {
        let shape = Shape { height, width, channels: 3 };
        fs::create_dir(folder.path().join(class)).unwrap();
        for number in 0..5 {
            let pixels: Vec<u8> = (0..shape.bytes()).map(|at| (at * (number + 3)) as u8).collect();
            let bytes = if number % 2 == 0 { encode_png(&pixels, shape) } else { encode_jpeg(&pixels, shape) };
            fs::write(folder.path().join(class).join(format!("{number}.img")), bytes).unwrap();
        }
    }
    let source = opened(folder.path());
    let crop = CentreCrop { side: 24, ..CentreCrop::default() };
    let eval = StreamEval::all(Arc::clone(&source.train), &identity(3), 3).unwrap().centre_crop(Some(crop)).unwrap();
    let batches = whole(eval.batches());
    assert_eq!(
        batches.iter().map(|batch| batch.shape).collect::<Vec<_>>(),
        [[3, 24, 24, 3], [3, 24, 24, 3], [2, 24, 24, 3]]
    );
}

#[test]
fn a_damaged_image_is_told_when_its_turn_comes() {
    for (folder, name) in many() {
        let source = opened(folder.path());
        let files = support::files(folder.path());
        let damaged: Vec<_> = if files.len() < 10 { files[1..2].to_vec() } else { files[10..20].to_vec() };
        for file in &damaged {
            let mut bytes = fs::read(file).unwrap();
            // Headers of images, not those of archives or pages.
            let starts: Vec<usize> = (0..bytes.len() - 4).filter(|&at| &bytes[at..at + 4] == b"IHDR").collect();
            starts.into_iter().for_each(|at| bytes[at + 4..at + 12].fill(0));
            fs::write(file, &bytes).unwrap();
        }
        let mut told = String::new();
        for batch in loader(&source.train, Augment::none(), 8).epoch(0, 0) {
            if let Err(error) = batch {
                assert!(told.is_empty(), "{name}: nothing comes after an error");
                told = error.to_string();
            }
        }
        let is_named = |file: &std::path::PathBuf| told.contains(file.file_name().unwrap().to_str().unwrap());
        assert!(damaged.iter().any(is_named) && told.contains("cannot be decoded"), "{name}: {told}");
        assert!(source.train.check().is_err() || source.test.check().is_err(), "{name}");
    }
}

#[test]
fn files_that_vanish_are_told_and_dropping_ends_threads() {
    for (folder, name) in many() {
        let source = opened(folder.path());
        let mut batches = loader(&source.train, Augment::none(), 8).window_bytes(20_000).epoch(0, 0);
        assert!(batches.next().unwrap().is_ok(), "{name}");
        drop(batches);
        for file in support::files(folder.path()) {
            fs::remove_file(file).unwrap();
        }
        let message = whole_error(loader(&source.train, Augment::none(), 8).epoch(0, 0));
        assert!(message.contains("no such file"), "{name}: {message}");
    }
}

fn whole_error(batches: impl Iterator<Item = Result<Batch, DataError>>) -> String {
    batches.collect::<Result<Vec<_>, _>>().unwrap_err().to_string()
}

#[test]
fn fingerprints_follow_files_and_labels() {
    let (folder, name) = many().remove(2);
    let one = opened(folder.path());
    assert_eq!(one.train.fingerprint(), opened(folder.path()).train.fingerprint(), "{name}");
    assert_ne!(one.train.fingerprint(), one.test.fingerprint());
    let file = support::files(folder.path()).remove(0);
    fs::write(&file, encode_png(&vec![9; COLOUR.bytes()], COLOUR)).unwrap();
    let changed = opened(folder.path());
    assert!(
        one.train.fingerprint() != changed.train.fingerprint() || one.test.fingerprint() != changed.test.fingerprint()
    );
}

/// Of few images all are measured, as those in memory are.
#[test]
fn statistics_are_those_of_the_images() {
    let (folder, _) = (layouts().remove(0)).make();
    let source = opened(folder.path());
    let in_memory = open(folder.path(), &options()).unwrap().train;
    let indices = all(&source.train);
    assert_eq!(source.train.measure(&indices, 1000).unwrap(), Normalise::measure(&in_memory, &indices).unwrap());
    let some = source.train.measure(&indices, 5).unwrap();
    assert_eq!(some, source.train.measure(&indices, 5).unwrap());
    assert!(source.train.measure(&[], 5).is_err() && source.train.measure(&indices, 0).is_err());
}

#[test]
fn unusable_settings_are_refused() {
    let tiny = Tiny::new(COLOUR);
    let folder = tempfile::tempdir().unwrap();
    support::write_folders(folder.path(), &tiny.train, COLOUR);
    let train = opened(folder.path()).train;
    let new = |indices: &[u32], augment, batch| {
        StreamLoader::new(Arc::clone(&train), indices, &identity(3), augment, batch, 0)
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    assert!(new(&[], Augment::none(), 4).contains("at least 1"));
    assert!(new(&[99], Augment::none(), 4).contains("below 24"));
    assert!(new(&[0, 1], Augment::none(), 0).contains("the batch size is 0"));
    assert!(new(&[0], Augment::none(), 4).contains("at least a batch"));
    assert!(new(&[0, 1], Augment { crop_pad: 12, ..Augment::none() }, 1).contains("crop_pad"));
    let loader = loader(&train, Augment::none(), 4);
    assert!(loader.clone().workers(0).is_err());
    assert!(loader.clone().sides(&[8]).unwrap_err().to_string().contains("resized_crop"));
    assert!(loader.memory() > 512 << 20 && loader.memory() < 2 << 30);
}
