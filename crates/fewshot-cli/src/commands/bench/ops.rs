//! `fewshot bench ops`: single operations, beside the machine's peak.

use burn::tensor::{Device, Tensor};
use fewshot_guard::counted;
use fewshot_kernels::simd::{level, measure_peak};
use fewshot_kernels::{self as kernels, Conv, Norm};
use rayon::prelude::*;
use serde::Serialize;

use super::args::OpsArgs;
use super::images::random_tensor;
use super::machine::{prepare, simd_name};
use super::measure::{Seconds, processor_seconds, seconds};
use crate::commands::{print, print_json};
use crate::failure::Failure;

/// Timed runs of each operation.
const RUNS: usize = 25;
/// Processor times below this many seconds say nothing.
const COUNTER_STEP: f64 = 1e-4;
/// Bytes that the memory line copies: several times the caches.
const COPIED: usize = 1 << 27;

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    threads: usize,
    simd: String,
    batch: usize,
    /// Multiply-adds in registers on all threads, a multiply-add counting two.
    peak_gflops: f64,
    operations: Vec<Line>,
}

/// One operation.
#[derive(Serialize)]
struct Line {
    name: String,
    min_ms: f64,
    median_ms: f64,
    /// Processor time per thread, the smallest of all runs; `None` where it is too short for the system's counters.
    processor_ms: Option<f64>,
    /// By the smallest time; `None` for what computes next to nothing.
    gflops: Option<f64>,
    /// `gflops` as a share of the peak.
    share_of_peak: Option<f64>,
    /// The same by processor time: on a busy machine, what a free one would reach if its threads never waited.
    share_by_processor: Option<f64>,
    /// Read and written, by the smallest time; for the memory line only.
    gigabytes_per_second: Option<f64>,
}

/// How the work of an operation is counted.
#[derive(Clone, Copy)]
enum Work {
    Flops(f64),
    Bytes(f64),
    /// Bound by memory and small: only its time says something.
    Little,
}

pub fn ops(args: OpsArgs) -> Result<(), Failure> {
    prepare(&args.machine)?;
    let mut suite = Suite { word: args.word, peak: peak(), lines: Vec::new() };
    suite.memory();
    suite.dense(args.batch as usize);
    suite.depthwise(args.batch as usize);
    suite.rest(args.batch as usize);
    if suite.lines.is_empty() && !suite.wants("peak") {
        return Err(Failure::Usage(format!(
            "no operation has `{}` in its name; `fewshot bench ops` lists all",
            suite.word
        )));
    }
    let report = Report {
        threads: rayon::current_num_threads(),
        simd: simd_name(),
        batch: args.batch as usize,
        peak_gflops: suite.peak * 1e-9,
        operations: suite.lines,
    };
    if args.machine.json { print_json(&report) } else { print(&table(&report)) }
}

/// Operations per second of all threads at once: the clock may drop when every core is busy.
fn peak() -> f64 {
    let once = || rayon::broadcast(|_| measure_peak(level())).into_iter().sum();
    (0..10).map(|_| once()).fold(0.0, f64::max)
}

fn table(report: &Report) -> String {
    let Report { threads, simd, batch, peak_gflops, .. } = report;
    let mut lines = vec![format!(
        "{simd}, {}, batch {batch}, peak {peak_gflops:.1} GFLOP/s (multiply-adds)",
        counted(threads, "thread")
    )];
    for line in &report.operations {
        let percent = |share: Option<f64>| share.map_or("-".to_string(), |share| format!("{:.0}", 100.0 * share));
        let processor = line.processor_ms.map_or("-".to_string(), |ms| format!("{ms:.3}"));
        let speed = match (line.gflops, line.gigabytes_per_second) {
            (Some(gflops), _) => {
                let (wall, processor) = (percent(line.share_of_peak), percent(line.share_by_processor));
                format!("{gflops:7.1} GFLOP/s {wall:>4} % of peak {processor:>4} %")
            }
            (_, Some(gigabytes)) => format!("{gigabytes:7.1} GB/s"),
            _ => String::new(),
        };
        let Line { name, min_ms, median_ms, .. } = line;
        lines
            .push(format!("{name:<44} min {min_ms:8.3} ms  median {median_ms:8.3}  processor {processor:>8}  {speed}"));
    }
    lines.join("\n")
}

