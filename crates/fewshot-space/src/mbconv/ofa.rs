//! `ofa-mbv3`: the sub-networks of Once-for-all on MobileNetV3 (Cai et al., ICLR 2020, <https://arxiv.org/abs/1908.09791>).

use super::frame::Frame;
use super::layers::{MbBlock, MbNet, Slot};
use super::ofa_places::OfaPlaces;
pub use super::ofa_skeleton::NAME;
use super::ofa_skeleton::OfaMbv3Skeleton;
use super::ofa_text::Form;
use crate::arch::Arch;
use crate::cost::Cost;
use crate::decision::Decision;
use crate::encoding::one_hot;
use crate::error::SpaceError;
use crate::graph::Graph;
use crate::option_set::OptionSet;
use crate::region::{Region, RegionError};
use crate::space::Space;
use crate::text::{ParseArchError, Source};

/// Sides of depthwise kernels.
pub const KERNELS: [usize; 3] = [3, 5, 7];
/// Channels within a block for each channel in.
pub const EXPANSIONS: [usize; 3] = [3, 4, 6];
/// Depths of a stage: its most blocks, one fewer, two fewer.
pub(super) const DEPTHS: usize = 3;

/// Sub-networks of one supernet: per stage its depth, per block kernel and expansion, and the side of the image.
///
/// Decisions, in this order: `s1.depth`, ... per stage; `s1.b1.k`, ... per slot, its kernel; `s1.b1.e`, ... per slot, its
/// expansion; `r`, the resolution. A slot past its stage's depth is inert. A stage of the published scale has 9^2 + 9^3 + 9^4 =
/// 7,371 variants, five of them 2.2e19.
///
/// Text form: `d=4,3,2,4,4;k=7,5,..;e=6,4,..;r=160`, in any order, with 20 kernels and 20 expansions (slot = 4 * stage + position).
/// What stands at inert slots says nothing, and may be 0; the lists may also hold the active slots alone. `r` may be left out where
/// there is one resolution.
#[derive(Clone, Debug)]
pub struct OfaMbv3Space {
    skeleton: OfaMbv3Skeleton,
    frame: Frame,
    slots: Vec<Slot>,
    decisions: Vec<Decision>,
}

impl OfaMbv3Space {
    /// The space for these images, classes and widths.
    ///
    /// # Errors
    /// [`SpaceError`] when a number of the skeleton is out of its range.
    pub fn new(skeleton: OfaMbv3Skeleton) -> Result<OfaMbv3Space, SpaceError> {
        skeleton.check()?;
        let frame = skeleton.frame();
        let slots: Vec<Slot> = frame.slots().collect();
        let mut decisions = Vec::new();
        for (stage, table) in frame.layout.stages.iter().enumerate() {
            let depths = depths(table.blocks).map(|depth| depth.to_string());
            decisions.push(Decision::new(format!("s{}.depth", stage + 1), depths));
        }
        for (what, options) in [("k", KERNELS), ("e", EXPANSIONS)] {
            for &slot in &slots {
                let name = format!("s{}.b{}.{what}", slot.stage + 1, slot.position + 1);
                let decision = Decision::new(name, options.map(|option| option.to_string()));
                let most = frame.layout.stages[slot.stage].blocks;
                let deep_enough: OptionSet = options_above(most, slot.position);
                let always = deep_enough.len() == DEPTHS;
                decisions.push(if always { decision } else { decision.active_if(slot.stage, deep_enough) });
            }
        }
        decisions.push(Decision::new("r", skeleton.resolutions.iter().map(usize::to_string)));
        Ok(OfaMbv3Space { skeleton, frame, slots, decisions })
    }

    /// What is given and not decided.
    pub fn skeleton(&self) -> &OfaMbv3Skeleton {
        &self.skeleton
    }

    /// Number of stages.
    pub fn stages(&self) -> usize {
        self.frame.layout.stages.len()
    }

    /// All slots, stage by stage; the index is that of the text form.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Position of the decision on a stage's depth.
    pub fn depth_of(&self, stage: usize) -> usize {
        self.places().depth_of(stage)
    }

    /// Position of the decision on the kernel at slot number `slot`.
    pub fn kernel_of(&self, slot: usize) -> usize {
        self.places().kernel_of(slot)
    }

    /// Position of the decision on the expansion at slot number `slot`.
    pub fn expansion_of(&self, slot: usize) -> usize {
        self.places().expansion_of(slot)
    }

    /// Position of the decision on the resolution.
    pub fn resolution_of(&self) -> usize {
        self.places().resolution()
    }

    /// Blocks of a stage in an architecture.
    ///
    /// # Panics
    /// When there is no such stage or `arch` is not valid for this space.
    pub fn depth(&self, arch: &Arch, stage: usize) -> usize {
        depths(self.frame.layout.stages[stage].blocks).start() + arch.get(self.depth_of(stage))
    }

    /// Side of the images of an architecture in pixels.
    ///
    /// # Panics
    /// When `arch` is not valid for this space.
    pub fn resolution(&self, arch: &Arch) -> usize {
        self.skeleton.resolutions[arch.get(self.resolution_of())]
    }

    /// The block at slot number `slot` with this kernel and expansion, in a network for images of `side` pixels a side.
    ///
    /// # Panics
    /// When there is no such slot.
    pub fn block(&self, slot: usize, kernel: usize, expansion: usize, side: usize) -> MbBlock {
        self.frame.block(self.slots[slot], kernel, expansion, (side, side))
    }

