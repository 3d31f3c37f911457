//! Random images and values to measure with.

use burn::tensor::{Device, Tensor, TensorData};
use fewshot_space::random;
use rand::RngExt;

/// Side of the square images of all benchmarks, in pixels.
pub const SIDE: usize = 32;
/// Colour channels of the images.
pub const CHANNELS: usize = 3;
/// Classes of the images.
pub const CLASSES: usize = 10;

/// Pixels of `count` random images, mean 0 and variance 1, in NHWC order.
pub fn pixels(count: usize, seed: u64) -> Vec<f32> {
    let bound = 3f32.sqrt();
    let mut rng = random::stream(seed, "bench images", 0, 0);
    (0..count * SIDE * SIDE * CHANNELS).map(|_| rng.random_range(-bound..bound)).collect()
}

/// Labels of `count` images: all classes in turn.
pub fn labels(count: usize) -> Vec<u32> {
    (0..count as u32).map(|image| image % CLASSES as u32).collect()
}

/// A tensor of random values, mean 0 and variance 1, from the stream that `seed` names.
pub fn random_tensor<const D: usize>(shape: [usize; D], seed: u64, device: &Device) -> Tensor<D> {
    let bound = 3f32.sqrt();
    let mut rng = random::stream(seed, "bench tensor", 0, 0);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-bound..bound)).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}