struct Suite {
    word: String,
    /// Operations per second.
    peak: f64,
    lines: Vec<Line>,
}

impl Suite {
    fn wants(&self, name: &str) -> bool {
        name.contains(&self.word)
    }

    /// Times what `make` returns, if the name is wanted.
    fn time<W: FnMut()>(&mut self, name: String, work: Work, make: impl FnOnce() -> W) {
        if !self.wants(&name) {
            return;
        }
        let mut run = make();
        run();
        let mut processor: Option<f64> = None;
        let runs = (0..RUNS).map(|_| {
            let before = processor_seconds();
            let ((), elapsed) = seconds(&mut run);
            let used = processor_seconds().zip(before).map(|(after, before)| after - before);
            processor = used.map(|used| processor.map_or(used, |least| least.min(used)));
            elapsed
        });
        let Seconds { min, median, .. } = Seconds::of(runs.collect());
        let per_thread = processor.map(|used| used / rayon::current_num_threads() as f64);
        let processor = per_thread.filter(|used| *used > COUNTER_STEP);
        let (flops, bytes) = match work {
            Work::Flops(flops) => (Some(flops), None),
            Work::Bytes(bytes) => (None, Some(bytes)),
            Work::Little => (None, None),
        };
        self.lines.push(Line {
            name,
            min_ms: min * 1e3,
            median_ms: median * 1e3,
            processor_ms: processor.map(|used| used * 1e3),
            gflops: flops.map(|flops| flops / min * 1e-9),
            share_of_peak: flops.map(|flops| flops / min / self.peak),
            share_by_processor: flops.zip(processor).map(|(flops, used)| flops / used / self.peak),
            gigabytes_per_second: bytes.map(|bytes| bytes / min * 1e-9),
        });
    }

    /// Forward and backward of an operation on one feature map.
    fn map(&mut self, name: &str, shape: [usize; 4], work: Work, run: impl Fn(Tensor<4>) -> Tensor<4>) {
        let [_, height, width, channels] = shape;
        self.time(format!("{name} {height}x{width}x{channels} forward+backward"), work, || {
            let x = random_tensor(shape, 1, &tracked()).require_grad();
            move || drop(run(x.clone()).backward())
        });
    }

    /// Copying memory on all threads: the other end of the roofline. Listed under `peak` too.
    fn memory(&mut self) {
        let work = Work::Bytes(2.0 * COPIED as f64);
        self.time("peak memory copy".to_string(), work, || {
            let from = vec![1f32; COPIED / 4];
            let mut to = vec![0f32; COPIED / 4];
            move || {
                let piece = to.len().div_ceil(rayon::current_num_threads());
                to.par_chunks_mut(piece).zip(from.par_chunks(piece)).for_each(|(to, from)| to.copy_from_slice(from));
                std::hint::black_box(&mut to);
            }
        });
    }

    fn dense(&mut self, batch: usize) {
        for (kernel, stride) in [(3, 1), (1, 1), (3, 2), (5, 1)] {
            for (size, width) in [(32, 16), (16, 32), (8, 64), (32, 8), (32, 5), (32, 32), (16, 64)] {
                let conv = Conv::same(kernel).with_stride(stride);
                let out = conv.output_size(size, kernel).unwrap_or(0);
                let flops = (2 * batch * out * out * width * width * kernel * kernel) as f64;
                let (x, w) = ([batch, size, size, width], [kernel, kernel, width, width]);
                let shape = format!("{kernel}x{kernel} s{stride} {size}x{size}x{width}");
                self.time(format!("conv {shape} forward"), Work::Flops(flops), || {
                    let (x, w) = (random_tensor(x, 1, &plain()), random_tensor(w, 2, &plain()));
                    move || drop(kernels::conv2d(x.clone(), w.clone(), conv))
                });
                let tensors = || {
                    let x: Tensor<4> = random_tensor(x, 1, &tracked()).require_grad();
                    let w: Tensor<4> = random_tensor(w, 2, &tracked()).require_grad();
                    (x, w)
                };
                let work = Work::Flops(3.0 * flops);
                self.time(format!("conv {shape} forward+backward"), work, || {
                    let (x, w) = tensors();
                    move || drop(kernels::conv2d(x.clone(), w.clone(), conv).backward())
                });
                self.time(format!("conv_bn {shape} forward+backward"), work, || {
                    let (x, w) = tensors();
                    let conv = conv.with_relu();
                    move || {
                        let y = kernels::conv_bn(x.clone(), w.clone(), conv, Norm::batch(), None);
                        drop(y.out.backward());
                    }
                });
            }
        }
    }

