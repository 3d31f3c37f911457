//! What their supernets hold, and how they run.

use std::collections::BTreeMap;

use fewshot_space::mbconv::ofa::{EXPANSIONS, KERNELS};
use fewshot_space::mbconv::{ConvShape, MbBlock, MbNet, ProxylessOp, Slot};
use fewshot_space::{Arch, OfaMbv3Space, ProxylessSpace, Region};

use super::block::{MbLayers, Place, Widths};
use super::layers::{activation, conv, he, linear, norm};
use super::sort::sort;
use crate::blueprint::{Blueprint, Body};
use crate::geometry::Size;
use crate::graph::{GraphBuilder, Value};
use crate::layers::{Builder, ConvLayer, LinearLayer};
use crate::mix::{Blend, Mix, Route, Term};
use crate::norm::NormKind;
use crate::op::{BatchNorm, Resize, Zeros};
use crate::values::Init;
use crate::view::View;
use crate::weights::Weights;

impl Blueprint for OfaMbv3Space {
    fn build(&self, region: &Region, cell_norm: NormKind, builder: &mut Builder) -> Box<dyn Body> {
        let net = self.net(&largest(region));
        let outside = Outside::new(builder, &net);
        let mut blocks = BTreeMap::new();
        for block in &net.blocks {
            let Some(slot) = block.slot else { continue };
            let number = self.slots().iter().position(|known| *known == slot).expect("a slot of the space");
            let kernels = region.allowed(self.kernel_of(number));
            let smallest = kernels.iter().map(|option| KERNELS[option]).min().unwrap_or(block.kernel);
            let place = Place::new(format!("stages.{}.{}", slot.stage, slot.position), cell_norm, &net);
            blocks.insert((slot, NESTED), MbLayers::new(builder, &place, block, smallest));
        }
        Box::new(MbBody { space: self.clone(), outside, blocks })
    }

    /// The sub-networks of a step see images of one resolution (Cai et al., ICLR 2020).
    fn of_a_step(&self) -> Vec<usize> {
        vec![self.resolution_of()]
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
                let layers =
                    builder.for_decision(layer, |builder| MbLayers::new(builder, &place, &block, block.kernel));
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

    /// Side of the images that a network reads; none where it is that of the images which it is given.
    fn side(&self, _arch: &Arch) -> Option<usize> {
        None
    }

    /// Which layers of its slot a block uses.
    fn variant(block: &MbBlock) -> Variant;

    /// At which channels the blocks of a slot end that share its layers, in the networks of `region`.
    fn widths(&self, _slot: Slot, _region: &Region) -> Widths {
        Widths::default()
    }

    /// What may stand at decision `layer`, where each option has layers of its own: only then can options be mixed.
    fn candidates(&self, _layer: usize) -> Option<Candidates> {
        None
    }
}

/// What may stand at one slot.
struct Candidates {
    /// One per option; none for the identity.
    blocks: Vec<Option<MbBlock>>,
    /// Whether the input is added to what the candidates make of it.
    has_skip: bool,
}

/// Kernel and expansion of layers that are one block's own; [`NESTED`] for those that all blocks of a slot share.
type Variant = (usize, usize);

const NESTED: Variant = (0, 0);

impl MbSpace for OfaMbv3Space {
    fn layers(&self, arch: &Arch) -> MbNet {
        self.net(arch)
    }

    /// Where there is one resolution, networks run on images of any size.
    fn side(&self, arch: &Arch) -> Option<usize> {
        (self.skeleton().resolutions.len() > 1).then(|| self.resolution(arch))
    }

    fn variant(_: &MbBlock) -> Variant {
        NESTED
    }

    fn widths(&self, slot: Slot, region: &Region) -> Widths {
        let number = self.slots().iter().position(|known| *known == slot).expect("a slot of the space");
        let expansions = region.allowed(self.expansion_of(number));
        let side = self.skeleton().resolutions[0];
        Widths::of(expansions.iter().map(|option| self.block(number, KERNELS[0], EXPANSIONS[option], side)))
    }
}

impl MbSpace for ProxylessSpace {
    fn layers(&self, arch: &Arch) -> MbNet {
        self.net(arch)
    }

