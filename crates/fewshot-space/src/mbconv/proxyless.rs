//! `proxyless`: the space of ProxylessNAS (Cai et al., ICLR 2019, <https://arxiv.org/abs/1812.00332>).

use serde::{Deserialize, Serialize};

use super::frame::{Frame, check_ranges};
use super::layers::{MbBlock, MbNet, Slot};
use super::layout::{self, MbScale};
use super::proxyless_text;
use crate::arch::Arch;
use crate::cost::Cost;
use crate::decision::Decision;
use crate::error::SpaceError;
use crate::graph::Graph;
use crate::option_set::OptionSet;
use crate::region::{Region, RegionError};
use crate::space::Space;
use crate::text::{ParseArchError, Source};

/// The space's name.
pub const NAME: &str = "proxyless";

/// What a layer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxylessOp {
    /// An inverted bottleneck.
    Block {
        /// Side of its depthwise kernel.
        kernel: usize,
        /// Channels within for each channel in.
        expansion: usize,
    },
    /// The identity (the paper's Zero, whose shortcut remains); where channels and size stay.
    Skip,
}

impl ProxylessOp {
    /// Its name in texts: `k3e6`, `skip`.
    pub fn name(self) -> String {
        match self {
            ProxylessOp::Block { kernel, expansion } => format!("k{kernel}e{expansion}"),
            ProxylessOp::Skip => "skip".into(),
        }
    }
}

const fn block(kernel: usize, expansion: usize) -> ProxylessOp {
    ProxylessOp::Block { kernel, expansion }
}

/// The candidates in the order of the options; the skip is the last, where there is one.
const FULL: [ProxylessOp; 7] =
    [block(3, 3), block(3, 6), block(5, 3), block(5, 6), block(7, 3), block(7, 6), ProxylessOp::Skip];
/// Those of the tiny scale.
const TINY: [ProxylessOp; 5] = [block(3, 3), block(3, 6), block(5, 3), block(5, 6), ProxylessOp::Skip];

/// What is given and not decided: images in, classes out, and how wide the networks are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxylessSkeleton {
    /// Which stages and candidates there are.
    pub scale: MbScale,
    /// Height of an input image in pixels, 1 to 2048.
    pub image_height: usize,
    /// Width of an input image in pixels, 1 to 2048.
    pub image_width: usize,
    /// Channels of an input image, 1 to 1024.
    pub channels_in: usize,
    /// Number of classes, 2 to 1,000,000.
    pub classes: usize,
    /// Multiplier of all widths, 0.1 to 4.
    pub width: f64,
    /// Stride of the stem, 1 or 2; published is 2.
    pub stem_stride: usize,
    /// Stride of the first stage, 1 or 2; published is 2.
    pub first_stride: usize,
}

impl ProxylessSkeleton {
    /// The published network for ImageNet.
    pub fn imagenet() -> ProxylessSkeleton {
        ProxylessSkeleton {
            scale: MbScale::Full,
            image_height: 224,
            image_width: 224,
            channels_in: 3,
            classes: 1000,
            width: 1.0,
            stem_stride: 2,
            first_stride: 2,
        }
    }

    /// Three stages of two layers for ten classes of images of 32 pixels.
    pub fn tiny() -> ProxylessSkeleton {
        ProxylessSkeleton {
            scale: MbScale::Tiny,
            image_height: 32,
            image_width: 32,
            classes: 10,
            stem_stride: 1,
            ..ProxylessSkeleton::imagenet()
        }
    }

    /// Checks that every field is in its range.
    ///
    /// # Errors
    /// [`SpaceError`] names the first field that is not.
    pub fn check(&self) -> Result<(), SpaceError> {
        check_ranges(
            NAME,
            &[("image_height", self.image_height, 1, 2048), ("image_width", self.image_width, 1, 2048)],
        )?;
        self.frame().check(NAME)
    }

    fn frame(&self) -> Frame {
        Frame {
            layout: match self.scale {
                MbScale::Full => &layout::PROXYLESS,
                MbScale::Tiny => &layout::PROXYLESS_TINY,
            },
            width: self.width,
            channels_in: self.channels_in,
            classes: self.classes,
            stem_stride: self.stem_stride,
            first_stride: self.first_stride,
        }
    }
}

/// One operation per layer: an inverted bottleneck with kernel 3, 5 or 7 and expansion 3 or 6, or, where the shape stays, a skip.
///
/// Decisions are named `s1.b1`, `s1.b2`, ... by stage and place, their options `k3e3`, `k3e6`, `k5e3`, `k5e6`, `k7e3`, `k7e6`, `skip`.
/// At the published scale 6 layers have 6 candidates and 15 have 7: 2.2e17 architectures.
///
/// Text form: the operations, layers of a stage joined by `,` and stages by `;`: `k5e3,skip,k3e3,skip;k7e6,..`.
#[derive(Clone, Debug)]
pub struct ProxylessSpace {
    skeleton: ProxylessSkeleton,
    frame: Frame,
    slots: Vec<Slot>,
    decisions: Vec<Decision>,
}