    fn depthwise(&mut self, batch: usize) {
        for (kernel, stride) in [(3, 1), (5, 1), (5, 2)] {
            for (size, width) in [(32, 16), (32, 64), (16, 96), (8, 160)] {
                let conv = Conv::same(kernel).with_stride(stride);
                let out = conv.output_size(size, kernel).unwrap_or(0);
                let flops = (2 * batch * out * out * width * kernel * kernel) as f64;
                let (x, w) = ([batch, size, size, width], [kernel, kernel, width]);
                let shape = format!("{kernel}x{kernel} s{stride} {size}x{size}x{width}");
                self.time(format!("depthwise {shape} forward"), Work::Flops(flops), || {
                    let (x, w) = (random_tensor(x, 1, &plain()), random_tensor(w, 2, &plain()));
                    move || drop(kernels::depthwise_conv2d(x.clone(), w.clone(), conv))
                });
                self.time(format!("depthwise {shape} forward+backward"), Work::Flops(3.0 * flops), || {
                    let x = random_tensor(x, 1, &tracked()).require_grad();
                    let w = random_tensor(w, 2, &tracked()).require_grad();
                    move || drop(kernels::depthwise_conv2d(x.clone(), w.clone(), conv).backward())
                });
            }
        }
    }

    fn rest(&mut self, batch: usize) {
        let shape = [batch, 32, 32, 16];
        self.map("batch_norm", shape, Work::Little, |x| kernels::batch_norm(x, Norm::batch()).out);
        self.map("avg_pool 3x3 s1", shape, Work::Little, |x| kernels::avg_pool2d(x, 3, 1, 1));
        self.map("max_pool 3x3 s1", shape, Work::Little, |x| kernels::max_pool2d(x, 3, 1, 1));
        self.map("avg_pool 2x2 s2", shape, Work::Little, |x| kernels::avg_pool2d(x, 2, 2, 0));
        self.map("relu", shape, Work::Little, kernels::relu);
        self.map("hardswish", shape, Work::Little, kernels::hardswish);
        self.map("hardsigmoid", shape, Work::Little, kernels::hardsigmoid);
        self.map("add", shape, Work::Little, |x| kernels::add(x.clone(), x));
        self.map("pad_channels to 32", shape, Work::Little, |x| kernels::pad_channels(x, 32));
        let shape = [batch, 16, 16, 32];
        self.map("upsample_nearest x2", shape, Work::Little, |x| kernels::upsample_nearest(x, 2));
        self.map("upsample_bilinear x2", shape, Work::Little, |x| kernels::upsample_bilinear(x, 2));
        let flops = (3 * 2 * batch * 16 * 16 * 32 * 32 * 4) as f64;
        let weight = random_tensor([2, 2, 32, 32], 2, &tracked()).require_grad();
        let doubling = Conv::valid().with_stride(2);
        let transposed = move |x| kernels::transposed_conv2d(x, weight.clone(), doubling);
        self.map("transposed_conv 2x2 s2", shape, Work::Flops(flops), transposed);
        self.time("global_avg_pool 8x8x64 forward+backward".to_string(), Work::Little, || {
            let x = random_tensor([batch, 8, 8, 64], 1, &tracked()).require_grad();
            move || drop(kernels::global_avg_pool(x.clone()).backward())
        });
        for (input, output) in [(64, 10), (240, 320)] {
            let flops = (3 * 2 * batch * input * output) as f64;
            self.time(format!("linear {input}->{output} forward+backward"), Work::Flops(flops), || {
                let x = random_tensor([batch, input], 1, &tracked()).require_grad();
                let w = random_tensor([input, output], 2, &tracked()).require_grad();
                let bias = random_tensor([output], 3, &tracked()).require_grad();
                move || drop(kernels::linear(x.clone(), w.clone(), bias.clone()).backward())
            });
        }
    }
}

fn plain() -> Device {
    Device::flex()
}

fn tracked() -> Device {
    Device::flex().autodiff()
}
