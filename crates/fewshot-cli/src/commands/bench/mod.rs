//! `fewshot bench`: how fast this machine trains, scores, and runs single operations.

pub mod args;
mod cells;
mod layers;
mod mbconv;
mod measure;
mod ops;
mod score;
mod separable;
mod step;

use burn::tensor::{Tensor, TensorData};
use fewshot_kernels::simd;
use fewshot_space::random;
use rand::RngExt;

use self::args::{BenchArgs, BenchCommand, MachineArgs};
use crate::failure::Failure;

/// Side of the square images of all benchmarks, in pixels.
const SIDE: usize = 32;
/// Colour channels of the images.
const CHANNELS: usize = 3;
/// Classes of the images.
const CLASSES: usize = 10;

pub fn bench(args: BenchArgs) -> Result<(), Failure> {
    match args.command {
        BenchCommand::Step(args) => step::step(args),
        BenchCommand::Score(args) => score::score(args),
        BenchCommand::Ops(args) => ops::ops(args),
    }
}

/// Sets threads and instruction set for the whole process: kernels and Burn's own operations all run on rayon's
/// global pool.
fn prepare(machine: &MachineArgs) -> Result<(), Failure> {
    super::use_threads(machine.threads.unwrap_or(0) as usize)?;
    if let Some(wanted) = machine.simd
        && !simd::set_level(Some(wanted.into()))
    {
        let has = simd::Level::available();
        return Err(Failure::Usage(format!("--simd {wanted:?}: this machine has only {has:?}").to_lowercase()));
    }
    Ok(())
}

/// Name of the instruction set that the kernels use.
fn simd_name() -> String {
    format!("{:?}", simd::level()).to_lowercase()
}

/// Pixels of `count` random images, mean 0 and variance 1, in NHWC order.
fn pixels(count: usize, seed: u64) -> Vec<f32> {
    let bound = 3f32.sqrt();
    let mut rng = random::stream(seed, "bench images", 0, 0);
    (0..count * SIDE * SIDE * CHANNELS).map(|_| rng.random_range(-bound..bound)).collect()
}

/// Labels of `count` images: all classes in turn.
fn labels(count: usize) -> Vec<u32> {
    (0..count as u32).map(|image| image % CLASSES as u32).collect()
}

/// A tensor of random values, mean 0 and variance 1, from the stream that `seed` names.
fn random_tensor<const D: usize>(shape: [usize; D], seed: u64, device: &burn::tensor::Device) -> Tensor<D> {
    let bound = 3f32.sqrt();
    let mut rng = random::stream(seed, "bench tensor", 0, 0);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-bound..bound)).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}
