//! A tiny data set, and how to write it in every layout that is read.
#![allow(dead_code)] // each test binary uses its own part of this

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fewshot_data::{DataError, DataSource, Dataset, OpenOptions, Shape, open};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

pub const CLASSES: [&str; 3] = ["ant", "bee", "cat"];

/// One image and its label.
pub type Labelled = (Vec<u8>, u32);

/// Ten training and five test images a class, no two alike, ordered by class.
pub struct Tiny {
    pub shape: Shape,
    pub train: Vec<Labelled>,
    pub test: Vec<Labelled>,
}

pub const COLOUR: Shape = Shape { height: 32, width: 32, channels: 3 };
pub const GREY: Shape = Shape { height: 6, width: 5, channels: 1 };

impl Tiny {
    pub fn new(shape: Shape) -> Tiny {
        let images = |first: usize, per_class: usize| -> Vec<Labelled> {
            let image =
                |number: usize| (0..shape.bytes()).map(|at| (at * 7 + number * 31 + at / 9 * number) as u8).collect();
            (0..3 * per_class).map(|at| (image(first + at), (at / per_class) as u32)).collect()
        };
        Tiny { shape, train: images(0, 10), test: images(30, 5) }
    }
}

/// A layout: its name, the reader that must recognise it, the shape it can hold, its class names, and how to write it.
pub struct Layout {
    pub name: &'static str,
    pub reader: &'static str,
    pub shape: Shape,
    pub classes: [&'static str; 3],
    /// Writes both parts.
    pub write: fn(&Path, &Tiny),
    /// Files of the test part; removing them leaves a data set without one.
    pub test_files: &'static [&'static str],
}

