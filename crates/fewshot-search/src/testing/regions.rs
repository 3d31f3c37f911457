//! Regions of every kind to search in.

use std::sync::Arc;

use fewshot_space::{Arch, Feature, Filter, OptionSet, Region, Space, nasbench201};

use super::landscape::Chain;

/// NAS-Bench-201: 15,625 architectures of six decisions, all active.
pub(super) fn cells() -> Arc<dyn Space> {
    Arc::new(nasbench201::nasbench201(nasbench201::default_skeleton()))
}

/// Listed, restricted, filtered; large, with inert decisions, with a filter that allows no counting; with two members, with one,
/// and with one by filter.
pub(super) fn regions() -> Vec<Region> {
    let whole = Region::full(cells());
    let light = Filter::at_most(Feature::Macs, 30_000_000);
    let heaviest = Filter { feature: Feature::Macs, min: 220_000_000, max: u64::MAX };
    let chain = Chain::region(11);
    let shallow = Filter::at_most(Feature::Macs, 1_500);
    let one = Region::single(cells(), &Arch::new(vec![3, 2, 1, 0, 1, 2])).expect("the architecture is valid");
    let mut two = restricted(&whole, 0, &[0, 3]);
    for decision in 1..6 {
        two = restricted(&two, decision, &[3]);
    }
    vec![
        whole.clone(),
        restricted(&whole, 3, &[0]),
        whole.filtered(light),
        chain.clone(),
        chain.filtered(shallow),
        two,
        one,
        whole.filtered(heaviest),
    ]
}

/// Regions without any member, listed and too large for that.
pub(super) fn empty() -> [Region; 2] {
    let none = Filter { feature: Feature::Macs, min: u64::MAX, max: u64::MAX };
    [Region::full(cells()).filtered(none), Chain::region(11).filtered(none)]
}

/// The part of a region where a decision takes one of `options`.
pub(super) fn restricted(region: &Region, decision: usize, options: &[usize]) -> Region {
    let options: OptionSet = options.iter().copied().collect();
    region.restrict(decision, options).expect("the region has these options")
}
