//! Streams a data set from disk as for training on ImageNet, and tells images a second and the most memory that the process had.
//!
//! `cargo run --release -p fewshot-data --example stream_speed -- PATH [--workers 2] [--batch 64] [--images 2048] [--step 0]
//! [--plain]`
//!
//! `--images` ends the epoch early (0: not), `--step` begins it late, `--plain` leaves out jitter, which is on otherwise. Time
//! counts from the first batch on: threads have started then. `processor_ms` is the processor time of an image, all threads together.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use fewshot_data::{Augment, Jitter, Normalise, OpenOptions, ResizedCrop, StreamLoader, open_stream};

/// As in the program `fewshot`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments.first().ok_or("give the path of a data set")?;
    let number = |flag: &str, otherwise: usize| -> Result<usize, Box<dyn Error>> {
        match arguments.iter().position(|argument| argument == flag) {
            Some(at) => Ok(arguments.get(at + 1).ok_or(format!("{flag} needs a number"))?.parse()?),
            None => Ok(otherwise),
        }
    };
    let (workers, batch) = (number("--workers", 2)?, number("--batch", 64)?);
    let (most, step) = (number("--images", 2048)?, number("--step", 0)?);
    let jitter =
        if arguments.iter().any(|argument| argument == "--plain") { Jitter::default() } else { Jitter::STRONG };

    let opening = Instant::now();
    let source = open_stream(path, &OpenOptions::default())?;
    let index_seconds = opening.elapsed().as_secs_f64();
    let train = source.train;
    eprintln!(
        "{}: {} images of {} classes, indexed in {index_seconds:.1} s",
        source.reader,
        train.len(),
        train.classes().len()
    );
    eprintln!("memory with the index: {} MiB", resident_peak() >> 20);

    let indices: Vec<u32> = (0..train.len() as u32).collect();
    let augment = Augment { flip: true, resized_crop: Some(ResizedCrop::default()), jitter, ..Augment::none() };
    let loader = StreamLoader::new(Arc::clone(&train), &indices, &Normalise::imagenet(), augment, batch, 0)?;
    let loader = loader.workers(workers)?;
    eprintln!(
        "{augment}; an epoch of {} batches takes at most {} MiB beside it",
        loader.steps_per_epoch(),
        loader.memory() >> 20
    );

    let (mut images, mut start, mut labels) = (0, Instant::now(), 0_u64);
    let before = processor_seconds();
    for made in loader.epoch(0, step) {
        let made = made?;
        labels = made.labels.iter().fold(labels, |sum, &label| sum.wrapping_mul(31).wrapping_add(u64::from(label)));
        if images == 0 {
            start = Instant::now();
        }
        images += made.labels.len();
        if most > 0 && images >= most {
            break;
        }
    }
    let speed = images.saturating_sub(batch) as f64 / start.elapsed().as_secs_f64();
    let peak = resident_peak();
    let processor_ms = 1000.0 * (processor_seconds() - before) / images.max(1) as f64;
    println!(
        r#"{{"images_per_second": {speed:.1}, "processor_ms": {processor_ms:.2}, "images": {images}, "peak_bytes": {peak}, "index_seconds": {index_seconds:.2}, "labels": {labels}}}"#
    );
    Ok(())
}

/// Processor time of all threads so far, in seconds; 0 where the system does not tell it.
fn processor_seconds() -> f64 {
    const TICKS: f64 = 100.0; // a second, on Linux
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name of the program, which may hold anything: time as a user and in the system are fields 11 and 12.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS
}

/// The most memory that the process had, in bytes; 0 where the system does not tell it.
fn resident_peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
