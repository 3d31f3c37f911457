//! Counting, listing, restricting and splitting.

use crate::toys::{self, small_product, small_region};
use crate::{all_codes, cell, is_active, members_by_definition, nasbench};
use fewshot_space::{Arch, ArchError, Feature, Filter, OptionSet, PARTS_LIMIT, Region, RegionError, Space};
use proptest::prelude::*;
use std::sync::Arc;

/// The numbers of the later spaces, from their papers' definitions.
#[test]
fn sizes_of_the_spaces_to_come() {
    let size = |space: Arc<dyn Space>| Region::full(space).size().unwrap();
    assert_eq!(size(toys::darts(4)), 180 * 7_u128.pow(8));
    assert_eq!(size(toys::mbconv(1, 4)), 7371);
    assert_eq!(size(toys::mbconv(5, 4)), 7371_u128.pow(5));
    assert_eq!(size(toys::autogan()), 373_248);
    assert_eq!(toys::autogan().decisions().len(), 14);
    assert_eq!(Region::full(toys::autogan()).iter().count(), 373_248);
    assert_eq!(Region::full(toys::mbconv(1, 4)).iter().count(), 7371);
}

#[test]
fn too_many_to_count_is_an_error_and_not_a_wrong_number() {
    let huge = Region::full(toys::mbconv(11, 4));
    let error = huge.size().unwrap_err();
    assert_eq!(error, RegionError::Uncountable { region: "all".into() });
    // 7371^9 fits, 7371^10 does not.
    assert_eq!(Region::full(toys::mbconv(9, 4)).size(), Ok(7371_u128.pow(9)));
    assert!(Region::full(toys::mbconv(10, 4)).size().is_err());
    let filtered = Region::full(toys::darts(4)).filtered(Filter::at_most(Feature::LiveOps, 3));
    assert!(matches!(filtered.size(), Err(RegionError::TooLarge { .. })), "{:?}", filtered.size());
}

#[test]
fn a_restriction_of_an_inert_slot_says_nothing_where_it_is_inert() {
    let space = toys::mbconv(1, 4);
    let whole = Region::full(space.clone());
    let kernel = whole.decision("s0.b3.k").unwrap();
    let region = whole.restrict(kernel, OptionSet::single(2)).unwrap();
    assert_eq!(region.size(), Ok(81 + 729 + 6561 / 3));
    let mut shallow = vec![0; space.decisions().len()];
    assert!(region.contains(&Arch::new(shallow.clone())));
    shallow[0] = 2;
    assert!(!region.contains(&Arch::new(shallow)));
}

#[test]
fn single_holds_one_network() {
    let space = toys::mbconv(1, 4);
    let arch = Arch::new(vec![0, 2, 1, 0, 1, 2, 2, 2, 2]);
    let region = Region::single(space.clone(), &arch).unwrap();
    assert_eq!(region.size(), Ok(1));
    assert!(region.contains(&arch) && region.contains(&space.canonical(&arch)));
    assert_eq!(region.iter().collect::<Vec<_>>(), [space.canonical(&arch)]);
    let error = Region::single(space.clone(), &Arch::new(vec![0; 8])).unwrap_err();
    assert_eq!(error, ArchError::Length { space: "mbconv".into(), expected: 9, found: 8 }.into());
    let error = Region::single(space, &Arch::new(vec![3; 9])).unwrap_err().to_string();
    assert_eq!(
        error,
        "decision s0.depth of mbconv has options 0 to 2, not 3: was the architecture made for another space?"
    );
}

#[test]
fn labels() {
    let whole = Region::full(nasbench());
    assert_eq!(whole.label(), "all");
    let region = whole.restrict(0, OptionSet::single(0)).unwrap();
    assert_eq!(region.label(), "e0=none");
    let region = region.restrict(3, [1, 2].into_iter().collect()).unwrap();
    assert_eq!(region.label(), "e0=none,e3=skip_connect|nor_conv_1x1");
    assert_eq!(whole.restrict(2, OptionSet::full(4)).unwrap().label(), "e2!=avg_pool_3x3");
    let filter = |min, max| whole.filtered(Filter { feature: Feature::LiveConvs, min, max }).label();
    assert_eq!(filter(0, 4), "live_convs<=4");
    assert_eq!(filter(2, u64::MAX), "live_convs>=2");
    assert_eq!(filter(2, 2), "live_convs=2");
    assert_eq!(filter(2, 4), "2<=live_convs<=4");
}

#[test]
fn errors_of_restricting_and_splitting() {
    let whole = Region::full(cell());
    let message = |error: RegionError| error.to_string();
    assert_eq!(message(whole.decision("e4").unwrap_err()), "cell1296 has no decision `e4`; did you mean `e0`?");
    assert_eq!(
        message(whole.restrict(4, OptionSet::single(0)).unwrap_err()),
        "there is no decision number 4: cell1296 has 4, counted from 0"
    );
    let region = whole.restrict(1, OptionSet::single(5)).unwrap();
    let error = region.restrict(1, OptionSet::full(5)).unwrap_err();
    assert_eq!(error, RegionError::NoOption { region: "e1=max_pool_3x3".into(), decision: "e1".into() });
    assert_eq!(whole.split(&[1, 2, 1]).unwrap_err(), RegionError::Repeated { decision: "e1".into() });
    assert!(matches!(whole.split(&[9]), Err(RegionError::NoSuchDecision { index: 9, .. })));
    assert_eq!(
        Region::full(toys::darts(4)).split(&[0, 1, 2, 3, 4, 5, 6]).unwrap_err(),
        // 1, 3 and 6 pairs of inputs; four operations of 7.
        RegionError::TooManyParts { parts: 3 * 6 * 7_u128.pow(4), limit: PARTS_LIMIT }
    );
}

