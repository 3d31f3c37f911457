//! Drawing members.

use crate::toys::{self, small_region};
use crate::{cell, nasbench, rng};
use fewshot_space::random::stream;
use fewshot_space::{Arch, Extent, Feature, Filter, OptionSet, Region, RegionError};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Pearson's statistic of `draws` per member against equal frequencies, and its degrees of freedom.
fn chi_square(region: &Region, draws: usize, seed: u64) -> (f64, usize) {
    let mut counts: BTreeMap<Arch, usize> = region.iter().map(|arch| (arch, 0)).collect();
    let mut rng = rng(seed);
    for _ in 0..draws {
        let arch = region.sample(&mut rng).unwrap();
        *counts.get_mut(&arch).expect("a drawn architecture is listed") += 1;
    }
    let expected = draws as f64 / counts.len() as f64;
    let statistic = counts.values().map(|&count| (count as f64 - expected).powi(2) / expected).sum();
    (statistic, counts.len() - 1)
}

/// With `k` degrees of freedom the statistic has mean `k` and variance `2k`, and a thin exponential tail; it passes the
/// limit here less than once in a million. A wrong weight moves it by far more, in proportion to the draws.
pub fn assert_uniform(region: &Region, seed: u64) {
    let members = region.size().unwrap() as usize;
    let (statistic, freedom) = chi_square(region, 400 * members, seed);
    let limit = freedom as f64 + 5.0 * (2.0 * freedom as f64).sqrt() + 25.0;
    assert!(statistic < limit, "{statistic} over {limit} with {members} members of {}", region.label());
}

#[test]
fn uniform_over_distinct_networks_though_decisions_go_inert() {
    // 9^2 of 7371 / 10 networks have depth 2; taking depths with equal chances would draw them a third of the time.
    assert_uniform(&Region::full(toys::nested()), 1);
    let whole = Region::full(toys::mbconv(1, 4));
    let mut thin = whole.clone();
    for index in 1..9 {
        thin = thin.restrict(index, if index % 4 == 0 { OptionSet::full(3) } else { OptionSet::single(1) }).unwrap();
    }
    assert_eq!(thin.size(), Ok(3 + 3 + 9));
    assert_uniform(&thin, 2);
    assert_uniform(&Region::full(cell()).restrict(0, OptionSet::single(2)).unwrap(), 3);
}

#[test]
fn decisions_drawn_by_themselves_take_each_option_as_often() {
    let region = Region::full(toys::mbconv(1, 4));
    let options = region.space().decisions()[0].options.len();
    let mut rng = rng(11);
    let mut counts = vec![0_usize; options];
    let draws = 3_000;
    for _ in 0..draws {
        let arch = region.sample_by_decision(&mut rng).unwrap();
        assert!(region.contains(&arch), "{arch:?}");
        counts[arch.get(0)] += 1;
    }
    // Five standard deviations of a share of one in so many.
    let expected = draws as f64 / options as f64;
    let far = 5.0 * (expected * (1.0 - 1.0 / options as f64)).sqrt();
    assert!(counts.iter().all(|&count| (count as f64 - expected).abs() < far), "{counts:?}");
    // The deepest have 81 times as many variants as those two blocks shallower, and uniform draws hardly give another.
    let deepest = (0..draws).filter(|_| region.sample(&mut rng).unwrap().get(0) == options - 1).count();
    assert!(deepest > draws * 8 / 10, "{deepest}");

    let shallow = region.filtered(Filter::at_most(Feature::LiveConvs, 2));
    let within: Vec<Arch> = (0..50).map(|_| shallow.sample_by_decision(&mut rng).unwrap()).collect();
    assert!(within.iter().all(|arch| shallow.contains(arch)));
}

#[test]
fn uniform_behind_filters() {
    let nested = Region::full(toys::nested()).filtered(Filter { feature: Feature::LiveConvs, min: 1, max: 2 });
    assert_uniform(&nested, 4);
    // Eighteen of 15,625: many draws fail, and the members are listed instead.
    let rare = Region::full(nasbench()).filtered(Filter { feature: Feature::Macs, min: 180_000_000, max: 188_000_000 });
    assert_eq!(rare.size(), Ok(18));
    assert_uniform(&rare, 5);
}

