//! Regions with filters that are too large to be listed: how large about, and how to find members at all.

use std::fmt;

use rand::{Rng, RngExt};

use super::counts::Counts;
use super::{ENUMERATION_LIMIT, Region, RegionError};
use crate::arch::Arch;
use crate::feature::Filter;
use crate::option_set::OptionSet;
use crate::random;

/// Draws behind an estimate.
const ESTIMATED_BY: u32 = 20_000;
/// Starts, and changes per decision, after which a region is taken to have no member.
const STARTS: usize = 32;
const CHANGES: usize = 64;

/// How many members a region has, as far as that can be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Extent {
    /// So many.
    Exactly(u128),
    /// About so many, by `passed` of `drawn` uniform draws that passed the filters; 0 where these are passed too rarely to tell.
    About {
        /// Members.
        members: f64,
        /// Draws that passed.
        passed: u32,
        /// All draws.
        drawn: u32,
    },
}

impl Extent {
    /// Whether there are at least so many, as far as can be told.
    pub fn is_at_least(self, count: u128) -> bool {
        match self {
            Extent::Exactly(members) => members >= count,
            Extent::About { members, .. } => members >= count as f64,
        }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Extent::Exactly(members) => write!(f, "{members}"),
            Extent::About { passed: 0, drawn, .. } => write!(f, "fewer than one in {drawn}"),
            Extent::About { members, .. } => write!(f, "about {members:.1e}"),
        }
    }
}

impl Region {
    /// The number of members: exact where they can be counted or listed, else estimated from uniform draws, always the same ones.
    ///
    /// # Errors
    /// [`RegionError::Uncountable`].
    pub fn extent(&self) -> Result<Extent, RegionError> {
        if self.is_listable()? {
            return Ok(Extent::Exactly(self.size()?));
        }
        let counts = self.counts()?;
        let passes = |draw: &u32| {
            let drawn = counts.draw(&mut random::stream(0, "extent", (*draw).into(), 0));
            drawn.is_some_and(|arch| self.passes(&arch))
        };
        let passed = (0..ESTIMATED_BY).filter(passes).count() as u32;
        let members = counts.all() as f64 * f64::from(passed) / f64::from(ESTIMATED_BY);
        Ok(Extent::About { members, passed, drawn: ESTIMATED_BY })
    }

    /// Whether it has no member. Where members cannot be listed, none may be found although there are some.
    ///
    /// # Errors
    /// [`RegionError::Uncountable`].
    pub fn is_empty(&self) -> Result<bool, RegionError> {
        if self.is_listable()? {
            return Ok(self.size_before_filters()? == 0 || self.iter().next().is_none());
        }
        match self.sample(&mut random::stream(0, "is empty", 0, 0)) {
            Ok(_) => Ok(false),
            Err(RegionError::Empty { .. } | RegionError::NotFound { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Whether [`size`](Region::size) has an answer.
    fn is_listable(&self) -> Result<bool, RegionError> {
        Ok(self.filters.is_empty() || self.size_before_filters()? <= ENUMERATION_LIMIT)
    }

    /// A member found by changing a uniform draw, one decision at a time, so that it comes no further from the filters' ranges
    /// and ends within them. It is any member that lies on such a way: not a uniform draw, which nearly no member would be.
    pub(super) fn find<R: Rng + ?Sized>(&self, counts: &Counts<'_>, rng: &mut R) -> Option<Arch> {
        let decisions = self.allowed.len();
        for _ in 0..STARTS {
            let mut arch = counts.draw(rng)?;
            let mut excess = self.excess(&arch);
            for _ in 0..CHANGES * decisions {
                if excess == 0.0 {
                    return Some(arch);
                }
                let changed = self.changed(&arch, rng);
                let left = self.excess(&changed);
                if left <= excess {
                    (arch, excess) = (changed, left);
                }
            }
        }
        None
    }

    /// Another option at one of its decisions; those that this switches on take their first.
    fn changed<R: Rng + ?Sized>(&self, arch: &Arch, rng: &mut R) -> Arch {
        let active = self.space.active(arch);
        let free: Vec<usize> = (0..active.len()).filter(|&d| active[d] && self.allowed[d].len() > 1).collect();
        let Some(&decision) = (!free.is_empty()).then(|| &free[rng.random_range(0..free.len())]) else {
            return arch.clone();
        };
        let others = self.allowed[decision].difference(OptionSet::single(arch.get(decision)));
        let option = others.iter().nth(rng.random_range(0..others.len())).unwrap_or_default();
        let mut options = arch.options().to_vec();
        options[decision] = option as u8;
        let active = self.space.active(&Arch::new(options.clone()));
        for (index, option) in options.iter_mut().enumerate() {
            if active[index] && !self.allowed[index].contains((*option).into()) {
                *option = self.allowed[index].first().unwrap_or(0) as u8;
            }
        }
        self.space.canonical(&Arch::new(options))
    }

    /// How far it is from the ranges of the filters, each as a share of its end; 0 within all.
    fn excess(&self, arch: &Arch) -> f64 {
        let of = |filter: &Filter| {
            let value = filter.feature.of(self.space.as_ref(), arch) as f64;
            let (min, max) = (filter.min as f64, filter.max as f64);
            ((min - value) / min.max(1.0)).max(0.0) + ((value - max) / max.max(1.0)).max(0.0)
        };
        self.filters.iter().map(of).sum()
    }
}
