//! Mutation and crossover against their definitions.

use crate::toys::{self, small_region};
use crate::{is_active, members_by_definition, nasbench, rng};
use fewshot_space::{Arch, Feature, Filter, OptionSet, Region, RegionError, Space};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Whether `b` differs from `a` in exactly one decision of those that are active in both.
fn are_neighbours(space: &dyn Space, a: &Arch, b: &Arch) -> bool {
    let differ =
        |&index: &usize| is_active(space, a, index) && is_active(space, b, index) && a.get(index) != b.get(index);
    (0..a.options().len()).filter(differ).count() == 1
}

proptest! {
    /// A mutant is a neighbour in the region; there is an error if and only if there is no such neighbour.
    #[test]
    fn mutation(region in small_region(), seed in any::<u64>()) {
        let members = members_by_definition(&region);
        let space = region.space().as_ref();
        for (index, arch) in members.iter().enumerate().take(20) {
            let neighbours: Vec<&Arch> = members.iter().filter(|other| are_neighbours(space, arch, other)).collect();
            match region.mutate(arch, &mut rng(seed ^ index as u64)) {
                Ok(child) => prop_assert!(neighbours.contains(&&child), "{:?} to {:?}", arch, child),
                Err(error) => {
                    prop_assert!(neighbours.is_empty(), "{}", error);
                    let right = matches!(error, RegionError::NoNeighbour { .. });
                prop_assert!(right);
                }
            }
        }
    }

    /// A child is a member, and each of its active decisions comes from a parent in which it is active.
    #[test]
    fn crossover(region in small_region(), seed in any::<u64>()) {
        let members = members_by_definition(&region);
        let space = region.space().as_ref();
        let mut rng = rng(seed);
        for (a, b) in members.iter().zip(members.iter().rev()).take(20) {
            let child = region.crossover(a, b, &mut rng).unwrap();
            prop_assert!(members.binary_search(&child).is_ok());
            for index in 0..child.options().len() {
                let from = |parent: &Arch| is_active(space, parent, index) && parent.get(index) == child.get(index);
                prop_assert!(!is_active(space, &child, index) || from(a) || from(b));
            }
        }
    }

    #[test]
    fn strangers_are_refused(region in small_region(), code in prop::collection::vec(0..5u8, 1..7)) {
        let stranger = Arch::new(code);
        prop_assume!(!region.contains(&stranger));
        prop_assert!(region.mutate(&stranger, &mut rng(0)).is_err());
        prop_assert!(region.crossover(&stranger, &stranger, &mut rng(0)).is_err());
    }
}

/// The edge uniformly, then another operation uniformly: 24 neighbours, equally often.
#[test]
fn mutation_is_even_on_cells() {
    let region = Region::full(nasbench());
    let arch = Arch::new(vec![0, 1, 2, 3, 4, 3]);
    let mut counts: BTreeMap<Arch, usize> = BTreeMap::new();
    let mut rng = rng(3);
    for _ in 0..24_000 {
        *counts.entry(region.mutate(&arch, &mut rng).unwrap()).or_default() += 1;
    }
    assert_eq!(counts.len(), 24);
    assert!(counts.values().all(|count| (850..=1150).contains(count)), "{counts:?}");
}

/// From depth 2 to depth 4, eight inert decisions wake up and are drawn, the others stay.
#[test]
fn mutation_of_a_depth_draws_the_new_blocks() {
    let space = toys::mbconv(1, 4);
    let arch = Arch::new(vec![0, 1, 2, 2, 1, 0, 0, 0, 0]);
    let region = Region::single(space.clone(), &arch).unwrap();
    assert!(matches!(region.mutate(&arch, &mut rng(0)), Err(RegionError::NoNeighbour { .. })));

    let mut region = Region::full(space);
    for index in 1..5 {
        region = region.restrict(index, OptionSet::single(arch.get(index))).unwrap();
    }
    let mut woken: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    let mut rng = rng(1);
    for _ in 0..2000 {
        let child = region.mutate(&arch, &mut rng).unwrap();
        assert_ne!(child.get(0), 0);
        assert_eq!(child.options()[1..5], arch.options()[1..5]);
        *woken.entry(child.options()[5..].to_vec()).or_default() += 1;
    }
    // Depth 3 wakes one block of 9 kinds, depth 4 two.
    assert!(woken.len() > 80, "{}", woken.len());
}

/// Under a tight budget nearly all draws are rejected; the few neighbours are found all the same.
#[test]
fn mutation_under_a_budget_that_hardly_anything_meets() {
    let space = nasbench();
    let all_conv = Arch::new(vec![3; 6]);
    let macs = space.cost(&all_conv).macs;
    let largest = Region::full(space.clone()).filtered(Filter { feature: Feature::Macs, min: macs, max: macs });
    let error = largest.mutate(&all_conv, &mut rng(0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "no single change of architecture {} stays in region macs=220119690: draw another one instead",
            space.format(&all_conv)
        )
    );
    assert_eq!(largest.crossover(&all_conv, &all_conv, &mut rng(0)), Ok(all_conv.clone()));

    let next =
        Region::full(space.clone()).filtered(Filter { feature: Feature::Macs, min: macs - 32_000_000, max: macs });
    for seed in 0..50 {
        let child = next.mutate(&all_conv, &mut rng(seed)).unwrap();
        assert_eq!(child.options().iter().filter(|&&option| option == 2).count(), 1);
    }
}
