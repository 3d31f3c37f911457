//! A tiny data set, and how to write it in every layout that is read.
#![allow(dead_code)] // each test binary uses its own part of this

mod written;

use std::fs;
use std::path::{Path, PathBuf};

use fewshot_data::{DataError, DataSource, Dataset, OpenOptions, Shape, open};

pub use written::*;

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

    /// Writes the training part under the first of the names, the test part under the second.
    fn write(&self, [train, test]: [&str; 2], write: impl Fn(&str, &[Labelled])) {
        write(train, &self.train);
        write(test, &self.test);
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
                tiny.write(["train.parquet", "validation.parquet"], write);
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
                tiny.write(["tiny-train-0000.tar", "tiny-validation-0000.tar"], |name, samples| {
                    Tar::samples(samples, tiny.shape, json).write(&folder.join(name));
                });
            },
            test_files: &["tiny-validation-0000.tar"],
        },
        Layout {
            name: "archives of class folders",
            reader: "web-dataset",
            shape: COLOUR,
            classes: CLASSES,
            write: |folder, tiny| {
                tiny.write(["train.tar", "val.tar"], |name, images| {
                    let mut tar = Tar::default();
                    for (number, (image, label)) in images.iter().enumerate() {
                        let name = format!("./images/{}/{number:03}.a.png", CLASSES[*label as usize]);
                        tar.add(&name, &encode_png(image, tiny.shape));
                    }
                    tar.write(&folder.join(name));
                });
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
                tiny.write(["train.bin", "test.bin"], |name, images| write_cifar(&folder.join(name), images, &[9]));
            },
            test_files: &["test.bin"],
        },
        Layout {
            name: "idx with names",
            reader: "idx",
            shape: GREY,
            classes: CLASSES,
            write: |folder, tiny| {
                tiny.write(["train", "t10k"], |part, images| write_idx(folder, part, images, tiny.shape, false));
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
                tiny.write(["train", "t10k"], |part, images| write_idx(folder, part, images, tiny.shape, true));
            },
            test_files: &["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"],
        },
        Layout {
            name: "class folders with train and test",
            reader: "class-folders",
            shape: COLOUR,
            classes: CLASSES,
            write: |folder, tiny| {
                tiny.write(["train", "test"], |part, images| write_folders(&folder.join(part), images, tiny.shape));
            },
            test_files: &["test"],
        },
        Layout {
            name: "class folders with train and val, grey",
            reader: "class-folders",
            shape: GREY,
            classes: CLASSES,
            write: |folder, tiny| {
                tiny.write(["train", "val"], |part, images| write_folders(&folder.join(part), images, tiny.shape));
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
