//! `fewshot bench step`

use burn::tensor::{Device, Tensor, TensorData};
use fewshot_guard::counted;
use fewshot_nas::experiments::ExperimentError;
use fewshot_nas::gradient::Labelled;
use fewshot_nas::nets::{Net, Path};
use fewshot_nas::train::Trainer;
use fewshot_space::{Region, Space};
use serde::Serialize;

use super::args::StepArgs;
use super::images::{CHANNELS, CLASSES, SIDE, labels, pixels};
use super::layers::Composed;
use super::machine::{prepare, simd_name};
use super::measure::{Seconds, peak_bytes, seconds};
use super::subject::{Named, Subject, config};
use super::{cells, family, mbconv, separable};
use crate::commands::{print, print_json};
use crate::failure::Failure;

/// Steps before the clock starts: caches, allocator and branch predictors settle, velocities exist.
const WARM_UP: usize = 3;

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    median_seconds: f64,
    min_seconds: f64,
    max_seconds: f64,
    /// The most that the process ever held.
    peak_bytes: Option<u64>,
    /// How much of it came with the steps.
    step_bytes: Option<u64>,
    space: String,
    width: Option<usize>,
    cells: Option<usize>,
    batch: usize,
    threads: usize,
    steps: usize,
    architecture: String,
    /// Trainable values of the architecture alone.
    parameters: u64,
    simd: String,
    /// Of the last step, before its update of the weights.
    loss: f64,
}

pub fn step(args: StepArgs) -> Result<(), Failure> {
    prepare(&args.machine)?;
    let device = Device::flex();
    let count = args.batch as usize;
    // On the device once and for all: no step waits for its images.
    let pixels = TensorData::new(pixels(count, args.seed), [count, SIDE, SIDE, CHANNELS]);
    let batch = Labelled { images: Tensor::from_data(pixels, &device), labels: labels(count) };
    let Named { mut subject, architecture, width, cells } = named(&args, &device)?;

    let idle = peak_bytes();
    for _ in 0..WARM_UP {
        subject.step(&batch)?;
    }
    let mut loss = f64::NAN;
    let mut runs = Vec::with_capacity(args.steps as usize);
    for _ in 0..args.steps {
        let (done, elapsed) = seconds(|| subject.step(&batch));
        loss = done?;
        runs.push(elapsed);
    }
    let peak = peak_bytes();
    let Seconds { min, median, max } = Seconds::of(runs);
    let report = Report {
        median_seconds: median,
        min_seconds: min,
        max_seconds: max,
        peak_bytes: peak,
        step_bytes: peak.zip(idle).map(|(peak, idle)| peak.saturating_sub(idle)),
        space: args.space,
        width,
        cells,
        batch: count,
        threads: rayon::current_num_threads(),
        steps: args.steps as usize,
        architecture,
        parameters: subject.parameters(),
        simd: simd_name(),
        loss,
    };
    if args.machine.json { print_json(&report) } else { print(&line(&report)) }
}

fn line(report: &Report) -> String {
    let Report { median_seconds, min_seconds, max_seconds, peak_bytes, space, batch, threads, simd, .. } = report;
    let memory = peak_bytes.map(|bytes| format!(", peak {:.0} MB", bytes as f64 / 1e6)).unwrap_or_default();
    format!(
        "{space} {}, {} parameters, batch {batch}, {}, {simd}: \
         median {median_seconds:.4} s per step ({min_seconds:.4} to {max_seconds:.4}){memory}",
        report.architecture,
        report.parameters,
        counted(threads, "thread")
    )
}

fn named(args: &StepArgs, device: &Device) -> Result<Named, Failure> {
    if args.arch.is_some() || args.mixed {
        return family::named(args, device);
    }
    if !args.settings.pairs.is_empty() {
        return Err(Failure::Usage("--set is for networks of a space: give --arch or --mixed too".to_string()));
    }
    let width = args.width.map(|width| width as usize);
    let cells = args.cells.map(|cells| cells as usize);
    let composed =
        |forward| Subject::Composed(Box::new(Composed::new(forward, &config(args.batch as usize), device, args.seed)));
    let fixed = |given: bool, flag: &str| match given {
        true => Err(Failure::Usage(format!("--space {} has one network only: leave out {flag}", args.space))),
        false => Ok(()),
    };
    match args.space.as_str() {
        "separable" => {
            fixed(args.op.is_some(), "--op")?;
            let (width, cells) = (width.unwrap_or(16), cells.unwrap_or(4));
            Ok(Named {
                subject: composed(separable::network(width, cells, CLASSES)),
                architecture: separable::ARCHITECTURE.to_string(),
                width: Some(width),
                cells: Some(cells),
            })
        }
        "mbconv" => {
            fixed(args.op.is_some(), "--op")?;
            fixed(width.is_some(), "--width")?;
            fixed(cells.is_some(), "--cells")?;
            let architecture = mbconv::ARCHITECTURE.to_string();
            Ok(Named { subject: composed(mbconv::network(CLASSES)), architecture, width: None, cells: None })
        }
        _ => engine(args, width.unwrap_or(16), cells.unwrap_or(5), device),
    }
}

fn engine(args: &StepArgs, width: usize, cells: usize, device: &Device) -> Result<Named, Failure> {
    let space = cells::space(&args.space, width, cells)?;
    let arch = cells::arch(&space, args.op.as_deref().unwrap_or("nor_conv_3x3"), args.seed)?;
    // The norms of a supernet, and only this path of it.
    let region = Region::single(space.clone(), &arch).map_err(ExperimentError::from)?;
    let net = Net::supernet(space.clone(), region, device, args.seed);
    let trainer = Trainer::new(net, config(args.batch as usize), args.seed).map_err(ExperimentError::from)?;
    Ok(Named {
        architecture: space.format(&arch),
        subject: Subject::Engine { trainer: Box::new(trainer), path: Path::Shared(arch) },
        width: Some(width),
        cells: Some(cells),
    })
}
