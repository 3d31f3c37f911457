//! What every reader must do, checked on the same tiny data set in every layout.

mod support;

use std::fs;

use fewshot_data::{OpenOptions, Splits, open, readers};
use support::{contents, files, layouts, message_of, open_all};

#[test]
fn every_reader_is_under_this_contract() {
    for (name, _) in readers() {
        assert!(layouts().iter().any(|layout| layout.reader == name), "{name} has no layout in tests/support");
    }
}

#[test]
fn pixels_labels_and_classes_come_back() {
    for layout in layouts() {
        let (folder, tiny) = layout.make();
        let source = open_all(folder.path()).unwrap_or_else(|error| panic!("{}: {error}", layout.name));
        let name = layout.name;
        assert_eq!(source.reader, layout.reader, "{name}");
        assert_eq!(source.train.classes(), layout.classes, "{name}");
        assert_eq!(source.train.shape(), tiny.shape, "{name}");
        assert!(contents(&source.train) == tiny.train, "{name}: training images differ");
        assert_eq!(source.train.counts(), [10, 10, 10], "{name}");
        assert_eq!(source.test.len(), 15, "{name}");
        let test = source.test.open().unwrap();
        assert_eq!(test.classes(), layout.classes, "{name}");
        assert!(contents(&test) == tiny.test, "{name}: test images differ");
    }
}

#[test]
fn the_same_data_have_the_same_fingerprint() {
    for layout in layouts() {
        let (folder, _) = layout.make();
        let (again, _) = layout.make();
        let (one, two) = (open_all(folder.path()).unwrap(), open_all(again.path()).unwrap());
        assert_eq!(one.train.fingerprint(), two.train.fingerprint(), "{}", layout.name);
        assert_ne!(one.train.fingerprint(), one.test.open().unwrap().fingerprint(), "{}", layout.name);
    }
}

#[test]
fn test_images_are_not_read_before_their_seal_is_broken() {
    for layout in layouts() {
        let (folder, tiny) = layout.make();
        let source = open_all(folder.path()).unwrap();
        layout.remove_test(folder.path());
        assert!(contents(&source.train) == tiny.train, "{}", layout.name);
        let message = source.test.open().expect_err(layout.name).to_string();
        assert!(message.contains("no such file"), "{}: {message}", layout.name);
    }
}

#[test]
fn a_limit_takes_a_stratified_choice() {
    for layout in layouts() {
        let (folder, tiny) = layout.make();
        let limited = |seed| {
            let options = OpenOptions { limit: Some(12), limit_seed: seed, ..OpenOptions::default() };
            open(folder.path(), &options).unwrap()
        };
        let source = limited(0);
        assert_eq!(source.train.counts(), [4, 4, 4], "{}", layout.name);
        assert!(contents(&source.train).iter().all(|image| tiny.train.contains(image)), "{}", layout.name);
        assert_eq!(source.test.len(), 15, "{}: the test part is not limited", layout.name);
        assert!(contents(&source.train) == contents(&limited(0).train), "{}", layout.name);
        assert!(contents(&source.train) != contents(&limited(1).train), "{}", layout.name);
    }
}

/// A limited set is the part of the whole that the same limit picks there, so where it is applied makes no difference.
#[test]
fn a_limit_while_reading_is_the_limit_of_the_split() {
    let (folder, _) = layouts()[0].make();
    let whole = open_all(folder.path()).unwrap().train;
    let options = OpenOptions { limit: Some(12), limit_seed: 5, ..OpenOptions::default() };
    let limited = open(folder.path(), &options).unwrap().train;
    let image = |dataset: &fewshot_data::Dataset, &index: &u32| dataset.image(index as usize).to_vec();
    let of_whole = Splits::stratified(whole.labels(), 0.5, Some(12), 5).unwrap();
    let of_limited = Splits::stratified(limited.labels(), 0.5, Some(12), 5).unwrap();
    for (one, two) in [(of_whole.search_train, of_limited.search_train), (of_whole.search_val, of_limited.search_val)] {
        let images: Vec<_> = one.iter().map(|index| image(&whole, index)).collect();
        assert_eq!(images, two.iter().map(|index| image(&limited, index)).collect::<Vec<_>>());
    }
}

