//! Class folders as users have them: photographs of all sizes, JPEG and PNG, grey and coloured, unbalanced classes.

mod support;

use std::fs;
use std::path::Path;

use fewshot_data::{OpenOptions, Shape, Splits, open};
use support::{encode_jpeg, encode_png, open_all};
use tempfile::tempdir;

/// An image whose left half is `left`, whose right half is `right`; the colour `tint` shifts blue.
fn image(height: usize, width: usize, (left, right): (u8, u8), tint: Option<u8>) -> (Vec<u8>, Shape) {
    let channels = if tint.is_some() { 3 } else { 1 };
    let pixel = |x: usize| {
        let value = if x < width / 2 { left } else { right };
        [value, value, tint.unwrap_or(value)].into_iter().take(channels)
    };
    let pixels = (0..height).flat_map(|_| (0..width).flat_map(pixel)).collect();
    (pixels, Shape { height, width, channels })
}

/// Writes `count` images of class `class`, in several sizes and both formats, every third one coloured where `colour`.
fn write_class(folder: &Path, class: &str, count: usize, colour: bool) {
    let folder = folder.join(class);
    fs::create_dir_all(&folder).unwrap();
    for number in 0..count {
        let (height, width) = [(90, 120), (200, 100), (64, 64), (33, 150)][number % 4];
        let tint = (colour && number % 3 == 1).then_some(250);
        let (pixels, shape) = image(height, width, (30, 220), tint);
        if number % 2 == 0 {
            fs::write(folder.join(format!("{number:03}.PNG")), encode_png(&pixels, shape)).unwrap();
        } else {
            fs::write(folder.join(format!("{number:03}.jpeg")), encode_jpeg(&pixels, shape)).unwrap();
        }
    }
}

#[test]
fn mixed_sizes_become_one_square_without_distortion() {
    let folder = tempdir().unwrap();
    for (class, count) in [("big", 40), ("rare", 2), ("small", 11), ("single", 1)] {
        write_class(folder.path(), class, count, true);
    }
    let source = open_all(folder.path()).unwrap();
    let train = &source.train;
    assert_eq!(train.classes(), ["big", "rare", "single", "small"], "bytewise order");
    assert_eq!((train.height(), train.width(), train.channels()), (64, 64, 3));
    // A fifth is held out, but a class keeps its last image and a pair is parted.
    let test = source.test.open().unwrap();
    assert_eq!(train.counts().iter().sum::<usize>() + test.len(), 54);
    assert_eq!((train.counts()[1], train.counts()[2]), (1, 1));
    assert_eq!((test.counts()[1], test.counts()[2]), (1, 0));
    // The middle column still parts the halves, wherever the long side was cut.
    for index in 0..train.len() {
        let row = &train.image(index)[32 * 64 * 3..][..64 * 3];
        assert!(row[3 * 10] < 70 && row[3 * 53] > 180, "image {index}: {row:?}");
    }
    let splits = Splits::stratified(train.labels(), 0.5, None, 0).unwrap();
    assert_eq!(splits.search_train.len() + splits.search_val.len(), train.len());
}

#[test]
fn the_sizes_found_are_told() {
    let folder = tempdir().unwrap();
    for class in ["a", "b"] {
        write_class(&folder.path().join("train"), class, 8, true);
        write_class(&folder.path().join("test"), class, 1, true);
    }
    let source = open_all(folder.path()).unwrap();
    let text = "64x64 to 200x100 pixels (4 sizes, median 90x120), cut to the centre square and resized to 64x64 \
                (chosen: the sizes differ)";
    assert_eq!(source.sizes.to_string(), text);
    // The squares of 64 pixels are neither resized nor cut.
    assert_eq!((source.sizes.resized, source.sizes.cut), (12, 12));
    assert_eq!(source.info().unwrap().sizes, source.sizes);
    let asked = OpenOptions { image_size: Some((16, 32)), ..OpenOptions::default() };
    let text = "64x64 to 200x100 pixels (4 sizes, median 90x120), cut to this shape around the centre and resized to \
                16x32 (as given)";
    assert_eq!(open(folder.path(), &asked).unwrap().sizes.to_string(), text);
    assert_eq!(fewshot_data::sample().unwrap().sizes.to_string(), "all 28x28 pixels, used as they are");
}