#[test]
fn a_slot_that_may_be_inert_cannot_be_split_on_before_the_depth_is_fixed() {
    let whole = Region::full(toys::mbconv(2, 4));
    let slot = whole.decision("s1.b3.k").unwrap();
    let error = whole.split(&[slot]).unwrap_err().to_string();
    assert_eq!(
        error,
        "region all cannot be split on s1.b3.k, which is inert unless s1.depth=4: split or restrict s1.depth first"
    );
    let depth = whole.decision("s1.depth").unwrap();
    let deep = whole.restrict(depth, OptionSet::single(2)).unwrap();
    let parts = deep.split(&[slot]).unwrap();
    let size = deep.size().unwrap();
    assert!(parts.len() == 3 && parts.iter().all(|part| part.size() == Ok(size / 3)));
}

#[test]
fn bounds_must_ascend_inside_the_range() {
    let whole = Region::full(cell());
    assert_eq!(
        whole.split_by(Feature::Macs, &[]).unwrap(),
        [whole.filtered(Filter { feature: Feature::Macs, min: 0, max: u64::MAX })]
    );
    for bounds in [&[0][..], &[3, 3], &[4, 2]] {
        assert!(matches!(whole.split_by(Feature::LiveOps, bounds), Err(RegionError::Bounds { .. })), "{bounds:?}");
    }
    let region = whole.filtered(Filter { feature: Feature::LiveOps, min: 1, max: 3 });
    let error = region.split_by(Feature::LiveOps, &[2, 4]).unwrap_err().to_string();
    assert_eq!(
        error,
        "bounds [2, 4] do not split live_ops of region 1<=live_ops<=3: they must ascend and lie in 2..=3"
    );
    assert_eq!(region.split_by(Feature::LiveOps, &[2, 3]).unwrap().len(), 3);
}

#[test]
fn filters_on_one_feature_become_one() {
    let whole = Region::full(cell());
    let filter = |min, max| Filter { feature: Feature::LiveOps, min, max };
    let both = whole.filtered(filter(0, 3)).filtered(Filter::at_most(Feature::Macs, 1)).filtered(filter(2, 9));
    assert_eq!(both.filters(), [filter(2, 3), Filter::at_most(Feature::Macs, 1)]);
    let none = whole.filtered(filter(0, 1)).filtered(filter(2, 3));
    assert_eq!((none.size(), none.iter().next()), (Ok(0), None));
}

proptest! {
    /// What is enclosed is held; a region encloses itself and its parts, and no part encloses another.
    #[test]
    fn a_region_encloses_its_parts(whole in small_region(), bounds in 1_u64..4) {
        let mut parts = whole.split(&[0]).unwrap();
        // A filter of the region's own may leave the bound out of its range.
        parts.extend(whole.split_by(Feature::LiveOps, &[bounds]).into_iter().flatten());
        prop_assert!(whole.encloses(&whole));
        for part in &parts {
            prop_assert!(whole.encloses(part));
            for other in &parts {
                if other.encloses(part) {
                    prop_assert!(part.iter().all(|arch| other.contains(&arch)));
                }
            }
        }
        let options = whole.split(&[0]).unwrap();
        for (at, part) in options.iter().enumerate() {
            prop_assert!(options.iter().enumerate().all(|(other, held)| held.encloses(part) == (at == other)));
        }
    }

    /// Size and list against the definition: every code tried one by one.
    #[test]
    fn size_and_list_are_those_of_the_definition(region in small_region()) {
        let expected = members_by_definition(&region);
        prop_assert_eq!(region.size().unwrap(), expected.len() as u128);
        prop_assert_eq!(region.iter().collect::<Vec<_>>(), expected);
    }

    /// A code is in the region if and only if its canonical form is one of the members.
    #[test]
    fn contains_is_membership_up_to_inert_decisions(region in small_region()) {
        let members = members_by_definition(&region);
        for code in all_codes(region.space().as_ref()) {
            let canonical = region.space().canonical(&code);
            prop_assert_eq!(region.contains(&code), members.binary_search(&canonical).is_ok());
        }
    }

    #[test]
    fn reachable_options_are_those_that_members_take(region in small_product()) {
        let space = region.space().as_ref();
        let members = members_by_definition(&region);
        for decision in 0..space.decisions().len() {
            let taken: OptionSet = (members.iter())
                .filter(|arch| is_active(space, arch, decision))
                .map(|arch| arch.get(decision))
                .collect();
            prop_assert_eq!(region.reachable(decision), taken);
        }
        prop_assert!(region.reachable(space.decisions().len()).is_empty());
    }

    #[test]
    fn a_split_is_one_region_per_combination(region in small_region(), picks in prop::collection::vec(any::<bool>(), 6)) {
        let decisions = region.space().decisions();
        let always = |index: &usize| picks[*index] && region.split(&[*index]).is_ok();
        let chosen: Vec<usize> = (0..decisions.len()).filter(always).collect();
        let parts = region.split(&chosen).unwrap();
        let mut keys: Vec<Vec<usize>> = Vec::new();
        for part in &parts {
            keys.push(chosen.iter().map(|&index| part.allowed(index).first().unwrap()).collect());
            for index in 0..decisions.len() {
                let expected = if chosen.contains(&index) { 1 } else { region.allowed(index).len() };
                prop_assert_eq!(part.allowed(index).len(), expected);
            }
        }
        prop_assert!(keys.is_sorted_by(|a, b| a < b), "the first decision is most significant");
        let sizes: u128 = parts.iter().map(|part| part.size().unwrap()).sum();
        prop_assert_eq!(sizes, region.size().unwrap());
    }
}
