//! Differences that were measured once per seed.

use std::f64::consts::FRAC_2_PI;

use super::interval::Difference;

/// The mean of differences that were measured once per seed (`a` minus `b`, both trained and measured alike with that seed,
/// as shares), with the paired t interval at 95 %: mean ± t·s/√n, with n - 1 degrees of freedom.
///
/// It says what another seed would do, which no number of images tells, and with few seeds it is wide: 12.7 standard errors
/// for two, 4.3 for three. Seeds that all differ by the very same amount give an interval without width.
///
/// `None` for fewer than two seeds, or where a difference is not finite: nothing can be said then.
pub fn difference_over_seeds(per_seed: &[f64]) -> Option<Difference> {
    if per_seed.len() < 2 {
        return None;
    }
    let n = per_seed.len() as f64;
    let points = per_seed.iter().sum::<f64>() / n;
    let squares: f64 = per_seed.iter().map(|difference| (difference - points).powi(2)).sum();
    let reach = student_95(per_seed.len() - 1) * (squares / (n - 1.0) / n).sqrt();
    let interval = [points - reach, points + reach];
    interval.iter().all(|end| end.is_finite()).then_some(Difference { points, interval })
}

/// The 97.5 % point of Student's t distribution with `degrees` degrees of freedom, at least 1.
fn student_95(degrees: usize) -> f64 {
    // That of one degree is 12.7, that of very many the normal distribution's 1.96. Each step halves what is left.
    let (mut below, mut above) = (1.9, 12.8);
    for _ in 0..60 {
        let middle = 0.5 * (below + above);
        if within(middle, degrees) < 0.95 { below = middle } else { above = middle }
    }
    0.5 * (below + above)
}

/// The probability that a t variable lies within -t..t: the finite series for whole degrees of freedom (Abramowitz and Stegun
/// 1964, 26.7.3 and 26.7.4).
fn within(t: f64, degrees: usize) -> f64 {
    let angle = (t / (degrees as f64).sqrt()).atan();
    let (sin, cos) = angle.sin_cos();
    let odd = degrees % 2 == 1;
    // Odd: cos + 2/3 cos³ + 2·4/(3·5) cos⁵ + ..; even: 1 + 1/2 cos² + 1·3/(2·4) cos⁴ + ..; up to the power degrees - 2.
    let (mut term, mut sum) = (if odd { cos } else { 1.0 }, 0.0);
    for power in (if odd { 1 } else { 0 }..degrees.saturating_sub(1)).step_by(2) {
        sum += term;
        term *= cos * cos * (power + 1) as f64 / (power + 2) as f64;
    }
    if odd { FRAC_2_PI * (angle + sin * sum) } else { sin * sum }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Tables of Student's t, two-sided 5 %.
    #[test]
    fn published_points_of_the_t_distribution() {
        for (degrees, published) in [
            (1, 12.7062),
            (2, 4.3027),
            (3, 3.1824),
            (4, 2.7764),
            (5, 2.5706),
            (9, 2.2622),
            (10, 2.2281),
            (29, 2.0452),
            (30, 2.0423),
            (120, 1.9799),
        ] {
            assert!((student_95(degrees) - published).abs() < 5.1e-5, "{degrees}: {}", student_95(degrees));
        }
        assert!((student_95(100_000) - super::super::interval::NORMAL_95).abs() < 5e-5);
    }

    /// Student's own example (1908): the hours of sleep that two drugs gave to each of ten patients.
    #[test]
    fn the_first_paired_interval() {
        let gained = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4];
        let found = difference_over_seeds(&gained).unwrap();
        assert!((found.points - 1.58).abs() < 1e-12);
        assert!((found.interval[0] - 0.7001).abs() < 5e-5 && (found.interval[1] - 2.4599).abs() < 5e-5, "{found:?}");
        assert!(!found.may_be_chance());
    }

    #[test]
    fn too_few_seeds_and_what_is_no_number_say_nothing() {
        assert_eq!(difference_over_seeds(&[]), None);
        assert_eq!(difference_over_seeds(&[0.1]), None);
        assert_eq!(difference_over_seeds(&[0.1, f64::NAN]), None);
        assert_eq!(difference_over_seeds(&[0.1, f64::INFINITY]), None);
        assert_eq!(difference_over_seeds(&[f64::MAX, f64::MAX]), None);
        let alike = difference_over_seeds(&[0.25, 0.25, 0.25]).unwrap();
        assert_eq!((alike.points, alike.interval), (0.25, [0.25, 0.25]));
        assert!(difference_over_seeds(&[0.25, -0.25]).unwrap().may_be_chance());
    }

    proptest! {
        #[test]
        fn intervals_hold_the_mean_and_move_with_it(
            per_seed in prop::collection::vec(-1.0..1.0_f64, 2..20), shift in -1.0..1.0_f64,
        ) {
            let found = difference_over_seeds(&per_seed).unwrap();
            prop_assert!(found.interval[0] <= found.points && found.points <= found.interval[1]);
            let moved: Vec<f64> = per_seed.iter().map(|difference| difference + shift).collect();
            let moved = difference_over_seeds(&moved).unwrap();
            for (moved, found) in moved.interval.iter().zip(found.interval) {
                prop_assert!((moved - found - shift).abs() < 1e-12);
            }
        }
    }
}
