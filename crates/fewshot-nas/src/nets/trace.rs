//! Writes down what a network computes, as a [`Graph`].

use fewshot_data::Normalise;

use super::graph::{Graph, Node, Op, Value, Window};
use super::layers::{ConvLayer, EPS, LinearLayer, NormLayer, ReluConvNorm};
use super::net::NetError;
use super::ops::Ops;
use super::weights::{ParamId, Weights};

/// A value that is not computed but written down: which one it is, and its height, width and channels.
#[derive(Debug, Clone, Copy)]
pub struct Traced {
    value: Value,
    size: [usize; 3],
}

/// Runs a network's code on nothing, and keeps the operations.
pub struct Tracer<'a> {
    weights: &'a Weights,
    graph: Graph,
    /// The first operation that a graph cannot hold.
    fault: Option<NetError>,
}

impl<'a> Tracer<'a> {
    /// Nothing yet but the images, of `[height, width, channels]`, and how they are normalised.
    pub fn new(weights: &'a Weights, image: [usize; 3], normalise: &Normalise) -> (Self, Traced) {
        let mut tracer = Self { weights, graph: Graph { image, nodes: Vec::new() }, fault: None };
        let images = tracer.push(Op::Image, &[], image);
        let Normalise { mean, std } = normalise.clone();
        let images = tracer.push(Op::Normalise { mean, std }, &[images], image);
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

    /// Adds an operation; one that is there already, on the same values, is not repeated.
    fn push(&mut self, op: Op, inputs: &[Traced], size: [usize; 3]) -> Traced {
        let node = Node { op, inputs: inputs.iter().map(|input| input.value).collect() };
        let known = self.graph.nodes.iter().position(|other| *other == node);
        let value = known.unwrap_or(self.graph.nodes.len());
        if known.is_none() {
            self.graph.nodes.push(node);
        }
        Traced { value, size }
    }

    /// Name of the layer that `weight` belongs to.
    fn layer(&self, weight: ParamId) -> String {
        let name = &self.weights.params[weight.0].name;
        name.strip_suffix(".weight").unwrap_or(name).to_string()
    }

    fn pool(&mut self, op: fn(Window) -> Op, x: Traced, window: Window) -> Traced {
        let [height, width, channels] = x.size;
        let Window { kernel, stride, padding } = window;
        let pooled = |side: usize| (side + 2 * padding - kernel) / stride + 1;
        self.push(op(window), &[x], [pooled(height), pooled(width), channels])
    }
}

impl Ops for Tracer<'_> {
    type Map = Traced;
    type Rows = Traced;

    fn size(&self, x: &Traced) -> [usize; 2] {
        [x.size[0], x.size[1]]
    }

    fn conv(&mut self, layer: &ConvLayer, x: Traced) -> Traced {
        let [kernel, _, input, output] = layer.shape;
        let (stride, padding) = (layer.stride, kernel / 2);
        let strided = |side: usize| (side + 2 * padding - kernel) / stride + 1;
        let size = [strided(x.size[0]), strided(x.size[1]), output];
        let layer = self.layer(layer.weight);
        self.push(Op::Conv { layer, kernel, input, output, stride, padding, bias: false }, &[x], size)
    }

    fn conv_norm(&mut self, conv: &ConvLayer, norm: &NormLayer, x: Traced) -> Traced {
        let x = Ops::conv(self, conv, x);
        self.norm(norm, x)
    }

    fn relu_conv_norm(&mut self, layer: &ReluConvNorm, x: Traced, sum: Option<Traced>) -> Traced {
        let x = self.relu(x);
        let x = self.conv_norm(&layer.conv, &layer.norm, x);
        match sum {
            Some(sum) => self.add(sum, x),
            None => x,
        }
    }

    fn norm(&mut self, layer: &NormLayer, x: Traced) -> Traced {
        let Some(stats) = layer.stats else {
            self.fault.get_or_insert(NetError::BatchStatistics);
            return x;
        };
        let (channels, affine) = (layer.channels, layer.affine.is_some());
        let layer = self.weights.stats[stats.0].name.clone();
        self.push(Op::BatchNorm { layer, channels, affine, eps: EPS }, &[x], x.size)
    }

    fn relu(&mut self, x: Traced) -> Traced {
        self.push(Op::Relu, &[x], x.size)
    }

    fn add(&mut self, a: Traced, b: Traced) -> Traced {
        self.push(Op::Add, &[a, b], a.size)
    }

    fn avg_pool(&mut self, x: Traced, kernel: usize, stride: usize, padding: usize) -> Traced {
        self.pool(Op::AvgPool, x, Window { kernel, stride, padding })
    }

    fn max_pool(&mut self, x: Traced, kernel: usize, stride: usize, padding: usize) -> Traced {
        self.pool(Op::MaxPool, x, Window { kernel, stride, padding })
    }

    fn pad_channels(&mut self, x: Traced, channels: usize) -> Traced {
        let [height, width, had] = x.size;
        match channels.saturating_sub(had) {
            0 => x,
            added => self.push(Op::PadChannels { added }, &[x], [height, width, channels]),
        }
    }

    fn zeros_like(&mut self, x: &Traced) -> Traced {
        self.push(Op::Zeros, &[*x], x.size)
    }

    fn global_avg_pool(&mut self, x: Traced) -> Traced {
        self.push(Op::GlobalAvgPool, &[x], [1, 1, x.size[2]])
    }

    fn linear(&mut self, layer: &LinearLayer, x: Traced) -> Traced {
        let [input, output] = layer.shape;
        let layer = self.layer(layer.weight);
        self.push(Op::Linear { layer, input, output }, &[x], [1, 1, output])
    }
}
