//! `stages`: small image classifiers as people build them by hand, with their sizes as decisions.
//!
//! A stem, three stages of equal blocks, a head. Decided are how far the stem shrinks the image, the width, and per stage
//! the kind of block and how many of them. Plain, residual and depthwise-separable networks are members
//! ([`StageSpace::by_hand`]), and so is every mixture of them. Since the width is a decision, a limit on cost can be *filled*
//! by every kind of network: those of cheap blocks are wider.

use serde::{Deserialize, Serialize};

use crate::arch::Arch;
use crate::cost::Cost;
use crate::decision::Decision;
use crate::error::SkeletonError;
use crate::graph::{Edge, Graph, OpKind};
use crate::space::Space;

/// The space's name.
pub const NAME: &str = "stages";

/// Stages; the width doubles and the sides halve from one to the next.
pub const STAGES: usize = 3;
/// How far the stem shrinks the sides of the image.
pub const STEMS: [usize; 3] = [1, 2, 4];
/// Channels of the first stage.
pub const WIDTHS: [usize; 16] = [4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128];
/// Most blocks of a stage.
pub const DEPTH: usize = 4;
/// Channels within an inverted residual, as a multiple of those that it reads (Sandler et al. 2018, there 6).
pub const EXPANSION: usize = 3;

/// Position of the stem's decision.
pub const STEM: usize = 0;
/// Position of the width's decision.
pub const WIDTH: usize = 1;

/// Position of the decision on the kind of block of a stage.
pub const fn block_of(stage: usize) -> usize {
    2 + 2 * stage
}

/// Position of the decision on the number of blocks of a stage.
pub const fn depth_of(stage: usize) -> usize {
    3 + 2 * stage
}

/// A kind of block. All convolutions are followed by batch normalisation; blocks read their input through a ReLU, but for
/// inverted residuals, whose input is a bottleneck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StageBlock {
    /// One 3x3 convolution (Simonyan and Zisserman 2015).
    Conv,
    /// Two 3x3 convolutions and a shortcut (He et al. 2016, in the order of 2016b).
    Residual,
    /// Depthwise convolution of this side, then 1x1 (Howard et al. 2017), with a shortcut where the shape stays.
    Separable(usize),
    /// 1x1 to [`EXPANSION`] times the channels, depthwise of this side, 1x1 (Sandler et al. 2018), with a shortcut where
    /// the shape stays.
    Inverted(usize),
}

impl StageBlock {
    /// All of them, in the order of the options.
    pub const ALL: [StageBlock; 6] = [
        StageBlock::Conv,
        StageBlock::Residual,
        StageBlock::Separable(3),
        StageBlock::Separable(5),
        StageBlock::Inverted(3),
        StageBlock::Inverted(5),
    ];

    /// Its name in texts and weights.
    pub fn name(self) -> &'static str {
        match self {
            StageBlock::Conv => "conv",
            StageBlock::Residual => "residual",
            StageBlock::Separable(3) => "sep3",
            StageBlock::Separable(_) => "sep5",
            StageBlock::Inverted(3) => "mbconv3",
            StageBlock::Inverted(_) => "mbconv5",
        }
    }

    /// Convolutions on its longest path.
    fn convs(self) -> usize {
        match self {
            StageBlock::Conv => 1,
            StageBlock::Residual | StageBlock::Separable(_) => 2,
            StageBlock::Inverted(_) => 3,
        }
    }

    /// Whether its input is added to what it computes.
    pub fn has_shortcut(self, at: BlockShape) -> bool {
        match self {
            StageBlock::Conv => false,
            StageBlock::Residual => true,
            StageBlock::Separable(_) | StageBlock::Inverted(_) => at.keeps_shape(),
        }
    }

    fn cost(self, at: BlockShape) -> Cost {
        let BlockShape { input, output, size, .. } = at;
        let small = at.output_size();
        let conv = |kernel, input, output, size| Cost::conv(kernel, input, output, size) + Cost::batch_norm(output);
        let depthwise = |kernel, channels| Cost::depthwise(kernel, channels, small) + Cost::batch_norm(channels);
        match self {
            StageBlock::Conv => conv(3, input, output, small),
            StageBlock::Residual => {
                let shortcut = if at.keeps_shape() { Cost::ZERO } else { Cost::conv(1, input, output, small) };
                conv(3, input, output, small) + conv(3, output, output, small) + shortcut
            }
            StageBlock::Separable(kernel) => depthwise(kernel, input) + conv(1, input, output, small),
            StageBlock::Inverted(kernel) => {
                let inner = EXPANSION * input;
                conv(1, input, inner, size) + depthwise(kernel, inner) + conv(1, inner, output, small)
            }
        }
    }
}

/// Where a block stands: its channels, the size of what it reads, and its stride.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockShape {
    /// Channels in.
    pub input: usize,
    /// Channels out.
    pub output: usize,
    /// Height and width of the input in pixels.
    pub size: (usize, usize),
    /// 1, or 2 for the first block of every stage but the first.
    pub stride: usize,
}

impl BlockShape {
    /// Whether what comes out has the shape of what goes in.
    pub fn keeps_shape(self) -> bool {
        self.input == self.output && self.stride == 1
    }

    fn output_size(self) -> (usize, usize) {
        (self.size.0.div_ceil(self.stride), self.size.1.div_ceil(self.stride))
    }
}

/// What is given and not decided: images in, classes out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageSkeleton {
    /// Height of an input image in pixels, 1 to 2048.
    pub image_height: usize,
    /// Width of an input image in pixels, 1 to 2048.
    pub image_width: usize,
    /// Channels of an input image, 1 to 1024.
    pub channels_in: usize,
    /// Number of classes, 2 to 1,000,000.
    pub classes: usize,
}

