//! Layers of such networks, as they start.

use fewshot_space::mbconv::{MbNet, Nonlinearity};

use crate::geometry::{Real, Window};
use crate::layers::{Builder, ConvLayer, LinearLayer};
use crate::norm::NormKind;
use crate::op::{Activation, BatchNorm};
use crate::values::Init;

pub fn activation(nonlinearity: Nonlinearity) -> Activation {
    match nonlinearity {
        Nonlinearity::Relu => Activation::Relu,
        Nonlinearity::Relu6 => Activation::Relu6,
        Nonlinearity::HSwish => Activation::HardSwish,
    }
}

/// He et al. (ICCV 2015) by what goes out, the start of all convolutions in both publications; `fan_out` counts the taps of all
/// outputs, of depthwise convolutions too.
pub fn he(fan_out: usize) -> Init {
    Init::Normal { deviation: (2.0 / fan_out as f32).sqrt() }
}

pub fn conv(builder: &mut Builder, name: &str, kernel: usize, [input, output]: [usize; 2], stride: usize) -> ConvLayer {
    let init = he(kernel * kernel * output);
    let weight = builder.param(format!("{name}.weight"), &[kernel, kernel, input, output], init);
    ConvLayer { weight, bias: None, window: Window::same(kernel, stride) }
}

/// A linear layer whose bias starts at zero and costs no multiply-adds.
pub fn linear(builder: &mut Builder, name: &str, [input, output]: [usize; 2], init: Init) -> LinearLayer {
    let weight = builder.param(format!("{name}.weight"), &[input, output], init);
    let bias = builder.param(format!("{name}.bias"), &[output], Init::Constant(0.0));
    LinearLayer { weight, bias: Some(bias), counts_bias: false }
}

pub fn norm(builder: &mut Builder, name: &str, channels: usize, kind: NormKind, net: &MbNet) -> BatchNorm {
    BatchNorm { eps: Real(net.batch_norm_epsilon as f32), ..builder.norm(name, channels, kind) }
}
