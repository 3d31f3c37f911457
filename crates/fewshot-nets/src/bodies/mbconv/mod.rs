//! Networks of inverted bottlenecks (`ofa-mbv3`, `proxyless`), layer by layer as [`MbNet`] describes them.
//!
//! A supernet of `ofa-mbv3` holds one set of weights per slot, at the largest kernel and expansion of its region: narrower blocks use
//! the first channels of each layer, smaller kernels are the centre of the large one through a matrix (Cai et al., ICLR 2020,
//! section 3.2). One of `proxyless` holds every candidate of every layer by itself (Cai et al., ICLR 2019). A network alone has its
//! own layers and nothing else.
//!
//! Graphs are for images of the size that they are given; the decision `r` of `ofa-mbv3` says what a network costs, and resizes
//! nothing in it.

mod block;
mod sort;

use std::collections::BTreeMap;

use fewshot_space::mbconv::ofa::{EXPANSIONS, KERNELS};
use fewshot_space::mbconv::{ConvShape, MbBlock, MbNet, Nonlinearity, ProxylessOp, Slot};
use fewshot_space::{Arch, OfaMbv3Space, ProxylessSpace, Region};

use self::block::{MbLayers, Place, Widths};
use crate::geometry::Real;
use crate::graph::{GraphBuilder, Value};
use crate::layers::{Builder, ConvLayer, LinearLayer, NormKind};
use crate::mix::Route;
use crate::net::{Blueprint, Body};
use crate::op::{Activation, BatchNorm};
use crate::values::Init;
use crate::view::View;
use crate::weights::Weights;

impl Blueprint for OfaMbv3Space {
    fn build(&self, region: &Region, cell_norm: NormKind, builder: &mut Builder) -> Box<dyn Body> {
        let largest = largest(region);
        let (net, side) = (self.net(&largest), self.resolution(&largest));
        let outside = Outside::new(builder, &net);
        let mut blocks = BTreeMap::new();
        for block in &net.blocks {
            let Some(slot) = block.slot else { continue };
            let number = self.slots().iter().position(|known| *known == slot).expect("a slot of the space");
            let kernels = region.allowed(self.kernel_of(number));
            let expansions = region.allowed(self.expansion_of(number));
            let smallest = kernels.iter().map(|option| KERNELS[option]).min().unwrap_or(block.kernel);
            let width = |option: usize| self.block(number, block.kernel, EXPANSIONS[option], side);
            let widths = Widths::of(expansions.iter().map(width));
            let place = Place::new(format!("stages.{}.{}", slot.stage, slot.position), cell_norm, &net);
            blocks.insert((slot, NESTED), MbLayers::new(builder, &place, block, smallest, widths));
        }
        Box::new(MbBody { space: self.clone(), outside, blocks })
    }
}

impl Blueprint for ProxylessSpace {
    fn build(&self, region: &Region, cell_norm: NormKind, builder: &mut Builder) -> Box<dyn Body> {
        let net = self.net(&largest(region));
        let outside = Outside::new(builder, &net);
        let mut blocks = BTreeMap::new();
        for (layer, &slot) in self.slots().iter().enumerate() {
            let allowed: Vec<ProxylessOp> =
                region.allowed(layer).iter().map(|option| self.ops(layer)[option]).collect();
            for op in allowed {
                let Some(block) = self.block(layer, op) else { continue };
                let name = format!("stages.{}.{}.{}", slot.stage, slot.position, op.name());
                let place = Place::new(name, cell_norm, &net);
                let widths = Widths::of([block]);
                let layers =
                    builder.for_decision(layer, |builder| MbLayers::new(builder, &place, &block, block.kernel, widths));
                blocks.insert((slot, (block.kernel, block.expansion)), layers);
            }
        }
        Box::new(MbBody { space: self.clone(), outside, blocks })
    }
}

/// The last option everywhere: of `ofa-mbv3` the network that holds all others of the region.
fn largest(region: &Region) -> Arch {
    let decisions = region.space().decisions().len();
    let last = |decision: usize| region.allowed(decision).iter().max().unwrap_or(0) as u8;
    Arch::new((0..decisions).map(last).collect())
}

/// A space of such networks.
trait MbSpace: Blueprint {
    /// The network of an architecture.
    fn layers(&self, arch: &Arch) -> MbNet;

    /// Which layers of its slot a block uses.
    fn variant(block: &MbBlock) -> Variant;
}

/// Kernel and expansion of layers that are one block's own; [`NESTED`] for those that all blocks of a slot share.
type Variant = (usize, usize);

const NESTED: Variant = (0, 0);

impl MbSpace for OfaMbv3Space {
    fn layers(&self, arch: &Arch) -> MbNet {
        self.net(arch)
    }

    fn variant(_: &MbBlock) -> Variant {
        NESTED
    }
}

impl MbSpace for ProxylessSpace {
    fn layers(&self, arch: &Arch) -> MbNet {
        self.net(arch)
    }

