//! `autogan`: the generators of AutoGAN (Gong et al., ICCV 2019, <https://arxiv.org/abs/1908.03835>).

mod discriminator;
mod generator;
mod text;

pub use discriminator::{Discriminator, DiscriminatorBlock};
pub use generator::{ConvBlock, Generator, GeneratorCell, Norm, Upsampling};

use serde::{Deserialize, Serialize};

use crate::arch::Arch;
use crate::cost::Cost;
use crate::decision::Decision;
use crate::error::{SkeletonError, SpaceError};
use crate::graph::Graph;
use crate::region::{Region, RegionError};
use crate::space::Space;
use crate::text::ParseArchError;

/// The space's name.
pub const NAME: &str = "autogan";

/// Cells of the largest generator.
pub const CELLS: usize = 3;

/// Decisions of each cell: conv block, norm, upsampling, shortcut, and skips of all but the first.
pub const CELL_DECISIONS: [usize; CELLS] = [4, 5, 5];

/// What is given and not decided of a generator.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoGanSkeleton {
    /// How many cells there are: level + 1, 0 to 2. A search goes through the levels; the network proper is level 2.
    pub level: usize,
    /// Numbers that the generator is fed, 1 to 65,536.
    pub latent: usize,
    /// Channels of all cells, 1 to 2048.
    pub channels: usize,
    /// Side of the first map in pixels, 1 to 256. The image has `2^(level + 1)` times this side.
    pub bottom: usize,
    /// Channels of an image, 1 to 1024.
    pub channels_out: usize,
}

impl AutoGanSkeleton {
    /// The network that is trained in the end: 256 channels, images of 32 pixels.
    pub fn cifar10() -> AutoGanSkeleton {
        AutoGanSkeleton { level: 2, latent: 128, channels: 256, bottom: 4, channels_out: 3 }
    }

    /// The network of the search: half as wide.
    pub fn search() -> AutoGanSkeleton {
        AutoGanSkeleton { channels: 128, ..AutoGanSkeleton::cifar10() }
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.level + 1
    }

    /// Side of the images in pixels.
    pub fn image_side(&self) -> usize {
        self.bottom << self.cells()
    }

    /// Checks that every field is in its range.
    ///
    /// # Errors
    /// [`SpaceError`] names the first field that is not.
    pub fn check(&self) -> Result<(), SpaceError> {
        SkeletonError::check(&[
            ("level", self.level, 0, CELLS - 1),
            ("latent", self.latent, 1, 1 << 16),
            ("channels", self.channels, 1, 2048),
            ("bottom", self.bottom, 1, 256),
            ("channels_out", self.channels_out, 1, 1024),
        ])
        .map_err(|error| SpaceError::Skeleton { space: NAME.into(), error })
    }
}

/// Three cells, each with its conv block, normalisation, upsampling, shortcut, and the skips from earlier cells: 14 decisions,
/// 36 * 72 * 144 = 373,248 architectures. At level 1 there are two cells (2,592), at level 0 one (36), whose decisions are the first
/// ones: a prefix of an architecture is one of a lower level.
///
/// Decisions are named `c1.conv`, `c1.norm`, `c1.up`, `c1.shortcut`, `c2.conv`, ... `c2.skip`, ... `c3.skip`.
///
/// Text form: the options' indices cell by cell, `1 0 1 1 | 1 0 0 1 1 | 1 0 1 0 3`, as in the published code, which lists them without
/// bars. Both are read, with blanks or commas between numbers.
#[derive(Clone, Debug)]
pub struct AutoGanSpace {
    skeleton: AutoGanSkeleton,
    decisions: Vec<Decision>,
}

impl AutoGanSpace {
    /// The space of generators with this skeleton.
    ///
    /// # Errors
    /// [`SpaceError`] when a number of the skeleton is out of its range.
    pub fn new(skeleton: AutoGanSkeleton) -> Result<AutoGanSpace, SpaceError> {
        skeleton.check()?;
        let mut decisions = Vec::new();
        for cell in 1..=skeleton.cells() {
            decisions.push(Decision::new(format!("c{cell}.conv"), ["post", "pre"]));
            decisions.push(Decision::new(format!("c{cell}.norm"), ["none", "bn", "in"]));
            decisions.push(Decision::new(format!("c{cell}.up"), ["bilinear", "nearest", "deconv"]));
            decisions.push(Decision::new(format!("c{cell}.shortcut"), ["no", "yes"]));
            match cell {
                2 => decisions.push(Decision::new("c2.skip", ["none", "c1"])),
                3 => decisions.push(Decision::new("c3.skip", ["none", "c2", "c1", "both"])),
                _ => {}
            }
        }
        Ok(AutoGanSpace { skeleton, decisions })
    }

    /// What is given and not decided.
    pub fn skeleton(&self) -> &AutoGanSkeleton {
        &self.skeleton
    }

    /// Position of the first decision of a cell (0, 1, 2).
    pub fn first_decision_of(cell: usize) -> usize {
        CELL_DECISIONS.iter().take(cell).sum()
    }

    /// Position of the decision on a cell's (0, 1, 2) normalisation.
    pub fn norm_of(cell: usize) -> usize {
        AutoGanSpace::first_decision_of(cell) + 1
    }

    /// Position of the decision on a cell's (0, 1, 2) upsampling.
    pub fn upsampling_of(cell: usize) -> usize {
        AutoGanSpace::first_decision_of(cell) + 2
    }

    /// The generator of an architecture, cell by cell.
    ///
    /// # Panics
    /// When `arch` is not valid for this space.
    pub fn generator(&self, arch: &Arch) -> Generator {
        Generator::new(&self.skeleton, arch)
    }

    /// Divides a region of this space into three parts for sub-supernets. That there were three is published; by what, is not.
    ///
    /// # Errors
    /// [`RegionError::NoSuchDecision`] when `whole` is a region of a smaller space; it must be one of this space.
    pub fn split(&self, whole: &Region, split: AutoGanSplit) -> Result<Vec<Region>, RegionError> {
        match split {
            AutoGanSplit::Norm => whole.split(&[AutoGanSpace::norm_of(0)]),
            AutoGanSplit::Upsampling => whole.split(&[AutoGanSpace::upsampling_of(0)]),
        }
    }
}

/// The decision of the first cell by which a region is divided for sub-supernets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AutoGanSplit {
    /// Its normalisation: none, batch, instance. Mixing these in front of shared convolutions couples architectures most.
    Norm,
    /// Its upsampling: bilinear, nearest, deconvolution.
    Upsampling,
}

impl Space for AutoGanSpace {
    fn name(&self) -> &str {
        NAME
    }

    fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    fn graph(&self, arch: &Arch) -> Graph {
        self.generator(arch).graph()
    }

    /// That of the generator for one image.
    fn cost(&self, arch: &Arch) -> Cost {
        self.generator(arch).cost()
    }

    fn format(&self, arch: &Arch) -> String {
        text::format(arch)
    }

    fn parse(&self, text: &str) -> Result<Arch, ParseArchError> {
        text::parse(self, text)
    }
}
