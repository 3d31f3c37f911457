//! Networks of the space `stages`: stem, three stages of blocks, head.
//!
//! A supernet holds every block of its region at the largest width; a path of a narrower network uses the first channels of
//! each layer (slimmable networks: Yu et al., ICLR 2019), so that all networks of a limit are trained and scored at the
//! size they will have. A network alone has its own width and nothing else.

use std::collections::BTreeMap;

use fewshot_space::stages::{self, EXPANSION, STAGES, STEMS, WIDTHS};
use fewshot_space::{BlockShape, Region, StageBlock, StageSkeleton, StageSpace};

use crate::blueprint::{Blueprint, Body};
use crate::graph::{GraphBuilder, Value};
use crate::layers::{Builder, ConvLayer, DepthwiseLayer, LinearLayer, ReluConvNorm};
use crate::mix::Route;
use crate::norm::NormKind;
use crate::op::BatchNorm;

impl Blueprint for StageSpace {
    fn build(&self, region: &Region, cell_norm: NormKind, builder: &mut Builder) -> Box<dyn Body> {
        let StageSkeleton { image_height, image_width, channels_in, classes } = *self.skeleton();
        let width = region.allowed(stages::WIDTH).iter().max().map_or(0, |widest| WIDTHS[widest]);
        let mut stems = BTreeMap::new();
        for stem in region.allowed(stages::STEM).iter().map(|option| STEMS[option]) {
            let convs = stages::stem_convs(stem, channels_in, width).into_iter().enumerate();
            let convs = convs.map(|(place, (input, stride))| {
                let name = format!("stem{stem}.{place}");
                let conv = builder.conv(&name, 3, input, width, stride);
                (conv, builder.norm(&format!("{name}.norm"), width, cell_norm))
            });
            stems.insert(stem, convs.collect());
        }
        let mut blocks = BTreeMap::new();
        for stage in 0..STAGES {
            let depth = region.allowed(stages::depth_of(stage)).iter().max().map_or(0, |most| most + 1);
            for kind in region.allowed(stages::block_of(stage)).iter().map(|option| StageBlock::ALL[option]) {
                for place in 0..depth {
                    let first = place == 0 && stage > 0;
                    let output = width << stage;
                    let input = if first { output / 2 } else { output };
                    let stride = if first { 2 } else { 1 };
                    let name = format!("stages.{stage}.{}.{place}", kind.name());
                    let layers = builder.for_decision(stages::block_of(stage), |builder| {
                        Block::new(kind, builder, &name, [input, output], stride, cell_norm)
                    });
                    blocks.insert((stage, place, kind), layers);
                }
            }
        }
        let last = width << (STAGES - 1);
        Box::new(StageBody {
            image: (image_height, image_width),
            stems,
            blocks,
            head_norm: builder.norm("head.norm", last, cell_norm),
            classifier: builder.linear("head.linear", last, classes),
        })
    }
}

struct StageBody {
    image: (usize, usize),
    /// Per stem, its convolutions.
    stems: BTreeMap<usize, Vec<(ConvLayer, BatchNorm)>>,
    /// Per stage, place in it and kind.
    blocks: BTreeMap<(usize, usize, StageBlock), Block>,
    head_norm: BatchNorm,
    classifier: LinearLayer,
}

/// The layers of a block, at the width that is held.
enum Block {
    Conv(ReluConvNorm),
    Residual { first: ReluConvNorm, second: ReluConvNorm, shortcut: Option<ConvLayer> },
    Separable { depthwise: DepthwiseLayer, norm: BatchNorm, pointwise: ReluConvNorm },
    Inverted { expand: (ConvLayer, BatchNorm), depthwise: DepthwiseLayer, norm: BatchNorm, project: ReluConvNorm },
}