impl ProxylessSpace {
    /// The space for these images, classes and widths.
    ///
    /// # Errors
    /// [`SpaceError`] when a number of the skeleton is out of its range.
    pub fn new(skeleton: ProxylessSkeleton) -> Result<ProxylessSpace, SpaceError> {
        skeleton.check()?;
        let frame = skeleton.frame();
        let slots: Vec<Slot> = frame.slots().collect();
        let ops = all_ops(skeleton.scale);
        let decision = |slot: &Slot| {
            let candidates = if frame.keeps_shape(*slot) { ops } else { &ops[..ops.len() - 1] };
            let name = format!("s{}.b{}", slot.stage + 1, slot.position + 1);
            Decision::new(name, candidates.iter().map(|op| op.name()))
        };
        let decisions = slots.iter().map(decision).collect();
        Ok(ProxylessSpace { skeleton, frame, slots, decisions })
    }

    /// What is given and not decided.
    pub fn skeleton(&self) -> &ProxylessSkeleton {
        &self.skeleton
    }

    /// Where the layers stand, in the order of the decisions.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The candidates of a layer, in the order of its options.
    ///
    /// # Panics
    /// When there is no such layer.
    pub fn ops(&self, layer: usize) -> &'static [ProxylessOp] {
        &all_ops(self.skeleton.scale)[..self.decisions[layer].options.len()]
    }

    /// The block that `op` is at a layer; `None` for the skip.
    ///
    /// # Panics
    /// When there is no such layer.
    pub fn block(&self, layer: usize, op: ProxylessOp) -> Option<MbBlock> {
        let image = (self.skeleton.image_height, self.skeleton.image_width);
        match op {
            ProxylessOp::Block { kernel, expansion } => {
                Some(self.frame.block(self.slots[layer], kernel, expansion, image))
            }
            ProxylessOp::Skip => None,
        }
    }

    /// The network of an architecture, layer by layer; skipped layers are not there.
    ///
    /// # Panics
    /// When `arch` is not valid for this space.
    pub fn net(&self, arch: &Arch) -> MbNet {
        let image = (self.skeleton.image_height, self.skeleton.image_width);
        let blocks = (0..self.slots.len()).filter_map(|layer| self.block(layer, self.op(arch, layer)));
        self.frame.net(image, blocks)
    }

    /// The operation of an architecture at a layer.
    ///
    /// # Panics
    /// When there is no such layer or `arch` is not valid for this space.
    pub fn op(&self, arch: &Arch, layer: usize) -> ProxylessOp {
        self.ops(layer)[arch.get(layer)]
    }

    /// Divides a region of this space into five parts for sub-supernets, by the first layer of the third stage (of the second, at
    /// the tiny scale): `k3e3`, `k3e6`, `k5e3`, `k5e6`, and the rest together. That there were five is published; which, is not.
    ///
    /// Parts that are not in the region are left out; at the tiny scale there are four.
    ///
    /// # Errors
    /// [`RegionError::NoSuchDecision`] when `whole` is a region of a smaller space; it must be one of this space.
    pub fn split(&self, whole: &Region) -> Result<Vec<Region>, RegionError> {
        let stage = (self.frame.layout.stages.len() - 1) / 2;
        let layer = self.slots.iter().position(|slot| slot.stage == stage && slot.position == 0).unwrap_or_default();
        let rest = OptionSet::full(self.decisions[layer].options.len()).difference(OptionSet::full(4));
        let mut parts = Vec::new();
        for options in (0..4).map(OptionSet::single).chain([rest]) {
            match whole.restrict(layer, options) {
                Ok(part) => parts.push(part),
                Err(RegionError::NoOption { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(parts)
    }

    /// The operations that are `wanted`, as in the text form.
    fn joined(&self, arch: &Arch, wanted: impl Fn(ProxylessOp) -> bool) -> String {
        let name = |layer: usize| Some(self.op(arch, layer)).filter(|&op| wanted(op)).map(ProxylessOp::name);
        proxyless_text::join(&self.slots, name)
    }
}

fn all_ops(scale: MbScale) -> &'static [ProxylessOp] {
    match scale {
        MbScale::Full => &FULL,
        MbScale::Tiny => &TINY,
    }
}

impl Space for ProxylessSpace {
    fn name(&self) -> &str {
        NAME
    }

    fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    fn graph(&self, arch: &Arch) -> Graph {
        self.net(arch).graph()
    }

    /// Odd maps are halved as the convolutions do it, rounded up. (The published counter rounds down: the same where images have a
    /// multiple of 32 pixels a side.)
    fn cost(&self, arch: &Arch) -> Cost {
        self.net(arch).cost()
    }

    /// The operations stage by stage without skips: where in its stage a layer was skipped changes nothing.
    fn structure(&self, arch: &Arch) -> String {
        self.joined(arch, |op| op != ProxylessOp::Skip)
    }

    fn format(&self, arch: &Arch) -> String {
        self.joined(arch, |_| true)
    }

    fn parse(&self, text: &str) -> Result<Arch, ParseArchError> {
        proxyless_text::parse(Source { space: NAME, text }, &self.slots, &self.decisions)
    }
}
