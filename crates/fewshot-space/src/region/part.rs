//! What a region holds: its options and filters, who is a member, how many there are.

use std::sync::Arc;

use super::counts::Counts;
use super::error::RegionError;
use super::members::Members;
use crate::arch::Arch;
use crate::feature::{Feature, Filter};
use crate::option_set::OptionSet;
use crate::space::Space;
use crate::suggest;

/// The largest number of architectures that is listed one by one where no shortcut gives an exact answer: for
/// counting behind a filter, and for proving a partition with filters.
pub const ENUMERATION_LIMIT: u128 = 1 << 20;

/// The part of a space that one supernet covers: the options allowed per decision, and filters on top.
///
/// Its *members* are architectures up to inert decisions: [`contains`](Region::contains) ignores those, and whatever a
/// region counts, draws or lists is [canonical](Space::canonical), each distinct network once. A restriction of a decision
/// says nothing about members in which the decision is inert.
///
/// Every decision keeps at least one option, so without filters a region is never empty. With filters it may be.
#[derive(Clone, Debug)]
pub struct Region {
    pub(super) space: Arc<dyn Space>,
    /// Per decision; none is empty, none has more than the decision's options.
    pub(super) allowed: Vec<OptionSet>,
    /// At most one per feature, in the features' order.
    pub(super) filters: Vec<Filter>,
}

/// Regions are equal when they belong to the same space object and have the same options and filters.
impl PartialEq for Region {
    fn eq(&self, other: &Region) -> bool {
        self.same_space(other) && self.allowed == other.allowed && self.filters == other.filters
    }
}

impl Eq for Region {}

impl Region {
    /// The whole space.
    pub fn full(space: Arc<dyn Space>) -> Region {
        let allowed = space.decisions().iter().map(|decision| decision.option_set()).collect();
        Region { space, allowed, filters: Vec::new() }
    }

    /// The region with one member.
    ///
    /// # Errors
    /// [`RegionError::Arch`] when `arch` is not valid for `space`.
    pub fn single(space: Arc<dyn Space>, arch: &Arch) -> Result<Region, RegionError> {
        space.validate(arch)?;
        let only = |&option: &u8| OptionSet::single(option.into());
        let allowed = space.canonical(arch).options().iter().map(only).collect();
        Ok(Region { space, allowed, filters: Vec::new() })
    }

    /// The space that the region is a part of.
    pub fn space(&self) -> &Arc<dyn Space> {
        &self.space
    }

    /// The options allowed at a decision, wherever it is active; empty when there is no such decision.
    pub fn allowed(&self, decision: usize) -> OptionSet {
        self.allowed.get(decision).copied().unwrap_or_default()
    }

    /// The options allowed at each decision, wherever it is active.
    pub fn product(&self) -> &[OptionSet] {
        &self.allowed
    }

    /// The options of a decision that members take, before filters: the allowed ones, or none where the decision is inert in every
    /// member. These are what a supernet over the region needs layers for. Empty when there is no such decision.
    pub fn reachable(&self, decision: usize) -> OptionSet {
        let condition = self.space.decisions().get(decision).and_then(|decision| decision.active_if);
        let may_be_active =
            condition.is_none_or(|above| !self.reachable(above.decision).intersect(above.options).is_empty());
        if may_be_active { self.allowed(decision) } else { OptionSet::EMPTY }
    }

    /// The filters, at most one per feature.
    pub fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// Whether every member of `other` is one of this region too, as far as options and filters tell: it may say no where
    /// listing the members would say yes, never the other way round.
    pub fn encloses(&self, other: &Region) -> bool {
        let options = || self.allowed.iter().zip(&other.allowed).all(|(own, part)| part.is_subset(*own));
        let passes = |own: &Filter| {
            let narrower = |part: &Filter| part.feature == own.feature && part.min >= own.min && part.max <= own.max;
            other.filters.iter().any(narrower)
        };
        self.same_space(other) && options() && self.filters.iter().all(passes)
    }

    /// The index of the decision with this name.
    ///
    /// # Errors
    /// [`RegionError::UnknownDecision`], with the name that was probably meant.
    pub fn decision(&self, name: &str) -> Result<usize, RegionError> {
        let decisions = self.space.decisions();
        decisions.iter().position(|decision| decision.name == name).ok_or_else(|| {
            let names = decisions.iter().map(|decision| decision.name.as_str());
            RegionError::UnknownDecision {
                space: self.space.name().into(),
                name: name.into(),
                hint: suggest::hint(name, names),
            }
        })
    }

