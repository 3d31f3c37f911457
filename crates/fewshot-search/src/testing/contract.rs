//! The contract of all strategies.

use fewshot_space::{Arch, Region};
use serde_json::{Value, json};

use super::driver::{Build, Case, ask};
use super::regions::{cells, empty, regions, restricted};
use crate::{Random, Rea, ReaConfig, SearchError, Strategy};

/// Checks the contract of [`Strategy`] in regions of two spaces: large and small ones, with one member, with filters, with inert
/// decisions, without any member. Some thousand architectures are asked for.
///
/// # Panics
/// Saying what is wrong, and where, when the strategy
/// - asks for another number of architectures than it should, for one outside of its region, or in another form than the canonical
///   one; or asks otherwise when the same number is asked for in parts;
/// - asks otherwise with the same seed and the same answers;
/// - restored from its state as JSON text, is not in that state to the last bit or asks otherwise than the search that was not cut,
///   with scores outstanding and whatever it did before it was restored;
/// - takes the state of another strategy, region or seed, or one with nonsense in place of the whole, for its own; is changed by one
///   that it refuses; or, restored from a state with nonsense at any one place, asks outside of its region
///   ([`frame`](crate::frame) and [`unframe`](crate::unframe) see to most of this);
/// - minds the score of an architecture outside of its region, or cannot stand that evaluations fail;
/// - gives anything but [`SearchError::Region`] where no architecture is.
pub fn check_strategy(build: impl Fn(Region, u64) -> Result<Box<dyn Strategy>, SearchError>) {
    for region in regions() {
        let case = Case::new(&build, region);
        check_members(&case);
        check_parts(&case);
        check_repeatable(&case);
        check_restored(&case);
        check_strangers(&case);
    }
    check_foreign_states(&build);
    check_damaged_states(&build);
    check_empty(&build);
}

fn check_members(case: &Case<'_>) {
    let mut driver = case.drive(5);
    assert!(!driver.strategy.name().is_empty(), "the strategy has no name");
    for arch in &driver.run(60).asked {
        assert!(case.region.contains(arch), "{case} asks for {arch:?}, which is not of the region");
        assert_eq!(arch, &case.region.space().canonical(arch), "{case} asks for another than the canonical form");
    }
}

/// Any number may be asked before a score is told.
fn check_parts(case: &Case<'_>) {
    let whole = ask(case.start(5).as_mut(), 200);
    let mut strategy = case.start(5);
    let parts = [0, 1, 60, 0, 139].map(|n| ask(strategy.as_mut(), n));
    assert_eq!(parts.concat(), whole, "{case} asks otherwise in parts");
}

fn check_repeatable(case: &Case<'_>) {
    let (mut one, mut two) = (case.drive(1), case.drive(1));
    assert_eq!(one.run(30).asked, two.run(30).asked, "{case} asks otherwise with the same seed and answers");
    assert_eq!(one.strategy.state(), two.strategy.state(), "{case} has another state with the same seed and answers");
}

fn check_restored(case: &Case<'_>) {
    for cut in (0..12).chain([40]) {
        let mut uncut = case.drive(9);
        uncut.run(cut);
        let text = uncut.strategy.state().to_string();

        let mut restored = case.drive(9);
        // Into a strategy that has already been used for something else.
        restored.run(cut % 3);
        let state: Value = serde_json::from_str(&text).expect("JSON that was just written");
        if let Err(error) = restored.strategy.restore(&state) {
            panic!("{case}, cut at {cut}, refuses its own state {text}: {error}");
        }
        let same = |restored: &dyn Strategy, uncut: &dyn Strategy| {
            assert_eq!(restored.state(), uncut.state(), "{case}, cut at {cut}, has another state than it was given");
        };
        same(restored.strategy.as_ref(), uncut.strategy.as_ref());
        uncut.hand_over(&mut restored);
        assert_eq!(restored.run(25).asked, uncut.run(25).asked, "{case}, cut at {cut}, asks otherwise");
        same(restored.strategy.as_ref(), uncut.strategy.as_ref());
    }
}

fn check_strangers(case: &Case<'_>) {
    let mut strategy = case.start(3);
    for foreign in [Arch::new(vec![0; 2]), Arch::new(vec![200; 6]), Arch::new(vec![4; 6])] {
        if !case.region.contains(&foreign) {
            let before = strategy.state();
            strategy.tell(&foreign, 1e9);
            assert_eq!(strategy.state(), before, "{case} minds the score of a stranger");
        }
    }
    for round in 0..30 {
        for arch in ask(strategy.as_mut(), 3) {
            assert!(case.region.contains(&arch), "{case} asks for {arch:?} when evaluations fail");
            strategy.tell(&arch, [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][round % 3]);
        }
    }
}

fn check_foreign_states(build: Build<'_>) {
    let whole = Region::full(cells());
    let case = Case::new(build, whole.clone());
    let mut driver = case.drive(1);
    let own = driver.run(20).strategy.state();
    let name = driver.strategy.name();

    let random = |region, seed| Ok(Box::new(Random::new(region, seed)?) as Box<dyn Strategy>);
    let evolution = |region, seed| Ok(Box::new(Rea::new(region, seed, ReaConfig::DEFAULT)?) as Box<dyn Strategy>);
    let other: Build<'_> = if name == Random::NAME { &evolution } else { &random };
    let other = Case::new(other, whole.clone());
    let part = Case::new(build, restricted(&whole, 0, &[1]));
    for (what, state) in [
        ("another strategy", other.drive(1).run(20).strategy.state()),
        ("another seed", case.drive(2).run(20).strategy.state()),
        ("another region", part.drive(1).run(20).strategy.state()),
        ("nothing", json!(null)),
        ("a list", json!([1, 2])),
    ] {
        let Err(error) = driver.strategy.restore(&state) else {
            panic!("{name} takes the state of {what} for its own")
        };
        assert!(matches!(error, SearchError::State { .. }), "{name}, given the state of {what}: {error:?}");
        assert!(error.to_string().contains(name), "{name}, given the state of {what}, does not say its name: {error}");
        // Refused as a whole.
        assert_eq!(driver.strategy.state(), own, "{name} is changed by the state of {what}");
    }
}

/// Whatever single value of a state is replaced by nonsense, restoring fails or gives a search that still asks inside its region.
fn check_damaged_states(build: Build<'_>) {
    let case = Case::new(build, restricted(&Region::full(cells()), 0, &[1, 2]));
    let own = case.drive(1).run(20).strategy.state();
    for nonsense in [json!(null), json!(-1), json!("x"), json!([9, 9]), json!({}), json!(3)] {
        for place in 0..count(&own) {
            let mut state = own.clone();
            replace(&mut state, &mut { place }, &nonsense);
            let mut strategy = case.start(1);
            if strategy.restore(&state).is_err() {
                continue;
            }
            assert!(place > 0, "{case} takes {state} for a state");
            for arch in ask(strategy.as_mut(), 30) {
                assert!(case.region.contains(&arch), "{case} asks for {arch:?}, restored from {state}");
            }
        }
    }
}

fn check_empty(build: Build<'_>) {
    for region in empty() {
        let answer = build(region, 1).and_then(|mut strategy| strategy.ask(1));
        assert!(matches!(answer, Err(SearchError::Region(_))), "where no architecture is: {answer:?}");
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
