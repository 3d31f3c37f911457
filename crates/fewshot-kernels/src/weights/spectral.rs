//! Spectral normalisation.

use burn::tensor::Tensor;

/// The least length that a vector is divided by.
const EPS: f32 = 1e-12;

/// What spectral normalisation returns.
#[derive(Debug, Clone)]
pub struct Spectral<const D: usize> {
    /// The weight divided by its estimated largest singular value, shaped as it came.
    pub weight: Tensor<D>,
    /// The vector to begin with next time, `[out]`, of length 1; carries no gradient.
    pub u: Tensor<1>,
    /// The estimate, `[1]`; carries no gradient.
    pub sigma: Tensor<1>,
}

/// A weight divided by an estimate of its largest singular value as a matrix of all inputs by all outputs
/// ([Miyato et al. 2018](https://arxiv.org/abs/1802.05957), algorithm 1).
///
/// The estimate is `v W u`, where each power iteration sets `v` to `W u` and then `u` to `v W`, both scaled to length 1. The gradient
/// goes through the estimate with `u` and `v` as constants. Training takes one iteration per forward pass and keeps the `u` that
/// comes back; evaluation takes none, and only `v` is computed anew.
///
/// # Shapes
/// `weight`: any rank, outputs last: `[kernel_h, kernel_w, cin, out]` or `[in, out]`. `u`: `[out]`, at first drawn from a normal
/// distribution; all zeros lead nowhere.
///
/// # Panics
/// When `u` has not a value per output or a size is 0.
pub fn spectral_norm<const D: usize>(weight: Tensor<D>, u: Tensor<1>, iterations: usize) -> Spectral<D> {
    let dims = weight.dims();
    let outputs = dims[D - 1];
    assert!(dims.iter().all(|size| *size > 0), "spectral_norm: every size must be at least 1, the weight is {dims:?}");
    assert!(u.dims() == [outputs], "spectral_norm: u has {} values for {outputs} outputs", u.dims()[0]);
    let inputs = dims.iter().product::<usize>() / outputs;
    let matrix = weight.clone().reshape([inputs, outputs]);
    let fixed = matrix.clone().detach();
    let mut u = u.detach().reshape([outputs, 1]);
    let mut v = unit(fixed.clone().matmul(u.clone()));
    for iteration in 0..iterations {
        if iteration > 0 {
            v = unit(fixed.clone().matmul(u.clone()));
        }
        u = unit(fixed.clone().transpose().matmul(v.clone()));
    }
    let sigma = (matrix.matmul(u.clone()) * v).sum();
    let divisor = sigma.clone().reshape([1; D]);
    Spectral { weight: weight / divisor, u: u.reshape([outputs]), sigma: sigma.detach() }
}

/// A column scaled to length 1.
fn unit(column: Tensor<2>) -> Tensor<2> {
    let length = (column.clone() * column.clone()).sum().sqrt().clamp_min(EPS);
    column / length.reshape([1, 1])
}
