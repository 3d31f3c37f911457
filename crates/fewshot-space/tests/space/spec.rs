//! What is written to run files.

use crate::toys::small_region;
use crate::{cell, nasbench};
use fewshot_space::{Arch, Feature, Filter, OptionSet, Region, RegionError, RegionSpec, cell1296, nasbench201};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_region_comes_back_from_its_spec(region in small_region()) {
        let text = serde_json::to_string(&region.spec()).unwrap();
        let spec: RegionSpec = serde_json::from_str(&text).unwrap();
        let read = Region::from_spec(region.space().clone(), &spec);
        match region.filters().iter().find(|filter| filter.min > filter.max) {
            Some(&filter) => prop_assert_eq!(read, Err(RegionError::EmptyFilter(filter))),
            None => prop_assert_eq!(read, Ok(region)),
        }
    }
}

#[test]
fn the_spec_is_readable() {
    let whole = Region::full(nasbench());
    assert_eq!(serde_json::to_string(&whole.spec()).unwrap(), r#"{"space":"nasbench201"}"#);
    let region = whole
        .restrict(3, [0, 3].into_iter().collect())
        .unwrap()
        .filtered(Filter::at_most(Feature::Macs, 8_000_000))
        .filtered(Filter { feature: Feature::LiveNonlinear, min: 2, max: u64::MAX });
    assert_eq!(
        serde_json::to_string(&region.spec()).unwrap(),
        r#"{"space":"nasbench201","allowed":{"e3":["none","nor_conv_3x3"]},"#.to_owned()
            + r#""filters":[{"feature":"live_nonlinear","min":2},{"feature":"macs","max":8000000}]}"#
    );
}

#[test]
fn a_bad_spec_is_refused_with_a_reason() {
    let error = |text: &str| {
        let spec: RegionSpec = serde_json::from_str(text).unwrap();
        Region::from_spec(nasbench(), &spec).unwrap_err()
    };
    assert_eq!(
        error(r#"{"space":"cell1296"}"#).to_string(),
        "the region belongs to space cell1296, not to nasbench201"
    );
    assert_eq!(
        error(r#"{"space":"nasbench201","allowed":{"e1":["nor_conv3x3"]}}"#).to_string(),
        "decision e1 of nasbench201 has no option `nor_conv3x3`; did you mean `nor_conv_3x3`?"
    );
    assert!(matches!(
        error(r#"{"space":"nasbench201","allowed":{"edge1":["none"]}}"#),
        RegionError::UnknownDecision { .. }
    ));
    assert!(matches!(error(r#"{"space":"nasbench201","allowed":{"e1":[]}}"#), RegionError::NoOption { .. }));
    assert_eq!(
        error(r#"{"space":"nasbench201","filters":[{"feature":"macs","min":2,"max":1}]}"#).to_string(),
        "no macs is at least 2 and at most 1: swap the bounds"
    );
    for text in [
        r#"{"space":"nasbench201","allow":{}}"#,
        r#"{"space":"nasbench201","filters":[{"feature":"flops"}]}"#,
        r#"{"space":"nasbench201","filters":[{"feature":"macs","most":1}]}"#,
        r#"{}"#,
    ] {
        assert!(serde_json::from_str::<RegionSpec>(text).is_err(), "{text}");
    }
}

#[test]
fn feature_names_are_the_same_everywhere() {
    for feature in Feature::ALL {
        assert_eq!(feature.name().parse(), Ok(feature));
        assert_eq!(feature.to_string(), feature.name());
        assert_eq!(serde_json::to_string(&feature).unwrap(), format!("\"{}\"", feature.name()));
    }
    let error = "live_conv".parse::<Feature>().unwrap_err().to_string();
    assert_eq!(error, "unknown feature `live_conv`; did you mean `live_convs`?");
}

#[test]
fn architectures_and_skeletons_are_plain_data() {
    let arch = Arch::new(vec![0, 5, 2, 3]);
    assert_eq!(serde_json::to_string(&arch).unwrap(), "[0,5,2,3]");
    assert_eq!(serde_json::from_str::<Arch>("[0,5,2,3]").unwrap(), arch);
    for skeleton in [nasbench201::default_skeleton(), cell1296::default_skeleton()] {
        let text = serde_json::to_string(&skeleton).unwrap();
        assert_eq!(serde_json::from_str::<fewshot_space::CellSkeleton>(&text).unwrap(), skeleton);
    }
}

/// A region knows its space object: an equal description of another one is not the same region.
#[test]
fn regions_of_two_space_objects_differ() {
    let space = cell();
    let part = |space| Region::full(space).restrict(0, OptionSet::single(1)).unwrap();
    assert_eq!(part(space.clone()), part(space));
    assert_ne!(part(cell()), part(cell()));
}
