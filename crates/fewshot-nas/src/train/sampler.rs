//! Which path a training step takes.

use std::collections::BTreeMap;

use fewshot_space::{Arch, Region};
use rand::Rng;
use rand::seq::IndexedRandom;

use super::config::Sampling;
use super::error::TrainError;
use crate::nets::Path;

/// Largest region that is listed to draw from groups of its members.
pub const LISTED: u128 = 1 << 17;

/// Draws paths from a region, as a [`Sampling`] says.
#[derive(Debug, Clone)]
pub struct Sampler {
    region: Region,
    sampling: Sampling,
    /// Where members are drawn by group, first the group and then the member: the groups, in the order of their first
    /// members. Empty when members are drawn uniformly.
    groups: Vec<Vec<Arch>>,
}

impl Sampler {
    /// Prepares to draw from `region`.
    ///
    /// # Errors
    /// When the sampling goes by groups and the region is too large to be listed.
    pub fn new(region: Region, sampling: Sampling) -> Result<Self, TrainError> {
        let groups = match sampling {
            Sampling::PerNetwork | Sampling::PerDecision | Sampling::PerCell => Vec::new(),
            Sampling::PerStructure => living(&region, |arch| region.space().structure(arch))?,
            Sampling::Balanced => living(&region, |arch| region.space().graph(arch).live_convs())?,
        };
        Ok(Self { region, sampling, groups })
    }

    /// What it draws from.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// A path through a network of `cells` cells.
    ///
    /// # Errors
    /// When nothing can be drawn from the region.
    pub fn draw<R: Rng + ?Sized>(&self, cells: usize, rng: &mut R) -> Result<Path, TrainError> {
        let arch = match self.sampling {
            Sampling::PerCell => {
                let draws = (0..cells).map(|_| self.region.sample(rng));
                return Ok(Path::PerCell(draws.collect::<Result<_, _>>()?));
            }
            Sampling::PerDecision => self.region.sample_by_decision(rng)?,
            Sampling::PerNetwork => self.region.sample(rng)?,
            Sampling::PerStructure | Sampling::Balanced => {
                match self.groups.choose(rng).and_then(|group| group.choose(rng)) {
                    Some(arch) => arch.clone(),
                    // All are dead, and whichever is trained makes no difference.
                    None => self.region.sample(rng)?,
                }
            }
        };
        Ok(Path::Shared(arch))
    }
}

/// The region's living members, those with the same key together.
fn living<K: Ord>(region: &Region, key: impl Fn(&Arch) -> K) -> Result<Vec<Vec<Arch>>, TrainError> {
    let size = region.size()?;
    if size > LISTED {
        return Err(TrainError::Unlisted { size });
    }
    let mut groups: Vec<Vec<Arch>> = Vec::new();
    let mut known: BTreeMap<K, usize> = BTreeMap::new();
    for arch in region.iter().filter(|arch| !region.space().graph(arch).is_dead()) {
        let at = *known.entry(key(&arch)).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.push(arch),
            None => groups.push(vec![arch]),
        }
    }
    Ok(groups)
}