    fn variant(block: &MbBlock) -> Variant {
        (block.kernel, block.expansion)
    }

    fn candidates(&self, layer: usize) -> Option<Candidates> {
        let blocks: Vec<Option<MbBlock>> = self.ops(layer).iter().map(|&op| self.block(layer, op)).collect();
        let has_skip = blocks.iter().flatten().any(|block| block.has_skip);
        Some(Candidates { blocks, has_skip })
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

    fn sort_channels(&self, trained: &Region, weights: &mut Weights) {
        for ((slot, _), layers) in &self.blocks {
            sort(layers, &self.space.widths(*slot, trained), weights);
        }
    }

    fn mixes(&self) -> bool {
        self.space.candidates(0).is_some()
    }

    fn append(&self, graph: &mut GraphBuilder, images: Value, route: Route<'_>) -> Value {
        let net = self.space.layers(&route.arch(0));
        let Outside { stem, first, head, mix, classifier } = &self.outside;
        let images = match self.space.side(&route.arch(0)) {
            Some(side) if graph.size(images)[..2] != [side; 2] => {
                graph.push(Resize { height: side, width: side }, &[images])
            }
            _ => images,
        };
        let x = graph.conv_norm(&stem.0, &stem.1, images);
        let x = graph.activation(activation(net.stem.nonlinearity), x);
        let x = first.append(graph, x, &net.blocks[0]);
        let x = match route {
            Route::Path(_) => net.blocks[1..].iter().fold(x, |x, block| self.layers_of(block).append(graph, x, block)),
            Route::Mix(mix) => self.mixed(graph, x, mix),
        };
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

impl<S: MbSpace> MbBody<S> {
    /// The layers of a block that stands at a slot.
    fn layers_of(&self, block: &MbBlock) -> &MbLayers {
        let slot = block.slot.expect("a block of a stage");
        self.blocks.get(&(slot, S::variant(block))).expect("a path within the region")
    }

    /// All decisions of a mix, one behind the other.
    fn mixed(&self, graph: &mut GraphBuilder, x: Value, mix: &Mix) -> Value {
        mix.blends.iter().enumerate().fold(x, |x, (layer, blend)| {
            let candidates = self.space.candidates(layer).expect("a space whose options can be mixed");
            match blend {
                Blend::Only(option) => match &candidates.blocks[*option] {
                    Some(block) => self.layers_of(block).append(graph, x, block),
                    None => x,
                },
                Blend::Sum { terms, whole } => {
                    let sum = terms.iter().fold(None, |sum, term| self.term(graph, x, &candidates, term, sum));
                    let sum = match (sum, whole) {
                        (Some(sum), Some(whole)) => {
                            let factor = graph.factor(whole);
                            Some(graph.weigh(sum, factor, None))
                        }
                        (sum, _) => sum,
                    };
                    match sum {
                        Some(sum) if candidates.has_skip => graph.add(x, sum),
                        Some(sum) => sum,
                        None if candidates.has_skip => x,
                        None => graph.push(Zeros { size: candidates.output() }, &[x]),
                    }
                }
            }
        })
    }

    /// `sum` and the weighed block of a term; the identity adds nothing to the input that is added anyway.
    fn term(
        &self,
        graph: &mut GraphBuilder,
        x: Value,
        candidates: &Candidates,
        term: &Term,
        sum: Option<Value>,
    ) -> Option<Value> {
        let shift = term.shift.as_ref().map(|shift| graph.factor(shift));
        let value = match &candidates.blocks[term.option] {
            Some(block) => self.layers_of(block).branch(graph, x, block),
            None if shift.is_none() => return sum,
            None => graph.zeros_like(x),
        };
        let scale = graph.factor(&term.scale);
        let value = graph.weigh(value, scale, shift);
        Some(graph.add_to(sum, value))
    }
}

impl Candidates {
    /// Height, width and channels of what they make.
    fn output(&self) -> Size {
        let block = self.blocks.iter().flatten().next().expect("a block among the candidates");
        let (height, width) = block.output_size();
        [height, width, block.output]
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
        let first = MbLayers::new(builder, &place, first, first.kernel);
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
