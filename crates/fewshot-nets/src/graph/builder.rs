//! How bodies write graphs.

use std::collections::HashMap;

use burn::tensor::Tensor;
use smallvec::SmallVec;

use super::{Graph, Node, Value};
use crate::geometry::{Real, Size, Window};
use crate::layers::{ConvLayer, DepthwiseLayer, LinearLayer, ReluConvNorm};
use crate::op::{
    Activation, Add, AvgPool, BatchNorm, Concat, Conv, Depthwise, DropPath, FactorId, GlobalAvgPool, Input, Linear,
    MaxPool, Op, PadChannels, ScaleChannels, Shuffle, Slice, Subsample, Weigh, Zeros,
};

/// A graph on its way. Terms of sums that are known to be zero are left out; what no root depends on goes in the end.
#[derive(Debug)]
pub struct GraphBuilder {
    graph: Graph,
    /// Per value, whether it is zero, whatever the weights.
    zero: Vec<bool>,
    /// Where each operation is already, when equal ones on equal inputs are to be one.
    known: Option<HashMap<Node, Value>>,
    trains: bool,
    /// What is wanted in training besides the root.
    auxiliary: Vec<Value>,
}

impl GraphBuilder {
    /// Nothing but the input, of one image's size; its value is 0. Every operation is run where it is written, as gradients add up
    /// over readers, and would round otherwise.
    pub fn new(input: Size) -> Self {
        let node = Node { op: Input { size: input }.into(), inputs: SmallVec::new(), size: input, is_settled: true };
        let graph = Graph { nodes: vec![node], roots: Vec::new(), factors: Vec::new() };
        Self { graph, zero: vec![false], known: None, trains: false, auxiliary: Vec::new() }
    }

    /// The same, where an operation that is there already on the same values is not repeated.
    pub fn merging(input: Size) -> Self {
        Self { known: Some(HashMap::new()), ..Self::new(input) }
    }

    /// The same for a training step.
    #[must_use]
    pub fn training(self) -> Self {
        Self { trains: true, ..self }
    }

    /// Whether the graph is for a training step, which may hold what scoring and export do not: dropped paths, auxiliary heads.
    pub fn trains(&self) -> bool {
        self.trains
    }

    /// In training, logits besides those of the network, whose loss helps to train what is below them (an auxiliary head).
    pub fn auxiliary(&mut self, logits: Value) {
        if self.trains {
            self.auxiliary.push(logits);
        }
    }

    /// Says that a value is wanted.
    pub fn root(&mut self, root: Value) {
        self.graph.roots.push(root);
    }

    /// What is needed for the roots.
    pub fn finish(mut self) -> Graph {
        self.graph.roots.append(&mut self.auxiliary);
        let graph = self.graph.pruned();
        if cfg!(debug_assertions) {
            graph.check();
        }
        graph
    }

    /// Adds an operation on some values.
    pub fn push(&mut self, op: impl Into<Op>, inputs: &[Value]) -> Value {
        let op = op.into();
        let sizes: SmallVec<[Size; 4]> = inputs.iter().map(|&input| self.graph.nodes[input].size).collect();
        let node = Node { size: op.size(&sizes), op, inputs: SmallVec::from_slice(inputs), is_settled: false };
        if let Some(known) = self.known.as_ref().and_then(|known| known.get(&node)) {
            return *known;
        }
        let is_source = matches!(node.op, Op::Zeros(_));
        let zero = node.op.keeps_zeros() && (is_source || inputs.iter().all(|&input| self.zero[input]));
        let value = self.graph.nodes.len();
        if let Some(known) = &mut self.known {
            known.insert(node.clone(), value);
        }
        self.graph.nodes.push(node);
        self.zero.push(zero);
        value
    }

    /// A number that operations are weighed by, `[1]`.
    pub fn factor(&mut self, factor: &Tensor<1>) -> FactorId {
        self.graph.factors.push(factor.clone());
        FactorId(self.graph.factors.len() - 1)
    }

    /// Height, width and channels.
    pub fn size(&self, x: Value) -> Size {
        self.graph.nodes[x].size
    }

    /// Whether a value is zero, whatever the weights.
    pub fn is_zero(&self, x: Value) -> bool {
        self.zero[x]
    }

    /// The value, from now on treated as any other even if it is zero: what reads it is run, and its weights are trained.
    pub fn opaque(&mut self, x: Value) -> Value {
        self.zero[x] = false;
        x
    }

    /// The value, complete: no sum and no weight behind it goes into the operation that makes it. Gradients of a value's readers
    /// are added in an order that depends on what is put together; with ends of nodes as borders it is the same whatever else an
    /// architecture holds.
    pub fn settled(&mut self, x: Value) -> Value {
        self.graph.nodes[x].is_settled = true;
        x
    }

    /// Convolution alone.
    pub fn conv(&mut self, layer: &ConvLayer, x: Value) -> Value {
        self.push(Conv::from(layer), &[x])
    }

