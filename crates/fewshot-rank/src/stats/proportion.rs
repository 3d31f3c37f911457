//! Shares of images, and the difference of two.

use super::interval::{Difference, NORMAL_95};

/// Wilson's score interval (Wilson 1927) for the share that `correct` of `of` images stand for, as [lower, upper], 0 to 1.
///
/// `z` is how many standard deviations it reaches: [`NORMAL_95`] for 95 %. Unlike `p ± z·√(p(1-p)/n)` it never leaves 0..1
/// and is no point at a share of 0 or 1. More correct images than images count as all of them, and without images nothing is
/// known: [0, 1].
pub fn wilson(correct: u64, of: u64, z: f64) -> [f64; 2] {
    if of == 0 {
        return [0.0, 1.0];
    }
    let (n, p) = (of as f64, share(correct, of));
    let centre = p + z * z / (2.0 * n);
    let reach = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    // Rounding must not take an end past the share itself, nor past 0 or 1.
    [((centre - reach) / scale).clamp(0.0, p), ((centre + reach) / scale).clamp(p, 1.0)]
}

/// The share `a_correct` / `a_of` minus the share `b_correct` / `b_of`, of images that need not be the same, with Newcombe's
/// hybrid score interval at 95 % (Newcombe 1998, method 10, without continuity correction).
///
/// It joins the two [`wilson`] intervals, so it holds for few images and for shares near 0 or 1. Two networks that are
/// measured on the *same* images make much the same mistakes; for them the interval is wider than it had to be, and says
/// "may be chance" too often rather than too rarely. Where either has no images, nothing is known: 0, in -1..1.
pub fn difference(a_correct: u64, a_of: u64, b_correct: u64, b_of: u64) -> Difference {
    if a_of == 0 || b_of == 0 {
        return Difference { points: 0.0, interval: [-1.0, 1.0] };
    }
    let (a, b) = (share(a_correct, a_of), share(b_correct, b_of));
    let [a_lower, a_upper] = wilson(a_correct, a_of, NORMAL_95);
    let [b_lower, b_upper] = wilson(b_correct, b_of, NORMAL_95);
    let points = a - b;
    let lower = points - (a - a_lower).hypot(b_upper - b);
    let upper = points + (a_upper - a).hypot(b - b_lower);
    Difference { points, interval: [lower.max(-1.0), upper.min(1.0)] }
}

fn share(correct: u64, of: u64) -> f64 {
    correct.min(of) as f64 / of as f64
}

#[cfg(test)]
mod tests {
    use fewshot_space::random::stream;
    use proptest::prelude::*;
    use rand::RngExt;

    use super::*;

    fn rounded([lower, upper]: [f64; 2]) -> [f64; 2] {
        [lower, upper].map(|end| (1e4 * end).round() / 1e4)
    }

    /// Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3.
    #[test]
    fn published_intervals_of_one_share() {
        for (correct, of, published) in [
            (81, 263, [0.2553, 0.3662]),
            (15, 148, [0.0624, 0.1605]),
            (0, 20, [0.0, 0.1611]),
            (1, 29, [0.0061, 0.1718]),
        ] {
            assert_eq!(rounded(wilson(correct, of, NORMAL_95)), published, "{correct} of {of}");
        }
    }

    /// Newcombe, Statistics in Medicine 17 (1998), 873-890, table II, method 10.
    #[test]
    fn published_intervals_of_differences() {
        for (a, b, points, published) in [
            ((56, 70), (48, 80), 0.2, [0.0524, 0.3339]),
            ((9, 10), (3, 10), 0.6, [0.1705, 0.8090]),
            ((6, 7), (2, 7), 0.5714, [0.0582, 0.8062]),
            ((5, 56), (0, 29), 0.0893, [-0.0381, 0.1926]),
            ((0, 10), (0, 20), 0.0, [-0.1611, 0.2775]),
            ((0, 10), (0, 10), 0.0, [-0.2775, 0.2775]),
            ((10, 10), (0, 20), 1.0, [0.6791, 1.0]),
            ((10, 10), (0, 10), 1.0, [0.6075, 1.0]),
        ] {
            let found = difference(a.0, a.1, b.0, b.1);
            assert_eq!(rounded([found.points, 0.0])[0], points, "{a:?} {b:?}");
            assert_eq!(rounded(found.interval), published, "{a:?} {b:?}");
            assert_eq!(found.may_be_chance(), published[0] <= 0.0, "{a:?} {b:?}");
        }
    }

    #[test]
    fn without_images_nothing_is_known() {
        assert_eq!(wilson(0, 0, NORMAL_95), [0.0, 1.0]);
        for found in [difference(0, 0, 5, 5), difference(5, 5, 0, 0)] {
            assert_eq!((found.points, found.interval, found.may_be_chance()), (0.0, [-1.0, 1.0], true));
        }
    }

    /// Shares of networks as they are met, on as many images as are held out.
    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        let (cases, mut held) = (2000, [0; 2]);
        for case in 0..cases {
            let mut random = stream(7, "coverage of differences", case, 0);
            let (a, b): (f64, f64) = (random.random_range(0.3..0.99), random.random_range(0.3..0.99));
            let n = random.random_range(30..400);
            let mut count = |share: f64| (0..n).filter(|_| random.random_bool(share)).count() as u64;
            let (a_correct, b_correct) = (count(a), count(b));
            let [lower, upper] = wilson(a_correct, n, NORMAL_95);
            held[0] += u64::from((lower..=upper).contains(&a));
            let [lower, upper] = difference(a_correct, n, b_correct, n).interval;
            held[1] += u64::from((lower..=upper).contains(&(a - b)));
        }
        for held in held {
            let share = held as f64 / cases as f64;
            assert!((0.935..0.97).contains(&share), "{share}");
        }
    }

    proptest! {
        #[test]
        fn intervals_hold_their_share_and_stay_inside(
            a in any::<u64>(), a_of in any::<u64>(), b in 0..50_u64, b_of in 0..50_u64, z in 0.0..40.0,
        ) {
            for (correct, of) in [(a, a_of), (b, b_of)] {
                let [lower, upper] = wilson(correct, of, z);
                prop_assert!(0.0 <= lower && lower <= upper && upper <= 1.0);
                if of > 0 {
                    prop_assert!((lower..=upper).contains(&share(correct, of)));
                }
            }
            let found = difference(a, a_of, b, b_of);
            let [lower, upper] = found.interval;
            prop_assert!(-1.0 <= lower && lower <= found.points && found.points <= upper && upper <= 1.0);
            let turned = difference(b, b_of, a, a_of);
            prop_assert!((turned.points + found.points).abs() < 1e-12);
            prop_assert!((turned.interval[0] + upper).abs() < 1e-12 && (turned.interval[1] + lower).abs() < 1e-12);
        }
    }
}
