//! A network of inverted bottlenecks: the small Once-for-All space with kernel 5, expansion 4 and depth 2 everywhere.

use burn::tensor::Tensor;
use fewshot_kernels::{Conv, global_avg_pool, hardsigmoid, hardswish, relu};

use super::layers::{Forward, Layers};

/// What it is called in reports.
pub const ARCHITECTURE: &str = "k5 e4 d2";

#[derive(Clone, Copy, PartialEq)]
enum Activation {
    Relu,
    HardSwish,
}

/// A stage's channels, its activation, and whether its blocks squeeze and excite.
const STAGES: [(usize, Activation, bool); 3] =
    [(24, Activation::Relu, false), (40, Activation::HardSwish, true), (80, Activation::HardSwish, true)];
const KERNEL: usize = 5;
const EXPANSION: usize = 4;
const DEPTH: usize = 2;

struct Block {
    output: usize,
    kernel: usize,
    expansion: usize,
    stride: usize,
    activation: Activation,
    excite: bool,
}

/// Stem of 16 channels, a block without expansion, three stages that begin with stride 2, 1×1 to 240 channels, pool,
/// mixing layer of 320, classifier.
pub fn network(classes: usize) -> Forward {
    Box::new(move |layers, images| {
        let mut x = hardswish(layers.conv_norm(images, 3, 16, Conv::same(3), None));
        let activation = Activation::Relu;
        x = block(layers, x, Block { output: 16, kernel: 3, expansion: 1, stride: 1, activation, excite: false });
        for (output, activation, excite) in STAGES {
            for position in 0..DEPTH {
                let stride = if position == 0 { 2 } else { 1 };
                let spec = Block { output, kernel: KERNEL, expansion: EXPANSION, stride, activation, excite };
                x = block(layers, x, spec);
            }
        }
        let x = hardswish(layers.conv_norm(x, 1, 240, Conv::same(1), None));
        let [batch, ..] = x.dims();
        let x = hardswish(layers.pointwise(global_avg_pool(x).reshape([batch, 1, 1, 240]), 320));
        layers.linear(x.reshape([batch, 320]), classes)
    })
}

/// 1×1 to the middle width → depthwise → squeeze and excite → 1×1 to the output, each with batch norm, the first two
/// with activation; plus the input where the shapes are equal. A ReLU is done by the convolution that reads it.
fn block(layers: &mut Layers, input: Tensor<4>, spec: Block) -> Tensor<4> {
    let Block { output, kernel, expansion, stride, activation, excite } = spec;
    let channels = input.dims()[3];
    let reading = |conv: Conv| if activation == Activation::Relu { conv.with_relu() } else { conv };
    let activate = |x| if activation == Activation::HardSwish { hardswish(x) } else { x };
    let spatial = Conv::same(kernel).with_stride(stride);
    let residual = (channels == output && stride == 1).then(|| input.clone());
    let x = if expansion == 1 {
        layers.depthwise(input, kernel, spatial)
    } else {
        let wide = activate(layers.conv_norm(input, 1, channels * expansion, Conv::same(1), None));
        layers.depthwise(wide, kernel, reading(spatial))
    };
    let mut x = activate(layers.norm(x));
    if excite {
        x = squeeze_excite(layers, x);
    }
    layers.conv_norm(x, 1, output, reading(Conv::same(1)), residual)
}

/// Scales each channel by a hard sigmoid of a two-layer network over all channels' means. Squeezing stages have
/// [`Activation::HardSwish`] only, so that nothing is left to rectify.
fn squeeze_excite(layers: &mut Layers, x: Tensor<4>) -> Tensor<4> {
    let [batch, _, _, channels] = x.dims();
    let hidden = divisible_by_8(channels / 4);
    let squeezed = layers.linear(global_avg_pool(x.clone()), hidden);
    let squeezed = relu(squeezed.reshape([batch, 1, 1, hidden])).reshape([batch, hidden]);
    let scale = layers.linear(squeezed, channels);
    x.mul(hardsigmoid(scale.reshape([batch, 1, 1, channels])))
}

/// The nearest multiple of 8, at least 8 and at least nine tenths of `channels`.
fn divisible_by_8(channels: usize) -> usize {
    let near = ((channels + 4) / 8 * 8).max(8);
    if near * 10 < channels * 9 { near + 8 } else { near }
}
