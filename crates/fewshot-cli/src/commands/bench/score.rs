//! `fewshot bench score`

use std::sync::Arc;

use burn::tensor::Device;
use fewshot_data::Batch;
use fewshot_guard::counted;
use fewshot_nas::estimate::{Estimator, NormPolicy, OneShot, ScoreSet};
use fewshot_nas::experiments::ExperimentError;
use fewshot_nas::nets::Net;
use fewshot_space::{Arch, Region, Space};
use serde::Serialize;

use super::args::ScoreArgs;
use super::cells;
use super::images::{CHANNELS, SIDE, labels, pixels};
use super::machine::{prepare, simd_name};
use super::measure::{peak_bytes, seconds};
use crate::commands::{print, print_json};
use crate::failure::Failure;

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    seconds: f64,
    architectures_per_second: f64,
    peak_bytes: Option<u64>,
    space: String,
    width: u32,
    cells: u32,
    images: u32,
    batch: u32,
    threads: usize,
    simd: String,
    architectures: Vec<String>,
}

pub fn score(args: ScoreArgs) -> Result<(), Failure> {
    prepare(&args.machine)?;
    let device = Device::flex();
    let space = cells::space(&args.space, args.width as usize, args.cells as usize)?;
    let draws = (0..u64::from(args.archs)).map(|index| cells::random_arch(&space, args.seed, index));
    let archs: Vec<Arch> = draws.collect::<Result<_, _>>()?;
    let set = Arc::new(ScoreSet::new(batches(&args), [], &device));
    let net = Net::supernet(space.clone(), Region::full(space.clone()), &device, args.seed);
    // The published protocol: running statistics outside the cells, those of the batch within.
    let mut estimator = OneShot::new(net, set, NormPolicy::Running);

    // One network that is not among the timed ones, so that nothing is kept of it but warm caches.
    let warm_up = cells::random_arch(&space, args.seed, u64::from(args.archs))?;
    estimator.estimate(&[warm_up]).map_err(ExperimentError::from)?;
    let (scores, seconds) = seconds(|| estimator.estimate(&archs));
    scores.map_err(ExperimentError::from)?;
    let report = Report {
        seconds,
        architectures_per_second: f64::from(args.archs) / seconds,
        peak_bytes: peak_bytes(),
        space: args.space,
        width: args.width,
        cells: args.cells,
        images: args.images,
        batch: args.batch,
        threads: rayon::current_num_threads(),
        simd: simd_name(),
        architectures: archs.iter().map(|arch| space.format(arch)).collect(),
    };
    if args.machine.json { print_json(&report) } else { print(&line(&report)) }
}

fn line(report: &Report) -> String {
    let Report { seconds, architectures_per_second, space, images, threads, simd, .. } = report;
    format!(
        "{space}, width {}, {} a stage: {} on {} in {seconds:.2} s, {architectures_per_second:.2} architectures/s, {}, {simd}",
        report.width,
        counted(report.cells, "cell"),
        counted(report.architectures.len(), "architecture"),
        counted(images, "image"),
        counted(threads, "thread")
    )
}

fn batches(args: &ScoreArgs) -> Vec<Batch> {
    let (total, size) = (args.images as usize, args.batch as usize);
    let (pixels, labels) = (pixels(total, args.seed), labels(total));
    let images = pixels.chunks(size * SIDE * SIDE * CHANNELS).zip(labels.chunks(size));
    let batch = |(images, labels): (&[f32], &[u32])| Batch {
        images: images.to_vec(),
        shape: [labels.len(), SIDE, SIDE, CHANNELS],
        labels: labels.to_vec(),
        mixed: Vec::new(),
    };
    images.map(batch).collect()
}
