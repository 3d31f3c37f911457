//! Partitions: what is accepted is one, what is refused is none, and the witness is right.

use crate::toys::{self, small_product, small_region, some_filter};
use crate::{all_codes, cell, nasbench, rng};
use fewshot_space::{Arch, Feature, Filter, OptionSet, Partition, PartitionError, Region, RegionError, Space};
use proptest::prelude::*;
use std::sync::Arc;

/// Whether the regions partition the whole, by looking at every code; and that the answer of the crate agrees, witness
/// and all.
fn check(whole: &Region, regions: &[Region]) -> Result<(), TestCaseError> {
    let owners =
        |arch: &Arch| -> Vec<usize> { (0..regions.len()).filter(|&index| regions[index].contains(arch)).collect() };
    let codes = all_codes(whole.space().as_ref());
    let is_partition = codes.iter().all(|arch| owners(arch).len() == usize::from(whole.contains(arch)));
    let read = |text: &str| whole.space().parse(text).unwrap();
    match Partition::new(whole.clone(), regions.to_vec()) {
        Ok(partition) => {
            prop_assert!(is_partition);
            for arch in &codes {
                let route = partition.route(arch);
                prop_assert_eq!(route, owners(arch).first().copied());
                prop_assert_eq!(route.is_some(), whole.contains(arch));
            }
        }
        Err(PartitionError::Outside { index, arch, .. }) => {
            prop_assert!(regions[index].contains(&read(&arch)) && !whole.contains(&read(&arch)));
        }
        Err(PartitionError::Overlap { indices: (first, second), arch, .. }) => {
            prop_assert!(first < second);
            prop_assert!(regions[first].contains(&read(&arch)) && regions[second].contains(&read(&arch)));
        }
        Err(PartitionError::Gap { arch, .. }) => {
            prop_assert!(whole.contains(&read(&arch)) && owners(&read(&arch)).is_empty());
        }
        Err(error) => {
            prop_assert!(regions.is_empty() && matches!(error, PartitionError::NoRegions), "{}", error);
        }
    }
    Ok(())
}

/// Splits one of the regions once more, on a decision or on a feature.
fn split_again(regions: &mut Vec<Region>, pick: prop::sample::Index, how: prop::sample::Index, bits: u64) {
    let at = pick.index(regions.len());
    let decisions = regions[at].space().decisions().len();
    let parts = match how.index(decisions + Feature::ALL.len()) {
        decision if decision < decisions => regions[at].split(&[decision]),
        other => {
            let feature = Feature::ALL[other - decisions];
            let bound = some_filter(&regions[at], feature, bits, bits).min;
            regions[at].split_by(feature, &[bound])
        }
    };
    if let Ok(parts) = parts {
        regions.splice(at..=at, parts);
    }
}

proptest! {
    /// Any tree of splits gives a partition, and nothing else that is tried is taken for one.
    #[test]
    fn trees_of_splits_and_what_is_left_when_they_are_damaged(
        whole in small_region(),
        splits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u64>()), 0..4),
        damage in 0..7,
        at in any::<prop::sample::Index>(),
        bits in any::<u64>(),
    ) {
        let mut regions = vec![whole.clone()];
        for (pick, how, bits) in splits {
            split_again(&mut regions, pick, how, bits);
        }
        prop_assert!(Partition::new(whole.clone(), regions.clone()).is_ok());
        let at = at.index(regions.len());
        match damage {
            0 => {
                regions.remove(at);
            }
            1 => regions.push(regions[at].clone()),
            2 => regions[at] = whole.clone(),
            3 => regions[at] = Region::full(whole.space().clone()),
            4 => regions.reverse(),
            5 => {
                let filter = some_filter(&regions[at], Feature::ALL[bits as usize % Feature::ALL.len()], bits >> 8, bits >> 8);
                regions[at] = regions[at].filtered(filter);
            }
            _ => {
                let decision = regions[at].space().decisions().len() - 1;
                let first = regions[at].allowed(decision).first().unwrap();
                regions[at] = regions[at].restrict(decision, OptionSet::single(first)).unwrap();
            }
        }
        check(&whole, &regions)?;
    }

    /// Arbitrary regions of one space, without filters: mostly no partition.
    #[test]
    fn arbitrary_products(region in small_product(), bits in prop::collection::vec(any::<u64>(), 12)) {
        let space = region.space().clone();
        let parts: Vec<Region> = bits
            .chunks(6)
            .map(|bits| {
                let restrict = |region: Region, index: usize| {
                    region.restrict(index, toys::subset(region.allowed(index), bits[index])).unwrap()
                };
                (0..space.decisions().len()).fold(Region::full(space.clone()), restrict)
            })
            .collect();
        check(&Region::full(space), &parts)?;
        check(&region, &parts)?;
    }
}

