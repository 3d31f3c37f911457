//! The layers that networks are put together from. A layer holds views of [`Weights`], no tensors.

use std::sync::Arc;

use fewshot_space::Region;

use crate::geometry::{Real, Window};
use crate::norm::{BatchNorm, EPS, NormKind};
use crate::values::Init;
use crate::view::{StatsView, View};
use crate::weights::Weights;

/// A dense convolution with `NAME.weight` `[kernel, kernel, input, output]`.
#[derive(Debug, Clone)]
pub struct ConvLayer {
    /// `[kernel height, kernel width, input, output]`.
    pub weight: View,
    /// `[output]`.
    pub bias: Option<View>,
    /// Where it looks.
    pub window: Window,
}

impl ConvLayer {
    /// The same with its first `input` and `output` channels alone, as networks of several widths share weights (Yu et al.
    /// 2019).
    #[must_use]
    pub fn narrowed(&self, input: usize, output: usize) -> ConvLayer {
        let bias = self.bias.clone().map(|bias| bias.first(0, output));
        ConvLayer { weight: self.weight.clone().first(2, input).first(3, output), bias, ..self.clone() }
    }

    /// Channels in.
    pub fn input(&self) -> usize {
        self.weight.used[2]
    }
}

/// A depthwise convolution with `NAME.weight` `[kernel, kernel, channels]`.
#[derive(Debug, Clone)]
pub struct DepthwiseLayer {
    /// `[kernel height, kernel width, channels]`.
    pub weight: View,
    /// Where it looks.
    pub window: Window,
}

impl DepthwiseLayer {
    /// The same with its first `channels` channels alone.
    #[must_use]
    pub fn narrowed(&self, channels: usize) -> DepthwiseLayer {
        DepthwiseLayer { weight: self.weight.clone().first(2, channels), ..self.clone() }
    }
}

/// ReLU → convolution → batch norm, the operation of cells and reduction blocks.
#[derive(Debug, Clone)]
pub struct ReluConvNorm {
    /// Without bias.
    pub conv: ConvLayer,
    /// Over its output.
    pub norm: BatchNorm,
}

impl ReluConvNorm {
    /// The same with its first `input` and `output` channels alone.
    #[must_use]
    pub fn narrowed(&self, input: usize, output: usize) -> ReluConvNorm {
        ReluConvNorm { conv: self.conv.narrowed(input, output), norm: self.norm.narrowed(output) }
    }
}

/// A linear layer with `NAME.weight` `[input, output]` and, where it has one, `NAME.bias` `[output]`.
#[derive(Debug, Clone)]
pub struct LinearLayer {
    /// `[input, output]`.
    pub weight: View,
    /// `[output]`.
    pub bias: Option<View>,
    /// Whether adding the bias counts as multiply-adds. It does in the tables of NAS-Bench-201, and does not with OFA and ProxylessNAS
    /// ([`Cost::bias`](fewshot_space::Cost::bias)).
    pub counts_bias: bool,
}

impl LinearLayer {
    /// The same with its first `input` inputs and `output` outputs alone.
    #[must_use]
    pub fn narrowed(&self, input: usize, output: usize) -> LinearLayer {
        let bias = self.bias.clone().map(|bias| bias.first(0, output));
        LinearLayer { weight: self.weight.clone().first(0, input).first(1, output), bias, ..self.clone() }
    }

    /// Values out.
    pub fn output(&self) -> usize {
        self.weight.used[1]
    }
}

/// Registers layers under dotted names while a network is built.
#[derive(Debug)]
pub struct Builder {
    pub(crate) weights: Weights,
    partial: usize,
}

impl Builder {
    /// Starts with no layers; see [`Weights::new`] for the seed.
    pub fn new(weights: Weights) -> Self {
        Self { weights, partial: 1 }
    }

    /// Where there is a choice, one channel in `partial` goes through the operations and the others pass (PC-DARTS).
    #[must_use]
    pub fn with_partial(self, partial: usize) -> Self {
        Self { partial, ..self }
    }

    /// One channel in so many goes through the operations of a decision that `region` leaves open; 1: all do.
    pub fn partial(&self, region: &Region, decision: usize) -> usize {
        if region.allowed(decision).len() > 1 { self.partial } else { 1 }
    }

    /// What `register` registers is there for the options of this decision.
    pub fn for_decision<T>(&mut self, decision: usize, register: impl FnOnce(&mut Self) -> T) -> T {
        let around = self.weights.decision.replace(decision);
        let registered = register(self);
        self.weights.decision = around;
        registered
    }

    /// A parameter of its own.
    pub fn param(&mut self, name: String, shape: &[usize], init: Init) -> View {
        let shared: Arc<str> = name.as_str().into();
        View::whole(self.weights.add_param(name, shape, init), shared, shape)
    }

