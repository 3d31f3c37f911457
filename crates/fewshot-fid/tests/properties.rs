//! What must hold for every pair of distributions.

use fewshot_fid::{Gaussian, Moments, frechet_distance};
use proptest::prelude::*;

const FEATURES: usize = 6;

fn gaussian(rows: &[f64]) -> Gaussian {
    let mut moments = Moments::new(FEATURES).unwrap();
    moments.push(rows).unwrap();
    moments.gaussian().unwrap()
}

fn distance(left: &[f64], right: &[f64]) -> f64 {
    frechet_distance(&gaussian(left), &gaussian(right)).unwrap()
}

/// Features of 2 to 12 images: most have fewer images than ranks; some features are dead.
fn features() -> impl Strategy<Value = Vec<f64>> {
    let alive = prop::collection::vec(prop::bool::weighted(0.8), FEATURES);
    let rows = (2..=12_usize).prop_flat_map(|images| prop::collection::vec(-1.0..1.0, images * FEATURES));
    (rows, alive).prop_map(|(mut rows, alive)| {
        for (index, value) in rows.iter_mut().enumerate() {
            if !alive[index % FEATURES] {
                *value = 0.0;
            }
        }
        rows
    })
}

/// Turns pairs of neighbouring features, each by its own angle, one after the other.
fn rotated(rows: &[f64], angles: &[f64]) -> Vec<f64> {
    let mut rows = rows.to_vec();
    for row in rows.chunks_exact_mut(FEATURES) {
        for (step, angle) in angles.iter().enumerate() {
            let (i, j) = (step % FEATURES, (step + 1) % FEATURES);
            let (x, y) = (row[i], row[j]);
            (row[i], row[j]) = (x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos());
        }
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_set_is_at_no_distance_from_itself(rows in features()) {
        prop_assert!(distance(&rows, &rows) <= 1e-12);
    }

    #[test]
    fn order_does_not_matter(left in features(), right in features()) {
        let (there, back) = (distance(&left, &right), distance(&right, &left));
        prop_assert!((there - back).abs() <= 1e-12 * there.max(1.0), "{there}, {back}");
    }

    #[test]
    fn a_common_rotation_does_not_matter(
        left in features(),
        right in features(),
        angles in prop::collection::vec(0.0..6.3, 12),
    ) {
        let (before, after) = (distance(&left, &right), distance(&rotated(&left, &angles), &rotated(&right, &angles)));
        prop_assert!((before - after).abs() <= 1e-11 * before.max(1.0), "{before}, {after}");
    }

    #[test]
    fn the_distance_grows_with_the_square_of_the_scale(left in features(), right in features(), power in -60..60_i32) {
        let factor = f64::from(power).exp2();
        let scaled = |rows: &[f64]| rows.iter().map(|value| value * factor).collect::<Vec<_>>();
        let (plain, grown) = (distance(&left, &right), distance(&scaled(&left), &scaled(&right)) / (factor * factor));
        prop_assert!((plain - grown).abs() <= 1e-12 * plain.max(1.0), "{plain}, {grown}");
    }

    #[test]
    fn a_shift_adds_its_square(rows in features(), shift in prop::collection::vec(-3.0..3.0, FEATURES)) {
        let moved: Vec<f64> = rows.iter().enumerate().map(|(index, value)| value + shift[index % FEATURES]).collect();
        let expected: f64 = shift.iter().map(|value| value * value).sum();
        prop_assert!((distance(&rows, &moved) - expected).abs() <= 1e-11 * expected.max(1.0));
    }

    #[test]
    fn independent_features_have_a_closed_form(
        left in prop::collection::vec((-2.0..2.0_f64, 0.0..3.0_f64), FEATURES),
        right in prop::collection::vec((-2.0..2.0_f64, 0.0..3.0_f64), FEATURES),
    ) {
        let diagonal = |features: &[(f64, f64)]| {
            let mut covariance = vec![0.0; FEATURES * FEATURES];
            for (index, (_, deviation)) in features.iter().enumerate() {
                covariance[index * (FEATURES + 1)] = deviation * deviation;
            }
            Gaussian::new(features.iter().map(|(mean, _)| *mean).collect(), covariance).unwrap()
        };
        let expected: f64 =
            left.iter().zip(&right).map(|(a, b)| (a.0 - b.0).powi(2) + (a.1 - b.1).powi(2)).sum();
        let found = frechet_distance(&diagonal(&left), &diagonal(&right)).unwrap();
        prop_assert!((found - expected).abs() <= 1e-12 * expected.max(1.0), "{found}, {expected}");
    }
}

#[test]
fn different_networks_are_not_compared() {
    let (six, two) = (gaussian(&[0.5; 12]), Gaussian::new(vec![0.0; 2], vec![0.0; 4]).unwrap());
    let error = frechet_distance(&six, &two).unwrap_err().to_string();
    assert!(error.contains("6 features cannot be compared with 2"), "{error}");
}

#[test]
fn numbers_too_large_are_told() {
    let (low, high) = (Gaussian::new(vec![-1e200], vec![1.0]), Gaussian::new(vec![1e200], vec![1.0]));
    let error = frechet_distance(&low.unwrap(), &high.unwrap()).unwrap_err().to_string();
    assert!(error.contains("too large"), "{error}");
}
