//! The layers of one cell.

use fewshot_space::Region;
use fewshot_space::autogan::{AutoGanSpace, CELL_DECISIONS, ConvBlock, GeneratorCell, Norm, Upsampling};

use super::layers::{conv, deconv, norm};
use crate::graph::{GraphBuilder, Value};
use crate::layers::{Builder, ConvLayer};
use crate::norm::EPS;
use crate::op::{BatchNorm, Interpolation};

/// The places of what is optional among a cell's decisions.
const CONV: usize = 0;
const NORM: usize = 1;
const UP: usize = 2;
const SHORTCUT: usize = 3;
const SKIP: usize = 4;

/// One of the two convolutions of a kind of block.
struct BlockLayers {
    conv: ConvLayer,
    norm: Option<BatchNorm>,
    deconv: Option<ConvLayer>,
}

/// All that a cell may run.
pub(super) struct CellLayers {
    post: Option<[BlockLayers; 2]>,
    pre: Option<[BlockLayers; 2]>,
    /// 1×1, of the enlarged input.
    shortcut: Option<ConvLayer>,
    shortcut_deconv: Option<ConvLayer>,
    /// 1×1, by the earlier cell.
    skips: Vec<Option<ConvLayer>>,
    /// From the cell before, ×2.
    skip_twice: Option<ConvLayer>,
    /// From the one before that, ×4.
    skip_fourfold: Option<[ConvLayer; 2]>,
}

/// Which options a region leaves a cell.
struct Choices<'a> {
    region: &'a Region,
    first: usize,
    cell: usize,
}

impl Choices<'_> {
    fn allows(&self, decision: usize, option: usize) -> bool {
        self.region.allowed(self.first + decision).contains(option)
    }

    /// Whether several architectures share the cell. Then it is the published one, which holds deconvolutions that no architecture
    /// uses, in second blocks and for skips that there are not: without them it would not have as many parameters.
    fn is_shared(&self) -> bool {
        (0..CELL_DECISIONS[self.cell]).any(|decision| self.region.allowed(self.first + decision).len() > 1)
    }

    fn takes_skip(&self, from: usize) -> bool {
        let bit = 1 << (self.cell - 1 - from);
        self.region.allowed(self.first + SKIP).iter().any(|option| option & bit != 0)
    }
}

impl CellLayers {
    pub(super) fn new(builder: &mut Builder, region: &Region, cell: usize, channels: usize) -> Self {
        let choices = Choices { region, first: AutoGanSpace::first_decision_of(cell), cell };
        let name = format!("cells.{cell}");
        let deconvolves = choices.allows(UP, Upsampling::Deconv as usize);
        let is_shared = choices.is_shared();
        let mut blocks = |kind: ConvBlock, text: &str| {
            choices.allows(CONV, kind as usize).then(|| {
                [0, 1].map(|place| {
                    let name = format!("{name}.{text}.{place}");
                    BlockLayers {
                        conv: conv(builder, &format!("{name}.conv"), 3, [channels; 2]),
                        norm: choices
                            .allows(NORM, Norm::Batch as usize)
                            .then(|| norm(builder, &format!("{name}.norm"), channels)),
                        deconv: (deconvolves && (place == 0 || is_shared))
                            .then(|| deconv(builder, &format!("{name}.deconv"), channels)),
                    }
                })
            })
        };
        let (post, pre) = (blocks(ConvBlock::PostActivation, "post"), blocks(ConvBlock::PreActivation, "pre"));
        let mut side = |name: String| conv(builder, &format!("{name}.conv"), 1, [channels; 2]);
        let shortcut = choices.allows(SHORTCUT, 1).then(|| side(format!("{name}.shortcut")));
        let skips: Vec<Option<ConvLayer>> =
            (0..cell).map(|from| choices.takes_skip(from).then(|| side(format!("{name}.skip.{from}")))).collect();
        let mut grows = |name: String, is_used: bool| {
            (deconvolves && (is_used || is_shared)).then(|| deconv(builder, &name, channels))
        };
        // A skip from the cell before grows once, one from the cell before that twice.
        let (near, far) = (
            cell.checked_sub(1).is_some_and(|from| choices.takes_skip(from)),
            cell.checked_sub(2).is_some_and(|from| choices.takes_skip(from)),
        );
        let shortcut_deconv = grows(format!("{name}.shortcut.deconv"), shortcut.is_some());
        let skip_twice = grows(format!("{name}.skip.twice"), near);
        let first = grows(format!("{name}.skip.fourfold.0"), far);
        let second = grows(format!("{name}.skip.fourfold.1"), far);
        let skip_fourfold = first.zip(second).map(|(first, second)| [first, second]);
        Self { post, pre, shortcut, shortcut_deconv, skips, skip_twice, skip_fourfold }
    }

