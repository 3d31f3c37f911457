//! Hand-computed cases, brute force over pairs and over orders, and simulated confidence.

use fewshot_space::random::stream;
use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

use super::{Metrics, Paired, RankError};

fn paired(scores: &[f64], truths: &[f64]) -> Paired {
    Paired::new(scores, truths, |index| format!("arch {index}")).unwrap()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}

#[test]
fn correlations_by_hand() {
    // Pairs: 3 concordant, 1 discordant, 1 tied in score, 1 tied in truth; 2 / sqrt(5 * 5).
    let ties = paired(&[1.0, 2.0, 2.0, 3.0], &[1.0, 3.0, 2.0, 2.0]);
    assert_eq!(ties.tau_b(), Some(0.4));
    // Ranks 1, 2.5, 2.5, 4 and 1, 4, 2.5, 2.5: 2.25 / 4.5.
    assert_eq!(ties.spearman(), Some(0.5));
    assert_eq!(ties.distinct_scores(), 3);

    let up = paired(&[0.1, 0.2, 0.3, 0.3], &[10.0, 20.0, 70.0, 70.0]);
    assert_eq!((up.tau_b(), up.spearman()), (Some(1.0), Some(1.0)));
    assert_eq!(up.tau_b_ci(), Some([1.0, 1.0]));
    let down = paired(&[3.0, 2.0, 1.0], &[10.0, 20.0, 70.0]);
    assert_eq!((down.tau_b(), down.spearman()), (Some(-1.0), Some(-1.0)));

    for flat in [paired(&[1.0, 1.0], &[1.0, 2.0]), paired(&[1.0, 2.0], &[3.0, 3.0])] {
        assert_eq!((flat.tau_b(), flat.tau_b_ci(), flat.spearman()), (None, None, None));
    }
}

#[test]
fn zero_has_one_sign() {
    let zeros = paired(&[0.0, -0.0, 1.0], &[-0.0, 0.0, 1.0]);
    assert_eq!((zeros.distinct_scores(), zeros.tau_b()), (2, Some(1.0)));
}

#[test]
fn precision_by_hand() {
    // The two best by score: the first and one of two; truly best: the first two.
    let one_tie = paired(&[4.0, 3.0, 3.0, 1.0], &[10.0, 9.0, 8.0, 7.0]);
    assert_eq!(one_tie.precision_at(0.5), 0.75);
    // Two share the second place by truth, so three are in the true half; a perfect score gets 1.
    let truth_tie = [10.0, 9.0, 9.0, 7.0];
    assert_eq!(paired(&truth_tie, &truth_tie).precision_at(0.5), 1.0);
    assert_eq!(paired(&[1.0, 2.0, 3.0, 4.0], &truth_tie).precision_at(0.5), 0.5);
    // At least one is taken, and rounding is up: 5 % of 20 is 1, of 21 is 2, of 140 is 7.
    let line = |n: u32| (0..n).map(f64::from).collect::<Vec<_>>();
    for (n, count) in [(3, 1), (20, 1), (21, 2), (140, 7)] {
        assert_eq!(paired(&line(n), &line(n)).count_of(0.05), count, "{n}");
    }
}

#[test]
fn gain_by_hand() {
    let log3 = 3.0_f64.log2();
    let ideal = 1.0 + 0.5 / log3;
    let plain = paired(&[3.0, 2.0, 1.0], &[1.0, 3.0, 2.0]).ndcg().unwrap();
    assert!(close(plain, (1.0 / log3 + 0.25) / ideal));
    let tied = paired(&[2.0, 2.0, 1.0], &[1.0, 3.0, 2.0]).ndcg().unwrap();
    assert!(close(tied, (0.5 * (1.0 + 1.0 / log3) + 0.25) / ideal));
    assert_eq!(paired(&[1.0, 2.0], &[5.0, 6.0]).ndcg(), Some(1.0));
    assert_eq!(paired(&[1.0], &[5.0]).ndcg(), None);
}

