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

mod parquet {
    use super::*;

    fn write(change: impl FnOnce(&mut Parquet)) -> TempDir {
        let folder = tempdir().unwrap();
        let mut parquet = Parquet::of(&Tiny::new(GREY).train, GREY);
        change(&mut parquet);
        parquet.write(&folder.path().join("train.parquet"));
        folder
    }

    #[test]
    fn missing_columns_are_named_beside_those_that_exist() {
        let folder = write(|parquet| {
            parquet.columns = ["img", "bytes", "target"];
            parquet.names = None;
        });
        let columns = "`img.bytes`, `img.path`, `target`";
        refused(folder.path(), &["train.parquet", "label column (`label`, `labels`, `fine_label`", columns]);
        refused(folder.path(), &["--label-column"]);
        let options = OpenOptions { label_column: Some("target".into()), ..OpenOptions::default() };
        assert_eq!(open(folder.path(), &options).unwrap().train.classes(), ["0", "1", "2"]);
        let options = OpenOptions { label_column: Some("colour".into()), ..OpenOptions::default() };
        let message = open(folder.path(), &options).unwrap_err().to_string();
        assert!(message.contains("label column `colour`") && message.contains(columns), "{message}");
        let fields = ["column `img` is a struct", "--image-column", "`img.data`, `img.path`"];
        refused(write(|parquet| parquet.columns = ["img", "data", "label"]).path(), &fields);
    }

    #[test]
    fn lists_and_structs_are_refused_with_what_could_be_meant() {
        const IMAGE: &str = "optional group img { optional binary bytes; }";
        const LISTS: &str = "optional group labels (LIST) { repeated group list { optional int64 element; } }";
        let told = |columns: &str, label: Option<&str>, image: Option<&str>| {
            let folder = tempdir().unwrap();
            support::write_columns(&folder.path().join("train.parquet"), columns);
            let options = OpenOptions {
                label_column: label.map(str::to_owned),
                image_column: image.map(str::to_owned),
                ..OpenOptions::default()
            };
            open(folder.path(), &options).unwrap_err().to_string()
        };
        let lists = format!("{IMAGE} {LISTS} optional int64 species;");
        for named in [None, Some("labels")] {
            let message = told(&lists, named, None);
            let words = "column `labels` holds lists, and rows with several labels are not read: name a column with one value a row \
                         with `--label-column NAME`; there are `img.bytes`, `species`";
            assert!(message.contains(words), "{message}");
        }
        let fields = format!("{IMAGE} optional group label {{ optional int64 id; optional binary name (UTF8); }}");
        let message = told(&fields, None, None);
        let words = "column `label` is a struct: name one of its fields with `--label-column NAME`; there are `label.id`, `label.name`";
        assert!(message.contains(words), "{message}");
        assert!(told(&fields, Some("label.id"), None).contains("holds no image"));
        let images =
            "optional group image (LIST) { repeated group list { optional binary element; } } optional int64 label;";
        for named in [None, Some("image")] {
            let message = told(images, None, named);
            assert!(message.contains("column `image` holds lists, and rows with several images"), "{message}");
        }
    }

    #[test]
    fn other_usual_names_of_columns_are_found() {
        for columns in [["image", "bytes", "labels"], ["photo", "bytes", "fine_label"], ["img", "bytes", "species"]] {
            let folder = write(|parquet| parquet.columns = columns);
            assert_eq!(open_all(folder.path()).unwrap().train.classes(), support::CLASSES);
        }
    }

    #[test]
    fn labels_out_of_range_name_their_row() {
        let row = ["train.parquet", "record 17 "];
        refused(
            write(|parquet| parquet.labels[17] = Some(3)).path(),
            &[row[0], row[1], "label 3", "3 classes, 0 to 2"],
        );
        let hint = "-1 marks an unlabelled split";
        refused(write(|parquet| parquet.labels[17] = Some(-1)).path(), &[row[0], row[1], "label -1", hint]);
        let nameless = write(|parquet| {
            parquet.names = None;
            parquet.labels[15..17].fill(Some(200));
        });
        let notes = open_all(nameless.path()).unwrap().notes;
        assert!(notes[0].contains("after 2 comes 200"), "{notes:?}");
    }

    #[test]
    fn nulls_name_their_row() {
        refused(write(|parquet| parquet.labels[9] = None).path(), &["record 9 ", "`label` is null"]);
        refused(write(|parquet| parquet.images[22] = None).path(), &["record 22 ", "`img.bytes` is null"]);
    }

