//! Mutation and crossover.

use super::counts::Counts;
use super::draw::{DRAWS_BEFORE_LISTING, pick};
use super::error::RegionError;
use super::members::Members;
use super::part::{ENUMERATION_LIMIT, Region};
use crate::arch::Arch;
use crate::option_set::OptionSet;
use rand::{Rng, RngExt};

impl Region {
    /// A neighbour of `arch` in the region: exactly one of its active decisions takes another option.
    ///
    /// A space with a [measure of its own](crate::Space::vary) is asked for neighbours until one is in the region. In
    /// others, or when that fails many times, the decision is drawn uniformly from the active ones with a choice, the
    /// option uniformly from the other allowed ones. Decisions that the change switches on are drawn as in
    /// [`sample`](Region::sample); those that it switches off become option 0. With filters, draws are repeated until
    /// one passes; after many failures all neighbours are listed and one that passes is drawn uniformly.
    ///
    /// # Errors
    /// [`RegionError::NotMember`] when `arch` is not in the region; [`RegionError::NoNeighbour`] when nothing in the
    /// region is one change away (or, where a change has too many completions to be listed, nothing was found);
    /// [`RegionError::Uncountable`].
    pub fn mutate<R: Rng + ?Sized>(&self, arch: &Arch, rng: &mut R) -> Result<Arch, RegionError> {
        self.check_member(arch)?;
        let arch = self.space.canonical(arch);
        let active = self.space.active(&arch);
        let free: Vec<usize> =
            (0..active.len()).filter(|&index| active[index] && self.allowed[index].len() > 1).collect();
        let none = || RegionError::NoNeighbour { arch: self.space.format(&arch), region: self.label() };
        if free.is_empty() {
            return Err(none());
        }
        for _ in 0..DRAWS_BEFORE_LISTING {
            let Some(child) = self.space.vary(&arch, &mut &mut *rng) else {
                break;
            };
            if self.contains(&child) {
                return Ok(child);
            }
        }
        let others = |decision: usize| self.allowed[decision].difference(OptionSet::single(arch.get(decision)));

        let draws = if self.filters.is_empty() { 1 } else { DRAWS_BEFORE_LISTING };
        for _ in 0..draws {
            let decision = free[rng.random_range(0..free.len())];
            let options = others(decision);
            let nth = rng.random_range(0..options.len());
            let Some(option) = options.iter().nth(nth) else {
                continue;
            };
            let product = self.with_change(&arch, &active, decision, option);
            let child = self.counts_of(&product)?.draw(rng).filter(|child| self.passes(child));
            if let Some(child) = child {
                return Ok(child);
            }
        }

        let changes = free.iter().flat_map(|&decision| others(decision).iter().map(move |option| (decision, option)));
        let mut products = Vec::new();
        let mut neighbours: u128 = 0;
        for (decision, option) in changes {
            let product = self.with_change(&arch, &active, decision, option);
            neighbours = neighbours.saturating_add(self.counts_of(&product)?.all());
            products.push(product);
        }
        if neighbours > ENUMERATION_LIMIT {
            return Err(none());
        }
        let decisions = self.space.decisions();
        let neighbours = products.iter().flat_map(|product| Members::new(decisions, product));
        pick(neighbours.filter(|child| self.passes(child)), rng).ok_or_else(none)
    }

    /// A child of two members: each decision that is active in the child is taken from one of the parents in which it
    /// is active, with equal chances. With filters, draws are repeated until one passes; after many failures the
    /// child is a copy of one parent.
    ///
    /// # Errors
    /// [`RegionError::NotMember`] when a parent is not in the region.
    pub fn crossover<R: Rng + ?Sized>(&self, a: &Arch, b: &Arch, rng: &mut R) -> Result<Arch, RegionError> {
        self.check_member(a)?;
        self.check_member(b)?;
        let draws = if self.filters.is_empty() { 1 } else { DRAWS_BEFORE_LISTING };
        for _ in 0..draws {
            let child = self.mix(a, b, rng);
            if self.passes(&child) {
                return Ok(child);
            }
        }
        Ok(self.space.canonical(if rng.random_bool(0.5) { a } else { b }))
    }

    /// One draw of a crossover. A decision that is active in the child is active in at least one parent: in the one
    /// that the option switching it on came from.
    fn mix<R: Rng + ?Sized>(&self, a: &Arch, b: &Arch, rng: &mut R) -> Arch {
        let (active_a, active_b) = (self.space.active(a), self.space.active(b));
        let mut active = Vec::with_capacity(active_a.len());
        let mut options = Vec::with_capacity(active_a.len());
        for (index, decision) in self.space.decisions().iter().enumerate() {
            active.push(decision.is_active(&active, &options));
            options.push(match (active[index], active_a[index], active_b[index]) {
                (false, ..) => 0,
                (true, true, true) if rng.random_bool(0.5) => b.options()[index],
                (true, false, _) => b.options()[index],
                (true, true, _) => a.options()[index],
            });
        }
        Arch::new(options)
    }

    /// The product whose members are `arch` with `decision` changed to `option`, completed in every allowed way where
    /// that switches decisions on.
    fn with_change(&self, arch: &Arch, active: &[bool], decision: usize, option: usize) -> Vec<OptionSet> {
        let set = |index: usize| match index {
            _ if index == decision => OptionSet::single(option),
            _ if active[index] => OptionSet::single(arch.get(index)),
            _ => self.allowed[index],
        };
        (0..active.len()).map(set).collect()
    }

    fn counts_of<'a>(&'a self, product: &[OptionSet]) -> Result<Counts<'a>, RegionError> {
        Counts::new(self.space.decisions(), product).map_err(|_| RegionError::Uncountable { region: self.label() })
    }

    fn check_member(&self, arch: &Arch) -> Result<(), RegionError> {
        self.space.validate(arch)?;
        if self.allows(arch) && self.passes(arch) {
            return Ok(());
        }
        Err(RegionError::NotMember { arch: self.space.format(arch), region: self.label() })
    }
}
