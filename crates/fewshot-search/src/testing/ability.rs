//! What some strategies can do.

use fewshot_space::Region;

use super::driver::{Build, Case, ask};
use super::landscape::{self, Chain};
use super::regions::regions;
use crate::{Random, SearchError, Strategy, front};

/// Evaluations of each search, asked three at a time.
const EVALUATIONS: usize = 300;
/// Searches per strategy.
const SEEDS: u64 = 20;
/// Slots of the chain, and so the highest score.
const SLOTS: usize = 20;

/// For a strategy that draws: its seed makes a difference.
///
/// # Panics
/// When two seeds ask for the same architectures in the same order, in a region of more than one.
pub fn check_seeded(build: impl Fn(Region, u64) -> Result<Box<dyn Strategy>, SearchError>) {
    for region in regions() {
        let case = Case::new(&build, region);
        if case.region.size() != Ok(1) {
            let (mut one, mut two) = (case.drive(1), case.drive(2));
            assert_ne!(one.run(30).asked, two.run(30).asked, "{case} asks the same with another seed");
        }
    }
}

/// For a strategy that follows the scores: on a landscape with structure, a chain of up to 20 operations each of which is right or
/// wrong by itself, 300 evaluations find more than random search does; as a mean of 20 searches each.
///
/// # Panics
/// When the best that is found is not better by half a point of 20.
pub fn check_search(build: impl Fn(Region, u64) -> Result<Box<dyn Strategy>, SearchError>) {
    let random = mean_best(&|region, seed| Ok(Box::new(Random::new(region, seed)?)));
    let found = mean_best(&build);
    let name = Case::new(&build, Chain::region(SLOTS)).start(0).name();
    assert!(found > random + 0.5, "{name} finds {found} of {SLOTS} points, random search {random}");
}

/// The best score of a search on that landscape, a mean over seeds.
pub(crate) fn mean_best(build: Build<'_>) -> f64 {
    let case = Case::new(build, Chain::region(SLOTS));
    let best = |seed| {
        let mut strategy = case.start(seed);
        let mut best = 0.0;
        for _ in 0..EVALUATIONS / 3 {
            for arch in ask(strategy.as_mut(), 3) {
                let score = landscape::score(&arch);
                best = f64::max(best, score);
                strategy.tell(&arch, score);
            }
        }
        best
    };
    (0..SEEDS).map(best).sum::<f64>() / SEEDS as f64
}

/// Slots of the chain of [`check_front`], and so its highest score.
const FRONT_SLOTS: usize = 12;

/// For a strategy that follows score and multiply-adds: on a chain of up to 12 operations, 400 evaluations find a front that lies
/// beyond that of random search; as a mean of 10 searches each.
///
/// # Panics
/// When what the front beats is not larger by 30 %, as an area of points times multiply-adds.
pub fn check_front(build: impl Fn(Region, u64) -> Result<Box<dyn Strategy>, SearchError>) {
    let random = mean_area(&|region, seed| Ok(Box::new(Random::new(region, seed)?)));
    let found = mean_area(&build);
    let name = Case::new(&build, Chain::region(FRONT_SLOTS)).start(0).name();
    assert!(found > 1.3 * random, "{name} finds a front above {found}, random search one above {random}");
}

fn mean_area(build: Build<'_>) -> f64 {
    let case = Case::new(build, Chain::region(FRONT_SLOTS));
    let area = |seed| {
        let mut strategy = case.start(seed);
        let mut points = Vec::new();
        for _ in 0..100 {
            for arch in ask(strategy.as_mut(), 4) {
                let score = landscape::score(&arch);
                strategy.tell(&arch, score);
                points.push([score, -(case.region.space().cost(&arch).macs as f64)]);
            }
        }
        area(&points)
    };
    (0..10).map(area).sum::<f64>() / 10.0
}

/// Area of what the front beats, up to the highest score and down to no cost.
fn area(points: &[[f64; 2]]) -> f64 {
    let mut front: Vec<[f64; 2]> = front(points).into_iter().map(|at| points[at]).collect();
    front.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let highest = (FRONT_SLOTS * 400) as f64;
    let (mut area, mut below) = (0.0, 0.0);
    for [score, cost] in front {
        area += (score - below) * (highest + cost);
        below = score;
    }
    area
}
