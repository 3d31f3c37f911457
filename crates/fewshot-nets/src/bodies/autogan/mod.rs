//! Generators and discriminators of AutoGAN (Gong et al., ICCV 2019), as [`Generator`](fewshot_space::autogan::Generator) and
//! [`DiscriminatorShape`](fewshot_space::autogan::Discriminator) describe them.
//!
//! A generator reads rows of latent numbers and makes images with values from -1 to 1. A shared generator holds both kinds of block
//! and all upsamplings of each cell, whose weights the choices of normalisation, upsampling, shortcut and skips have in common; one
//! alone has its own layers and nothing else. Layers go by the same names at every level, so that a generator grows by
//! [`Net::child_in`](crate::Net::child_in). Batch norms keep their scale, shift and running statistics wherever they stand: they are
//! what the published supernet shares.

mod cell;
mod discriminator;
mod generator;

pub use discriminator::DiscriminatorNet;

use crate::geometry::Window;
use crate::layers::{Builder, ConvLayer};
use crate::op::BatchNorm;
use crate::values::Init;

/// Spread of the scales of batch norms around 1 at the start.
const SCALE_DEVIATION: f32 = 0.02;

/// A convolution with bias that keeps the size; it starts as Xavier's rule says (Glorot and Bengio 2010, uniform, gain 1).
fn conv(builder: &mut Builder, name: &str, kernel: usize, [input, output]: [usize; 2]) -> ConvLayer {
    let window = Window::same(kernel, 1);
    let taps = kernel * kernel;
    let init = Init::Xavier { fan_in: taps * input, fan_out: taps * output };
    let weight = builder.param(format!("{name}.weight"), &[kernel, kernel, input, output], init);
    let bias = builder.param(format!("{name}.bias"), &[output], Init::Uniform { fan_in: taps * input });
    ConvLayer { weight, bias: Some(bias), window }
}

/// A 2×2 transposed convolution of stride 2 with bias. Its fan is that of the convolution whose transpose it is.
fn deconv(builder: &mut Builder, name: &str, channels: usize) -> ConvLayer {
    let init = Init::Uniform { fan_in: 4 * channels };
    let weight = builder.param(format!("{name}.weight"), &[2, 2, channels, channels], init);
    let bias = builder.param(format!("{name}.bias"), &[channels], init);
    ConvLayer { weight, bias: Some(bias), window: Window::square(2, 2, 0) }
}

/// A batch norm with all that one can have.
fn norm(builder: &mut Builder, name: &str, channels: usize) -> BatchNorm {
    builder.norm_from(name, channels, Init::Around { mean: 1.0, deviation: SCALE_DEVIATION })
}