impl Block {
    fn new(
        kind: StageBlock,
        builder: &mut Builder,
        name: &str,
        [input, output]: [usize; 2],
        stride: usize,
        norm: NormKind,
    ) -> Block {
        match kind {
            StageBlock::Conv => Block::Conv(builder.relu_conv_norm(name, 3, [input, output], stride, norm)),
            StageBlock::Residual => Block::Residual {
                first: builder.relu_conv_norm(&format!("{name}.first"), 3, [input, output], stride, norm),
                second: builder.relu_conv_norm(&format!("{name}.second"), 3, [output, output], 1, norm),
                shortcut: (input != output || stride != 1)
                    .then(|| builder.conv(&format!("{name}.shortcut"), 1, input, output, 1)),
            },
            StageBlock::Separable(kernel) => Block::Separable {
                depthwise: builder.depthwise(&format!("{name}.depthwise"), kernel, input, stride),
                norm: builder.norm(&format!("{name}.norm"), input, norm),
                pointwise: builder.relu_conv_norm(&format!("{name}.pointwise"), 1, [input, output], 1, norm),
            },
            StageBlock::Inverted(kernel) => {
                let inner = EXPANSION * input;
                let expand = builder.conv(&format!("{name}.expand"), 1, input, inner, 1);
                Block::Inverted {
                    expand: (expand, builder.norm(&format!("{name}.expand.norm"), inner, norm)),
                    depthwise: builder.depthwise(&format!("{name}.depthwise"), kernel, inner, stride),
                    norm: builder.norm(&format!("{name}.norm"), inner, norm),
                    project: builder.relu_conv_norm(&format!("{name}.project"), 1, [inner, output], 1, norm),
                }
            }
        }
    }

    fn append(&self, graph: &mut GraphBuilder, x: Value, kind: StageBlock, shape: BlockShape) -> Value {
        let BlockShape { input, output, .. } = shape;
        let (around, inner) = match self {
            Block::Conv(conv) => return graph.relu_conv_norm(&conv.narrowed(input, output), x),
            Block::Residual { first, second, shortcut } => {
                let inner = graph.relu_conv_norm(&first.narrowed(input, output), x);
                let around = match shortcut {
                    Some(shortcut) => {
                        // A window of 3 around every second pixel suits sides of any length.
                        let x = graph.avg_pool(x, 3, 2, 1);
                        graph.conv(&shortcut.narrowed(input, output), x)
                    }
                    None => x,
                };
                (around, graph.relu_conv_norm(&second.narrowed(output, output), inner))
            }
            Block::Separable { depthwise, norm, pointwise } => {
                let inner = graph.relu(x);
                let inner = graph.depthwise(&depthwise.narrowed(input), inner);
                let inner = graph.norm(&norm.narrowed(input), inner);
                (x, graph.relu_conv_norm(&pointwise.narrowed(input, output), inner))
            }
            Block::Inverted { expand, depthwise, norm, project } => {
                let expanded = EXPANSION * input;
                let inner = graph.conv_norm(&expand.0.narrowed(input, expanded), &expand.1.narrowed(expanded), x);
                let inner = graph.relu(inner);
                let inner = graph.depthwise(&depthwise.narrowed(expanded), inner);
                let inner = graph.norm(&norm.narrowed(expanded), inner);
                (x, graph.relu_conv_norm(&project.narrowed(expanded, output), inner))
            }
        };
        if kind.has_shortcut(shape) { graph.add(around, inner) } else { inner }
    }
}

impl Body for StageBody {
    fn append(&self, graph: &mut GraphBuilder, images: Value, route: Route<'_>) -> Value {
        let arch = route.arch(0);
        let (stem, width) = (STEMS[arch.get(stages::STEM)], WIDTHS[arch.get(stages::WIDTH)]);
        let mut x = images;
        for (place, (conv, norm)) in self.stems.get(&stem).expect("a path within the region").iter().enumerate() {
            let input = if place == 0 { conv.input() } else { width };
            if place > 0 {
                x = graph.relu(x);
            }
            x = graph.conv_norm(&conv.narrowed(input, width), &norm.narrowed(width), x);
        }
        for (stage, place, kind, shape) in StageSpace::blocks(&arch, self.image) {
            let block = self.blocks.get(&(stage, place, kind)).expect("a path within the region");
            x = block.append(graph, x, kind, shape);
        }
        let last = width << (STAGES - 1);
        let x = graph.norm(&self.head_norm.narrowed(last), x);
        let x = graph.relu(x);
        graph.pooled_linear(&self.classifier.narrowed(last, self.classifier.output()), x)
    }
}
