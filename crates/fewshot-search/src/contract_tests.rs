//! The contract that every strategy in the list keeps. A new one is tested by being listed.

use std::collections::VecDeque;
use std::sync::Arc;

use fewshot_space::{Arch, Feature, Filter, OptionSet, Region};
use serde_json::{Value, json};

use super::landscape::Chain;
use super::{SearchError, Strategy, StrategyInfo, build, names, strategies};
use fewshot_rank::testing::space;

/// Regions of every kind: listed, restricted, filtered; large, with inert decisions, with a
/// filter that allows no counting; with two members, with one, and with one by filter.
fn regions() -> Vec<Region> {
    let cells = Region::full(space());
    let light = Filter::at_most(Feature::Macs, 30_000_000);
    let chain = Chain::region(11);
    let shallow = Filter::at_most(Feature::Macs, 1_500);
    let arch = Arch::new(vec![3, 2, 1, 0, 1, 2]);
    let one = Region::single(space(), &arch).unwrap();
    let mut two = Region::full(space());
    for decision in 1..6 {
        two = two.restrict(decision, OptionSet::single(3)).unwrap();
    }
    let heaviest = Filter { feature: Feature::Macs, min: 220_000_000, max: u64::MAX };
    vec![
        cells.clone(),
        cells.restrict(3, OptionSet::single(0)).unwrap(),
        cells.filtered(light),
        chain.clone(),
        chain.filtered(shallow),
        two.restrict(0, [0, 3].into_iter().collect()).unwrap(),
        one,
        cells.filtered(heaviest),
    ]
}

/// A score that depends on the architecture alone; one evaluation in five fails.
fn score(arch: &Arch) -> f64 {
    let mixed = (arch.options().iter())
        .fold(7, |mixed: u64, &option| mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(option));
    match mixed % 15 {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => f64::NEG_INFINITY,
        // Many digits, so that a lost bit in a saved state shows.
        _ => (mixed >> 11) as f64 / 3e14,
    }
}

/// A search with questions of changing size and some answers outstanding.
struct Driver {
    strategy: Box<dyn Strategy>,
    outstanding: VecDeque<Arch>,
    step: usize,
    asked: Vec<Arch>,
}

impl Driver {
    fn new(strategy: Box<dyn Strategy>) -> Driver {
        Driver { strategy, outstanding: VecDeque::new(), step: 0, asked: Vec::new() }
    }

    fn run(&mut self, steps: usize) -> &mut Driver {
        for _ in 0..steps {
            let n = [1, 0, 4, 1, 2, 7][self.step % 6];
            let asked = self.strategy.ask(n).unwrap();
            assert_eq!(asked.len(), n);
            self.outstanding.extend(asked.iter().cloned());
            self.asked.extend(asked);
            while self.outstanding.len() > self.step % 4 {
                let arch = self.outstanding.pop_front().unwrap();
                self.strategy.tell(&arch, score(&arch));
            }
            self.step += 1;
        }
        self
    }
}

/// Runs a check for every strategy and region.
fn everywhere(check: impl Fn(&StrategyInfo, &Region)) {
    for info in strategies() {
        for region in regions() {
            println!("{} in {}", info.name, region.label());
            check(info, &region);
        }
    }
}

#[test]
fn asks_canonical_members_only() {
    everywhere(|info, region| {
        let mut driver = Driver::new(info.build(region.clone(), 5).unwrap());
        assert_eq!(driver.strategy.name(), info.name);
        for arch in &driver.run(60).asked {
            assert!(region.contains(arch), "{arch:?}");
            assert_eq!(arch, &region.space().canonical(arch));
        }
    });
}

#[test]
fn any_number_may_be_asked_before_a_score_is_told() {
    everywhere(|info, region| {
        let start = || info.build(region.clone(), 5).unwrap();
        let whole = start().ask(200).unwrap();
        assert_eq!(whole.len(), 200);
        let mut parts = start();
        let pieces = [0, 1, 60, 0, 139].map(|n| parts.ask(n).unwrap());
        assert_eq!(pieces.concat(), whole);
    });
}

#[test]
fn the_seed_and_the_answers_decide() {
    everywhere(|info, region| {
        let run = |seed| {
            let mut driver = Driver::new(info.build(region.clone(), seed).unwrap());
            driver.run(30);
            (driver.asked, driver.strategy.state())
        };
        assert_eq!(run(1), run(1));
        if region.size() != Ok(1) {
            assert_ne!(run(1).0, run(2).0);
        }
    });
}

