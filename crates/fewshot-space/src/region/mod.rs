//! Parts of a space.

mod counts;
mod error;
mod extent;
mod members;
mod spec;
mod split;
mod vary;

pub use error::RegionError;
pub use extent::Extent;
pub use spec::RegionSpec;
pub use split::PARTS_LIMIT;

use crate::arch::Arch;
use crate::feature::{Feature, Filter};
use crate::option_set::OptionSet;
use crate::space::Space;
use crate::suggest;
pub(crate) use counts::{Counts, Overflow};
use members::Members;
use rand::{Rng, RngExt};
use std::sync::Arc;

/// The largest number of architectures that is listed one by one where no shortcut gives an exact answer: for
/// counting behind a filter, and for proving a partition with filters.
pub const ENUMERATION_LIMIT: u128 = 1 << 20;

/// Uniform draws before members of a region that is too large to list are looked for by changing what was drawn.
const DRAWS: usize = 2_000;

/// Draws after which a region that can be listed is listed instead.
const DRAWS_BEFORE_LISTING: usize = 1_000;

/// The part of a space that one supernet covers: the options allowed per decision, and filters on top.
///
/// Its *members* are architectures up to inert decisions: [`contains`](Region::contains) ignores those, and whatever a
/// region counts, draws or lists is [canonical](Space::canonical), each distinct network once. A restriction of a decision
/// says nothing about members in which the decision is inert.
///
/// Every decision keeps at least one option, so without filters a region is never empty. With filters it may be.
#[derive(Clone, Debug)]
pub struct Region {
    space: Arc<dyn Space>,
    /// Per decision; none is empty, none has more than the decision's options.
    allowed: Vec<OptionSet>,
    /// At most one per feature, in the features' order.
    filters: Vec<Filter>,
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
        let counts = self.counts()?;
        let listable = !self.filters.is_empty() && counts.all() <= ENUMERATION_LIMIT;
        let draws = if listable { DRAWS_BEFORE_LISTING } else { DRAWS };
        let drawn = (0..draws).find_map(|_| counts.draw(rng).filter(|arch| self.passes(arch)));
        match drawn {
            Some(arch) => Ok(arch),
            None if listable => pick(self.iter(), rng).ok_or_else(|| RegionError::Empty {
                region: self.label(),
                members: counts.all(),
                seen: self.seen(Members::new(self.space.decisions(), &self.allowed)),
            }),
            None => self.find(&counts, rng).ok_or_else(|| {
                let again = (0..DRAWS_BEFORE_LISTING).filter_map(|_| counts.draw(rng));
                RegionError::NotFound { region: self.label(), draws, seen: self.seen(again) }
            }),
        }
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

    /// The options allowed per decision.
    pub(crate) fn product(&self) -> &[OptionSet] {
        &self.allowed
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

    fn counts(&self) -> Result<Counts<'_>, RegionError> {
        Counts::new(self.space.decisions(), &self.allowed)
            .map_err(|_| RegionError::Uncountable { region: self.label() })
    }

    fn check_decision(&self, index: usize) -> Result<(), RegionError> {
        let count = self.allowed.len();
        if index < count {
            return Ok(());
        }
        Err(RegionError::NoSuchDecision { space: self.space.name().into(), index, count })
    }

    /// Whether a valid architecture takes allowed options where it is active.
    fn allows(&self, arch: &Arch) -> bool {
        let active = self.space.active(arch);
        (0..active.len()).all(|index| !active[index] || self.allowed[index].contains(arch.get(index)))
    }

    /// Whether a valid architecture passes all filters.
    fn passes(&self, arch: &Arch) -> bool {
        self.filters.iter().all(|filter| filter.passes(self.space.as_ref(), arch))
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
fn pick<T, R: Rng + ?Sized>(items: impl Iterator<Item = T>, rng: &mut R) -> Option<T> {
    let mut picked = None;
    for (index, item) in items.enumerate() {
        if rng.random_range(0..=index) == 0 {
            picked = Some(item);
        }
    }
    picked
}