#[test]
fn gain_of_the_truth_is_that_of_others() {
    // sklearn.metrics.ndcg_score([[91.2, 93.5, 10.0, 88.0, 93.5]], [[3, 2, 2, 1, 0]])
    let found = paired(&[3.0, 2.0, 2.0, 1.0, 0.0], &[91.2, 93.5, 10.0, 88.0, 93.5]);
    assert!(close(found.ndcg_of_truth().unwrap(), 0.933_027_149_174_726));
    assert!(!close(found.ndcg().unwrap(), found.ndcg_of_truth().unwrap()));
    assert_eq!(paired(&[1.0, 2.0], &[5.0, 6.0]).ndcg_of_truth(), Some(1.0));
    // No gains.
    for truths in [[-1.0, 2.0], [0.0, 0.0]] {
        assert_eq!(paired(&[1.0, 2.0], &truths).ndcg_of_truth(), None);
    }
    assert_eq!(paired(&[1.0], &[5.0]).ndcg_of_truth(), None);
}

#[test]
fn picks_by_hand() {
    let tied = paired(&[5.0, 4.0, 4.0, 4.0, 4.0], &[1.0, 2.0, 0.0, 4.0, 3.0]);
    assert_eq!(tied.truth_of_best(), 1.0);
    // Two of four: the best is 4 in 3 of 6 draws, 3 in 2, 2 in 1.
    assert!(close(tied.best_truth_of_top(3), (3.0 * 4.0 + 2.0 * 3.0 + 2.0) / 6.0));
    assert_eq!(tied.best_truth_of_top(10), 4.0);
    assert_eq!(paired(&[1.0, 1.0, 0.0], &[3.0, 6.0, 9.0]).truth_of_best(), 4.5);
    // Equal truths give their value itself, not a rounded mean of it.
    assert_eq!(paired(&[1.0; 3], &[0.1; 3]).truth_of_best(), 0.1);
}

#[test]
fn top_tau_by_hand() {
    // True top half: 8, 9 and, tied with the last of them, another 8; there the score is upside
    // down: of two untied pairs both are discordant.
    let scores = [1.0, 2.0, 5.0, 4.0, 3.0];
    let truths = [1.0, 2.0, 8.0, 8.0, 9.0];
    let tau = paired(&scores, &truths).tau_b_in_top(0.4).unwrap();
    assert!(close(tau, -2.0 / 6.0_f64.sqrt()));
    assert_eq!(paired(&scores, &truths).tau_b_in_top(0.1), None);
}

#[test]
fn bad_values_are_named() {
    let name = |index: usize| format!("arch {index}");
    let error = Paired::new(&[1.0, f64::NAN], &[1.0, 2.0], name).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the score of architecture `arch 1` is NaN, which cannot be ranked: \
         repair the value or leave the architecture out"
    );
    let error = Paired::new(&[1.0], &[f64::NEG_INFINITY], name).unwrap_err();
    assert!(error.to_string().starts_with("the truth of architecture `arch 0` is -inf"));
    assert_eq!(Paired::new(&[], &[], name), Err(RankError::Empty));
    let error = Paired::new(&[1.0], &[], name).unwrap_err();
    assert!(error.to_string().contains("1 scores and 0 truths"));
}

#[test]
fn random_order_is_the_mean_of_shuffles() {
    let mut truths: Vec<f64> = (0..60).map(|i| f64::from(i * i % 23)).collect();
    truths.extend([30.0; 4]);
    let mut order: Vec<f64> = (0..truths.len() as u32).map(f64::from).collect();
    let expected = Metrics::of_random_order(&paired(&order, &truths));
    let rounds = 4000;
    let mut sums = [0.0; 7];
    let mut outside = 0;
    let [low, high] = expected.tau_b_ci.unwrap();
    for round in 0..rounds {
        order.shuffle(&mut stream(7, "shuffle", round, 0));
        let seen = Metrics::of(&paired(&order, &truths));
        let tau = seen.tau_b.unwrap();
        outside += u32::from(tau < low || tau > high);
        let values = numbers(&seen);
        sums = std::array::from_fn(|i| sums[i] + values[i]);
    }
    // About five standard errors of the mean of 4,000 shuffles.
    let tolerance = [0.007, 0.01, 0.01, 0.005, 0.03, 0.8, 0.25];
    for ((sum, expected), tolerance) in sums.into_iter().zip(numbers(&expected)).zip(tolerance) {
        let mean = sum / rounds as f64;
        assert!((mean - expected).abs() < tolerance, "{mean} for {expected}");
    }
    let share = f64::from(outside) / rounds as f64;
    assert!((0.035..0.065).contains(&share), "{share} outside of the 95 % range");
}

