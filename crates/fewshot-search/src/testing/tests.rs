//! The suites see who does not pass: random search with one fault each.

use fewshot_space::{Arch, Region};
use serde_json::{Value, json};

use super::{check_front, check_search, check_seeded, check_strategy};
use crate::{Random, SearchError, Strategy, frame, unframe};

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    /// Asks outside of its region.
    Outside,
    /// A question of several architectures repeats its first.
    Parts,
    /// Goes on from the start when it is restored.
    Forgets,
    /// Takes any state.
    Credulous,
    /// Counts the scores of strangers.
    Strangers,
}

struct Faulty {
    inner: Random,
    region: Region,
    seed: u64,
    told: u64,
    fault: Fault,
}

impl Strategy for Faulty {
    fn name(&self) -> &'static str {
        "faulty"
    }

    fn ask(&mut self, n: usize) -> Result<Vec<Arch>, SearchError> {
        let mut asked = self.inner.ask(n)?;
        match self.fault {
            Fault::Outside => asked.iter_mut().for_each(|arch| *arch = Arch::new(vec![0; 2])),
            Fault::Parts if n > 1 => asked[n - 1] = asked[0].clone(),
            _ => (),
        }
        Ok(asked)
    }

    fn tell(&mut self, arch: &Arch, _score: f64) {
        if self.fault == Fault::Strangers || self.region.contains(arch) {
            self.told += 1;
        }
    }

    fn state(&self) -> Value {
        frame("faulty", &self.region, self.seed, (self.told, self.inner.state()))
    }

    fn restore(&mut self, state: &Value) -> Result<(), SearchError> {
        let unframed = match unframe::<(u64, Value)>(state, "faulty", &self.region, self.seed) {
            Err(_) if self.fault == Fault::Credulous => return Ok(()),
            unframed => unframed?,
        };
        if self.fault != Fault::Forgets {
            self.inner.restore(&unframed.1)?;
        }
        self.told = unframed.0;
        Ok(())
    }
}

fn build(fault: Fault) -> impl Fn(Region, u64) -> Result<Box<dyn Strategy>, SearchError> {
    move |region, seed| {
        let inner = Random::new(region.clone(), seed)?;
        Ok(Box::new(Faulty { inner, region, seed, told: 0, fault }))
    }
}

#[test]
#[should_panic(expected = "which is not of the region")]
fn questions_outside_of_the_region_are_seen() {
    check_strategy(build(Fault::Outside));
}

#[test]
#[should_panic(expected = "asks otherwise in parts")]
fn questions_that_depend_on_their_size_are_seen() {
    check_strategy(build(Fault::Parts));
}

#[test]
#[should_panic(expected = "has another state than it was given")]
fn a_search_that_forgets_is_seen() {
    check_strategy(build(Fault::Forgets));
}

#[test]
#[should_panic(expected = "takes the state of another strategy for its own")]
fn a_search_that_takes_any_state_is_seen() {
    check_strategy(build(Fault::Credulous));
}

#[test]
#[should_panic(expected = "minds the score of a stranger")]
fn a_search_that_counts_strangers_is_seen() {
    check_strategy(build(Fault::Strangers));
}

#[test]
#[should_panic(expected = "asks the same with another seed")]
fn a_seed_without_effect_is_seen() {
    check_seeded(|region, _| Ok(Box::new(Random::new(region, 0)?)));
}

#[test]
#[should_panic(expected = "random finds")]
fn a_search_that_does_not_follow_scores_is_seen() {
    check_search(|region, seed| Ok(Box::new(Random::new(region, seed)?)));
}

#[test]
#[should_panic(expected = "random finds a front")]
fn a_search_that_does_not_follow_costs_is_seen() {
    check_front(|region, seed| Ok(Box::new(Random::new(region, seed)?)));
}

#[test]
fn frames_are_checked_field_by_field() {
    let region = Region::full(super::regions::cells());
    let state = frame("random", &region, 1, 7);
    for field in ["format", "strategy", "region", "seed", "data"] {
        for nonsense in [json!(null), json!(-1), json!("x"), json!([9, 9]), json!({})] {
            let mut damaged = state.clone();
            damaged[field] = nonsense;
            let refused = unframe::<u64>(&damaged, "random", &region, 1);
            assert!(matches!(refused, Err(SearchError::State { .. })), "{damaged}");
        }
    }
}
