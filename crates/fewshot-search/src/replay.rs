//! Searches of NAS-Bench-201 on its published tables.

use fewshot_space::Region;

use super::{Random, ReaConfig, build};
use fewshot_rank::rank::Paired;
use fewshot_rank::table::Table;
use fewshot_rank::testing::{published, space};

/// Evaluations after which the best truth seen so far is noted.
const MARKS: [usize; 5] = [100, 500, 1_000, 2_000, 4_950];

/// Runs per curve.
const SEEDS: u64 = 20;

/// The best truth so far at the first `N` marks when `scores` drive the search; the mean over
/// seeds. Repeats count as evaluations.
fn curve<const N: usize>(strategy: &str, scores: &Table, truths: &Table) -> [f64; N] {
    let mut sums = [0.0; N];
    for seed in 0..SEEDS {
        let mut search = build(strategy, Region::full(space()), seed).unwrap();
        let mut best = f64::NEG_INFINITY;
        let mut done = 0;
        for (sum, &mark) in sums.iter_mut().zip(&MARKS) {
            while done < mark {
                let arch = &search.ask(1).unwrap()[0];
                best = best.max(truths.get(arch).unwrap());
                search.tell(arch, scores.get(arch).unwrap());
                done += 1;
            }
            *sum += best;
        }
    }
    sums.map(|sum| sum / SEEDS as f64)
}

#[test]
fn evolution_on_the_truth_finds_nearly_the_best() {
    let Some(path) = published("evolution_on_the_truth_finds_nearly_the_best") else {
        return;
    };
    let truths = Table::read(&path, &space(), "true_acc").unwrap();
    let [early, late] = curve(ReaConfig::DEFAULT.name, &truths, &truths);
    // 94.1 and 94.36 of 94.37; random search has 93.86 and 94.14.
    assert!(early >= 94.0 && late >= 94.3, "{early} after 100, {late} after 500");
}

#[test]
fn random_search_finds_what_chance_gives() {
    let Some(path) = published("random_search_finds_what_chance_gives") else {
        return;
    };
    let truths = Table::read(&path, &space(), "true_acc").unwrap();
    let values: Vec<f64> = truths.iter().map(|(_, truth)| truth).collect();
    let chance = Paired::new(&vec![0.0; values.len()], &values, |_| String::new()).unwrap();
    let found: [f64; 4] = curve(Random::NAME, &truths, &truths);
    for (found, mark) in found.into_iter().zip(MARKS) {
        let expected = chance.best_truth_of_top(mark);
        // Three standard errors of 20 runs.
        let noise = if mark == 100 { 0.16 } else { 0.08 };
        assert!((found - expected).abs() < noise, "{found} for {expected} after {mark}");
    }
}

#[test]
fn evolution_with_published_scores_does_as_the_published_runs() {
    let test = "evolution_with_published_scores_does_as_the_published_runs";
    let Some(path) = published(test) else {
        return;
    };
    let read = |column| Table::read(&path, &space(), column).unwrap();
    let truths = read("true_acc");
    // Replays of the original with its own mutation, 20 runs each; differences are noise of
    // both, largest at the beginning.
    for (column, expected) in [
        ("true_acc", [94.24, 94.37, 94.37, 94.37, 94.37]),
        ("published_fewshot_acc", [93.93, 94.12, 94.25, 94.33, 94.37]),
        ("published_oneshot_acc", [93.57, 93.77, 93.84, 93.91, 94.07]),
    ] {
        let found: [f64; 5] = curve(ReaConfig::PUBLISHED.name, &read(column), &truths);
        println!("{column}: {found:.3?}");
        for ((found, expected), mark) in found.into_iter().zip(expected).zip(MARKS) {
            let noise = if mark == 100 { 0.12 } else { 0.08 };
            assert!((found - expected).abs() < noise, "{column}: {found} for {expected} after {mark}");
        }
        if column == "true_acc" {
            assert!(found[4] > 94.369, "the best there is: {}", found[4]);
        }
    }
}

#[test]
fn policy_gradients_with_published_scores_do_as_the_published_runs() {
    let test = "policy_gradients_with_published_scores_do_as_the_published_runs";
    let Some(path) = published(test) else {
        return;
    };
    let read = |column| Table::read(&path, &space(), column).unwrap();
    let truths = read("true_acc");
    // Read off the published figure, which gives none after 100; a replay of the original lies up to 0.07 below it after
    // 500 and 1,000, and ends at 94.37, 94.37 and 94.34.
    for (column, expected) in [
        ("true_acc", [94.29, 94.35, 94.37, 94.37]),
        ("published_fewshot_acc", [94.19, 94.32, 94.35, 94.37]),
        ("published_oneshot_acc", [94.19, 94.30, 94.32, 94.34]),
    ] {
        let found: [f64; 5] = curve("reinforce.published", &read(column), &truths);
        println!("{column}: {found:.3?}");
        for ((found, expected), mark) in found[1..].iter().zip(expected).zip(&MARKS[1..]) {
            let noise = if *mark < 2_000 { 0.12 } else { 0.06 };
            assert!((found - expected).abs() < noise, "{column}: {found} for {expected} after {mark}");
        }
    }
}

#[test]
fn models_with_published_settings_do_as_the_published_runs() {
    let test = "models_with_published_settings_do_as_the_published_runs";
    let Some(path) = published(test) else {
        return;
    };
    let truths = Table::read(&path, &space(), "true_acc").unwrap();
    // Read off the published figure. BOHB is ahead of it at first: no kernel of ours is negative.
    for (strategy, expected, early) in [
        ("tpe.published", [94.08, 94.32, 94.35, 94.36], 0.16),
        ("hyperband", [93.85, 94.13, 94.22, 94.28], 0.16),
        ("bohb.published", [93.82, 94.27, 94.36, 94.37], 0.3),
    ] {
        let found: [f64; 4] = curve(strategy, &truths, &truths);
        println!("{strategy}: {found:.3?}");
        for ((found, expected), mark) in found.into_iter().zip(expected).zip(MARKS) {
            let noise = if mark == 100 { early } else { 0.1 };
            assert!((found - expected).abs() < noise, "{strategy}: {found} for {expected} after {mark}");
        }
    }
}