#[test]
fn grey_photographs_stay_grey_even_where_a_test_image_is_coloured() {
    let folder = tempdir().unwrap();
    let (train, test) = (folder.path().join("train"), folder.path().join("val"));
    for class in ["a", "b"] {
        write_class(&train, class, 8, false);
        write_class(&test, class, 4, true);
    }
    let source = open_all(folder.path()).unwrap();
    assert_eq!(source.train.channels(), 1);
    assert_eq!(source.test.open().unwrap().channels(), 1);
}

#[test]
fn dark_data_of_12_bits_is_told() {
    let folder = tempdir().unwrap();
    let write = |class: &str, number: u16, most: u16| {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 8, 8);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Sixteen);
        let samples: Vec<u8> = (0..64).flat_map(|at| (most - 9 * at - number).to_be_bytes()).collect();
        encoder.write_header().unwrap().write_image_data(&samples).unwrap();
        fs::create_dir_all(folder.path().join(class)).unwrap();
        fs::write(folder.path().join(class).join(format!("{number}.png")), bytes).unwrap();
    };
    for (class, number) in ["a", "b"].into_iter().flat_map(|class| (0..10).map(move |number| (class, number))) {
        write(class, number, 4095);
    }
    let notes = open_all(folder.path()).unwrap().notes;
    assert!(notes.len() == 1 && notes[0].starts_with("16 of 16 images have 16 bits a sample"), "{notes:?}");
    assert!(notes[0].contains("at most 15 of 255") && notes[0].contains("times 16"), "{notes:?}");
    // One that uses all bits shows that the others are dark on purpose; not one of those that are held out.
    for number in 10..20 {
        write("a", number, 65_535);
    }
    assert_eq!(open_all(folder.path()).unwrap().notes, [""; 0]);
}

/// 12 MB photographs and thumbnails alike: the header is found behind a block of 60 KB, and the sizes decide.
#[test]
fn headers_behind_long_blocks_are_found() {
    let folder = tempdir().unwrap();
    for class in ["a", "b"] {
        fs::create_dir(folder.path().join(class)).unwrap();
        for number in 0..5 {
            let (pixels, shape) = image(20 + number, 30, (10, 200), None);
            let jpeg = encode_jpeg(&pixels, shape);
            // Three application blocks that no decoder knows.
            let block = [&[0xFF, 0xE9][..], &60_000_u16.to_be_bytes(), &vec![7; 59_998]].concat();
            let bytes = [&jpeg[..2], &block, &block, &block, &jpeg[2..]].concat();
            fs::write(folder.path().join(class).join(format!("{number}.jpg")), bytes).unwrap();
        }
    }
    let source = open_all(folder.path()).unwrap();
    // The median of 20..24, or of the eight that train.
    assert!((21..=23).contains(&source.train.height()), "{}", source.train.height());
}

#[test]
fn a_thousand_classes() {
    let folder = tempdir().unwrap();
    let (pixels, shape) = image(4, 4, (0, 255), None);
    let png = encode_png(&pixels, shape);
    for class in 0..1000 {
        let class = folder.path().join(format!("c{class:04}"));
        fs::create_dir(&class).unwrap();
        for number in 0..3 {
            fs::write(class.join(format!("{number}.png")), &png).unwrap();
        }
    }
    let options = OpenOptions { limit: Some(1500), ..OpenOptions::default() };
    let source = open(folder.path(), &options).unwrap();
    assert_eq!((source.train.len(), source.train.classes().len()), (1500, 1000));
    assert!(source.train.counts().iter().all(|&count| count == 1 || count == 2));
    assert_eq!(source.test.len(), 1000, "each class spares one image");
}

#[test]
fn channels_are_as_asked_for_in_both_parts() {
    let folder = tempdir().unwrap();
    for (class, colour) in [("grey", false), ("coloured", true)] {
        write_class(folder.path(), class, 10, colour);
    }
    for channels in [1, 3] {
        let source = open(folder.path(), &OpenOptions { channels: Some(channels), ..OpenOptions::default() }).unwrap();
        assert_eq!([source.train.channels(), source.test.open().unwrap().channels()], [channels; 2]);
    }
}