    #[test]
    fn damaged_images_name_their_row() {
        refused(
            write(|parquet| parquet.images[7] = Some(b"no image".to_vec())).path(),
            &["record 7 ", "no image that is read"],
        );
        refused(write(|parquet| parquet.images[8] = Some(vec![])).path(), &["record 8 ", "no bytes"]);
        for bytes in [encode_png(&[9; 30], GREY), encode_jpeg(&[9; 30], GREY)] {
            let cut = bytes[..bytes.len() * 2 / 3].to_vec();
            refused(write(|parquet| parquet.images[29] = Some(cut)).path(), &["record 29 ", "cannot be decoded"]);
        }
    }

    /// All cores decode at once; still the message is about the first bad image.
    #[test]
    fn of_many_damaged_images_the_first_is_named() {
        for _ in 0..5 {
            let folder = write(|parquet| parquet.images[3..].iter_mut().for_each(|image| *image = Some(vec![1])));
            refused(folder.path(), &["record 3 "]);
        }
    }

    #[test]
    fn missing_parts_and_shards() {
        let (folder, _) = made("parquet folder with shards and names");
        let shard = folder.path().join("train-00001-of-00002.parquet");
        fs::remove_file(shard).unwrap();
        refused(folder.path(), &["lacks `train-00001-of-00002.parquet`"]);
        fs::remove_file(folder.path().join("train-00000-of-00002.parquet")).unwrap();
        refused(folder.path(), &["no training part"]);
    }

    /// Each file numbers its classes its own way: shards of the training part, and the test part.
    #[test]
    fn class_names_are_matched_file_by_file() {
        let (folder, tiny) = (tempdir().unwrap(), Tiny::new(GREY));
        let write = |name: &str, rows: &[Labelled], names: [&'static str; 3]| {
            let mut parquet = Parquet::of(rows, GREY);
            let number = |label: u32| names.iter().position(|name| *name == support::CLASSES[label as usize]);
            parquet.labels = rows.iter().map(|&(_, label)| number(label).map(|number| number as i64)).collect();
            parquet.names = Some(names.to_vec());
            parquet.write(&folder.path().join(name));
        };
        let (first, second) = tiny.train.split_at(13);
        write("train-00000-of-00002.parquet", first, ["ant", "bee", "cat"]);
        write("train-00001-of-00002.parquet", second, ["cat", "bee", "ant"]);
        write("test.parquet", &tiny.test, ["bee", "cat", "ant"]);
        let source = open_all(folder.path()).unwrap();
        assert_eq!(source.train.classes(), support::CLASSES);
        assert!(support::contents(&source.train) == tiny.train);
        assert!(support::contents(&source.test.open().unwrap()) == tiny.test);
    }

    #[test]
    fn classes_without_images_are_left_out_and_told() {
        let folder = write(|parquet| parquet.names = Some(vec!["ant", "bee", "cat", "dog", "elk"]));
        let source = open_all(folder.path()).unwrap();
        assert_eq!(source.train.classes(), support::CLASSES);
        let told = "2 of 5 named classes have no training image and are left out: dog, elk";
        assert_eq!(source.notes, [told]);
    }

    #[test]
    fn a_test_part_without_labels_gives_way_to_the_validation_part() {
        let folder = write(|_| ());
        let mut test = Parquet::of(&Tiny::new(GREY).test, GREY);
        test.write(&folder.path().join("validation.parquet"));
        test.labels.fill(Some(-1));
        test.write(&folder.path().join("test.parquet"));
        let source = open_all(folder.path()).unwrap();
        assert_eq!(source.test.open().unwrap().counts(), [5, 5, 5]);
        assert!(source.notes[0].contains("test part has no labels"), "{:?}", source.notes);
    }

    #[test]
    fn files_that_are_no_parquet() {
        let folder = tempdir().unwrap();
        let file = folder.path().join("train.parquet");
        fs::write(&file, "this is not a Parquet file").unwrap();
        refused(folder.path(), &["train.parquet", "damaged"]);
        refused(&file, &["train.parquet", "damaged"]);
    }

    #[test]
    fn every_codec_is_read_and_a_single_file_is_enough() {
        use ::parquet::basic::Compression;
        for compression in [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::GZIP(Default::default()),
            Compression::LZ4_RAW,
            Compression::BROTLI(Default::default()),
        ] {
            let folder = write(|parquet| parquet.compression = compression);
            let source = open_all(&folder.path().join("train.parquet")).unwrap();
            assert_eq!((source.train.len(), source.test.len()), (24, 6), "{compression:?}");
        }
    }
}

mod cifar {
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
}

mod idx {
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
}

mod class_folders {
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
        refused(folder.path(), &["1 class(es)"]);
        fs::write(folder.path().join("labels.csv"), "file,label").unwrap();
        refused(folder.path(), &["1 class(es)", "labels in a table are not read", "one folder a class"]);
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
}

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
