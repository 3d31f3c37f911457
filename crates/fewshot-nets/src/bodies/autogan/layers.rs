//! Layers of generators and discriminators, as they start.

use crate::geometry::Window;
use crate::layers::{Builder, ConvLayer};
use crate::op::BatchNorm;
use crate::values::Init;

/// Spread of the scales of batch norms around 1 at the start.
const SCALE_DEVIATION: f32 = 0.02;

/// A convolution with bias that keeps the size; it starts as Xavier's rule says (Glorot and Bengio 2010, uniform, gain 1).
pub fn conv(builder: &mut Builder, name: &str, kernel: usize, [input, output]: [usize; 2]) -> ConvLayer {
    let window = Window::same(kernel, 1);
    let taps = kernel * kernel;
    let init = Init::Xavier { fan_in: taps * input, fan_out: taps * output };
    let weight = builder.param(format!("{name}.weight"), &[kernel, kernel, input, output], init);
    let bias = builder.param(format!("{name}.bias"), &[output], Init::Uniform { fan_in: taps * input });
    ConvLayer { weight, bias: Some(bias), window }
}

/// A 2×2 transposed convolution of stride 2 with bias. Its fan is that of the convolution whose transpose it is.
pub fn deconv(builder: &mut Builder, name: &str, channels: usize) -> ConvLayer {
    let init = Init::Uniform { fan_in: 4 * channels };
    let weight = builder.param(format!("{name}.weight"), &[2, 2, channels, channels], init);
    let bias = builder.param(format!("{name}.bias"), &[channels], init);
    ConvLayer { weight, bias: Some(bias), window: Window::square(2, 2, 0) }
}

/// A batch norm with all that one can have.
pub fn norm(builder: &mut Builder, name: &str, channels: usize) -> BatchNorm {
    builder.norm_from(name, channels, Init::Around { mean: 1.0, deviation: SCALE_DEVIATION })
}