#[test]
fn an_empty_region_says_what_was_seen() {
    let none = Region::full(nasbench()).filtered(Filter::at_most(Feature::Macs, 1_000_000));
    assert_eq!(
        none.sample(&mut rng(0)).unwrap_err().to_string(),
        "region macs<=1000000 is empty: none of its 15625 architectures passes the filters; \
         seen: macs from 7783050 to 220119690"
    );
    let none = Region::full(toys::darts(4)).filtered(Filter { feature: Feature::LiveOps, min: 9, max: u64::MAX });
    let error = none.sample(&mut rng(0)).unwrap_err();
    assert!(matches!(error, RegionError::NotFound { draws: 2_000, .. }), "{error}");
    assert!(error.to_string().contains("seen: live_ops from "), "{error}");
}

#[test]
fn the_stream_alone_decides() {
    let region = Region::full(toys::mbconv(5, 4));
    let draw = |seed| {
        let mut rng = rng(seed);
        (0..20).map(|_| region.sample(&mut rng).unwrap()).collect::<Vec<Arch>>()
    };
    assert_eq!(draw(7), draw(7));
    assert_ne!(draw(7), draw(8));
    let first = Region::full(nasbench()).sample(&mut rng(0)).unwrap();
    assert_eq!(first.options(), [4, 1, 0, 0, 1, 2], "recorded runs depend on it");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn drawn_architectures_are_members(region in small_region(), seed in any::<u64>()) {
        let members: Vec<Arch> = region.iter().collect();
        match region.sample(&mut rng(seed)) {
            Ok(arch) => prop_assert!(members.binary_search(&arch).is_ok()),
            Err(error) => {
                prop_assert!(members.is_empty(), "{}", error);
                let right = matches!(error, RegionError::Empty { .. });
                prop_assert!(right);
            }
        }
    }

    #[test]
    fn uniform_in_random_spaces(region in small_region(), seed in any::<u64>()) {
        let members = region.size().unwrap();
        if (1..=40).contains(&members) {
            assert_uniform(&region, seed);
        }
    }
}

/// Five stages of up to four blocks: 3.9e19 networks. Their cost is that of their convolutions.
#[test]
fn regions_that_cannot_be_listed_have_members_and_an_estimated_size_within_any_limit() {
    let whole = Region::full(toys::mbconv(5, 4));
    assert_eq!(whole.extent().unwrap(), Extent::Exactly(whole.size().unwrap()));
    let space = whole.space().clone();
    let costs: Vec<u64> =
        (0..1000).map(|i| space.cost(&whole.sample(&mut stream(0, "draw", i, 0)).unwrap()).macs).collect();
    let (least, mean) = (*costs.iter().min().unwrap(), costs.iter().sum::<u64>() / 1000);

    let half = whole.filtered(Filter::at_most(Feature::Macs, mean));
    assert!(matches!(half.size(), Err(RegionError::TooLarge { .. })));
    let Extent::About { members, passed, drawn } = half.extent().unwrap() else { panic!("it cannot be counted") };
    let share = f64::from(passed) / f64::from(drawn);
    assert!((0.3..0.7).contains(&share), "{share}");
    assert!((members / (whole.size().unwrap() as f64 * share) - 1.0).abs() < 1e-9);
    assert!(half.extent().unwrap().is_at_least(1 << 60) && !half.is_empty().unwrap());

    // Below all that was drawn there are some: they are found, and are members.
    let tight = whole.filtered(Filter::at_most(Feature::Macs, least / 2));
    assert!(!tight.is_empty().unwrap());
    for draw in 0..20 {
        let arch = tight.sample(&mut stream(1, "tight", draw, 0)).unwrap();
        assert!(tight.contains(&arch) && space.canonical(&arch) == arch);
        assert_eq!(arch, tight.sample(&mut stream(1, "tight", draw, 0)).unwrap());
    }
    let nothing = whole.filtered(Filter::at_most(Feature::Macs, 0));
    assert_eq!(space.cost(&nothing.sample(&mut rng(7)).unwrap()).macs, 0);
    let none = Region::full(toys::darts(4)).filtered(Filter { feature: Feature::LiveOps, min: 9, max: u64::MAX });
    assert!(none.is_empty().unwrap() && none.extent().unwrap().to_string() == "fewer than one in 20000");
}