/// The five parts that section 6 of the MBConv facts proposes: one slot split into three kernels, one of them again.
#[test]
fn a_tree_of_five_parts_in_a_space_too_large_to_list() {
    let whole = Region::full(toys::mbconv(5, 4));
    let fix = |region: &Region, name: &str, option: usize| {
        region.restrict(region.decision(name).unwrap(), OptionSet::single(option)).unwrap()
    };
    let k7 = fix(&whole, "s2.b0.k", 2);
    let mut parts = vec![fix(&whole, "s2.b0.k", 0), fix(&whole, "s2.b0.k", 1)];
    parts.extend((0..3).map(|expand| fix(&k7, "s2.b0.e", expand)));
    let partition = Partition::new(whole.clone(), parts.clone()).unwrap();
    let sizes: u128 = parts.iter().map(|part| part.size().unwrap()).sum();
    assert_eq!(sizes, 7371_u128.pow(5));
    let arch = whole.sample(&mut rng(0)).unwrap();
    assert!(parts[partition.route(&arch).unwrap()].contains(&arch));

    // By groups of options.
    let slot = whole.decision("s2.b0.k").unwrap();
    let groups = [OptionSet::single(1), [0, 2].into_iter().collect()].map(|set| whole.restrict(slot, set).unwrap());
    assert!(Partition::new(whole.clone(), groups.to_vec()).is_ok());

    // On a slot that may be inert, parts share the shallow networks.
    let slot = whole.decision("s2.b3.k").unwrap();
    let inert = [0, 1, 2].map(|kernel| whole.restrict(slot, OptionSet::single(kernel)).unwrap());
    let error = Partition::new(whole.clone(), inert.to_vec()).unwrap_err();
    let PartitionError::Overlap { arch, indices: (0, 1), .. } = &error else { panic!("{error}") };
    assert!(arch.contains("s2.depth=2,") || arch.contains("s2.depth=3,"), "{arch}");

    parts.remove(3);
    let error = Partition::new(whole.clone(), parts).unwrap_err();
    let PartitionError::Gap { arch, .. } = &error else { panic!("{error}") };
    assert!(arch.contains("s2.b0.k=7,s2.b0.e=4"), "{arch}");
}

#[test]
fn ranges_of_a_feature_in_a_space_too_large_to_list() {
    let whole = Region::full(toys::darts(4)).filtered(Filter::at_most(Feature::Macs, 100));
    let mut parts = Vec::new();
    for (index, part) in whole.split(&[1]).unwrap().iter().enumerate() {
        // Each product may be divided by another feature, or by none.
        parts.extend(match index {
            0 => vec![part.clone()],
            1 => part.split_by(Feature::Macs, &[10, 20]).unwrap(),
            _ => part.split_by(Feature::LiveConvs, &[3]).unwrap(),
        });
    }
    assert_eq!(Partition::new(whole.clone(), parts.clone()).unwrap().regions().len(), 1 + 3 + 5 * 2);

    parts.pop();
    assert!(matches!(Partition::new(whole.clone(), parts), Err(PartitionError::Undecided { .. })));
    let mixed: Vec<Region> = whole
        .split_by(Feature::LiveConvs, &[3])
        .unwrap()
        .iter()
        .flat_map(|part| part.split_by(Feature::LiveOps, &[5]).unwrap())
        .collect();
    let error = Partition::new(whole, mixed).unwrap_err().to_string();
    assert!(error.contains("more than 1048576 members before filtering"), "{error}");
}

