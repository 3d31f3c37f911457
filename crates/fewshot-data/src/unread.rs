//! Usual forms of data sets that are not read, and what to do with each.

use std::fs;
use std::path::Path;

/// How the names of tables end that may hold labels.
const TABLES: [&str; 4] = [".csv", ".json", ".jsonl", ".tsv"];

/// Whether `path` is called like a table.
pub fn is_table(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    TABLES.iter().any(|ending| name.ends_with(ending))
}

/// What to do with the data at `path`, which no reader knows; nothing where there is nothing to advise.
pub fn advice(path: &Path) -> String {
    let names: Vec<String> = match fs::read_dir(path) {
        Ok(entries) => entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect(),
        Err(_) => vec![path.file_name().unwrap_or_default().to_string_lossy().into_owned()],
    };
    let any = |told: &dyn Fn(&str) -> bool| names.iter().any(|name| told(&name.to_ascii_lowercase()));
    let ends = |endings: &'static [&'static str]| move |name: &str| endings.iter().any(|ending| name.ends_with(ending));
    let words = if any(&|name| name == "batches.meta" || name == "data_batch_1" || name == "meta") {
        "these look like CIFAR's files for Python: download the binary version (`cifar-10-binary.tar.gz`), or the \
         Parquet files of the Hugging Face hub"
    } else if any(&ends(&[".arrow"])) || any(&|name| name == "dataset_info.json") {
        "this looks like `save_to_disk` of the Python package `datasets`: write Parquet files with \
         `load_from_disk(FOLDER)[\"train\"].to_parquet(\"train.parquet\")`, likewise for the test part"
    } else if any(&ends(&[".zip", ".tar", ".tgz", ".tar.gz", ".7z", ".rar"])) {
        "this is an archive: unpack it and give the folder"
    } else if any(&ends(&[
        ".npz",
        ".npy",
        ".mat",
        ".h5",
        ".hdf5",
        ".tfrecord",
        ".lmdb",
        ".pkl",
        ".pickle",
        ".pt",
        ".mdb",
    ])) {
        "arrays of other programs are not read: write an image file for each, in one folder a class"
    } else if any(&ends(&TABLES)) {
        "labels in a table are not read: the class of an image is the name of the folder it lies in, so sort the images into one \
         folder a class"
    } else if any(&ends(&[".jpg", ".jpeg", ".png"])) {
        "the class of an image is the name of the folder it lies in: sort the images into one folder a class"
    } else {
        return String::new();
    };
    format!(": {words}")
}
