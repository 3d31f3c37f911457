//! Generators as architectures.

use super::generator::Generator;
use super::layout::first_decision_of;
use super::skeleton::{AutoGanSkeleton, NAME};
use super::text;
use crate::arch::Arch;
use crate::cost::Cost;
use crate::decision::Decision;
use crate::error::SpaceError;
use crate::graph::Graph;
use crate::region::{Region, RegionError};
use crate::space::Space;
use crate::text::ParseArchError;

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
        first_decision_of(cell)
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
        text::parse(&self.skeleton, &self.decisions, text)
    }
}
