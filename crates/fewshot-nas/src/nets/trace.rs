//! Writes down what a network computes, as a [`Graph`], and by which calls, as [`Block`]s.

use fewshot_data::Normalise;

use super::block::{Block, Call};
use super::graph::{Graph, Node, Op, Size, Value, Window};
use super::layers::{ConvLayer, DepthwiseLayer, EPS, LinearLayer, NormLayer, ReluConvNorm};
use super::net::NetError;
use super::ops::Ops;
use super::weights::{ParamId, Weights};

/// A value that is not computed but written down: which one it is, and its height, width and channels.
#[derive(Debug, Clone, Copy)]
pub struct Traced {
    value: Value,
    size: Size,
}

/// Runs a network's code on nothing, and keeps the operations.
pub struct Tracer<'a> {
    weights: &'a Weights,
    graph: Graph,
    /// The calls in order, repeated ones too: a graph has them once, a run makes each.
    blocks: Vec<Block>,
    /// The first operation that a graph cannot hold.
    fault: Option<NetError>,
}

impl<'a> Tracer<'a> {
    /// Nothing yet but the images, of `[height, width, channels]`, and how they are normalised.
    pub fn new(weights: &'a Weights, image: [usize; 3], normalise: &Normalise) -> (Self, Traced) {
        let graph = Graph { image, nodes: Vec::new() };
        let mut tracer = Self { weights, graph, blocks: Vec::new(), fault: None };
        let images = Traced { value: tracer.keep(Node { op: Op::Image, inputs: Vec::new() }), size: image };
        let Normalise { mean, std } = normalise.clone();
        let images = tracer.push(Op::Normalise { mean, std }, &[images]);
        (tracer, images)
    }

    /// Ends it with `logits`.
    ///
    /// # Errors
    /// [`NetError::BatchStatistics`] if a batch norm on the way keeps no running statistics.
    pub fn finish(mut self, logits: Traced) -> Result<Graph, NetError> {
        // What came after the logits, if anything, is not needed.
        self.graph.nodes.truncate(logits.value + 1);
        self.fault.map_or_else(|| Ok(self.graph.pruned()), Err)
    }

    /// The calls that a run on tensors makes.
    pub fn into_blocks(self) -> Vec<Block> {
        self.blocks
    }

    fn called(&mut self, call: Call, x: Traced) {
        self.blocks.push(Block { call, input: x.size });
    }

    /// Adds an operation; one that is there already, on the same values, is not repeated.
    fn push(&mut self, op: Op, inputs: &[Traced]) -> Traced {
        let sizes: Vec<Size> = inputs.iter().map(|input| input.size).collect();
        let size = op.output(&sizes);
        let value = self.keep(Node { op, inputs: inputs.iter().map(|input| input.value).collect() });
        Traced { value, size }
    }

    fn keep(&mut self, node: Node) -> Value {
        let known = self.graph.nodes.iter().position(|other| *other == node);
        if known.is_none() {
            self.graph.nodes.push(node);
        }
        known.unwrap_or(self.graph.nodes.len() - 1)
    }

    /// Name of the layer that `weight` belongs to.
    fn layer(&self, weight: ParamId) -> String {
        let name = &self.weights.params[weight.0].name;
        name.strip_suffix(".weight").unwrap_or(name).to_string()
    }

    fn push_conv(&mut self, layer: &ConvLayer, x: Traced) -> Traced {
        let [kernel, _, input, output] = layer.shape;
        let (stride, padding) = (layer.stride, kernel / 2);
        let layer = self.layer(layer.weight);
        self.push(Op::Conv { layer, kernel, input, output, stride, padding, bias: false }, &[x])
    }

    fn push_norm(&mut self, layer: &NormLayer, x: Traced) -> Traced {
        let Some(stats) = layer.stats else {
            self.fault.get_or_insert(NetError::BatchStatistics);
            return x;
        };
        let (channels, affine) = (layer.channels, layer.affine.is_some());
        let layer = self.weights.stats[stats.0].name.clone();
        self.push(Op::BatchNorm { layer, channels, affine, eps: EPS }, &[x])
    }
}

