//! What ways to find a generator are worth, over all that were trained alone.

use super::result::{DerivedRow, OriginDifference, OriginRow};
use crate::adversarial::judge::Judgement;
use crate::experiments::mean_spread::MeanSpread;
use crate::stats::difference_over_seeds;

/// The names of the ways, in the order in which they are told.
pub const ORIGINS: [&str; 5] = ["one-shot", "few-shot", "equal cost", "random", "given"];

/// A row for each way by which a generator was found.
pub fn origins(derived: &[DerivedRow]) -> Vec<OriginRow> {
    let row = |found_by: &&str| {
        let distances = values(derived.iter(), found_by, |judgement| judgement.distance);
        let scores = values(derived.iter(), found_by, |judgement| Some(judgement.score));
        Some(OriginRow {
            found_by: found_by.to_string(),
            trainings: distances.len(),
            distance: MeanSpread::of(&distances)?,
            best_distance: distances.iter().copied().fold(f64::INFINITY, f64::min),
            score: MeanSpread::of(&scores)?,
            best_score: scores.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    };
    ORIGINS.iter().filter_map(row).collect()
}

/// The generators of few-shot searches beside each of the others that there are.
pub fn differences(derived: &[DerivedRow]) -> Vec<OriginDifference> {
    let few = "few-shot";
    let difference = |from: &&str| {
        let distance = per_seed(derived, few, from, |judgement| judgement.distance);
        let score = per_seed(derived, few, from, |judgement| Some(judgement.score));
        let interval = |per_seed: &[f64]| difference_over_seeds(per_seed).map(|difference| difference.interval);
        Some(OriginDifference {
            from: from.to_string(),
            seeds: distance.len(),
            distance: MeanSpread::of(&distance)?.mean,
            distance_interval: interval(&distance),
            score: MeanSpread::of(&score)?.mean,
            score_interval: interval(&score),
        })
    };
    ORIGINS.iter().filter(|name| **name != few).filter_map(difference).collect()
}

/// A number of the best evaluation of each generator that was found so.
fn values<'a>(
    derived: impl Iterator<Item = &'a DerivedRow>,
    found_by: &str,
    number: fn(&Judgement) -> Option<f64>,
) -> Vec<f64> {
    derived.filter(|row| row.found_by == found_by).filter_map(|row| number(&row.best.judgement)).collect()
}

/// Of each seed that both have: the mean of one minus that of the other.
fn per_seed(derived: &[DerivedRow], one: &str, other: &str, number: fn(&Judgement) -> Option<f64>) -> Vec<f64> {
    let mut seeds: Vec<u64> = derived.iter().map(|row| row.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let mean = |seed: u64, found_by: &str| {
        let own = derived.iter().filter(|row| row.seed == seed);
        MeanSpread::of(&values(own, found_by, number)).map(|value| value.mean)
    };
    seeds.into_iter().filter_map(|seed| Some(mean(seed, one)? - mean(seed, other)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adversarial::EvaluationRecord;

    fn row(found_by: &str, seed: u64, distance: f64, score: f64) -> DerivedRow {
        let judgement = Judgement { score, score_deviation: 0.0, distance: Some(distance), images: 10 };
        let best = EvaluationRecord { generator_steps: 1, losses: [0.0; 2], judgement };
        DerivedRow { found_by: found_by.into(), arch: String::new(), seed, best, evaluations: Vec::new() }
    }

    #[test]
    fn ways_are_compared_over_networks_and_seed_by_seed() {
        let derived = [
            row("one-shot", 0, 20.0, 2.0),
            row("one-shot", 1, 22.0, 2.5),
            row("few-shot", 0, 10.0, 3.0),
            row("few-shot", 0, 14.0, 4.0),
            row("few-shot", 1, 16.0, 3.5),
            row("random", 0, 30.0, 1.0),
        ];
        let found = origins(&derived);
        let names: Vec<(&str, usize)> = found.iter().map(|row| (row.found_by.as_str(), row.trainings)).collect();
        assert_eq!(names, [("one-shot", 2), ("few-shot", 3), ("random", 1)]);
        assert_eq!((found[0].distance.mean, found[0].distance.spread), (21.0, Some(2f64.sqrt())));
        assert_eq!((found[1].best_distance, found[1].best_score), (10.0, 4.0));
        assert_eq!(found[2].distance.spread, None);

        let found = differences(&derived);
        let from: Vec<(&str, usize)> = found.iter().map(|row| (row.from.as_str(), row.seeds)).collect();
        assert_eq!(from, [("one-shot", 2), ("random", 1)]);
        // Of the seeds -8 and -6 in distance, 1.5 and 1 in score; with two seeds an interval has 12.7 standard errors.
        assert_eq!((found[0].distance, found[0].score), (-7.0, 1.25));
        let [lower, upper] = found[0].distance_interval.unwrap();
        assert!((lower + 7.0 + 12.706).abs() < 1e-2 && (upper + 7.0 - 12.706).abs() < 1e-2, "{lower} {upper}");
        assert_eq!((found[1].distance, found[1].distance_interval), (-18.0, None));
        assert!(differences(&derived[..2]).is_empty());
    }
}