#[test]
fn without_a_test_part_a_fifth_of_each_class_is_held_out() {
    for layout in layouts() {
        let (folder, tiny) = layout.make();
        layout.remove_test(folder.path());
        let source = open_all(folder.path()).unwrap();
        let test = source.test.open().unwrap();
        assert_eq!((source.train.counts(), test.counts()), (vec![8; 3], vec![2; 3]), "{}", layout.name);
        let mut both = [contents(&source.train), contents(&test)].concat();
        let mut all = tiny.train;
        both.sort();
        all.sort();
        assert!(both == all, "{}: the parts must be disjoint and cover the whole", layout.name);
    }
}

#[test]
fn every_size_can_be_asked_for() {
    for layout in layouts() {
        let (folder, tiny) = layout.make();
        for (height, width) in [(8, 8), (3, 7), (40, 12)] {
            let options = OpenOptions { image_size: Some((height, width)), ..OpenOptions::default() };
            let source = open(folder.path(), &options).unwrap();
            let test = source.test.open().unwrap();
            for part in [&source.train, &test] {
                assert_eq!((part.height(), part.width()), (height, width), "{}", layout.name);
                assert_eq!(part.channels(), tiny.shape.channels, "{}", layout.name);
                assert_eq!(part.image(0).len(), height * width * tiny.shape.channels, "{}", layout.name);
            }
        }
    }
}

#[test]
fn a_column_is_found_or_told_to_change_nothing() {
    for layout in layouts() {
        let (folder, _) = layout.make();
        let options = OpenOptions { label_column: Some("nowhere".into()), ..OpenOptions::default() };
        match (layout.reader, open(folder.path(), &options)) {
            ("hugging-face-parquet" | "web-dataset", opened) => {
                let message = opened.expect_err(layout.name).to_string();
                assert!(message.contains("`nowhere`") || message.contains(".nowhere`"), "{}: {message}", layout.name);
            }
            (reader, opened) => {
                let told = format!("--label-column nowhere changed nothing: the data is read as {reader}");
                let notes = opened.expect(layout.name).notes;
                assert!(notes.iter().any(|note| note.starts_with(&told)), "{}: {notes:?}", layout.name);
            }
        }
    }
    let options = OpenOptions { image_column: Some("photo".into()), ..OpenOptions::default() };
    let notes = fewshot_data::sample_with(&options).unwrap().notes;
    assert_eq!(notes.iter().filter(|note| note.contains("--image-column photo changed nothing")).count(), 1);
}

#[test]
fn too_much_for_the_memory_is_refused() {
    for layout in layouts() {
        let (folder, tiny) = layout.make();
        let bytes = 30 * tiny.shape.bytes() as u64;
        let options = |max_bytes| OpenOptions { max_bytes, ..OpenOptions::default() };
        assert!(open(folder.path(), &options(bytes)).is_ok(), "{}", layout.name);
        let message = open(folder.path(), &options(bytes - 1)).expect_err(layout.name).to_string();
        assert!(message.contains("choose a smaller image size"), "{}: {message}", layout.name);
    }
}

/// Any one file, empty or cut in half: an error that names it, at the latest when the test part is opened.
#[test]
fn empty_and_cut_files_are_named() {
    for layout in layouts() {
        let (folder, _) = layout.make();
        for file in files(folder.path()) {
            let whole = fs::read(&file).unwrap();
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            // Not a multiple of CIFAR's record, which has no count that could be wrong.
            for kept in [0, whole.len() / 2 + 1] {
                // Half a list of names shows itself in the labels.
                let is_names_file = name.ends_with(".txt") && kept > 0;
                fs::write(&file, &whole[..kept]).unwrap();
                let message = message_of(folder.path());
                assert!(is_names_file || message.contains(&name), "{}, {kept} bytes of {name}: {message}", layout.name);
            }
            fs::write(&file, &whole).unwrap();
        }
    }
}
