//! What a search may propose: the members of a region, by what they begin with.

use std::sync::Arc;

use fewshot_space::{Arch, OptionSet, Region, RegionError};
use rand::{Rng, RngExt};

/// The members of a region of whole generators, by what they begin with: a generator of a lower level may be proposed where a member
/// begins with it.
///
/// Without filters the options of each decision alone say what may follow. With filters (limits, ranges of a feature) all members are
/// listed once, in order, so that those with the same beginning lie side by side: spaces of generators are small enough.
#[derive(Debug, Clone)]
pub struct Within {
    region: Region,
    /// All members in order; `None` without filters.
    members: Option<Arc<[Arch]>>,
}

impl Within {
    /// Of a region.
    ///
    /// # Errors
    /// When its filters leave no member.
    pub fn new(region: Region) -> Result<Self, RegionError> {
        if region.filters().is_empty() {
            return Ok(Self { region, members: None });
        }
        let members: Arc<[Arch]> = region.iter().collect();
        if members.is_empty() {
            // Says what the filters are and what there is.
            region.sample(&mut fewshot_space::random::stream(0, "within", 0, 0))?;
        }
        Ok(Self { region, members: Some(members) })
    }

    /// The region.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// How many members there are, where filters made it list them.
    pub fn listed(&self) -> Option<usize> {
        self.members.as_ref().map(|members| members.len())
    }

    /// Whether some member begins so.
    pub fn holds(&self, begun: &[u8]) -> bool {
        let product = self.region.product();
        let allowed = |(place, &option): (usize, &u8)| product[place].contains(option.into());
        begun.len() <= product.len()
            && begun.iter().enumerate().all(allowed)
            && self.members.as_ref().is_none_or(|members| !beginning_with(members, begun).is_empty())
    }

    /// The options of the next decision with which some member goes on from `begun`; none where no member begins so.
    pub fn options_after(&self, begun: &[u8]) -> OptionSet {
        let allowed = self.region.allowed(begun.len());
        let Some(members) = &self.members else { return allowed };
        let all = beginning_with(members, begun);
        let mut wanted = begun.to_vec();
        let goes_on = |option: &usize| {
            wanted.truncate(begun.len());
            wanted.push(*option as u8);
            !beginning_with(all, &wanted).is_empty()
        };
        allowed.iter().filter(goes_on).collect()
    }

    /// What a member that is drawn uniformly begins with; `None` without filters, where options can be drawn one by one.
    pub fn beginning(&self, decisions: usize, rng: &mut impl Rng) -> Option<Arch> {
        let members = self.members.as_ref()?;
        let member = &members[rng.random_range(0..members.len())];
        Some(Arch::new(member.options()[..decisions].to_vec()))
    }
}

/// Those of sorted architectures that begin with some options.
fn beginning_with<'a>(sorted: &'a [Arch], begun: &[u8]) -> &'a [Arch] {
    let beginning = |arch: &Arch| arch.options()[..begun.len()].cmp(begun);
    let from = sorted.partition_point(|arch| beginning(arch).is_lt());
    let behind = sorted.partition_point(|arch| beginning(arch).is_le());
    &sorted[from..behind]
}

#[cfg(test)]
mod tests {
    use fewshot_space::autogan::{AutoGanSkeleton, AutoGanSpace};
    use fewshot_space::{Feature, Filter, random};

    use super::*;

    fn whole() -> Region {
        Region::full(Arc::new(AutoGanSpace::new(AutoGanSkeleton { level: 1, ..AutoGanSkeleton::search() }).unwrap()))
    }

    /// Whether options are kept just where members go on with them, by looking at all members.
    #[test]
    fn what_may_follow_is_what_members_go_on_with() {
        let limit = {
            let mut costs: Vec<u64> = whole().iter().map(|arch| whole().space().cost(&arch).macs).collect();
            costs.sort_unstable();
            costs[costs.len() / 8]
        };
        let region = whole().filtered(Filter::at_most(Feature::Macs, limit));
        let within = Within::new(region.clone()).unwrap();
        let members: Vec<Arch> = region.iter().collect();
        assert!(!members.is_empty() && members.len() < 1000, "{}", members.len());
        let (mut refused, decisions) = (0, region.space().decisions().len());
        for member in &members {
            for begun in 0..decisions {
                let begun = &member.options()[..begun];
                let follows = |option: &usize| {
                    members.iter().any(|other| other.options().starts_with(begun) && other.get(begun.len()) == *option)
                };
                let wanted: OptionSet = region.allowed(begun.len()).iter().filter(follows).collect();
                assert_eq!(within.options_after(begun), wanted, "{begun:?}");
                assert!(within.holds(begun));
                refused += region.allowed(begun.len()).len() - wanted.len();
            }
        }
        assert!(refused > 0);
        for draw in 0..50 {
            let begun = within.beginning(4, &mut random::stream(1, "draw", draw, 0)).unwrap();
            assert!(members.iter().any(|member| member.options().starts_with(begun.options())));
        }
    }

    #[test]
    fn without_filters_options_say_all_and_an_empty_region_is_told() {
        let some = whole().restrict(1, OptionSet::single(2)).unwrap();
        let within = Within::new(some).unwrap();
        assert_eq!(within.options_after(&[0]), OptionSet::single(2));
        assert_eq!(within.options_after(&[0, 2]).len(), 3);
        assert!(within.beginning(4, &mut random::stream(1, "draw", 0, 0)).is_none());
        assert!(within.holds(&[0, 2, 1]) && !within.holds(&[0, 1]) && !within.holds(&[0; 10]));
        let error = Within::new(whole().filtered(Filter::at_most(Feature::Macs, 1))).unwrap_err();
        assert!(matches!(error, RegionError::Empty { .. }), "{error}");
    }
}
