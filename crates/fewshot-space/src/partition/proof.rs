//! The proof that regions partition a whole.

use super::error::PartitionError;
use crate::arch::Arch;
use crate::decision::Decision;
use crate::feature::Feature;
use crate::option_set::OptionSet;
use crate::region::{Counts, ENUMERATION_LIMIT, Overflow, Region};
use std::collections::BTreeMap;

/// What algebra alone can say.
enum Verdict {
    Proven,
    Refuted(PartitionError),
    Open,
}

pub(super) fn prove(whole: &Region, regions: &[Region]) -> Result<(), PartitionError> {
    match by_algebra(whole, regions) {
        Ok(Verdict::Proven) => Ok(()),
        Ok(Verdict::Refuted(error)) => Err(error),
        Ok(Verdict::Open) | Err(Overflow) => by_listing(whole, regions),
    }
}

/// Compares products by counting, and ranges of one feature among regions with one product.
///
/// Filters only take members away. So when distinct products are disjoint and cover the whole's product, and within
/// each product the filters divide those of the whole, it is a partition. The reverse does not hold: products that
/// overlap may be told apart by filters. A refutation is therefore certain only where no filter could repair it.
fn by_algebra(whole: &Region, regions: &[Region]) -> Result<Verdict, Overflow> {
    let decisions = whole.space().decisions();
    let unfiltered = |index: &usize| regions[*index].filters().is_empty();

    let mut groups: BTreeMap<&[OptionSet], Vec<usize>> = BTreeMap::new();
    for (index, region) in regions.iter().enumerate() {
        groups.entry(region.product()).or_default().push(index);
    }

    for (product, members) in &groups {
        if let Some(arch) = uncovered(decisions, product, &[whole.product()])? {
            let certain = members.iter().copied().find(unfiltered);
            return Ok(certain.map_or(Verdict::Open, |index| Verdict::Refuted(outside(whole, regions, index, &arch))));
        }
        let mut bare = members.iter().copied().filter(unfiltered);
        if let (Some(first), Some(second)) = (bare.next(), bare.next()) {
            let arch = Counts::new(decisions, product)?.first();
            return Ok(arch.map_or(Verdict::Open, |arch| Verdict::Refuted(overlap(regions, first, second, &arch))));
        }
    }

    let products: Vec<&[OptionSet]> = groups.keys().copied().collect();
    for (position, first) in products.iter().enumerate() {
        for second in &products[..position] {
            if let Some(arch) = common(decisions, first, second)? {
                let certain = groups[second].iter().copied().find(unfiltered);
                let certain = certain.zip(groups[first].iter().copied().find(unfiltered));
                return Ok(certain.map_or(Verdict::Open, |(i, j)| Verdict::Refuted(overlap(regions, i, j, &arch))));
            }
        }
    }

    if let Some(arch) = uncovered(decisions, whole.product(), &products)? {
        let certain = whole.filters().is_empty();
        return Ok(if certain { Verdict::Refuted(gap(whole, &arch)) } else { Verdict::Open });
    }

    let divided = groups.values().all(|members| {
        let members: Vec<&Region> = members.iter().map(|&index| &regions[index]).collect();
        divide_one_range(whole, &members)
    });
    Ok(if divided { Verdict::Proven } else { Verdict::Open })
}

/// Whether regions with equal products have the whole's filters but for one feature, whose range in the whole they divide
/// without gap or overlap.
fn divide_one_range(whole: &Region, regions: &[&Region]) -> bool {
    let differs = |feature: &Feature| regions.iter().any(|region| region.range(*feature) != whole.range(*feature));
    let mut differing = Feature::ALL.into_iter().filter(differs);
    let Some(feature) = differing.next() else {
        return regions.len() == 1;
    };
    if differing.next().is_some() {
        return false;
    }
    let mut ranges: Vec<(u64, u64)> = regions.iter().map(|region| region.range(feature)).collect();
    ranges.sort_unstable();
    let (min, max) = whole.range(feature);
    ranges.first().is_some_and(|first| first.0 == min)
        && ranges.last().is_some_and(|last| last.1 == max)
        && ranges.iter().all(|range| range.0 <= range.1)
        && ranges.windows(2).all(|pair| pair[0].1.checked_add(1) == Some(pair[1].0))
}

