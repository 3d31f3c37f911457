//! The layers that networks are put together from. A layer holds indices into [`Weights`], no tensors.

use fewshot_space::Region;

use super::weights::{Init, ParamId, StatsId, Weights};

/// Batch norm: ε 1e-5 and momentum 0.1 (PyTorch's defaults, which NAS-Bench-201 keeps).
pub const EPS: f32 = 1e-5;
/// Share of the newest batch in the running statistics.
pub const MOMENTUM: f64 = 0.1;

/// Whether a batch norm has trained scale and shift, and whether it keeps running statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NormKind {
    /// Trained scale and shift per channel.
    pub affine: bool,
    /// Running mean and variance. Without them the norm uses batch statistics in scoring too.
    pub track: bool,
}

impl NormKind {
    /// Inside the cells of a supernet: neither, since the statistics of a shared edge belong to no network.
    pub const SHARED: NormKind = NormKind { affine: false, track: false };
    /// Everywhere else: both.
    pub const FULL: NormKind = NormKind { affine: true, track: true };
}

/// A batch norm over the last axis.
#[derive(Debug, Clone)]
pub struct NormLayer {
    /// Position among the batch norms of the network; recalibrated statistics are filed under it.
    pub(crate) index: usize,
    pub(crate) channels: usize,
    pub(crate) affine: Option<(ParamId, ParamId)>,
    pub(crate) stats: Option<StatsId>,
}

impl NormLayer {
    /// The same over the first `channels` channels. Norms with weights and statistics of their own can then be looked at, not
    /// run: those belong to all channels. Supernets have none ([`NormKind::SHARED`]).
    #[must_use]
    pub fn narrowed(&self, channels: usize) -> NormLayer {
        NormLayer { channels, ..self.clone() }
    }
}

/// A dense convolution without bias, weight `[k, k, in, out]`.
#[derive(Debug, Clone)]
pub struct ConvLayer {
    pub(crate) weight: ParamId,
    /// Of the parameter.
    pub(crate) held: [usize; 4],
    /// Of what is used of it: its first channels in and out.
    pub(crate) shape: [usize; 4],
    pub(crate) stride: usize,
}

impl ConvLayer {
    /// The same with its first `input` and `output` channels alone, as networks of several widths share weights (Yu et al.
    /// 2019).
    #[must_use]
    pub fn narrowed(&self, input: usize, output: usize) -> ConvLayer {
        let [height, width, ..] = self.held;
        ConvLayer { shape: [height, width, input, output], ..self.clone() }
    }
}

/// A depthwise convolution without bias, weight `[k, k, channels]`.
#[derive(Debug, Clone)]
pub struct DepthwiseLayer {
    pub(crate) weight: ParamId,
    /// Of the parameter.
    pub(crate) held: [usize; 3],
    /// Of what is used of it: its first channels.
    pub(crate) shape: [usize; 3],
    pub(crate) stride: usize,
}

impl DepthwiseLayer {
    /// The same with its first `channels` channels alone.
    #[must_use]
    pub fn narrowed(&self, channels: usize) -> DepthwiseLayer {
        let [height, width, _] = self.held;
        DepthwiseLayer { shape: [height, width, channels], ..self.clone() }
    }
}

/// ReLU → convolution → batch norm, the operation of cells and reduction blocks.
#[derive(Debug, Clone)]
pub struct ReluConvNorm {
    pub(crate) conv: ConvLayer,
    pub(crate) norm: NormLayer,
}

impl ReluConvNorm {
    /// The same with its first `input` and `output` channels alone.
    #[must_use]
    pub fn narrowed(&self, input: usize, output: usize) -> ReluConvNorm {
        ReluConvNorm { conv: self.conv.narrowed(input, output), norm: self.norm.narrowed(output) }
    }

    /// Whether zeros come out where zeros go in, whatever the weights: nothing is shifted, and nothing but the batch's
    /// own mean, zero, is taken away.
    pub(crate) fn keeps_zeros(&self) -> bool {
        self.norm.affine.is_none() && self.norm.stats.is_none()
    }
}

/// A linear layer with bias, weight `[in, out]`.
#[derive(Debug, Clone)]
pub struct LinearLayer {
    pub(crate) weight: ParamId,
    pub(crate) bias: ParamId,
    /// Of the weight.
    pub(crate) held: [usize; 2],
    /// Of what is used of it: its first inputs.
    pub(crate) shape: [usize; 2],
}

impl LinearLayer {
    /// The same with its first `input` inputs alone.
    #[must_use]
    pub fn narrowed(&self, input: usize) -> LinearLayer {
        LinearLayer { shape: [input, self.held[1]], ..self.clone() }
    }
}

/// Registers layers under dotted names while a network is built.
#[derive(Debug)]
pub struct Builder {
    pub(crate) weights: Weights,
    pub(crate) norms: usize,
    partial: usize,
}

impl Builder {
    /// Starts with no layers; see [`Weights::new`] for the seed.
    pub fn new(weights: Weights) -> Self {
        Self { weights, norms: 0, partial: 1 }
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

    /// A convolution `NAME.weight`, `kernel`×`kernel`, padded so that stride 1 keeps the size.
    pub fn conv(&mut self, name: &str, kernel: usize, input: usize, output: usize, stride: usize) -> ConvLayer {
        let shape = [kernel, kernel, input, output];
        let init = Init::Uniform { fan_in: kernel * kernel * input };
        let weight = self.weights.add_param(format!("{name}.weight"), &shape, init);
        ConvLayer { weight, held: shape, shape, stride }
    }

    /// A depthwise convolution `NAME.weight`, `kernel`×`kernel`, padded so that stride 1 keeps the size.
    pub fn depthwise(&mut self, name: &str, kernel: usize, channels: usize, stride: usize) -> DepthwiseLayer {
        let shape = [kernel, kernel, channels];
        let init = Init::Uniform { fan_in: kernel * kernel };
        let weight = self.weights.add_param(format!("{name}.weight"), &shape, init);
        DepthwiseLayer { weight, held: shape, shape, stride }
    }

    /// A batch norm `NAME.scale`, `NAME.shift`, `NAME.running_*`, as far as `kind` asks for them.
    pub fn norm(&mut self, name: &str, channels: usize, kind: NormKind) -> NormLayer {
        let affine = kind.affine.then(|| {
            (
                self.weights.add_param(format!("{name}.scale"), &[channels], Init::Constant(1.0)),
                self.weights.add_param(format!("{name}.shift"), &[channels], Init::Constant(0.0)),
            )
        });
        let stats = kind.track.then(|| self.weights.add_stats(name.to_string(), channels));
        let index = self.norms;
        self.norms += 1;
        NormLayer { index, channels, affine, stats }
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
        let shape = [input, output];
        let weight = self.weights.add_param(format!("{name}.weight"), &shape, init);
        let bias = self.weights.add_param(format!("{name}.bias"), &[output], init);
        LinearLayer { weight, bias, held: shape, shape }
    }
}
