//! One inverted bottleneck, or all those of a slot, whose weights are nested.

use fewshot_space::mbconv::{MbBlock, MbNet};

use super::layers::{activation, conv, he, linear, norm};
use crate::geometry::Window;
use crate::graph::{GraphBuilder, Value};
use crate::layers::{Builder, ConvLayer, DepthwiseLayer, LinearLayer};
use crate::norm::NormKind;
use crate::op::{Activation, BatchNorm};
use crate::values::Init;
use crate::view::{Shrink, View};

/// Where layers are registered, and which norms they get.
pub(super) struct Place<'a> {
    /// Of the block.
    name: String,
    norm: NormKind,
    net: &'a MbNet,
}

impl<'a> Place<'a> {
    pub fn new(name: String, norm: NormKind, net: &'a MbNet) -> Self {
        Self { name, norm, net }
    }

    fn at(&self, part: &str) -> String {
        format!("{}.{part}", self.name)
    }

    fn norm(&self, builder: &mut Builder, part: &str, channels: usize) -> BatchNorm {
        norm(builder, &self.at(part), channels, self.norm, self.net)
    }
}

/// At which channels the blocks of a slot end, ascending.
#[derive(Default)]
pub(super) struct Widths {
    /// Within a block.
    pub mid: Vec<usize>,
    /// Hidden units of squeeze-and-excitation; none where there is no such thing.
    pub hidden: Vec<usize>,
}

impl Widths {
    pub fn of(blocks: impl IntoIterator<Item = MbBlock>) -> Self {
        let (mut mid, mut hidden) = (Vec::new(), Vec::new());
        for block in blocks {
            mid.push(block.mid);
            hidden.extend(block.squeeze);
        }
        mid.sort_unstable();
        hidden.sort_unstable();
        Self { mid, hidden }
    }
}

/// The layers of a slot, at the kernel and the width that are held.
pub(super) struct MbLayers {
    pub expand: Option<(ConvLayer, BatchNorm)>,
    pub depthwise: DepthwiseLayer,
    /// From the kernel that is held to smaller ones, one after the other.
    shrinks: Vec<Shrink>,
    pub inner: BatchNorm,
    pub squeeze: Option<Squeeze>,
    pub project: (ConvLayer, BatchNorm),
}

/// Squeeze-and-excitation (Hu et al., CVPR 2018), its 1x1 convolutions being linear layers of the pooled map.
pub(super) struct Squeeze {
    pub reduce: LinearLayer,
    pub excite: LinearLayer,
}

impl MbLayers {
    /// Of `block`, and of blocks like it with kernels down to `smallest` and fewer channels within.
    pub fn new(builder: &mut Builder, place: &Place<'_>, block: &MbBlock, smallest: usize) -> Self {
        let MbBlock { input, mid, output, kernel, stride, .. } = *block;
        let expand = block.has_expand().then(|| {
            let expand = conv(builder, &place.at("expand"), 1, [input, mid], 1);
            (expand, place.norm(builder, "expand.norm", mid))
        });
        let weight = builder.param(place.at("depthwise.weight"), &[kernel, kernel, mid], he(kernel * kernel * mid));
        let depthwise = DepthwiseLayer { weight, window: Window::same(kernel, stride) };
        let sides = (smallest..kernel).rev().filter(|side| (kernel - side).is_multiple_of(2));
        let shrinks = sides.map(|side| {
            let taps = side * side;
            let matrix = builder.param(place.at(&format!("depthwise.to{side}")), &[taps, taps], Init::Identity);
            Shrink { side, matrix: Some(Box::new(matrix)) }
        });
        Self {
            expand,
            depthwise,
            shrinks: shrinks.collect(),
            inner: place.norm(builder, "depthwise.norm", mid),
            squeeze: block.squeeze.map(|hidden| Squeeze {
                reduce: linear(builder, &place.at("squeeze.reduce"), [mid, hidden], he(hidden)),
                excite: linear(builder, &place.at("squeeze.excite"), [hidden, mid], he(mid)),
            }),
            project: {
                let project = conv(builder, &place.at("project"), 1, [mid, output], 1);
                (project, place.norm(builder, "project.norm", output))
            },
        }
    }

    /// Writes `block`, which is one of those that the layers are for.
    pub fn append(&self, graph: &mut GraphBuilder, x: Value, block: &MbBlock) -> Value {
        let branch = self.branch(graph, x, block);
        if block.has_skip { graph.add(x, branch) } else { branch }
    }

    /// The block without what it adds of its input.
    pub fn branch(&self, graph: &mut GraphBuilder, x: Value, block: &MbBlock) -> Value {
        let MbBlock { input, mid, output, kernel, .. } = *block;
        let activation = activation(block.nonlinearity);
        let mut inner = x;
        if let Some((expand, norm)) = &self.expand {
            inner = graph.conv_norm(&expand.narrowed(input, mid), &norm.narrowed(mid), inner);
            inner = graph.activation(activation, inner);
        }
        inner = graph.depthwise(&self.depthwise_of(kernel, mid), inner);
        inner = graph.norm(&self.inner.narrowed(mid), inner);
        inner = graph.activation(activation, inner);
        if let (Some(squeeze), Some(hidden)) = (&self.squeeze, block.squeeze) {
            inner = squeeze.append(graph, inner, [mid, hidden]);
        }
        let (project, norm) = &self.project;
        graph.conv_norm(&project.narrowed(mid, output), &norm.narrowed(output), inner)
    }

    fn depthwise_of(&self, kernel: usize, channels: usize) -> DepthwiseLayer {
        let DepthwiseLayer { weight, window } = self.depthwise.narrowed(channels);
        let mut steps: Vec<Shrink> = self.shrinks.iter().filter(|step| step.side >= kernel).cloned().collect();
        // Smaller than all that are held: what no matrix was trained for is the centre, as through a fresh one.
        if steps.last().map_or(weight.held[0], |step| step.side) > kernel {
            steps.push(Shrink { side: kernel, matrix: None });
        }
        DepthwiseLayer { weight: weight.shrunk(steps), window: Window::same(kernel, window.stride) }
    }

    /// What a network with a smaller kernel there sees of the depthwise weight called `name`.
    pub fn cut(&self, name: &str, shape: &[usize]) -> Option<View> {
        let weight = &self.depthwise.weight;
        match *shape {
            [side, _, channels] if *weight.name == *name && side < weight.held[0] && channels <= weight.held[2] => {
                Some(self.depthwise_of(side, channels).weight)
            }
            _ => None,
        }
    }
}

impl Squeeze {
    fn append(&self, graph: &mut GraphBuilder, x: Value, [mid, hidden]: [usize; 2]) -> Value {
        let pooled = graph.global_avg_pool(x);
        let reduced = graph.linear(&self.reduce.narrowed(mid, hidden), pooled);
        let reduced = graph.relu(reduced);
        let excited = graph.linear(&self.excite.narrowed(hidden, mid), reduced);
        let gates = graph.activation(Activation::HardSigmoid, excited);
        graph.scale_channels(x, gates)
    }
}