    /// The network of an architecture, layer by layer.
    ///
    /// # Panics
    /// When `arch` is not valid for this space.
    pub fn net(&self, arch: &Arch) -> MbNet {
        let side = self.resolution(arch);
        let is_there = |&slot: &usize| self.slots[slot].position < self.depth(arch, self.slots[slot].stage);
        let block = |slot| {
            let kernel = KERNELS[arch.get(self.kernel_of(slot))];
            let expansion = EXPANSIONS[arch.get(self.expansion_of(slot))];
            self.block(slot, kernel, expansion, side)
        };
        self.frame.net((side, side), (0..self.slots.len()).filter(is_there).map(block))
    }

    /// Divides a region of this space for sub-supernets, always at decisions that are active in every architecture.
    ///
    /// Parts that are not in the region are left out.
    ///
    /// # Errors
    /// [`RegionError::NoSuchDecision`] when `whole` is a region of a smaller space; it must be one of this space.
    pub fn split(&self, whole: &Region, split: OfaSplit) -> Result<Vec<Region>, RegionError> {
        if split == OfaSplit::Resolutions {
            return whole.split(&[self.resolution_of()]);
        }
        let slot = self.slots.iter().position(|slot| slot.stage == self.split_stage() && slot.position == 0);
        let slot = slot.unwrap_or_default();
        let mut parts = Vec::new();
        for (kernels, expansions) in split.groups() {
            let kernels = whole.restrict(self.kernel_of(slot), options(&KERNELS, kernels));
            match kernels.and_then(|part| part.restrict(self.expansion_of(slot), options(&EXPANSIONS, expansions))) {
                Ok(part) => parts.push(part),
                Err(RegionError::NoOption { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(parts)
    }

    fn places(&self) -> OfaPlaces {
        OfaPlaces { stages: self.stages(), slots: self.slots.len() }
    }

    fn form(&self) -> Form<'_> {
        Form { places: self.places(), decisions: &self.decisions }
    }

    /// The stage in the middle.
    fn split_stage(&self) -> usize {
        self.stages() / 2
    }
}

/// How a region is divided for sub-supernets. That there were five is published; which, is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OfaSplit {
    /// By the first block of the middle stage: kernel 3, kernel 5, and kernel 7 with each expansion. The smallest tree of
    /// three-way splits with five leaves.
    Tree,
    /// By the first block of the middle stage, its nine pairs of kernel and expansion as evenly as five products of sets can be:
    /// each kernel with expansions 3 and 4, kernels 3 and 5 with expansion 6, kernel 7 with expansion 6.
    Groups,
    /// By resolution: as many parts as there are.
    Resolutions,
}

impl OfaSplit {
    /// Kernels and expansions of each part.
    fn groups(self) -> &'static [(&'static [usize], &'static [usize])] {
        match self {
            OfaSplit::Tree => &[(&[3], &[3, 4, 6]), (&[5], &[3, 4, 6]), (&[7], &[3]), (&[7], &[4]), (&[7], &[6])],
            OfaSplit::Groups => &[(&[3], &[3, 4]), (&[5], &[3, 4]), (&[7], &[3, 4]), (&[3, 5], &[6]), (&[7], &[6])],
            OfaSplit::Resolutions => &[],
        }
    }
}

/// The options with these values.
fn options(all: &[usize], values: &[usize]) -> OptionSet {
    (0..all.len()).filter(|&option| values.contains(&all[option])).collect()
}

/// The depths of a stage of at most `blocks` blocks.
fn depths(blocks: usize) -> std::ops::RangeInclusive<usize> {
    blocks + 1 - DEPTHS..=blocks
}

/// The options of a stage's depth that are larger than `position`.
fn options_above(blocks: usize, position: usize) -> OptionSet {
    (0..DEPTHS).zip(depths(blocks)).filter(|&(_, depth)| depth > position).map(|(option, _)| option).collect()
}

impl Space for OfaMbv3Space {
    fn name(&self) -> &str {
        NAME
    }

    fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    fn graph(&self, arch: &Arch) -> Graph {
        self.net(arch).graph()
    }

    /// Kernel and expansion of a slot are one place.
    fn drawn_together(&self) -> Vec<Vec<usize>> {
        let depths = (0..self.stages()).map(|stage| vec![self.depth_of(stage)]);
        let slots = (0..self.slots.len()).map(|slot| vec![self.kernel_of(slot), self.expansion_of(slot)]);
        depths.chain(slots).chain([vec![self.resolution_of()]]).collect()
    }

    /// Per slot its kernel (3 numbers), per slot its expansion (3), the resolution (one number each). Inert slots are all zero, which
    /// tells the depths.
    ///
    /// With the resolutions 112, 128, ... 224 it is the encoding of OFA's tutorial, of 128 numbers.
    fn encode(&self, arch: &Arch) -> Vec<f32> {
        one_hot(&self.decisions, arch, self.stages()..self.decisions.len())
    }

    /// That of the network cut out of the supernet, without kernel transforms.
    fn cost(&self, arch: &Arch) -> Cost {
        self.net(arch).cost()
    }

    fn format(&self, arch: &Arch) -> String {
        self.form().format(&self.canonical(arch))
    }

    fn parse(&self, text: &str) -> Result<Arch, ParseArchError> {
        self.form().parse(Source { space: NAME, text })
    }
}
