//! Splitting a region into parts.

use super::error::RegionError;
use super::part::Region;
use crate::feature::{Feature, Filter};
use crate::option_set::OptionSet;

/// The largest number of parts that a split gives. It holds NAS-Bench-201 split on every edge, into 15,625.
pub const PARTS_LIMIT: usize = 1 << 14;

impl Region {
    /// One region per combination of the options allowed at `decisions`; the first of them is most significant.
    /// Splitting on none gives the region itself.
    ///
    /// # Errors
    /// [`RegionError::NoSuchDecision`]; [`RegionError::Repeated`]; [`RegionError::MayBeInert`] when a decision is inert in
    /// some members, which would then belong to several parts; [`RegionError::TooManyParts`] over [`PARTS_LIMIT`].
    pub fn split(&self, decisions: &[usize]) -> Result<Vec<Region>, RegionError> {
        let name = |index: usize| self.space.decisions()[index].name.clone();
        for (position, &index) in decisions.iter().enumerate() {
            self.check_decision(index)?;
            self.check_always_active(index)?;
            if decisions[..position].contains(&index) {
                return Err(RegionError::Repeated { decision: name(index) });
            }
        }
        let parts =
            decisions.iter().fold(1, |parts: u128, &index| parts.saturating_mul(self.allowed[index].len() as u128));
        if parts > PARTS_LIMIT as u128 {
            return Err(RegionError::TooManyParts { parts, limit: PARTS_LIMIT });
        }
        let mut regions = vec![self.clone()];
        for &index in decisions {
            let fix = |region: &Region, option: usize| {
                let mut part = region.clone();
                part.allowed[index] = OptionSet::single(option);
                part
            };
            regions = regions
                .iter()
                .flat_map(|region| self.allowed[index].iter().map(move |option| fix(region, option)))
                .collect();
        }
        Ok(regions)
    }

    /// One region per range of a feature: below `bounds[0]`, from there to below `bounds[1]`, and so on, at or above the
    /// last bound. Some of them may have no member.
    ///
    /// # Errors
    /// [`RegionError::Bounds`] when the bounds do not ascend strictly, or one lies outside the range that the region's own
    /// filter on the feature leaves; [`RegionError::TooManyParts`] over [`PARTS_LIMIT`].
    pub fn split_by(&self, feature: Feature, bounds: &[u64]) -> Result<Vec<Region>, RegionError> {
        if bounds.len() >= PARTS_LIMIT {
            let parts = bounds.len() as u128 + 1;
            return Err(RegionError::TooManyParts { parts, limit: PARTS_LIMIT });
        }
        let (min, max) = self.range(feature);
        let ascend = bounds.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascend || bounds.iter().any(|bound| !(min..=max).contains(bound) || *bound == min) {
            return Err(RegionError::Bounds {
                region: self.label(),
                feature,
                bounds: bounds.to_vec(),
                least: min.saturating_add(1),
                most: max,
            });
        }
        let starts = std::iter::once(min).chain(bounds.iter().copied());
        let ends = bounds.iter().map(|bound| bound - 1).chain(std::iter::once(max));
        Ok(starts.zip(ends).map(|(min, max)| self.filtered(Filter { feature, min, max })).collect())
    }

    /// Refuses a decision that is inert in some member before filtering.
    fn check_always_active(&self, index: usize) -> Result<(), RegionError> {
        let decisions = self.space.decisions();
        let mut at = index;
        while let Some(condition) = decisions[at].active_if {
            if !self.allowed[condition.decision].is_subset(condition.options) {
                let parent = &decisions[condition.decision];
                let names = parent.options.iter().enumerate();
                let names = names.filter(|&(option, _)| condition.options.contains(option));
                let names: Vec<&str> = names.map(|(_, name)| name.as_str()).collect();
                return Err(RegionError::MayBeInert {
                    region: self.label(),
                    decision: decisions[index].name.clone(),
                    parent: parent.name.clone(),
                    condition: format!("{}={}", parent.name, names.join("|")),
                });
            }
            at = condition.decision;
        }
        Ok(())
    }
}
