//! What fits maps to a cell, and how the layers in cells differ between supernets and networks alone.

use crate::graph::{GraphBuilder, Value};
use crate::layers::{Builder, ConvLayer, ReluConvNorm};
use crate::norm::NormKind;
use crate::op::BatchNorm;

/// How the layers of cells are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub cell_norm: NormKind,
    pub standardise: bool,
}

impl Style {
    /// Whether pooling is followed by a batch norm: in supernets, where its output is summed with those of convolutions.
    pub fn norms_pools(self) -> bool {
        !self.cell_norm.affine
    }

    /// A 1x1 convolution.
    pub fn pointwise(self, builder: &mut Builder, name: &str, channels: [usize; 2]) -> ConvLayer {
        let [input, output] = channels;
        let layer = builder.conv(name, 1, input, output, 1);
        if self.standardise { ConvLayer { weight: layer.weight.standardised(), ..layer } } else { layer }
    }
}

/// What makes an input of a cell of an earlier output.
#[expect(clippy::large_enum_variant, reason = "two per cell")]
pub(super) enum InputNet {
    Conv(ReluConvNorm),
    Reduce(FactorizedReduce),
}

impl InputNet {
    pub fn new(builder: &mut Builder, name: &str, channels: [usize; 2], halves: bool, style: Style) -> Self {
        if halves {
            return InputNet::Reduce(FactorizedReduce::new(builder, name, channels, style));
        }
        let conv = style.pointwise(builder, name, channels);
        InputNet::Conv(ReluConvNorm { conv, norm: builder.norm(&format!("{name}.norm"), channels[1], style.cell_norm) })
    }

    pub fn append(&self, graph: &mut GraphBuilder, x: Value) -> Value {
        match self {
            InputNet::Conv(conv) => graph.relu_conv_norm(conv, x),
            InputNet::Reduce(reduce) => reduce.append(graph, x),
        }
    }
}

/// Two 1x1 convolutions of ReLU, one of the pixels at even places and one of those at odd places; their concatenation, and batch
/// norm (Zoph et al., CVPR 2018).
pub(super) struct FactorizedReduce {
    halves: [ConvLayer; 2],
    norm: BatchNorm,
}

impl FactorizedReduce {
    /// `output` channels, at least 2.
    pub fn new(builder: &mut Builder, name: &str, [input, output]: [usize; 2], style: Style) -> Self {
        let first = output / 2;
        let halves = [("even", first), ("odd", output - first)]
            .map(|(half, channels)| builder.conv(&format!("{name}.{half}"), 1, input, channels, 1));
        Self { halves, norm: builder.norm(&format!("{name}.norm"), output, style.cell_norm) }
    }

    pub fn append(&self, graph: &mut GraphBuilder, x: Value) -> Value {
        let mut parts = [x; 2];
        for (offset, (part, conv)) in parts.iter_mut().zip(&self.halves).enumerate() {
            // ReLU of a quarter of the pixels, in the same pass as the convolution; beyond the image there are zeros either way.
            let pixels = graph.subsample(x, offset);
            let pixels = graph.relu(pixels);
            *part = graph.conv(conv, pixels);
        }
        let whole = graph.concat(&parts);
        graph.norm(&self.norm, whole)
    }
}
