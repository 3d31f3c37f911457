//! How large a region is, also where filters keep it from being counted.

use std::fmt;

use super::error::RegionError;
use super::part::{ENUMERATION_LIMIT, Region};
use crate::random;

/// Draws behind an estimate.
const ESTIMATED_BY: u32 = 20_000;
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
}
