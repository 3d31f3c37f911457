//! Shared by the tests: random tensors, and the comparison of an operation with its oracle.
#![allow(dead_code)] // Each test file uses a part.

use burn::tensor::{Device, Tensor, TensorData};
use proptest::prelude::*;

/// The processor with autodiff.
pub fn device() -> Device {
    Device::flex().autodiff()
}

/// So many cases, and no files of those that failed: each prints its inputs.
pub fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// `[batch, height, width, channels]` with narrow and wide maps, no side smaller than given.
pub fn map_shape(smallest: usize) -> impl Strategy<Value = [usize; 4]> {
    let channels = prop_oneof![3 => 1..=20usize, 1 => 21..=130usize];
    (1..=4usize, smallest..=12usize, smallest..=12usize, channels).prop_map(|(n, h, w, c)| [n, h, w, c])
}

/// A small counter-based generator; the tests need variety, not quality.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def1)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in -1..1.
    pub fn value(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    pub fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.value()).collect()
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound as u64) as usize
    }
}

/// A tensor with its own values.
#[derive(Clone, Debug)]
pub struct Values {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

impl Values {
    pub fn random(shape: &[usize], random: &mut Random) -> Self {
        Self { shape: shape.to_vec(), values: random.values(shape.iter().product()) }
    }

    pub fn map(mut self, f: impl Fn(f32) -> f32) -> Self {
        self.values.iter_mut().for_each(|v| *v = f(*v));
        self
    }

    pub fn tensor<const D: usize>(&self, device: &Device) -> Tensor<D> {
        let data = TensorData::new(self.values.clone(), self.shape.clone());
        Tensor::from_data(data, device)
    }
}

pub fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec::<f32>().expect("a float tensor")
}

/// Panics unless the values agree within `tolerance` of the largest of them.
pub fn assert_close(what: &str, found: &[f32], wanted: &[f32], tolerance: f32) {
    assert_eq!(found.len(), wanted.len(), "{what}: lengths");
    let scale = wanted.iter().fold(0.05f32, |m, v| m.max(v.abs()));
    for (i, (f, w)) in found.iter().zip(wanted).enumerate() {
        assert!((f - w).abs() <= tolerance * scale, "{what}: element {i} is {f}, wanted {w} (scale {scale})");
    }
}

/// Outputs, and gradients of each input under a random linear loss.
pub struct Run {
    pub outputs: Vec<Vec<f32>>,
    pub gradients: Vec<Vec<f32>>,
}

/// Runs `f` on tracked copies of the inputs (rank 4 all, reshaped by `f` where needed). The first
/// output carries the gradient.
pub fn run(inputs: &[Values], f: impl Fn(&[Tensor<4>]) -> (Tensor<4>, Vec<Vec<f32>>)) -> Run {
    let device = device();
    let tensors: Vec<Tensor<4>> = inputs
        .iter()
        .map(|input| {
            let mut shape = input.shape.clone();
            while shape.len() < 4 {
                shape.insert(0, 1);
            }
            let data = TensorData::new(input.values.clone(), shape);
            Tensor::from_data(data, &device).require_grad()
        })
        .collect();
    let (out, mut more) = f(&tensors);
    let mut random = Random::new(99);
    let weights = Values::random(&out.dims(), &mut random).tensor::<4>(&device);
    let mut outputs = vec![floats(out.clone())];
    outputs.append(&mut more);
    let grads = (out * weights).sum().backward();
    let gradients = tensors.iter().map(|tensor| tensor.grad(&grads).map(floats).unwrap_or_default()).collect();
    Run { outputs, gradients }
}

/// Compares an operation with its oracle: all outputs and all gradients.
pub fn compare(
    what: &str,
    inputs: &[Values],
    tolerance: f32,
    f: impl Fn(&[Tensor<4>]) -> (Tensor<4>, Vec<Vec<f32>>),
    oracle: impl Fn(&[Tensor<4>]) -> (Tensor<4>, Vec<Vec<f32>>),
) {
    let (found, wanted) = (run(inputs, f), run(inputs, oracle));
    for (i, (f, w)) in found.outputs.iter().zip(&wanted.outputs).enumerate() {
        assert_close(&format!("{what}: output {i}"), f, w, tolerance);
    }
    for (i, (f, w)) in found.gradients.iter().zip(&wanted.gradients).enumerate() {
        assert_close(&format!("{what}: gradient {i}"), f, w, tolerance);
    }
}