impl StageSkeleton {
    /// Checks that every field is in its range.
    ///
    /// # Errors
    /// [`SkeletonError`] names the first field that is not.
    pub fn check(&self) -> Result<(), SkeletonError> {
        SkeletonError::check(&[
            ("image_height", self.image_height, 1, 2048),
            ("image_width", self.image_width, 1, 2048),
            ("channels_in", self.channels_in, 1, 1024),
            ("classes", self.classes, 2, 1_000_000),
        ])
    }
}

/// Stem, three stages of blocks, head; 16 widths, three stems, and per stage six kinds of block and one to four of them:
/// 663,552 architectures.
///
/// Text form: `stem=2,width=24,block1=residual,depth1=1,block2=mbconv3,depth2=2,block3=sep5,depth3=2`.
#[derive(Clone, Debug)]
pub struct StageSpace {
    skeleton: StageSkeleton,
    decisions: Vec<Decision>,
}

impl StageSpace {
    /// The space for these images and classes.
    pub fn new(skeleton: StageSkeleton) -> StageSpace {
        let mut decisions = vec![
            Decision::new("stem", STEMS.map(|stem| stem.to_string())),
            Decision::new("width", WIDTHS.map(|width| width.to_string())),
        ];
        for stage in 1..=STAGES {
            decisions.push(Decision::new(format!("block{stage}"), StageBlock::ALL.map(StageBlock::name)));
            decisions.push(Decision::new(format!("depth{stage}"), (1..=DEPTH).map(|depth| depth.to_string())));
        }
        StageSpace { skeleton, decisions }
    }

    /// Images in, classes out.
    pub fn skeleton(&self) -> &StageSkeleton {
        &self.skeleton
    }

    /// The blocks of an architecture in order, each with its stage, its place there, and its shape.
    pub fn blocks(
        arch: &Arch,
        image: (usize, usize),
    ) -> impl Iterator<Item = (usize, usize, StageBlock, BlockShape)> + '_ {
        let (stem, width) = (STEMS[arch.get(STEM)], WIDTHS[arch.get(WIDTH)]);
        let shrunk = move |side: usize, halvings| (0..halvings).fold(side.div_ceil(stem), |side, _| side.div_ceil(2));
        (0..STAGES).flat_map(move |stage| {
            let kind = StageBlock::ALL[arch.get(block_of(stage))];
            (0..=arch.get(depth_of(stage))).map(move |place| {
                let is_reduction = stage > 0 && place == 0;
                let reads = if is_reduction { stage - 1 } else { stage };
                let input = if place == 0 { width << stage.saturating_sub(1) } else { width << stage };
                let size = (shrunk(image.0, reads), shrunk(image.1, reads));
                let stride = if is_reduction { 2 } else { 1 };
                (stage, place, kind, BlockShape { input, output: width << stage, size, stride })
            })
        })
    }

    /// The architecture whose three stages are made of one kind of block, as one would design it by hand.
    ///
    /// # Panics
    /// When stem, width or a depth is none of the options.
    pub fn by_hand(stem: usize, width: usize, kind: StageBlock, depths: [usize; STAGES]) -> Arch {
        let place = |all: &[usize], value| all.iter().position(|&known| known == value);
        let kind = StageBlock::ALL.iter().position(|&known| known == kind).unwrap_or_default();
        let option = |at: Option<usize>| u8::try_from(at.expect("an option of the space")).expect("few options");
        let mut options = vec![option(place(&STEMS, stem)), option(place(&WIDTHS, width))];
        for depth in depths {
            assert!((1..=DEPTH).contains(&depth), "a stage has 1 to {DEPTH} blocks");
            options.extend([kind as u8, depth as u8 - 1]);
        }
        Arch::new(options)
    }
}

impl Space for StageSpace {
    fn name(&self) -> &str {
        NAME
    }

    fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// A chain of convolutions, with an identity around each block that has a shortcut.
    fn graph(&self, arch: &Arch) -> Graph {
        // Stem first.
        let mut edges = vec![Edge { from: 0, to: 1, kind: OpKind::LinearConv }];
        let mut node = 1;
        for (_, _, kind, shape) in StageSpace::blocks(arch, (self.skeleton.image_height, self.skeleton.image_width)) {
            let end = node + kind.convs();
            edges.extend((node..end).map(|from| Edge { from, to: from + 1, kind: OpKind::Conv }));
            if kind.has_shortcut(shape) {
                edges.push(Edge { from: node, to: end, kind: OpKind::Identity });
            }
            node = end;
        }
        Graph::new(node + 1, edges)
    }

    fn cost(&self, arch: &Arch) -> Cost {
        let StageSkeleton { image_height, image_width, channels_in, classes } = self.skeleton;
        let width = WIDTHS[arch.get(WIDTH)];
        let mut size = (image_height, image_width);
        let mut cost = Cost::ZERO;
        for (input, stride) in stem_convs(STEMS[arch.get(STEM)], channels_in, width) {
            size = (size.0.div_ceil(stride), size.1.div_ceil(stride));
            cost = cost + Cost::conv(3, input, width, size) + Cost::batch_norm(width);
        }
        for (_, _, kind, shape) in StageSpace::blocks(arch, (image_height, image_width)) {
            cost = cost + kind.cost(shape);
        }
        let last = width << (STAGES - 1);
        cost + Cost::batch_norm(last) + Cost::linear(last, classes)
    }
}

/// The 3x3 convolutions of a stem that shrinks by `stem`: channels in and stride of each.
pub fn stem_convs(stem: usize, channels_in: usize, width: usize) -> Vec<(usize, usize)> {
    match stem {
        1 => vec![(channels_in, 1)],
        2 => vec![(channels_in, 2)],
        _ => vec![(channels_in, 2), (width, 2)],
    }
}