    /// Convolution → batch norm.
    pub fn conv_norm(&mut self, conv: &ConvLayer, norm: &BatchNorm, x: Value) -> Value {
        let x = self.conv(conv, x);
        self.norm(norm, x)
    }

    /// ReLU → convolution → batch norm.
    pub fn relu_conv_norm(&mut self, layer: &ReluConvNorm, x: Value) -> Value {
        let x = self.relu(x);
        self.conv_norm(&layer.conv, &layer.norm, x)
    }

    /// Depthwise convolution alone.
    pub fn depthwise(&mut self, layer: &DepthwiseLayer, x: Value) -> Value {
        self.push(Depthwise::from(layer), &[x])
    }

    /// Batch norm alone.
    pub fn norm(&mut self, norm: &BatchNorm, x: Value) -> Value {
        self.push(norm.clone(), &[x])
    }

    /// `max(x, 0)`.
    pub fn relu(&mut self, x: Value) -> Value {
        self.push(Activation::Relu, &[x])
    }

    /// The sum of two maps of one size.
    pub fn add(&mut self, a: Value, b: Value) -> Value {
        match (self.zero[a], self.zero[b]) {
            (_, true) => a,
            (true, false) => b,
            (false, false) => self.push(Add, &[a, b]),
        }
    }

    /// `sum`, or the value alone where there is none yet.
    pub fn add_to(&mut self, sum: Option<Value>, x: Value) -> Value {
        sum.map_or(x, |sum| self.add(sum, x))
    }

    /// Average pool over `kernel`×`kernel` windows; padding is not counted in the mean.
    pub fn avg_pool(&mut self, x: Value, kernel: usize, stride: usize, padding: usize) -> Value {
        self.push(AvgPool { window: Window::square(kernel, stride, padding) }, &[x])
    }

    /// Max pool over `kernel`×`kernel` windows; padding never wins.
    pub fn max_pool(&mut self, x: Value, kernel: usize, stride: usize, padding: usize) -> Value {
        self.push(MaxPool { window: Window::square(kernel, stride, padding) }, &[x])
    }

    /// Appends zero channels until there are `channels`.
    pub fn pad_channels(&mut self, x: Value, channels: usize) -> Value {
        if self.size(x)[2] >= channels { x } else { self.push(PadChannels { channels }, &[x]) }
    }

    /// Some function of each value.
    pub fn activation(&mut self, activation: Activation, x: Value) -> Value {
        self.push(activation, &[x])
    }

    /// A map times a factor per channel, `factors` being rows.
    pub fn scale_channels(&mut self, x: Value, factors: Value) -> Value {
        self.push(ScaleChannels, &[x, factors])
    }

    /// In training, leaves out the maps of some images; see [`DropPath`].
    pub fn drop_path(&mut self, x: Value, place: usize, rate: f32) -> Value {
        if self.trains && rate > 0.0 { self.push(DropPath { place, rate: Real(rate) }, &[x]) } else { x }
    }

    /// Every second pixel from `offset`, 0 or 1, on.
    pub fn subsample(&mut self, x: Value, offset: usize) -> Value {
        self.push(Subsample { offset }, &[x])
    }

    /// Maps of one height and width, channel behind channel.
    pub fn concat(&mut self, maps: &[Value]) -> Value {
        self.push(Concat, maps)
    }

    /// `channels` channels from the one called `first`.
    pub fn slice(&mut self, x: Value, first: usize, channels: usize) -> Value {
        self.push(Slice { first, channels }, &[x])
    }

    /// Interleaves `groups` equal blocks of channels.
    pub fn shuffle(&mut self, x: Value, groups: usize) -> Value {
        self.push(Shuffle { groups }, &[x])
    }

    /// `factor · x + term`.
    pub fn weigh(&mut self, x: Value, factor: FactorId, term: Option<FactorId>) -> Value {
        // Of what is zero only the term is left: how the zero would be computed does not matter.
        let x = if self.zero[x] { self.push(Zeros { size: self.size(x) }, &[0]) } else { x };
        self.push(Weigh { factor, term }, &[x])
    }

    /// Zeros of the size of `x`, which is computed all the same: in training its norms see the batch.
    pub fn zeros_like(&mut self, x: Value) -> Value {
        self.push(Zeros { size: self.size(x) }, &[x])
    }

    /// Mean over height and width.
    pub fn global_avg_pool(&mut self, x: Value) -> Value {
        self.push(GlobalAvgPool, &[x])
    }

    /// Global average pool and linear layer, the usual end of a classifier.
    pub fn pooled_linear(&mut self, layer: &LinearLayer, x: Value) -> Value {
        let pooled = self.global_avg_pool(x);
        self.linear(layer, pooled)
    }

    /// Linear layer, of rows.
    pub fn linear(&mut self, layer: &LinearLayer, x: Value) -> Value {
        self.push(Linear::from(layer), &[x])
    }
}