/// The defined values of a metric row.
fn numbers(m: &Metrics) -> [f64; 7] {
    [
        m.tau_b.unwrap(),
        m.spearman.unwrap(),
        m.p_at_5,
        m.ndcg.unwrap(),
        m.tau_top10.unwrap(),
        m.truth_of_best,
        m.best_truth_of_top10,
    ]
}

#[test]
fn interval_covers_the_true_tau() {
    // Score = truth + noise of the same spread, with ties; a very large draw tells the
    // population's tau.
    let draw = |n: usize, key: u64| {
        let mut rng = stream(3, "interval", key, 0);
        let mut unit = || (rng.random::<u32>() % 64) as f64;
        let truths: Vec<f64> = (0..n).map(|_| unit()).collect();
        let scores: Vec<f64> = truths.iter().map(|truth| truth + unit()).collect();
        paired(&scores, &truths)
    };
    let population = draw(200_000, 0).tau_b().unwrap();
    let rounds = 1000;
    let share = |n: usize, interval: fn(&Paired) -> Option<[f64; 2]>| {
        let covered = (1..=rounds).filter(|&key| {
            let [low, high] = interval(&draw(n, key)).unwrap();
            (low..=high).contains(&population)
        });
        covered.count() as f64 / rounds as f64
    };
    let of_many = share(100, Paired::tau_b_ci);
    assert!((0.92..0.97).contains(&of_many), "covers {of_many} of the draws");
    for n in [6, 10, 20] {
        let of_few = share(n, Paired::tau_b_ci_of_few);
        assert!((0.92..=0.995).contains(&of_few), "covers {of_few} of the draws of {n}");
    }
}

#[test]
fn an_interval_of_few_holds_a_perfect_order_and_is_no_point() {
    let order = |n: usize| (0..n).map(|at| at as f64).collect::<Vec<f64>>();
    let [low, high] = paired(&order(8), &order(8)).tau_b_ci_of_few().unwrap();
    assert!(high == 1.0 && low < 0.95, "{low} to {high}");
    assert_eq!(paired(&order(4), &order(4)).tau_b_ci_of_few(), None);
}

/// Every order of 0..n.
fn orders(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in orders(n - 1) {
        for place in 0..n {
            let mut order = shorter.clone();
            order.insert(place, n - 1);
            all.push(order);
        }
    }
    all
}

/// Few different values, so that ties are common.
fn columns(most: usize) -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    let value = || (0_i32..6).prop_map(f64::from);
    prop::collection::vec((value(), value()), 1..=most).prop_map(|pairs| pairs.into_iter().unzip())
}