/// Looks at every member of the whole and of each region.
fn by_listing(whole: &Region, regions: &[Region]) -> Result<(), PartitionError> {
    for region in std::iter::once(whole).chain(regions) {
        if !region.size_before_filters().is_ok_and(|size| size <= ENUMERATION_LIMIT) {
            return Err(PartitionError::Undecided { whole: whole.label(), region: region.label() });
        }
    }
    for (index, region) in regions.iter().enumerate() {
        if let Some(arch) = region.iter().find(|arch| !whole.contains(arch)) {
            return Err(outside(whole, regions, index, &arch));
        }
    }
    for arch in whole.iter() {
        let mut owners = (0..regions.len()).filter(|&index| regions[index].contains(&arch));
        match (owners.next(), owners.next()) {
            (None, _) => return Err(gap(whole, &arch)),
            (Some(first), Some(second)) => return Err(overlap(regions, first, second, &arch)),
            (Some(_), None) => {}
        }
    }
    Ok(())
}

/// A member of both products, if there is one.
fn common(decisions: &[Decision], a: &[OptionSet], b: &[OptionSet]) -> Result<Option<Arch>, Overflow> {
    // Decides nearly every pair of a large partition without counting.
    let clash = |((decision, a), b): ((&Decision, &OptionSet), &OptionSet)| {
        decision.active_if.is_none() && a.intersect(*b).is_empty()
    };
    if decisions.iter().zip(a).zip(b).any(clash) {
        return Ok(None);
    }
    Ok(Counts::new(decisions, &intersection(a, b))?.first())
}

/// A member of `product` that is in none of `others`, which are disjoint; `None` when they cover it.
///
/// Exact at any size: members are counted, and where some are missing, decisions are fixed one by one so that some stay
/// missing.
fn uncovered(decisions: &[Decision], product: &[OptionSet], others: &[&[OptionSet]]) -> Result<Option<Arch>, Overflow> {
    let is_covered = |product: &[OptionSet]| -> Result<bool, Overflow> {
        let mut covered: u128 = 0;
        for other in others {
            let common = Counts::new(decisions, &intersection(product, other))?.all();
            covered = covered.checked_add(common).ok_or(Overflow)?;
        }
        Ok(Counts::new(decisions, product)?.all() == covered)
    };
    if is_covered(product)? {
        return Ok(None);
    }
    let mut product = product.to_vec();
    for index in 0..product.len() {
        for option in product[index].iter() {
            let set = std::mem::replace(&mut product[index], OptionSet::single(option));
            if !is_covered(&product)? {
                break;
            }
            product[index] = set;
        }
    }
    Ok(Counts::new(decisions, &product)?.first())
}

fn intersection(a: &[OptionSet], b: &[OptionSet]) -> Vec<OptionSet> {
    a.iter().zip(b).map(|(a, b)| a.intersect(*b)).collect()
}

fn outside(whole: &Region, regions: &[Region], index: usize, arch: &Arch) -> PartitionError {
    PartitionError::Outside {
        region: regions[index].label(),
        index,
        whole: whole.label(),
        arch: whole.space().format(arch),
    }
}

fn overlap(regions: &[Region], first: usize, second: usize, arch: &Arch) -> PartitionError {
    let (first, second) = (first.min(second), first.max(second));
    PartitionError::Overlap {
        regions: (regions[first].label(), regions[second].label()),
        indices: (first, second),
        arch: regions[first].space().format(arch),
    }
}

fn gap(whole: &Region, arch: &Arch) -> PartitionError {
    PartitionError::Gap { whole: whole.label(), arch: whole.space().format(arch) }
}
