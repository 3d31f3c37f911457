//! Members by chance, also where filters let nearly none through.

use rand::{Rng, RngExt};

use super::counts::Counts;
use super::error::RegionError;
use super::members::Members;
use super::part::{ENUMERATION_LIMIT, Region};
use crate::arch::Arch;
use crate::feature::Filter;
use crate::option_set::OptionSet;

/// Uniform draws before members of a region that is too large to list are looked for by changing what was drawn.
const DRAWS: usize = 2_000;

/// Draws after which a region that can be listed is listed instead.
pub(super) const DRAWS_BEFORE_LISTING: usize = 1_000;

/// Starts, and changes per decision, after which a region is taken to have no member.
const STARTS: usize = 32;
const CHANGES: usize = 64;

impl Region {
    /// A member, uniformly over all distinct ones.
    ///
    /// Filters work by rejection. A region that is small enough to be listed is, when many draws in a row were
    /// rejected; so there the answer is always right. In a larger one, of which next to nothing passes the filters, draws are
    /// changed until they pass, and are then not uniform.
    ///
    /// # Errors
    /// [`RegionError::Empty`] when there is no member; [`RegionError::NotFound`] when none was found;
    /// [`RegionError::Uncountable`]. The first two tell the values that were seen.
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Result<Arch, RegionError> {
        self.sample_with(rng, |counts, rng| counts.draw(rng))
    }

    /// A member whose every decision was drawn by itself, uniformly among its options.
    ///
    /// Where a decision switches others on, this differs from [`Region::sample`]: of all networks of Once-for-All with stages of two to
    /// four blocks, nine in ten stages have four, since these have the most variants; here a third of them have. Filters work as
    /// there, except that a region that is listed after many rejections is drawn from uniformly.
    ///
    /// # Errors
    /// As [`Region::sample`].
    pub fn sample_by_decision<R: Rng + ?Sized>(&self, rng: &mut R) -> Result<Arch, RegionError> {
        self.sample_with(rng, |counts, rng| counts.draw_by_decision(rng))
    }

    fn sample_with<R: Rng + ?Sized>(
        &self,
        rng: &mut R,
        draw: fn(&Counts<'_>, &mut R) -> Option<Arch>,
    ) -> Result<Arch, RegionError> {
        let counts = self.counts()?;
        let listable = !self.filters.is_empty() && counts.all() <= ENUMERATION_LIMIT;
        let draws = if listable { DRAWS_BEFORE_LISTING } else { DRAWS };
        let drawn = (0..draws).find_map(|_| draw(&counts, rng).filter(|arch| self.passes(arch)));
        match drawn {
            Some(arch) => Ok(arch),
            None if listable => pick(self.iter(), rng).ok_or_else(|| RegionError::Empty {
                region: self.label(),
                members: counts.all(),
                seen: self.seen(Members::new(self.space.decisions(), &self.allowed)),
            }),
            None => self.find(&counts, rng, draw).ok_or_else(|| {
                let again = (0..DRAWS_BEFORE_LISTING).filter_map(|_| draw(&counts, rng));
                RegionError::NotFound { region: self.label(), draws, seen: self.seen(again) }
            }),
        }
    }

    /// A member found by changing a draw, one decision at a time, so that it comes no further from the filters' ranges
    /// and ends within them. It is any member that lies on such a way: not a uniform draw, which nearly no member would be.
    fn find<R: Rng + ?Sized>(
        &self,
        counts: &Counts<'_>,
        rng: &mut R,
        draw: fn(&Counts<'_>, &mut R) -> Option<Arch>,
    ) -> Option<Arch> {
        let decisions = self.allowed.len();
        for _ in 0..STARTS {
            let mut arch = draw(counts, rng)?;
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

    /// The range of each filtered feature over some architectures, as text.
    fn seen(&self, archs: impl Iterator<Item = Arch>) -> String {
        let mut ranges = vec![(u64::MAX, 0); self.filters.len()];
        for arch in archs {
            for (range, filter) in ranges.iter_mut().zip(&self.filters) {
                let value = filter.feature.of(self.space.as_ref(), &arch);
                *range = (range.0.min(value), range.1.max(value));
            }
        }
        let texts = self.filters.iter().zip(ranges);
        let texts = texts.map(|(filter, (min, max))| format!("{} from {min} to {max}", filter.feature));
        texts.collect::<Vec<_>>().join(", ")
    }
}

/// One of the items, uniformly, in one pass.
pub(super) fn pick<T, R: Rng + ?Sized>(items: impl Iterator<Item = T>, rng: &mut R) -> Option<T> {
    let mut picked = None;
    for (index, item) in items.enumerate() {
        if rng.random_range(0..=index) == 0 {
            picked = Some(item);
        }
    }
    picked
}
