//! Times the kernels: `cargo run --release -p fewshot-kernels --example kernels [-- LEVEL [WORD]]`, with
//! `RAYON_NUM_THREADS` for the threads; WORD selects the lines that contain it.
//!
//! Prints the smallest and the median time of several runs and the smallest processor time, and
//! for convolutions the speed by processor time and its share of the measured peak (all threads).

use std::time::Instant;

use burn::tensor::{Device, Tensor};
use fewshot_kernels::simd::{self, Level};
use fewshot_kernels::{Conv, Norm, avg_pool2d, batch_norm, conv_bn, conv2d, relu};

fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, burn::tensor::Distribution::Normal(0.0, 1.0), device)
}

/// Processor seconds of all threads so far; 0 where the system does not tell. On a busy machine it
/// says more than the clock on the wall.
fn processor_seconds() -> f64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return 0.0;
    };
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
        .filter_map(|text| text.split_whitespace().next()?.parse::<f64>().ok())
        .sum::<f64>()
        * 1e-9
}

/// Seconds that one run of some work takes.
struct Seconds {
    min: f64,
    median: f64,
    /// Smallest of the processor's, per thread.
    processor: f64,
}

fn time(mut work: impl FnMut()) -> Seconds {
    work();
    let mut processor = f64::INFINITY;
    let mut seconds: Vec<f64> = (0..25)
        .map(|_| {
            let (start, before) = (Instant::now(), processor_seconds());
            work();
            let elapsed = start.elapsed().as_secs_f64();
            processor = processor.min(processor_seconds() - before);
            elapsed
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    Seconds {
        min: seconds[0],
        median: seconds[seconds.len() / 2],
        processor: processor / rayon::current_num_threads() as f64,
    }
}

fn line(what: &str, flops: f64, peak: f64, seconds: Seconds) {
    let Seconds { min, median, processor } = seconds;
    let best = if processor > 0.0 { processor } else { min };
    println!(
        "{what:43} min {:7.3} ms  median {:7.3} ms  processor {:7.3} ms {:6.1} GFLOP/s {:3.0} %",
        min * 1e3,
        median * 1e3,
        processor * 1e3,
        flops / best * 1e-9,
        100.0 * flops / best / peak,
    );
}

fn main() {
    let wanted = match std::env::args().nth(1).as_deref() {
        Some("plain") => Some(Level::Plain),
        Some("avx2") => Some(Level::Avx2),
        Some("avx512") => Some(Level::Avx512),
        Some("neon") => Some(Level::Neon),
        _ => None,
    };
    if !simd::set_level(wanted) {
        println!("this machine has no {wanted:?}; it has {:?}", Level::available());
        return;
    }
    let threads = rayon::current_num_threads();
    let peak = (0..10).map(|_| simd::measure_peak(simd::level())).fold(0.0, f64::max) * threads as f64;
    println!("{:?}, {threads} threads, peak {:.1} GFLOP/s", simd::level(), peak * 1e-9);
    let plain = Device::flex();
    let tracked = plain.clone().autodiff();
    let batch = 64;
    let word = std::env::args().nth(2).unwrap_or_default();
    let wants = |name: &str| name.contains(&word);
    for (kernel, stride) in [(3, 1), (1, 1), (3, 2)] {
        for (size, width) in [(32, 16), (16, 32), (8, 64), (32, 8), (32, 5), (32, 32), (16, 64)] {
            let conv = Conv::same(kernel).with_stride(stride);
            let out = conv.output_size(size, kernel).unwrap_or(0);
            let flops = (2 * batch * out * out * width * width * kernel * kernel) as f64;
            let name = format!("{kernel}x{kernel} s{stride} {size}x{size}x{width}");
            if !wants(&name) {
                continue;
            }
            let x = random([batch, size, size, width], &plain);
            let w = random([kernel, kernel, width, width], &plain);
            let forward = time(|| {
                let _ = conv2d(x.clone(), w.clone(), conv);
            });
            line(&format!("{name} conv forward"), flops, peak, forward);
            let x = random([batch, size, size, width], &tracked).require_grad();
            let w = random([kernel, kernel, width, width], &tracked).require_grad();
            let both = time(|| {
                let y = conv_bn(x.clone(), w.clone(), conv.with_relu(), Norm::batch(), None);
                let _ = y.out.backward();
            });
            line(&format!("{name} conv_bn forward+backward"), 3.0 * flops, peak, both);
        }
    }
    let x = random([batch, 32, 32, 16], &tracked).require_grad();
    let one = |what: &str, f: &dyn Fn(Tensor<4>) -> Tensor<4>| {
        if !wants(what) {
            return;
        }
        let seconds = time(|| {
            let _ = f(x.clone()).backward();
        });
        line(&format!("{what} 32x32x16 forward+backward"), 0.0, peak, seconds);
    };
    one("batch_norm", &|x| batch_norm(x, Norm::batch()).out);
    one("avg_pool 3x3", &|x| avg_pool2d(x, 3, 1, 1));
    one("max_pool 3x3", &|x| fewshot_kernels::max_pool2d(x, 3, 1, 1));
    one("avg_pool 2x2 s2", &|x| avg_pool2d(x, 2, 2, 0));
    one("relu", &relu);
    one("add", &|x| fewshot_kernels::add(x.clone(), x));
}