    /// The cell's output for the input `x`, and the feature that it hands to later cells, given those of the earlier ones.
    pub(super) fn append(
        &self,
        graph: &mut GraphBuilder,
        cell: &GeneratorCell,
        x: Value,
        features: &[Value],
    ) -> (Value, Value) {
        let blocks = match cell.conv {
            ConvBlock::PostActivation => &self.post,
            ConvBlock::PreActivation => &self.pre,
        };
        let [first, second] = blocks.as_ref().expect(WITHIN);
        let mut feature = first.append(graph, cell, x, true);
        for &from in &cell.skips {
            let side = cell.input_side * 2;
            let deconvs: &[ConvLayer] = match cell.upsampling {
                Upsampling::Deconv if from + 1 == features.len() => self.skip_twice.as_slice(),
                Upsampling::Deconv => self.skip_fourfold.as_ref().expect(WITHIN),
                Upsampling::Bilinear | Upsampling::Nearest => &[],
            };
            let grown = upsampled(graph, cell.upsampling, deconvs, features[from], side);
            let skip = graph.conv(self.skips[from].as_ref().expect(WITHIN), grown);
            feature = graph.add(feature, skip);
        }
        let mut output = second.append(graph, cell, feature, false);
        if cell.has_shortcut {
            let grown = upsampled(graph, cell.upsampling, self.shortcut_deconv.as_slice(), x, cell.input_side * 2);
            let shortcut = graph.conv(self.shortcut.as_ref().expect(WITHIN), grown);
            output = graph.add(output, shortcut);
        }
        (output, feature)
    }
}

/// What holds of every path that the net has checked.
const WITHIN: &str = "a path within the region";

impl BlockLayers {
    fn append(&self, graph: &mut GraphBuilder, cell: &GeneratorCell, x: Value, grows: bool) -> Value {
        let enlarged = |graph: &mut GraphBuilder, x: Value| match grows {
            true => upsampled(graph, cell.upsampling, self.deconv.as_slice(), x, cell.input_side * 2),
            false => x,
        };
        match cell.conv {
            ConvBlock::PostActivation => {
                let x = enlarged(graph, x);
                let x = graph.conv(&self.conv, x);
                let x = self.normed(graph, cell.norm, x);
                graph.relu(x)
            }
            ConvBlock::PreActivation => {
                let x = self.normed(graph, cell.norm, x);
                let x = graph.relu(x);
                let x = enlarged(graph, x);
                graph.conv(&self.conv, x)
            }
        }
    }

    fn normed(&self, graph: &mut GraphBuilder, norm: Norm, x: Value) -> Value {
        match norm {
            Norm::None => x,
            Norm::Batch => graph.norm(self.norm.as_ref().expect(WITHIN), x),
            Norm::Instance => graph.instance_norm(x, EPS),
        }
    }
}

/// `x` at the height and width `side`: by interpolation, or by one 2×2 deconvolution after the other with nothing between them.
fn upsampled(graph: &mut GraphBuilder, upsampling: Upsampling, deconvs: &[ConvLayer], x: Value, side: usize) -> Value {
    let factor = side / graph.size(x)[0];
    match upsampling {
        Upsampling::Bilinear => graph.upsample(x, Interpolation::Bilinear, factor),
        Upsampling::Nearest => graph.upsample(x, Interpolation::Nearest, factor),
        Upsampling::Deconv => deconvs.iter().fold(x, |x, layer| graph.transposed_conv(layer, x)),
    }
}