fn conv_call(layer: &ConvLayer, relu: bool, norm: bool, add: bool) -> Call {
    let [kernel, _, _, output] = layer.shape;
    Call::Conv { kernel, output, stride: layer.stride, relu, norm, add }
}

impl Ops for Tracer<'_> {
    type Map = Traced;
    type Rows = Traced;

    fn size(&self, x: &Traced) -> [usize; 2] {
        [x.size[0], x.size[1]]
    }

    fn conv(&mut self, layer: &ConvLayer, x: Traced) -> Traced {
        self.called(conv_call(layer, false, false, false), x);
        self.push_conv(layer, x)
    }

    fn conv_norm(&mut self, conv: &ConvLayer, norm: &NormLayer, x: Traced) -> Traced {
        self.called(conv_call(conv, false, true, false), x);
        let x = self.push_conv(conv, x);
        self.push_norm(norm, x)
    }

    fn relu_conv_norm(&mut self, layer: &ReluConvNorm, x: Traced, sum: Option<Traced>) -> Traced {
        self.called(conv_call(&layer.conv, true, true, sum.is_some()), x);
        let x = self.push(Op::Relu, &[x]);
        let x = self.push_conv(&layer.conv, x);
        let x = self.push_norm(&layer.norm, x);
        match sum {
            Some(sum) => self.push(Op::Add, &[sum, x]),
            None => x,
        }
    }

    fn depthwise(&mut self, layer: &DepthwiseLayer, x: Traced, relu: bool) -> Traced {
        let ([kernel, _, channels], stride) = (layer.shape, layer.stride);
        self.called(Call::Depthwise { kernel, stride, relu }, x);
        let x = if relu { self.push(Op::Relu, &[x]) } else { x };
        let layer = self.layer(layer.weight);
        self.push(Op::Depthwise { layer, kernel, channels, stride, padding: kernel / 2, bias: false }, &[x])
    }

    fn norm(&mut self, layer: &NormLayer, x: Traced) -> Traced {
        self.called(Call::Norm, x);
        self.push_norm(layer, x)
    }

    fn relu(&mut self, x: Traced) -> Traced {
        self.called(Call::Relu, x);
        self.push(Op::Relu, &[x])
    }

    fn add(&mut self, a: Traced, b: Traced) -> Traced {
        self.called(Call::Add, a);
        self.push(Op::Add, &[a, b])
    }

    fn avg_pool(&mut self, x: Traced, kernel: usize, stride: usize, padding: usize) -> Traced {
        let window = Window { kernel, stride, padding };
        self.called(Call::AvgPool(window), x);
        self.push(Op::AvgPool(window), &[x])
    }

    fn max_pool(&mut self, x: Traced, kernel: usize, stride: usize, padding: usize) -> Traced {
        let window = Window { kernel, stride, padding };
        self.called(Call::MaxPool(window), x);
        self.push(Op::MaxPool(window), &[x])
    }

    fn pad_channels(&mut self, x: Traced, channels: usize) -> Traced {
        match channels.saturating_sub(x.size[2]) {
            0 => x,
            added => {
                self.called(Call::PadChannels { channels }, x);
                self.push(Op::PadChannels { added }, &[x])
            }
        }
    }

    fn zeros_like(&mut self, x: &Traced) -> Traced {
        self.called(Call::Zeros, *x);
        self.push(Op::Zeros, &[*x])
    }

    fn global_avg_pool(&mut self, x: Traced) -> Traced {
        self.called(Call::GlobalAvgPool, x);
        self.push(Op::GlobalAvgPool, &[x])
    }

    fn linear(&mut self, layer: &LinearLayer, x: Traced) -> Traced {
        let [input, output] = layer.shape;
        self.called(Call::Linear { output }, x);
        let layer = self.layer(layer.weight);
        self.push(Op::Linear { layer, input, output }, &[x])
    }
}