    /// The same parameter divided by its spectral norm, with the vector `LAYER.u`, of length 1 at the start.
    pub fn spectral(&mut self, weight: View) -> View {
        let outputs = weight.held.last().copied().unwrap_or(1);
        let name = format!("{}.u", weight.layer());
        let vector = self.weights.add_buffer(name, &[outputs], Init::Normal { deviation: 1.0 });
        let drawn = self.weights.buffer(vector);
        let length = (drawn.clone() * drawn.clone()).sum().sqrt();
        self.weights.set_buffer(vector, drawn / length);
        weight.spectral(vector)
    }

    /// A convolution `NAME.weight`, `kernel`×`kernel`, padded so that stride 1 keeps the size.
    pub fn conv(&mut self, name: &str, kernel: usize, input: usize, output: usize, stride: usize) -> ConvLayer {
        self.conv_over(name, Window::same(kernel, stride), [input, output])
    }

    /// A convolution `NAME.weight` over any window.
    pub fn conv_over(&mut self, name: &str, window: Window, [input, output]: [usize; 2]) -> ConvLayer {
        let [height, width] = window.kernel;
        let init = Init::Uniform { fan_in: height * width * input };
        let weight = self.param(format!("{name}.weight"), &[height, width, input, output], init);
        ConvLayer { weight, bias: None, window }
    }

    /// The same with `NAME.bias`.
    pub fn conv_with_bias(&mut self, name: &str, window: Window, [input, output]: [usize; 2]) -> ConvLayer {
        let layer = self.conv_over(name, window, [input, output]);
        let init = Init::Uniform { fan_in: window.kernel[0] * window.kernel[1] * input };
        let bias = self.param(format!("{name}.bias"), &[output], init);
        ConvLayer { bias: Some(bias), ..layer }
    }

    /// A depthwise convolution `NAME.weight`, `kernel`×`kernel`, padded so that stride 1 keeps the size.
    pub fn depthwise(&mut self, name: &str, kernel: usize, channels: usize, stride: usize) -> DepthwiseLayer {
        self.depthwise_over(name, Window::same(kernel, stride), channels)
    }

    /// A depthwise convolution `NAME.weight` over any window.
    pub fn depthwise_over(&mut self, name: &str, window: Window, channels: usize) -> DepthwiseLayer {
        let [height, width] = window.kernel;
        let init = Init::Uniform { fan_in: height * width };
        let weight = self.param(format!("{name}.weight"), &[height, width, channels], init);
        DepthwiseLayer { weight, window }
    }

    /// A batch norm `NAME.scale`, `NAME.shift`, `NAME.running_*`, as far as `kind` asks for them.
    pub fn norm(&mut self, name: &str, channels: usize, kind: NormKind) -> BatchNorm {
        let affine = kind.affine.then(|| {
            (
                self.param(format!("{name}.scale"), &[channels], Init::Constant(1.0)),
                self.param(format!("{name}.shift"), &[channels], Init::Constant(0.0)),
            )
        });
        let shared: Arc<str> = name.into();
        let stats = kind.track.then(|| StatsView {
            stats: self.weights.add_stats(name.to_string(), channels),
            name: shared.clone(),
            held: channels,
            used: channels,
        });
        BatchNorm { name: shared, channels, affine, stats, eps: Real(EPS) }
    }

    /// A batch norm with scale, shift and running statistics whose scale starts as `init` says.
    pub fn norm_from(&mut self, name: &str, channels: usize, init: Init) -> BatchNorm {
        let scale = self.param(format!("{name}.scale"), &[channels], init);
        let shift = self.param(format!("{name}.shift"), &[channels], Init::Constant(0.0));
        let plain = self.norm(name, channels, NormKind { affine: false, track: true });
        BatchNorm { affine: Some((scale, shift)), ..plain }
    }

    /// ReLU → convolution `NAME.weight` → batch norm `NAME.norm`.
    pub fn relu_conv_norm(
        &mut self,
        name: &str,
        kernel: usize,
        [input, output]: [usize; 2],
        stride: usize,
        kind: NormKind,
    ) -> ReluConvNorm {
        let conv = self.conv(name, kernel, input, output, stride);
        let norm = self.norm(&format!("{name}.norm"), output, kind);
        ReluConvNorm { conv, norm }
    }

    /// A linear layer `NAME.weight`, `NAME.bias`.
    pub fn linear(&mut self, name: &str, input: usize, output: usize) -> LinearLayer {
        let init = Init::Uniform { fan_in: input };
        let weight = self.param(format!("{name}.weight"), &[input, output], init);
        let bias = self.param(format!("{name}.bias"), &[output], init);
        LinearLayer { weight, bias: Some(bias), counts_bias: true }
    }
}
