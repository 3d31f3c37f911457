//! A network of inverted bottlenecks, layer by layer.

use crate::cost::Cost;
use crate::graph::{Edge, Graph, OpKind};

/// What follows a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nonlinearity {
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
    /// x * relu6(x + 3) / 6.
    HSwish,
}

/// Where a searched block stands. Both count from 0; in names of decisions they count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// The stage.
    pub stage: usize,
    /// The place in the stage; 0 carries the stage's stride.
    pub position: usize,
}

/// A dense convolution without bias, padded by half its kernel, and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Channels in.
    pub input: usize,
    /// Channels out.
    pub output: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Stride along both sides.
    pub stride: usize,
    /// Height and width of the input in pixels.
    pub size: (usize, usize),
    /// Whether batch normalisation follows.
    pub batch_norm: bool,
    /// What comes last.
    pub nonlinearity: Nonlinearity,
}

impl ConvShape {
    /// Height and width of the output: (in - 1) / stride + 1, the division rounded down.
    pub fn output_size(&self) -> (usize, usize) {
        strided(self.size, self.stride)
    }

    /// What it costs.
    pub fn cost(&self) -> Cost {
        let norm = if self.batch_norm { Cost::batch_norm(self.output) } else { Cost::ZERO };
        Cost::conv(self.kernel, self.input, self.output, self.output_size()) + norm
    }
}

/// An inverted bottleneck (Sandler et al. 2018, with squeeze-and-excitation as in Howard et al. 2019).
///
/// 1x1 convolution to `mid` channels, BN, nonlinearity (all three absent where `expansion` is 1); depthwise convolution with the
/// stride, BN, nonlinearity; squeeze-and-excitation, if any; 1x1 convolution to `output` channels, BN. These convolutions have no
/// bias. With `has_skip` the input is added to that.
///
/// Squeeze-and-excitation: mean over the pixels, 1x1 convolution with bias to `squeeze` channels, ReLU, 1x1 convolution with bias
/// back to `mid`, relu6(x + 3) / 6; the map is scaled by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MbBlock {
    /// Where it stands; `None` for the block behind the stem, of which nothing is decided.
    pub slot: Option<Slot>,
    /// Channels in.
    pub input: usize,
    /// Channels within.
    pub mid: usize,
    /// Channels out.
    pub output: usize,
    /// Side of the depthwise kernel.
    pub kernel: usize,
    /// Channels within for each channel in, before rounding.
    pub expansion: usize,
    /// Stride of the depthwise convolution.
    pub stride: usize,
    /// Height and width of the input in pixels.
    pub size: (usize, usize),
    /// After the first two convolutions.
    pub nonlinearity: Nonlinearity,
    /// Hidden units of squeeze-and-excitation, where there is one.
    pub squeeze: Option<usize>,
    /// Whether the input is added to the output.
    pub has_skip: bool,
}

impl MbBlock {
    /// Whether it begins with a 1x1 convolution.
    pub fn has_expand(&self) -> bool {
        self.expansion > 1
    }

    /// Height and width of the output: (in - 1) / stride + 1, the division rounded down.
    pub fn output_size(&self) -> (usize, usize) {
        strided(self.size, self.stride)
    }

    /// What it costs.
    pub fn cost(&self) -> Cost {
        let MbBlock { input, mid, output, kernel, .. } = *self;
        let small = self.output_size();
        let depthwise = Cost::depthwise(kernel, mid, small) + Cost::batch_norm(mid);
        let project = Cost::conv(1, mid, output, small) + Cost::batch_norm(output);
        let mut cost = depthwise + project;
        if self.has_expand() {
            cost = cost + Cost::conv(1, input, mid, self.size) + Cost::batch_norm(mid);
        }
        if let Some(hidden) = self.squeeze {
            cost = cost + Cost::conv(1, mid, hidden, (1, 1)) + Cost::bias(hidden);
            cost = cost + Cost::conv(1, hidden, mid, (1, 1)) + Cost::bias(mid);
        }
        cost
    }
}

/// A linear layer with bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinearShape {
    /// Numbers in.
    pub inputs: usize,
    /// Numbers out.
    pub outputs: usize,
}

/// A whole network: stem, blocks, final expansion, global average pooling, a 1x1 convolution on the mean (if any), classifier.
#[derive(Clone, Debug, PartialEq)]
pub struct MbNet {
    /// 3x3 convolution from the image.
    pub stem: ConvShape,
    /// The block behind the stem, then those of the stages in order.
    pub blocks: Vec<MbBlock>,
    /// 1x1 convolution before pooling.
    pub final_expand: ConvShape,
    /// 1x1 convolution after pooling, on 1x1 pixels.
    pub feature_mix: Option<ConvShape>,
    /// The last layer.
    pub classifier: LinearShape,
    /// What all batch normalisations add to the variance.
    pub batch_norm_epsilon: f64,
}

impl MbNet {
    /// Multiply-adds of convolutions and of the linear layer; biases, batch normalisation, activations, pooling and sums are free.
    /// All parameters, those of batch normalisation among them.
    pub fn cost(&self) -> Cost {
        let LinearShape { inputs, outputs } = self.classifier;
        let blocks: Cost = self.blocks.iter().map(MbBlock::cost).sum();
        let head = self.final_expand.cost() + self.feature_mix.as_ref().map_or(Cost::ZERO, ConvShape::cost);
        self.stem.cost() + blocks + head + Cost::conv(1, inputs, outputs, (1, 1)) + Cost::bias(outputs)
    }

    /// A chain of convolutions with an identity around each block that has a skip, up to the classifier. A
    /// squeeze-and-excitation is one link of it.
    pub fn graph(&self) -> Graph {
        let mut chain = Chain::default();
        chain.push(OpKind::Conv);
        for block in &self.blocks {
            let start = chain.end;
            if block.has_expand() {
                chain.push(OpKind::Conv);
            }
            chain.push(OpKind::Conv);
            if block.squeeze.is_some() {
                chain.push(OpKind::Conv);
            }
            chain.push(OpKind::LinearConv);
            if block.has_skip {
                chain.edges.push(Edge { from: start, to: chain.end, kind: OpKind::Identity });
            }
        }
        chain.push(OpKind::Conv);
        chain.push(OpKind::Linear);
        if self.feature_mix.is_some() {
            chain.push(OpKind::Conv);
        }
        Graph::new(chain.end + 1, chain.edges)
    }
}

/// Operations one behind the other.
#[derive(Default)]
struct Chain {
    edges: Vec<Edge>,
    end: usize,
}

impl Chain {
    fn push(&mut self, kind: OpKind) {
        self.edges.push(Edge { from: self.end, to: self.end + 1, kind });
        self.end += 1;
    }
}

/// The size of a map behind a convolution that is padded by half its kernel.
pub(super) fn strided(size: (usize, usize), stride: usize) -> (usize, usize) {
    (size.0.div_ceil(stride), size.1.div_ceil(stride))
}