proptest! {
    #[test]
    fn correlations_equal_brute_force((scores, truths) in columns(40)) {
        let n = scores.len();
        let (mut balance, mut by_score, mut by_truth) = (0, 0, 0);
        let sign = |a: f64, b: f64| i32::from(a > b) - i32::from(a < b);
        for i in 0..n {
            for j in 0..i {
                let (x, y) = (sign(scores[i], scores[j]), sign(truths[i], truths[j]));
                balance += x * y;
                by_score += x * x;
                by_truth += y * y;
            }
        }
        let rank = |values: &[f64], i: usize| -> f64 {
            0.5 + values.iter().map(|&v| f64::from(1 + sign(values[i], v)) / 2.0).sum::<f64>()
        };
        let middle = (n as f64 + 1.0) / 2.0;
        let (mut cross, mut xx, mut yy) = (0.0, 0.0, 0.0);
        for i in 0..n {
            let (x, y) = (rank(&scores, i) - middle, rank(&truths, i) - middle);
            cross += x * y;
            xx += x * x;
            yy += y * y;
        }
        let pairs = paired(&scores, &truths);
        match (pairs.tau_b(), pairs.spearman()) {
            (Some(tau), Some(rho)) => {
                let expected = f64::from(balance) / (f64::from(by_score) * f64::from(by_truth)).sqrt();
                prop_assert!(close(tau, expected), "{} for {}", tau, expected);
                prop_assert!(close(rho, cross / (xx * yy).sqrt()));
            }
            undefined => {
                prop_assert_eq!(undefined, (None, None));
                prop_assert!(by_score == 0 || by_truth == 0);
            }
        }
    }

    #[test]
    fn cuts_through_ties_are_means_over_all_orders(
        (scores, truths) in columns(6),
        fraction in 0.05..1.0,
        count in 1_usize..7,
    ) {
        let n = scores.len();
        let pairs = paired(&scores, &truths);
        let size = pairs.count_of(fraction);
        let mut sorted = truths.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let beaten = |i: usize| -> f64 {
            let others = truths.iter().map(|&t| if t < truths[i] { 1.0 } else if t == truths[i] { 0.5 } else { 0.0 });
            others.sum::<f64>() - 0.5
        };
        let dcg = |order: &[usize]| -> f64 {
            order.iter().enumerate().map(|(at, &i)| beaten(i) / (at as f64 + 2.0).log2()).sum()
        };
        let mut ideal: Vec<usize> = (0..n).collect();
        ideal.sort_by(|&a, &b| truths[b].total_cmp(&truths[a]));
        let (mut precision, mut best, mut gain) = (0.0, 0.0, 0.0);
        let all = orders(n);
        for order in &all {
            // A stable sort of a random order breaks ties at random.
            let mut order = order.clone();
            order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
            let hits = order[..size].iter().filter(|&&i| truths[i] >= sorted[size - 1]).count();
            precision += hits as f64 / size as f64;
            best += order.iter().take(count).map(|&i| truths[i]).fold(f64::MIN, f64::max);
            gain += dcg(&order) / dcg(&ideal);
        }
        let rounds = all.len() as f64;
        prop_assert!((pairs.precision_at(fraction) - precision / rounds).abs() < 1e-9);
        prop_assert!((pairs.best_truth_of_top(count) - best / rounds).abs() < 1e-9);
        if n > 1 {
            prop_assert!((pairs.ndcg().unwrap() - gain / rounds).abs() < 1e-9);
        }
    }

    #[test]
    fn the_order_of_the_pairs_never_matters((scores, truths) in columns(40), key in any::<u64>()) {
        // Values with rounding in their sums, still with ties.
        let tenths = |values: &[f64]| values.iter().map(|v| v / 10.0).collect::<Vec<_>>();
        let (scores, truths) = (tenths(&scores), tenths(&truths));
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.shuffle(&mut stream(key, "order", 0, 0));
        let moved = |values: &[f64]| order.iter().map(|&i| values[i]).collect::<Vec<_>>();
        prop_assert_eq!(
            Metrics::of(&paired(&scores, &truths)),
            Metrics::of(&paired(&moved(&scores), &moved(&truths)))
        );
    }

    #[test]
    fn metrics_stay_in_range((scores, truths) in columns(40)) {
        let pairs = paired(&scores, &truths);
        for metrics in [Metrics::of(&pairs), Metrics::of_random_order(&pairs)] {
            for value in [metrics.tau_b, metrics.spearman, metrics.tau_top10].into_iter().flatten() {
                prop_assert!((-1.0..=1.0).contains(&value));
            }
            prop_assert!((0.0..=1.0).contains(&metrics.p_at_5));
            prop_assert!((0.0..=1.0).contains(&metrics.ndcg.unwrap_or(0.5)));
            prop_assert!(metrics.truth_of_best <= metrics.best_truth_of_top10 + 1e-9);
            prop_assert!(metrics.best_truth_of_top10 <= pairs.best_truth());
            let [low, high] = metrics.tau_b_ci.unwrap_or([-1.0, 1.0]);
            prop_assert!(low <= metrics.tau_b.unwrap_or(0.0) && metrics.tau_b.unwrap_or(0.0) <= high);
        }
    }
}

#[test]
fn large_columns_take_milliseconds() {
    let mut rng = stream(1, "speed", 0, 0);
    let mut column = || (0..15_625).map(|_| f64::from(rng.next_u32() % 4000)).collect::<Vec<_>>();
    let (scores, truths) = (column(), column());
    let start = std::time::Instant::now();
    let metrics = Metrics::of(&paired(&scores, &truths));
    // About 10 ms; the bound only catches a quadratic pass on a busy machine.
    assert!(start.elapsed().as_millis() < 500, "{:?}", start.elapsed());
    assert!(metrics.tau_b.unwrap().abs() < 0.03);
}
