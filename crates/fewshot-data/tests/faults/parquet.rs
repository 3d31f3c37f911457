//! Parquet files.

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
    refused(write(|parquet| parquet.labels[17] = Some(3)).path(), &[row[0], row[1], "label 3", "3 classes, 0 to 2"]);
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
