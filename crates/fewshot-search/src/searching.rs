//! That strategies search: with their recommended settings all but Hyperband are better than random search on a landscape
//! with structure.

use super::{Random, Strategy, StrategyInfo, build, landscape, strategies};

/// Evaluations of each search, asked three at a time.
const EVALUATIONS: usize = 300;
/// Searches per strategy.
const SEEDS: u64 = 20;
/// Slots of the chain, and so the highest score.
const SLOTS: usize = 20;

/// The best score that a search finds.
fn best(mut strategy: Box<dyn Strategy>) -> f64 {
    let mut best = 0.0;
    for _ in 0..EVALUATIONS / 3 {
        for arch in strategy.ask(3).unwrap() {
            let score = landscape::score(&arch);
            best = f64::max(best, score);
            strategy.tell(&arch, score);
        }
    }
    best
}

/// Its mean over seeds.
fn mean(name: &str) -> f64 {
    let region = landscape::Chain::region(SLOTS);
    let one = |seed| best(build(name, region.clone(), seed).unwrap());
    (0..SEEDS).map(one).sum::<f64>() / SEEDS as f64
}

#[test]
fn recommended_settings_find_better_networks_than_random_search() {
    let found: Vec<(&str, f64)> = strategies().iter().map(|StrategyInfo { name, .. }| (*name, mean(name))).collect();
    println!("{found:?}");
    let (_, random) = found.iter().find(|(name, _)| *name == Random::NAME).unwrap();
    for (name, found) in &found {
        let why_not = match *name {
            Random::NAME => "it is what the others are compared with",
            "hyperband" => "scores have no budget: a promoted network is evaluated again for what is known",
            "reinforce.published" => "a logit moves by 0.005 per score: after 300 it has hardly begun to choose",
            "tpe.published" => "four or five count as good, and each decision follows them by itself",
            "bohb.published" => "its bandwidths are so wide that candidates are all but random",
            "local.published" => "some 80 neighbours are looked at before every step",
            "lanas.published" => "a proposal need satisfy but one rule of its path, which nearly all networks do",
            _ => "",
        };
        if why_not.is_empty() {
            assert!(*found > random + 0.5, "{name}: {found} against {random} of {SLOTS} points");
        } else {
            assert!((found - random).abs() < 1.5, "{name}: {found} against {random}, though {why_not}");
        }
    }
}