pub fn layouts() -> Vec<Layout> {
    const NUMBERS: [&str; 3] = ["0", "1", "2"];
    vec![
        Layout {
            name: "parquet folder with shards and names",
            reader: "hugging-face-parquet",
            shape: COLOUR,
            classes: CLASSES,
            write: |folder, tiny| {
                let (first, second) = tiny.train.split_at(13);
                let write = |name: &str, rows: &[Labelled]| Parquet::of(rows, tiny.shape).write(&folder.join(name));
                write("train-00000-of-00002.parquet", first);
                write("train-00001-of-00002.parquet", second);
                write("test-00000-of-00001.parquet", &tiny.test);
            },
            test_files: &["test-00000-of-00001.parquet"],
        },
        Layout {
            name: "parquet without names, in a subfolder",
            reader: "hugging-face-parquet",
            shape: GREY,
            classes: NUMBERS,
            write: |folder, tiny| {
                fs::create_dir(folder.join("data")).unwrap();
                let write = |name: &str, rows: &[Labelled]| {
                    Parquet { names: None, ..Parquet::of(rows, tiny.shape) }.write(&folder.join("data").join(name));
                };
                write("train.parquet", &tiny.train);
                write("validation.parquet", &tiny.test);
            },
            test_files: &["data/validation.parquet"],
        },
        Layout {
            name: "archives with numbers and names beside them",
            reader: "web-dataset",
            shape: COLOUR,
            classes: CLASSES,
            write: |folder, tiny| {
                let (first, second) = tiny.train.split_at(13);
                let write = |name: &str, samples: &[Labelled]| {
                    fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
                    Tar::samples(samples, tiny.shape, |label| ("cls", label.to_string())).write(&folder.join(name));
                };
                write("train/0.tar", first);
                write("train/1.tar", second);
                write("test/0.tar", &tiny.test);
                fs::write(folder.join("classnames.txt"), CLASSES.join("\n") + "\n").unwrap();
            },
            test_files: &["test"],
        },
        Layout {
            name: "archives with descriptions",
            reader: "web-dataset",
            shape: GREY,
            classes: CLASSES,
            write: |folder, tiny| {
                let json = |label: u32| ("json", format!(r#"{{"width": 5, "label": "{}"}}"#, CLASSES[label as usize]));
                let write = |name: &str, samples: &[Labelled]| {
                    Tar::samples(samples, tiny.shape, json).write(&folder.join(name));
                };
                write("tiny-train-0000.tar", &tiny.train);
                write("tiny-validation-0000.tar", &tiny.test);
            },
            test_files: &["tiny-validation-0000.tar"],
        },
        Layout {
            name: "archives of class folders",
            reader: "web-dataset",
            shape: COLOUR,
            classes: CLASSES,
            write: |folder, tiny| {
                for (name, images) in [("train.tar", &tiny.train), ("val.tar", &tiny.test)] {
                    let mut tar = Tar::default();
                    for (number, (image, label)) in images.iter().enumerate() {
                        let name = format!("./images/{}/{number:03}.a.png", CLASSES[*label as usize]);
                        tar.add(&name, &encode_png(image, tiny.shape));
                    }
                    tar.write(&folder.join(name));
                }
            },
            test_files: &["val.tar"],
        },
        Layout {
            name: "CIFAR-10 binary",
            reader: "cifar-binary",
            shape: COLOUR,
            classes: CLASSES,
            write: |folder, tiny| {
                write_cifar(&folder.join("data_batch_1.bin"), &tiny.train[..17], &[]);
                write_cifar(&folder.join("data_batch_2.bin"), &tiny.train[17..], &[]);
                write_cifar(&folder.join("test_batch.bin"), &tiny.test, &[]);
                fs::write(folder.join("batches.meta.txt"), CLASSES.join("\n") + "\n\n").unwrap();
            },
            test_files: &["test_batch.bin"],
        },
        Layout {
            name: "CIFAR-100 binary without names",
            reader: "cifar-binary",
            shape: COLOUR,
            classes: NUMBERS,
            write: |folder, tiny| {
                write_cifar(&folder.join("train.bin"), &tiny.train, &[9]);
                write_cifar(&folder.join("test.bin"), &tiny.test, &[9]);
            },
            test_files: &["test.bin"],
        },
        Layout {
            name: "idx with names",
            reader: "idx",
            shape: GREY,
            classes: CLASSES,
            write: |folder, tiny| {
                write_idx(folder, "train", &tiny.train, tiny.shape, false);
                write_idx(folder, "t10k", &tiny.test, tiny.shape, false);
                fs::write(folder.join("classes.txt"), CLASSES.join("\n")).unwrap();
            },
            test_files: &["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
        },
        Layout {
            name: "idx.gz",
            reader: "idx",
            shape: GREY,
            classes: NUMBERS,
            write: |folder, tiny| {
                write_idx(folder, "train", &tiny.train, tiny.shape, true);
                write_idx(folder, "t10k", &tiny.test, tiny.shape, true);
            },
            test_files: &["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"],
        },
        Layout {
            name: "class folders with train and test",
            reader: "class-folders",
            shape: COLOUR,
            classes: CLASSES,
            write: |folder, tiny| {
                write_folders(&folder.join("train"), &tiny.train, tiny.shape);
                write_folders(&folder.join("test"), &tiny.test, tiny.shape);
            },
            test_files: &["test"],
        },
        Layout {
            name: "class folders with train and val, grey",
            reader: "class-folders",
            shape: GREY,
            classes: CLASSES,
            write: |folder, tiny| {
                write_folders(&folder.join("train"), &tiny.train, tiny.shape);
                write_folders(&folder.join("val"), &tiny.test, tiny.shape);
            },
            test_files: &["val"],
        },
    ]
}

impl Layout {
    /// Writes the tiny data set into a fresh folder.
    pub fn make(&self) -> (tempfile::TempDir, Tiny) {
        let folder = tempfile::tempdir().unwrap();
        let tiny = Tiny::new(self.shape);
        (self.write)(folder.path(), &tiny);
        (folder, tiny)
    }

    pub fn remove_test(&self, folder: &Path) {
        for name in self.test_files {
            let path = folder.join(name);
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
    }
}

/// A Parquet file in the image layout, with every part open to mischief.
pub struct Parquet {
    /// Encoded images; `None` is null.
    pub images: Vec<Option<Vec<u8>>>,
    /// Labels; `None` is null.
    pub labels: Vec<Option<i64>>,
    /// Names of the image struct, its bytes and the label column.
    pub columns: [&'static str; 3],
    /// Class names in the metadata.
    pub names: Option<Vec<&'static str>>,
    pub compression: Compression,
    pub rows_per_group: usize,
}

impl Parquet {
    pub fn of(rows: &[Labelled], shape: Shape) -> Parquet {
        Parquet {
            images: rows.iter().map(|(image, _)| Some(encode_png(image, shape))).collect(),
            labels: rows.iter().map(|&(_, label)| Some(i64::from(label))).collect(),
            columns: ["img", "bytes", "label"],
            names: Some(CLASSES.to_vec()),
            compression: Compression::ZSTD(ZstdLevel::default()),
            rows_per_group: 4,
        }
    }

    pub fn write(&self, path: &Path) {
        let [image, bytes, label] = self.columns;
        let schema = format!(
            "message schema {{ optional group {image} {{ optional binary {bytes}; optional binary path (UTF8); }} \
             optional int64 {label}; }}"
        );
        let metadata = self.names.as_ref().map(|names| {
            let features =
                serde_json::json!({ image: { "_type": "Image" }, label: { "_type": "ClassLabel", "names": names } });
            let value = serde_json::json!({ "info": { "features": features } }).to_string();
            vec![KeyValue { key: "huggingface".into(), value: Some(value) }]
        });
        let properties = WriterProperties::builder().set_compression(self.compression).set_key_value_metadata(metadata);
        let schema = Arc::new(parse_message_type(&schema).unwrap());
        let file = fs::File::create(path).unwrap();
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties.build())).unwrap();
        let levels = |present: Vec<bool>, full: i16| -> Vec<i16> {
            present.into_iter().map(|present| if present { full } else { full - 1 }).collect()
        };
        for (images, labels) in self.images.chunks(self.rows_per_group).zip(self.labels.chunks(self.rows_per_group)) {
            let mut group = writer.next_row_group().unwrap();
            let values: Vec<ByteArray> = images.iter().flatten().cloned().map(ByteArray::from).collect();
            let present = levels(images.iter().map(Option::is_some).collect(), 2);
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(&values, Some(&present), None).unwrap();
            column.close().unwrap();
            let paths: Vec<ByteArray> = images.iter().map(|_| ByteArray::from("a.png")).collect();
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(&paths, Some(&vec![2; paths.len()]), None).unwrap();
            column.close().unwrap();
            let values: Vec<i64> = labels.iter().flatten().copied().collect();
            let present = levels(labels.iter().map(Option::is_some).collect(), 1);
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<Int64Type>().write_batch(&values, Some(&present), None).unwrap();
            column.close().unwrap();
            group.close().unwrap();
        }
        writer.close().unwrap();
    }
}

/// An archive that is being written.
pub struct Tar(tar::Builder<Vec<u8>>);

impl Default for Tar {
    fn default() -> Tar {
        Tar(tar::Builder::new(Vec::new()))
    }
}

impl Tar {
    /// Each image with a file beside it, whose extension and text are those of its label.
    pub fn samples(images: &[Labelled], shape: Shape, label: impl Fn(u32) -> (&'static str, String)) -> Tar {
        let mut tar = Tar::default();
        for (number, (image, of_image)) in images.iter().enumerate() {
            let (extension, text) = label(*of_image);
            tar.add(&format!("{number:06}.png"), &encode_png(image, shape));
            tar.add(&format!("{number:06}.{extension}"), text.as_bytes());
        }
        tar
    }

    /// Longer names than a header has room for become entries of their own.
    pub fn add(&mut self, name: &str, bytes: &[u8]) {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        self.0.append_data(&mut header, name, bytes).unwrap();
    }

    pub fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }

    pub fn write(self, path: &Path) {
        fs::write(path, self.bytes()).unwrap();
    }
}

/// `prefix` is what comes before the label byte: the coarse label of CIFAR-100.
pub fn write_cifar(path: &Path, images: &[Labelled], prefix: &[u8]) {
    let mut bytes = Vec::new();
    for (image, label) in images {
        bytes.extend_from_slice(prefix);
        bytes.push(*label as u8);
        for channel in 0..3 {
            bytes.extend(image.iter().skip(channel).step_by(3));
        }
    }
    fs::write(path, bytes).unwrap();
}

pub fn write_idx(folder: &Path, part: &str, images: &[Labelled], shape: Shape, compress: bool) {
    let size = |number: usize| (number as u32).to_be_bytes();
    let mut pixels = [&[0, 0, 8, 3][..], &size(images.len()), &size(shape.height), &size(shape.width)].concat();
    let mut labels = [&[0, 0, 8, 1][..], &size(images.len())].concat();
    for (image, label) in images {
        pixels.extend(image);
        labels.push(*label as u8);
    }
    for (name, bytes) in [("images-idx3", pixels), ("labels-idx1", labels)] {
        let path = folder.join(format!("{part}-{name}-ubyte"));
        if compress {
            fs::write(path.with_extension("gz"), gzip(&bytes)).unwrap()
        } else {
            fs::write(path, bytes).unwrap()
        }
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn write_folders(folder: &Path, images: &[Labelled], shape: Shape) {
    for (number, (image, label)) in images.iter().enumerate() {
        let class = folder.join(CLASSES[*label as usize]);
        fs::create_dir_all(&class).unwrap();
        fs::write(class.join(format!("{number:03}.png")), encode_png(image, shape)).unwrap();
    }
}

pub fn encode_png(pixels: &[u8], shape: Shape) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, shape.width as u32, shape.height as u32);
    encoder.set_color(if shape.channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    bytes
}

pub fn encode_jpeg(pixels: &[u8], shape: Shape) -> Vec<u8> {
    let mut bytes = Vec::new();
    let colour = if shape.channels == 1 { jpeg_encoder::ColorType::Luma } else { jpeg_encoder::ColorType::Rgb };
    let encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
    encoder.encode(pixels, shape.width as u16, shape.height as u16, colour).unwrap();
    bytes
}

/// All images of a data set with their labels, in order.
pub fn contents(dataset: &Dataset) -> Vec<Labelled> {
    (0..dataset.len()).map(|index| (dataset.image(index).to_vec(), dataset.label(index))).collect()
}

pub fn open_all(path: &Path) -> Result<DataSource, DataError> {
    open(path, &OpenOptions::default())
}

/// The message of the error that comes from opening the data set, or else from opening its test part.
pub fn message_of(path: &Path) -> String {
    match open_all(path).and_then(|source| source.test.open()) {
        Ok(_) => panic!("{} was read without an error", path.display()),
        Err(error) => error.to_string(),
    }
}

/// All files under `folder`, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
