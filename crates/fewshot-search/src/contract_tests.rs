//! Every strategy in the list passes the suites. A new one is tested by being listed.

use std::thread;

use fewshot_rank::testing::space;
use fewshot_space::{Feature, Filter, Region};
use serde_json::json;

use super::{SearchError, StrategyInfo, build, names, strategies, testing};

/// Runs a check for every strategy, side by side.
fn each(check: impl Fn(&'static StrategyInfo) + Sync) {
    thread::scope(|scope| {
        for info in strategies() {
            let check = &check;
            thread::Builder::new().name(info.name.to_owned()).spawn_scoped(scope, move || check(info)).unwrap();
        }
    });
}

#[test]
fn all_keep_the_contract() {
    each(|info| testing::check_strategy(|region, seed| info.build(region, seed)));
}

#[test]
fn all_draw_by_their_seed() {
    each(|info| testing::check_seeded(|region, seed| info.build(region, seed)));
}

#[test]
fn a_refused_state_says_why() {
    let region = Region::full(space());
    let part = region.restrict(0, [1].into_iter().collect()).unwrap();
    for info in strategies() {
        let state = |name: &str, region: &Region, seed| {
            let mut strategy = build(name, region.clone(), seed).unwrap();
            strategy.ask(20).unwrap();
            strategy.state()
        };
        let other = names().find(|&name| name != info.name).unwrap();
        let mut damaged = state(info.name, &region, 1);
        damaged["data"] = json!({"unknown": 1});
        for (wrong, expected) in [
            (state(other, &region, 1), other),
            (state(info.name, &region, 2), "its seed is 2, not 1"),
            (state(info.name, &part, 1), "another region than all"),
            (damaged, "it is damaged"),
            (json!(null), "it is damaged"),
        ] {
            let error = info.build(region.clone(), 1).unwrap().restore(&wrong).unwrap_err();
            assert!(matches!(error, SearchError::State { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains(info.name) && text.contains(expected), "{text}");
        }
    }
}

#[test]
fn an_empty_region_is_described() {
    let nothing = Region::full(space()).filtered(Filter::at_most(Feature::Macs, 1));
    for info in strategies() {
        let error = info.build(nothing.clone(), 1).err().unwrap();
        assert!(error.to_string().contains("macs from 7783050 to 220119690"), "{error}");
    }
}

#[test]
fn names_are_unique_and_unknown_ones_get_a_hint() {
    let all: Vec<_> = names().collect();
    assert!(all.iter().all(|name| all.iter().filter(|other| *other == name).count() == 1));
    for info in strategies() {
        let strategy = build(info.name, Region::full(space()), 0).unwrap();
        assert_eq!(strategy.name(), info.name);
        assert!(!info.about.is_empty());
    }
    let error = build("randon", Region::full(space()), 0).err().unwrap();
    assert_eq!(error.to_string(), "there is no search strategy `randon`; did you mean `random`?");
}
