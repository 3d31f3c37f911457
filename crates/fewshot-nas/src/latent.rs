//! What goes into generators and what comes out of them, outside of any training.

use burn::tensor::{Tensor, TensorData};
use fewshot_space::random;
use rand::{Rng, RngExt};

use crate::nets::Net;

/// So many rows of latent numbers, normal with mean 0 and deviation 1.
pub fn latent(generator: &Net, count: usize, (seed, a, b): (u64, u64, u64), purpose: &str) -> Tensor<2> {
    let width = generator.latent().unwrap_or(1);
    let mut rng = random::stream(seed, purpose, a, b);
    let values: Vec<f32> = (0..count * width).map(|_| standard_normal(&mut rng)).collect();
    Tensor::from_data(TensorData::new(values, [count, width]), generator.weights().device())
}

/// A draw from the standard normal distribution (Box and Muller).
fn standard_normal(rng: &mut impl Rng) -> f32 {
    // 1 - u lies in (0, 1], whose logarithm is finite.
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    (radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()) as f32
}

/// Values from -1 to 1 as bytes: `127.5 x + 127.5`, cut off behind the point, as published; rounding would move means by half a grey
/// level. `None` where one is no number.
pub fn pixel_bytes(values: &[f32]) -> Option<Vec<u8>> {
    let byte = |&value: &f32| value.is_finite().then(|| (value * 127.5 + 127.5).clamp(0.0, 255.0) as u8);
    values.iter().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::pixel_bytes;

    #[test]
    fn pixels_are_cut_off_and_not_rounded() {
        let found = pixel_bytes(&[-1.0, 1.0, 0.0, 0.999, -1.5, 7.0]).unwrap();
        assert_eq!(found, [0, 255, 127, 254, 0, 255]);
        assert!(pixel_bytes(&[0.0, f32::NAN]).is_none());
    }
}
