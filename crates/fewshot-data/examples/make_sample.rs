//! Makes the embedded sample from the four files of Fashion-MNIST.
//!
//! `cargo run --release -p fewshot-data --example make_sample -- FASHION_MNIST_FOLDER OUT_FOLDER`
//!
//! The first folder holds `train-images-idx3-ubyte.gz` and so on, as in Debian's package `dataset-fashion-mnist`
//! (`/usr/share/datasets/fashion-mnist`). Per class, 1,000 of the 6,000 training and 200 of the 1,000 test images are
//! chosen by a seeded shuffle; a chosen test image that equals a chosen training image byte for byte would end the
//! program with an error. The order of the originals is kept.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use fewshot_data::{Dataset, OpenOptions, open, stratified_subset};
use flate2::{Compression, GzBuilder};

const SEED: u64 = 0;
const TRAIN: usize = 10_000;
const TEST: usize = 2_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(from), Some(to)) = (arguments.next(), arguments.next()) else {
        return Err("usage: make_sample FASHION_MNIST_FOLDER OUT_FOLDER".into());
    };
    let source = open(&from, &OpenOptions::default())?;
    let test = source.test.open()?;
    let train_rows = stratified_subset(source.train.labels(), TRAIN, SEED)?;
    let test_rows = stratified_subset(test.labels(), TEST, SEED)?;

    let seen: BTreeSet<&[u8]> = train_rows.iter().map(|&row| source.train.image(row as usize)).collect();
    if let Some(row) = test_rows.iter().find(|&&row| seen.contains(test.image(row as usize))) {
        return Err(format!("test image {row} is also a training image: choose another seed").into());
    }
    write(&to, "train", &source.train, &train_rows)?;
    write(&to, "t10k", &test, &test_rows)?;
    println!(
        "{} training and {} test images, no test image among the training images",
        train_rows.len(),
        test_rows.len()
    );
    Ok(())
}

/// Writes the images and labels of `rows` as idx3 and idx1 files.
fn write(folder: &Path, part: &str, dataset: &Dataset, rows: &[u32]) -> Result<(), Box<dyn Error>> {
    let rows: Vec<usize> = rows.iter().map(|&row| row as usize).collect();
    let sizes = [rows.len(), dataset.height(), dataset.width()];
    let mut images = vec![0, 0, 8, 3];
    for size in sizes {
        images.extend(u32::try_from(size)?.to_be_bytes());
    }
    images.extend(rows.iter().flat_map(|&row| dataset.image(row)));
    let mut labels = vec![0, 0, 8, 1];
    labels.extend(u32::try_from(rows.len())?.to_be_bytes());
    for &row in &rows {
        labels.push(u8::try_from(dataset.label(row))?);
    }
    for (name, bytes) in [("images-idx3", images), ("labels-idx1", labels)] {
        let path = folder.join(format!("{part}-{name}-ubyte.gz"));
        // No time stamp and no name inside, so that the same choice gives the same bytes.
        let mut file = GzBuilder::new().mtime(0).write(File::create(&path)?, Compression::best());
        file.write_all(&bytes)?;
        println!("{}: {} bytes", path.display(), file.finish()?.metadata()?.len());
    }
    Ok(())
}
