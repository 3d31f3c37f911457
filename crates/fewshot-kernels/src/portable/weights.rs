//! Weights before they are used.

use burn::tensor::Tensor;

/// A weight's filters with mean 0 and deviation 1; see [`crate::weights::standardise`].
pub fn standardise(weight: Tensor<4>, eps: f32) -> Tensor<4> {
    let [kernel_h, kernel_w, cin, _] = weight.dims();
    let count = (kernel_h * kernel_w * cin) as f32;
    let centred = weight.clone() - weight.mean_dims(&[0, 1, 2]);
    let squares = (centred.clone() * centred.clone()).sum_dims(&[0, 1, 2]);
    centred / ((squares / (count - 1.0).max(1.0)).sqrt() + eps)
}
