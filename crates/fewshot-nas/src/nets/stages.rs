//! Networks of the space `stages`: stem, three stages of blocks, head.
//!
//! A supernet holds every block of its region at the largest width; a path of a narrower network uses the first channels of
//! each layer (slimmable networks: Yu et al., ICLR 2019), so that all networks of a limit are trained and scored at the
//! size they will have. A network alone has its own width and nothing else.

use std::collections::BTreeMap;

use fewshot_space::stages::{self, EXPANSION, STAGES, STEMS, WIDTHS};
use fewshot_space::{BlockShape, Region, StageBlock, StageSkeleton, StageSpace};

use super::layers::{Builder, ConvLayer, DepthwiseLayer, LinearLayer, NormKind, NormLayer, ReluConvNorm};
use super::net::{Blueprint, Body, Network, Path};
use super::ops::Ops;

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
    stems: BTreeMap<usize, Vec<(ConvLayer, NormLayer)>>,
    /// Per stage, place in it and kind.
    blocks: BTreeMap<(usize, usize, StageBlock), Block>,
    head_norm: NormLayer,
    classifier: LinearLayer,
}

/// The layers of a block, at the width that is held.
enum Block {
    Conv(ReluConvNorm),
    Residual { first: ReluConvNorm, second: ReluConvNorm, shortcut: Option<ConvLayer> },
    Separable { depthwise: DepthwiseLayer, norm: NormLayer, pointwise: ReluConvNorm },
    Inverted { expand: (ConvLayer, NormLayer), depthwise: DepthwiseLayer, norm: NormLayer, project: ReluConvNorm },
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

    fn run<O: Ops>(&self, ops: &mut O, x: O::Map, kind: StageBlock, shape: BlockShape) -> O::Map {
        let BlockShape { input, output, .. } = shape;
        let around = kind.has_shortcut(shape).then(|| x.clone());
        match self {
            Block::Conv(conv) => ops.relu_conv_norm(&conv.narrowed(input, output), x, None),
            Block::Residual { first, second, shortcut } => {
                let inner = ops.relu_conv_norm(&first.narrowed(input, output), x, None);
                let around = match shortcut {
                    Some(shortcut) => around.map(|x| {
                        // A window of 3 around every second pixel suits sides of any length.
                        let x = ops.avg_pool(x, 3, 2, 1);
                        ops.conv(&shortcut.narrowed(input, output), x)
                    }),
                    None => around,
                };
                ops.relu_conv_norm(&second.narrowed(output, output), inner, around)
            }
            Block::Separable { depthwise, norm, pointwise } => {
                let x = ops.depthwise(&depthwise.narrowed(input), x, true);
                let x = ops.norm(&norm.narrowed(input), x);
                ops.relu_conv_norm(&pointwise.narrowed(input, output), x, around)
            }
            Block::Inverted { expand, depthwise, norm, project } => {
                let inner = EXPANSION * input;
                let x = ops.conv_norm(&expand.0.narrowed(input, inner), &expand.1.narrowed(inner), x);
                let x = ops.depthwise(&depthwise.narrowed(inner), x, true);
                let x = ops.norm(&norm.narrowed(inner), x);
                ops.relu_conv_norm(&project.narrowed(inner, output), x, around)
            }
        }
    }
}

impl Network for StageBody {
    fn run<O: Ops>(&self, ops: &mut O, images: O::Map, path: &Path) -> O::Rows {
        let arch = path.cell(0);
        let (stem, width) = (STEMS[arch.get(stages::STEM)], WIDTHS[arch.get(stages::WIDTH)]);
        // What was computed is told by the decisions so far, the last of them as far as it is done.
        let mut key = vec![stem as u8, arch.get(stages::WIDTH) as u8];
        let stem = self.stems.get(&stem).expect("a path within the region");
        let mut x = ops.memo(&key, |ops| {
            stem.iter().enumerate().fold(images, |x, (place, (conv, norm))| {
                let input = if place == 0 { conv.shape[2] } else { width };
                let x = if place == 0 { x } else { ops.relu(x) };
                ops.conv_norm(&conv.narrowed(input, width), &norm.narrowed(width), x)
            })
        });
        for (stage, place, kind, shape) in StageSpace::blocks(arch, self.image) {
            let block = self.blocks.get(&(stage, place, kind)).expect("a path within the region");
            key.push(arch.get(stages::block_of(stage)) as u8);
            x = ops.memo(&key, |ops| block.run(ops, x, kind, shape));
            if place == arch.get(stages::depth_of(stage)) {
                // The next block is of the next stage.
                key.push(u8::MAX);
            }
        }
        let last = width << (STAGES - 1);
        let x = ops.norm(&self.head_norm.narrowed(last), x);
        let x = ops.relu(x);
        let x = ops.global_avg_pool(x);
        ops.linear(&self.classifier.narrowed(last), x)
    }
}