    /// The members that take one of `options` at `decision` (or in which it is inert).
    ///
    /// # Errors
    /// [`RegionError::NoSuchDecision`]; [`RegionError::NoOption`] when the region allows none of `options`.
    pub fn restrict(&self, decision: usize, options: OptionSet) -> Result<Region, RegionError> {
        self.check_decision(decision)?;
        let options = self.allowed[decision].intersect(options);
        if options.is_empty() {
            let decision = self.space.decisions()[decision].name.clone();
            return Err(RegionError::NoOption { region: self.label(), decision });
        }
        let mut region = self.clone();
        region.allowed[decision] = options;
        Ok(region)
    }

    /// The members that pass `filter` as well. Two filters on one feature become one, with the range common to both; when
    /// they have none in common, the region is empty.
    #[must_use]
    pub fn filtered(&self, filter: Filter) -> Region {
        let mut region = self.clone();
        match region.filters.binary_search_by_key(&filter.feature, |other| other.feature) {
            Ok(at) => {
                let other = &mut region.filters[at];
                *other = Filter { min: filter.min.max(other.min), max: filter.max.min(other.max), ..filter };
            }
            Err(at) => region.filters.insert(at, filter),
        }
        region
    }

    /// Whether `arch` is a valid architecture of the space, takes an allowed option at each of its active decisions,
    /// and passes the filters.
    pub fn contains(&self, arch: &Arch) -> bool {
        self.space.validate(arch).is_ok() && self.allows(arch) && self.passes(arch)
    }

    /// Number of members, each distinct network once; exact.
    ///
    /// With filters the members are listed and counted.
    ///
    /// # Errors
    /// [`RegionError::Uncountable`] over `u128`; [`RegionError::TooLarge`] when there are filters and, but for them,
    /// over [`ENUMERATION_LIMIT`] members.
    pub fn size(&self) -> Result<u128, RegionError> {
        let members = self.size_before_filters()?;
        if self.filters.is_empty() {
            return Ok(members);
        }
        if members > ENUMERATION_LIMIT {
            let limit = ENUMERATION_LIMIT;
            return Err(RegionError::TooLarge { region: self.label(), members, limit });
        }
        Ok(self.iter().count() as u128)
    }

    /// Every member once, in a fixed order: ascending option indices, the first decision most significant.
    pub fn iter(&self) -> impl Iterator<Item = Arch> + '_ {
        Members::new(self.space.decisions(), &self.allowed).filter(|arch| self.passes(arch))
    }

    /// A short readable name: `all`, `e0=none`, `e0=none|skip_connect,e3=none`, `e0!=none`, `e0=none,macs<=8000000`.
    pub fn label(&self) -> String {
        let mut parts = Vec::new();
        for (decision, &allowed) in self.space.decisions().iter().zip(&self.allowed) {
            let missing = decision.option_set().difference(allowed);
            let names = |set: OptionSet| {
                set.iter().map(|option| decision.options[option].as_str()).collect::<Vec<_>>().join("|")
            };
            match (missing.len(), allowed.len()) {
                (0, _) => {}
                (1, 2..) => parts.push(format!("{}!={}", decision.name, names(missing))),
                _ => parts.push(format!("{}={}", decision.name, names(allowed))),
            }
        }
        parts.extend(self.filters.iter().map(Filter::to_string));
        if parts.is_empty() { "all".into() } else { parts.join(",") }
    }

    pub(crate) fn same_space(&self, other: &Region) -> bool {
        std::ptr::addr_eq(Arc::as_ptr(&self.space), Arc::as_ptr(&other.space))
    }

    /// Number of members if there were no filters.
    pub(crate) fn size_before_filters(&self) -> Result<u128, RegionError> {
        Ok(self.counts()?.all())
    }

    /// The range of a feature that the filters let through.
    pub(crate) fn range(&self, feature: Feature) -> (u64, u64) {
        let filter = self.filters.iter().find(|filter| filter.feature == feature);
        filter.map_or((0, u64::MAX), |filter| (filter.min, filter.max))
    }

    pub(super) fn counts(&self) -> Result<Counts<'_>, RegionError> {
        Counts::new(self.space.decisions(), &self.allowed)
            .map_err(|_| RegionError::Uncountable { region: self.label() })
    }

    pub(super) fn check_decision(&self, index: usize) -> Result<(), RegionError> {
        let count = self.allowed.len();
        if index < count {
            return Ok(());
        }
        Err(RegionError::NoSuchDecision { space: self.space.name().into(), index, count })
    }

    /// Whether a valid architecture takes allowed options where it is active.
    pub(super) fn allows(&self, arch: &Arch) -> bool {
        let active = self.space.active(arch);
        (0..active.len()).all(|index| !active[index] || self.allowed[index].contains(arch.get(index)))
    }

    /// Whether a valid architecture passes all filters.
    pub(super) fn passes(&self, arch: &Arch) -> bool {
        self.filters.iter().all(|filter| filter.passes(self.space.as_ref(), arch))
    }
}