#[test]
fn a_restored_search_goes_on_as_if_never_cut() {
    everywhere(|info, region| {
        let start = || info.build(region.clone(), 9).unwrap();
        for cut in (0..12).chain([40]) {
            let mut uncut = Driver::new(start());
            uncut.run(cut);
            let text = uncut.strategy.state().to_string();

            let mut restored = Driver::new(start());
            // Into a strategy that has already been used for something else.
            restored.run(cut % 3);
            let state: Value = serde_json::from_str(&text).unwrap();
            restored.strategy.restore(&state).unwrap();
            // To the last bit, though the state went through text.
            assert_eq!(restored.strategy.state(), uncut.strategy.state());
            restored.outstanding = uncut.outstanding.clone();
            restored.step = cut;
            restored.asked.clear();
            uncut.asked.clear();
            assert_eq!(uncut.run(25).asked, restored.run(25).asked, "cut at {cut}");
            assert_eq!(uncut.strategy.state(), restored.strategy.state());
        }
    });
}

#[test]
fn a_state_of_another_search_is_refused() {
    let region = Region::full(space());
    let part = region.restrict(0, OptionSet::single(1)).unwrap();
    for info in strategies() {
        let mut driver = Driver::new(info.build(region.clone(), 1).unwrap());
        driver.run(20);
        let own = driver.strategy.state();
        let state = |name, region: &Region, seed| {
            let mut other = Driver::new(build(name, region.clone(), seed).unwrap());
            other.run(20).strategy.state()
        };
        let other = names().find(|&name| name != info.name).unwrap();
        let mut damaged = own.clone();
        damaged["data"] = json!({"unknown": 1});
        for (wrong, expected) in [
            (state(other, &region, 1), other),
            (state(info.name, &region, 2), "its seed is 2, not 1"),
            (state(info.name, &part, 1), "another region than all"),
            (damaged, "it is damaged"),
            (json!(null), "it is damaged"),
            (json!([1, 2]), "it is damaged"),
        ] {
            let error = driver.strategy.restore(&wrong).unwrap_err();
            assert!(matches!(error, SearchError::State { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains(info.name) && text.contains(expected), "{text}");
            // Refused as a whole.
            assert_eq!(driver.strategy.state(), own);
        }
    }
}

#[test]
fn every_part_of_a_state_is_checked() {
    // Whatever single value of a state is replaced by nonsense, restoring fails or gives a search
    // that still asks inside its region.
    let region = Region::full(space()).restrict(0, [1, 2].into_iter().collect()).unwrap();
    for info in strategies() {
        let mut driver = Driver::new(info.build(region.clone(), 1).unwrap());
        let own = driver.run(20).strategy.state();
        let mut refused = 0;
        for nonsense in [json!(null), json!(-1), json!("x"), json!([9, 9]), json!({}), json!(3)] {
            for place in 0..count(&own) {
                let mut state = own.clone();
                replace(&mut state, &mut { place }, &nonsense);
                let mut strategy = info.build(region.clone(), 1).unwrap();
                if strategy.restore(&state).is_err() {
                    refused += 1;
                    continue;
                }
                for arch in strategy.ask(30).unwrap() {
                    assert!(region.contains(&arch), "{state}");
                }
            }
        }
        // At least name, region, seed and the whole, for each kind of nonsense.
        assert!(refused >= 6 * 4, "{refused}");
    }
}

/// Number of values in a JSON value, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum::<usize>(),
        Value::Object(fields) => fields.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

/// Replaces the value at `place` in the order of [`count`].
fn replace(value: &mut Value, place: &mut usize, by: &Value) -> bool {
    if *place == 0 {
        *value = by.clone();
        return true;
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| replace(item, place, by)),
        Value::Object(fields) => fields.values_mut().any(|field| replace(field, place, by)),
        _ => false,
    }
}

#[test]
fn scores_of_strangers_and_failures_do_no_harm() {
    everywhere(|info, region| {
        let mut strategy = info.build(region.clone(), 3).unwrap();
        for foreign in [Arch::new(vec![0; 2]), Arch::new(vec![200; 6]), Arch::new(vec![4; 6])] {
            if !region.contains(&foreign) {
                let before = strategy.state();
                strategy.tell(&foreign, 1e9);
                assert_eq!(strategy.state(), before);
            }
        }
        for round in 0..30 {
            for arch in strategy.ask(3).unwrap() {
                assert!(region.contains(&arch));
                strategy.tell(&arch, [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][round % 3]);
            }
        }
    });
}

#[test]
fn an_empty_region_is_an_error() {
    let nothing = Filter::at_most(Feature::Macs, 1);
    for info in strategies() {
        for region in [Region::full(space()), Region::full(Arc::new(Chain::new(11)))] {
            let none = Filter { feature: Feature::Macs, min: u64::MAX, max: u64::MAX };
            let empty = region.filtered(none);
            let answer = (info.build(empty, 1)).and_then(|mut strategy| strategy.ask(1));
            assert!(matches!(answer, Err(SearchError::Region(_))), "{answer:?}");
        }
        let error = info.build(Region::full(space()).filtered(nothing), 1).err().unwrap();
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
