//! A search as a caller runs it.

use std::collections::VecDeque;
use std::fmt;

use fewshot_space::{Arch, Region};

use crate::{SearchError, Strategy};

/// Makes a strategy for a region and a seed.
pub(super) type Build<'a> = &'a dyn Fn(Region, u64) -> Result<Box<dyn Strategy>, SearchError>;

/// A strategy in a region; shown as that where a check fails.
pub(super) struct Case<'a> {
    build: Build<'a>,
    pub region: Region,
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} of {}", self.start(0).name(), self.region.label(), self.region.space().name())
    }
}

impl<'a> Case<'a> {
    pub fn new(build: Build<'a>, region: Region) -> Case<'a> {
        Case { build, region }
    }

    /// A strategy that has done nothing yet.
    pub fn start(&self, seed: u64) -> Box<dyn Strategy> {
        let region = self.region.label();
        (self.build)(self.region.clone(), seed).unwrap_or_else(|error| panic!("cannot be built in {region}: {error}"))
    }

    pub fn drive(&self, seed: u64) -> Driver {
        Driver { strategy: self.start(seed), outstanding: VecDeque::new(), step: 0, asked: Vec::new() }
    }
}

/// A search with questions of changing size and some answers outstanding.
pub(super) struct Driver {
    pub strategy: Box<dyn Strategy>,
    outstanding: VecDeque<Arch>,
    step: usize,
    /// All that was asked, in order.
    pub asked: Vec<Arch>,
}

impl Driver {
    pub fn run(&mut self, steps: usize) -> &mut Driver {
        for _ in 0..steps {
            let n = [1, 0, 4, 1, 2, 7][self.step % 6];
            let asked = ask(self.strategy.as_mut(), n);
            self.outstanding.extend(asked.iter().cloned());
            self.asked.extend(asked);
            while self.outstanding.len() > self.step % 4
                && let Some(arch) = self.outstanding.pop_front()
            {
                self.strategy.tell(&arch, score(&arch));
            }
            self.step += 1;
        }
        self
    }

    /// Puts another search at the place of this one: what is outstanding, and the size of the next question.
    pub fn hand_over(&mut self, to: &mut Driver) {
        to.outstanding = self.outstanding.clone();
        to.step = self.step;
        to.asked.clear();
        self.asked.clear();
    }
}

/// The next `n` architectures, which there must be.
pub(super) fn ask(strategy: &mut dyn Strategy, n: usize) -> Vec<Arch> {
    let name = strategy.name();
    let asked = strategy.ask(n).unwrap_or_else(|error| panic!("{name} is asked for {n}: {error}"));
    assert_eq!(asked.len(), n, "{name} is asked for {n}");
    asked
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
