//! The language that networks are written in: run on tensors by a [`Pass`], written down by a
//! [`Tracer`](super::Tracer). A network is one function over it, so what is exported is what is run.

use burn::tensor::Tensor;
use fewshot_kernels as kernels;

use super::layers::{ConvLayer, DepthwiseLayer, LinearLayer, NormLayer, ReluConvNorm};
use super::pass::Pass;

/// Operations on feature maps `[batch, height, width, channels]` and rows `[batch, values]`.
pub trait Ops: Sized {
    /// A feature map.
    type Map: Clone;
    /// A row of values per image.
    type Rows;

    /// Height and width.
    fn size(&self, x: &Self::Map) -> [usize; 2];
    /// Convolution alone.
    fn conv(&mut self, layer: &ConvLayer, x: Self::Map) -> Self::Map;
    /// Convolution → batch norm.
    fn conv_norm(&mut self, conv: &ConvLayer, norm: &NormLayer, x: Self::Map) -> Self::Map;
    /// ReLU → convolution → batch norm, added to `sum` when there is one.
    fn relu_conv_norm(&mut self, layer: &ReluConvNorm, x: Self::Map, sum: Option<Self::Map>) -> Self::Map;
    /// Depthwise convolution alone, of `max(x, 0)` where `relu` is set.
    fn depthwise(&mut self, layer: &DepthwiseLayer, x: Self::Map, relu: bool) -> Self::Map;
    /// Batch norm alone.
    fn norm(&mut self, layer: &NormLayer, x: Self::Map) -> Self::Map;
    /// `max(x, 0)`.
    fn relu(&mut self, x: Self::Map) -> Self::Map;
    /// The sum of two maps of one shape.
    fn add(&mut self, a: Self::Map, b: Self::Map) -> Self::Map;
    /// Average pool over `kernel`×`kernel` windows; padding is not counted in the mean.
    fn avg_pool(&mut self, x: Self::Map, kernel: usize, stride: usize, padding: usize) -> Self::Map;
    /// Max pool over `kernel`×`kernel` windows; padding never wins.
    fn max_pool(&mut self, x: Self::Map, kernel: usize, stride: usize, padding: usize) -> Self::Map;
    /// Appends zero channels until there are `channels`.
    fn pad_channels(&mut self, x: Self::Map, channels: usize) -> Self::Map;
    /// Zeros of the size of `x`; no gradient flows through them.
    fn zeros_like(&mut self, x: &Self::Map) -> Self::Map;
    /// Mean over height and width.
    fn global_avg_pool(&mut self, x: Self::Map) -> Self::Rows;
    /// Linear layer with bias.
    fn linear(&mut self, layer: &LinearLayer, x: Self::Rows) -> Self::Rows;

    /// Whether [`Ops::memo`] keeps anything.
    fn has_memo(&self) -> bool {
        false
    }
    /// The value of `compute`, from an earlier architecture where it is known; see [`Pass::memo`] for what `key` must say.
    fn memo(&mut self, _key: &[u8], compute: impl FnOnce(&mut Self) -> Self::Map) -> Self::Map {
        compute(self)
    }
}

/// On tensors.
impl Ops for Pass<'_> {
    type Map = Tensor<4>;
    type Rows = Tensor<2>;

    fn size(&self, x: &Tensor<4>) -> [usize; 2] {
        let [_, height, width, _] = x.dims();
        [height, width]
    }
    fn conv(&mut self, layer: &ConvLayer, x: Tensor<4>) -> Tensor<4> {
        Pass::conv(self, layer, x)
    }
    fn conv_norm(&mut self, conv: &ConvLayer, norm: &NormLayer, x: Tensor<4>) -> Tensor<4> {
        Pass::conv_norm(self, conv, norm, x)
    }
    fn relu_conv_norm(&mut self, layer: &ReluConvNorm, x: Tensor<4>, sum: Option<Tensor<4>>) -> Tensor<4> {
        Pass::relu_conv_norm(self, layer, x, sum)
    }
    fn depthwise(&mut self, layer: &DepthwiseLayer, x: Tensor<4>, relu: bool) -> Tensor<4> {
        Pass::depthwise(self, layer, x, relu)
    }
    fn norm(&mut self, layer: &NormLayer, x: Tensor<4>) -> Tensor<4> {
        Pass::norm(self, layer, x)
    }
    fn relu(&mut self, x: Tensor<4>) -> Tensor<4> {
        kernels::relu(x)
    }
    fn add(&mut self, a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
        kernels::add(a, b)
    }
    fn avg_pool(&mut self, x: Tensor<4>, kernel: usize, stride: usize, padding: usize) -> Tensor<4> {
        kernels::avg_pool2d(x, kernel, stride, padding)
    }
    fn max_pool(&mut self, x: Tensor<4>, kernel: usize, stride: usize, padding: usize) -> Tensor<4> {
        kernels::max_pool2d(x, kernel, stride, padding)
    }
    fn pad_channels(&mut self, x: Tensor<4>, channels: usize) -> Tensor<4> {
        kernels::pad_channels(x, channels)
    }
    fn zeros_like(&mut self, x: &Tensor<4>) -> Tensor<4> {
        x.clone().inner().zeros_like()
    }
    fn global_avg_pool(&mut self, x: Tensor<4>) -> Tensor<2> {
        kernels::global_avg_pool(x)
    }
    fn linear(&mut self, layer: &LinearLayer, x: Tensor<2>) -> Tensor<2> {
        Pass::linear(self, layer, x)
    }
    fn has_memo(&self) -> bool {
        Pass::has_memo(self)
    }
    fn memo(&mut self, key: &[u8], compute: impl FnOnce(&mut Self) -> Tensor<4>) -> Tensor<4> {
        Pass::memo(self, key, compute)
    }
}