/// Vanilla search is the last partition of the tree: one region per architecture.
#[test]
fn from_one_region_to_one_per_architecture() {
    let space = nasbench();
    let whole = Region::full(space.clone());
    for decisions in [&[][..], &[0], &[3, 0], &[0, 1, 2, 3, 4, 5]] {
        let parts = whole.split(decisions).unwrap();
        assert_eq!(parts.len(), 5_usize.pow(decisions.len() as u32));
        let partition = Partition::new(whole.clone(), parts).unwrap();
        let arch = whole.iter().nth(7777).unwrap();
        let expected = decisions.iter().fold(0, |index, &decision| 5 * index + arch.get(decision));
        assert_eq!(partition.route(&arch), Some(expected));
    }
}

/// The ranges of one feature divide the whole, but a filter on another one takes members away.
#[test]
fn a_second_filter_leaves_a_gap() {
    let whole = Region::full(cell());
    let mut parts = whole.split_by(Feature::LiveOps, &[2]).unwrap();
    parts[1] = parts[1].filtered(Filter::at_most(Feature::LiveConvs, 3));
    let error = Partition::new(whole.clone(), parts).unwrap_err();
    let PartitionError::Gap { arch, .. } = &error else { panic!("{error}") };
    let convs = Feature::LiveConvs.of(whole.space().as_ref(), &whole.space().parse(arch).unwrap());
    assert_eq!(convs, 4);
}

#[test]
fn strangers_have_no_owner() {
    let whole = Region::full(cell()).restrict(0, OptionSet::full(3)).unwrap();
    let partition = Partition::new(whole.clone(), whole.split(&[2]).unwrap()).unwrap();
    assert_eq!(partition.route(&Arch::new(vec![2, 0, 5, 0])), Some(5));
    assert_eq!(partition.route(&Arch::new(vec![3, 0, 5, 0])), None);
    assert_eq!(partition.route(&Arch::new(vec![0, 0, 6, 0])), None);
    assert_eq!(partition.route(&Arch::new(vec![0; 6])), None);
    assert_eq!(partition.whole(), &whole);
}

#[test]
fn regions_must_come_from_the_whole() {
    let whole = Region::full(cell());
    assert_eq!(Partition::new(whole.clone(), vec![]), Err(PartitionError::NoRegions));
    let error = Partition::new(whole, vec![Region::full(cell())]).unwrap_err().to_string();
    assert_eq!(error, "region 0 (all) was not made from this cell1296: make all regions of a partition from its whole");
}

#[test]
fn errors_name_the_regions() {
    let space = cell();
    let whole = Region::full(space.clone());
    let part = |set: OptionSet| whole.restrict(0, set).unwrap();
    let error = Partition::new(whole.clone(), vec![part(OptionSet::full(4)), part([3, 4, 5].into_iter().collect())]);
    assert_eq!(
        error.unwrap_err().to_string(),
        "regions 0 (e0=none|skip_connect|nor_conv_1x1|nor_conv_3x3) and 1 (e0=nor_conv_3x3|avg_pool_3x3|max_pool_3x3) \
         overlap: both have |nor_conv_3x3~0|+|none~1|+|none~0|none~2|"
    );
    let error = Partition::new(whole.clone(), vec![part(OptionSet::full(5))]).unwrap_err();
    assert_eq!(error.to_string(), "no region has |max_pool_3x3~0|+|none~1|+|none~0|none~2|, which is in all");
    let error = Partition::new(part(OptionSet::full(5)), vec![whole.clone()]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "region 0 (all) reaches outside e0!=max_pool_3x3: it has |max_pool_3x3~0|+|none~1|+|none~0|none~2|"
    );
}

/// The example: the number of live non-linear operations lies in a range, and on top an edge is split.
#[test]
fn partitions_need_not_be_products() {
    let space: Arc<dyn Space> = nasbench();
    let whole = Region::full(space.clone());
    let mut parts = whole.split_by(Feature::LiveNonlinear, &[1, 3]).unwrap();
    let last = parts.pop().unwrap();
    parts.extend(last.split(&[0]).unwrap());
    let partition = Partition::new(whole.clone(), parts).unwrap();
    for arch in whole.iter().step_by(11) {
        let expected = match Feature::LiveNonlinear.of(space.as_ref(), &arch) {
            0 => 0,
            1..=2 => 1,
            _ => 2 + arch.get(0),
        };
        assert_eq!(partition.route(&arch), Some(expected));
    }
    assert!(matches!(partition.regions()[0].split(&[7]), Err(RegionError::NoSuchDecision { .. })));
}