    fn variant(block: &MbBlock) -> Variant {
        (block.kernel, block.expansion)
    }
}

struct MbBody<S> {
    space: S,
    outside: Outside,
    blocks: BTreeMap<(Slot, Variant), MbLayers>,
}

impl<S: MbSpace> Body for MbBody<S> {
    fn cut(&self, name: &str, shape: &[usize]) -> Option<View> {
        self.blocks.values().find_map(|layers| layers.cut(name, shape))
    }

    fn sort_channels(&self, weights: &mut Weights) {
        self.blocks.values().for_each(|layers| sort::sort(layers, weights));
    }

    fn append(&self, graph: &mut GraphBuilder, images: Value, route: Route<'_>) -> Value {
        let net = self.space.layers(&route.arch(0));
        let Outside { stem, first, head, mix, classifier } = &self.outside;
        let x = graph.conv_norm(&stem.0, &stem.1, images);
        let mut x = graph.activation(activation(net.stem.nonlinearity), x);
        for block in &net.blocks {
            let layers = match block.slot {
                Some(slot) => self.blocks.get(&(slot, S::variant(block))).expect("a path within the region"),
                None => first,
            };
            x = layers.append(graph, x, block);
        }
        let x = graph.conv_norm(&head.0, &head.1, x);
        let x = graph.activation(activation(net.final_expand.nonlinearity), x);
        let mut x = graph.global_avg_pool(x);
        if let (Some(mix), Some(shape)) = (mix, &net.feature_mix) {
            x = graph.linear(mix, x);
            x = graph.activation(activation(shape.nonlinearity), x);
        }
        graph.linear(classifier, x)
    }
}

/// What every network of the space has.
struct Outside {
    stem: (ConvLayer, BatchNorm),
    /// The block behind the stem.
    first: MbLayers,
    head: (ConvLayer, BatchNorm),
    /// The 1x1 convolution of the pooled map, whose pixels are one.
    mix: Option<LinearLayer>,
    classifier: LinearLayer,
}

impl Outside {
    fn new(builder: &mut Builder, net: &MbNet) -> Outside {
        let conv_norm = |builder: &mut Builder, name: &str, shape: &ConvShape| {
            let ConvShape { kernel, input, output, stride, .. } = *shape;
            let conv = conv(builder, name, kernel, [input, output], stride);
            (conv, norm(builder, &format!("{name}.norm"), output, NormKind::FULL, net))
        };
        let stem = conv_norm(builder, "stem", &net.stem);
        let first = &net.blocks[0];
        let place = Place::new("first".to_string(), NormKind::FULL, net);
        let first = MbLayers::new(builder, &place, first, first.kernel, Widths::of([*first]));
        let head = conv_norm(builder, "head", &net.final_expand);
        let mix = net.feature_mix.as_ref().map(|mix| {
            let weight = builder.param("mix.weight".to_string(), &[mix.input, mix.output], he(mix.output));
            LinearLayer { weight, bias: None, counts_bias: false }
        });
        let (inputs, outputs) = (net.classifier.inputs, net.classifier.outputs);
        let classifier = linear(builder, "head.linear", [inputs, outputs], Init::Uniform { fan_in: inputs });
        Outside { stem, first, head, mix, classifier }
    }
}

fn activation(nonlinearity: Nonlinearity) -> Activation {
    match nonlinearity {
        Nonlinearity::Relu => Activation::Relu,
        Nonlinearity::Relu6 => Activation::Relu6,
        Nonlinearity::HSwish => Activation::HardSwish,
    }
}

/// He et al. (ICCV 2015) by what goes out, the start of all convolutions in both publications; `fan_out` counts the taps of all
/// outputs, of depthwise convolutions too.
fn he(fan_out: usize) -> Init {
    Init::Normal { deviation: (2.0 / fan_out as f32).sqrt() }
}

fn conv(builder: &mut Builder, name: &str, kernel: usize, [input, output]: [usize; 2], stride: usize) -> ConvLayer {
    let init = he(kernel * kernel * output);
    let weight = builder.param(format!("{name}.weight"), &[kernel, kernel, input, output], init);
    ConvLayer { weight, bias: None, window: crate::Window::same(kernel, stride) }
}

/// A linear layer whose bias starts at zero and costs no multiply-adds.
fn linear(builder: &mut Builder, name: &str, [input, output]: [usize; 2], init: Init) -> LinearLayer {
    let weight = builder.param(format!("{name}.weight"), &[input, output], init);
    let bias = builder.param(format!("{name}.bias"), &[output], Init::Constant(0.0));
    LinearLayer { weight, bias: Some(bias), counts_bias: false }
}

fn norm(builder: &mut Builder, name: &str, channels: usize, kind: NormKind, net: &MbNet) -> BatchNorm {
    BatchNorm { eps: Real(net.batch_norm_epsilon as f32), ..builder.norm(name, channels, kind) }
}
