//! Feature maps added up, scaled, put together and taken apart.

use burn::tensor::Tensor;

/// The sum of two feature maps of one shape.
pub fn add(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    a + b
}

/// A factor per image and channel; see [`crate::scale_channels`].
pub fn scale_channels(x: Tensor<4>, factors: Tensor<2>) -> Tensor<4> {
    let [batch, channels] = factors.dims();
    x * factors.reshape([batch, 1, 1, channels])
}

/// A factor per image; see [`crate::scale_samples`].
pub fn scale_samples(x: Tensor<4>, factors: Tensor<1>) -> Tensor<4> {
    let [batch] = factors.dims();
    x * factors.detach().reshape([batch, 1, 1, 1])
}

/// Feature maps side by side; see [`crate::concat`].
pub fn concat(maps: Vec<Tensor<4>>) -> Tensor<4> {
    Tensor::cat(maps, 3)
}

/// Zero channels appended; see [`crate::pad_channels`].
pub fn pad_channels(x: Tensor<4>, channels: usize) -> Tensor<4> {
    let [batch, height, width, present] = x.dims();
    if channels == present {
        return x;
    }
    let zeros = Tensor::zeros([batch, height, width, channels - present], &x.device());
    Tensor::cat(vec![x, zeros], 3)
}
