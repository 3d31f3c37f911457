//! Curves that are known, curves that are only seen through their images, and any points at all.

use fewshot_space::random::stream;
use proptest::prelude::*;
use rand::RngExt;

use super::{CurvePoint, LearningCurve};

/// `1 - (floor + drop·t^-exponent)` at 1 to `points`.
fn exact(points: u32, floor: f64, drop: f64, exponent: f64) -> Vec<CurvePoint> {
    let at = |t: f64| CurvePoint { at: t, accuracy: 1.0 - floor - drop * t.powf(-exponent), images: 1000 };
    (1..=points).map(|t| at(f64::from(t))).collect()
}

#[test]
fn four_different_times_of_sound_points_are_needed() {
    let points = exact(5, 0.1, 0.5, 0.7);
    assert!(LearningCurve::fit(&points[..4]).is_some());
    assert!(LearningCurve::fit(&points[..3]).is_none());
    assert!(LearningCurve::fit(&[]).is_none());
    let repeated: Vec<CurvePoint> = points[..3].iter().chain(&points[..3]).copied().collect();
    assert!(LearningCurve::fit(&repeated).is_none());
    for damage in [
        |point: &mut CurvePoint| point.at = 0.0,
        |point: &mut CurvePoint| point.at = f64::NAN,
        |point: &mut CurvePoint| point.at = f64::INFINITY,
        |point: &mut CurvePoint| point.accuracy = 1.01,
        |point: &mut CurvePoint| point.accuracy = f64::NAN,
        |point: &mut CurvePoint| point.images = 0,
    ] {
        let mut points = points.clone();
        damage(&mut points[2]);
        assert!(LearningCurve::fit(&points).is_none(), "{:?}", points[2]);
    }
}

#[test]
fn a_network_that_has_stopped_learning_gains_nothing() {
    let flat: Vec<CurvePoint> =
        (1..9).map(|t| CurvePoint { at: f64::from(t), accuracy: 0.75, images: 100_000 }).collect();
    let gain = LearningCurve::fit(&flat).unwrap().gain(8.0, 80.0);
    assert!(gain.points < 1e-9 && gain.interval[0] == 0.0 && gain.interval[1] < 0.01, "{gain:?}");
    // One that gets worse is not said to get better either.
    let worse: Vec<CurvePoint> =
        (1..9).map(|t| CurvePoint { at: f64::from(t), accuracy: 0.8 - 0.02 * f64::from(t), images: 100_000 }).collect();
    assert_eq!(LearningCurve::fit(&worse).unwrap().gain(8.0, 80.0).points, 0.0);
}

#[test]
fn the_unit_of_time_does_not_matter() {
    let epochs = exact(7, 0.2, 0.5, 0.6);
    let seconds: Vec<CurvePoint> = epochs.iter().map(|point| CurvePoint { at: 64.0 * point.at, ..*point }).collect();
    let (epochs, seconds) = (LearningCurve::fit(&epochs).unwrap(), LearningCurve::fit(&seconds).unwrap());
    assert_eq!(epochs.gain(7.0, 28.0), seconds.gain(64.0 * 7.0, 64.0 * 28.0));
}

/// Curves as they are met: short and long ones, seen through few or many images.
#[test]
fn intervals_hold_the_truth_in_most_cases() {
    let cases = 200;
    for (reach, scale) in [(1.5, 1.0), (4.0, 1.0), (1.5, 2.5), (4.0, 2.5)] {
        let mut held = 0;
        for case in 0..cases {
            let mut random = stream(11, "coverage of curves", case, 0);
            let points = random.random_range(4..24_u32);
            let images = [200_u64, 1000, 5000][random.random_range(0..3)];
            let (floor, drop) = (random.random_range(0.0..0.3), random.random_range(0.05..0.65));
            let exponent = random.random_range(0.1_f64..1.8);
            let truth = exact(points, floor, drop, exponent);
            let seen: Vec<CurvePoint> = (truth.iter())
                .map(|point| {
                    let right = (0..images).filter(|_| random.random_bool(point.accuracy)).count() as f64;
                    // More spread than the images alone bring, as from a large learning rate.
                    let accuracy = point.accuracy + scale * (right / images as f64 - point.accuracy);
                    CurvePoint { accuracy: accuracy.clamp(0.0, 1.0), images, ..*point }
                })
                .collect();
            let (from, to) = (f64::from(points), reach * f64::from(points));
            let gained = drop * (from.powf(-exponent) - to.powf(-exponent));
            let [lower, upper] = LearningCurve::fit(&seen).unwrap().gain(from, to).interval;
            held += u32::from((lower..=upper).contains(&gained));
        }
        assert!(f64::from(held) >= 0.9 * cases as f64, "{held} of {cases} held to {reach}, spread {scale}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn exact_curves_are_recovered(
        points in 4..30_u32, floor in 0.0..0.3, drop in 0.05..0.65, exponent in 0.06_f64..1.9,
    ) {
        let curve = LearningCurve::fit(&exact(points, floor, drop, exponent)).unwrap();
        let last = f64::from(points);
        for at in [1.0, last, 2.0 * last, 10.0 * last] {
            let wanted = 1.0 - floor - drop * at.powf(-exponent);
            prop_assert!((curve.accuracy(at) - wanted).abs() < 1e-4, "{at}: {} for {wanted}", curve.accuracy(at));
        }
        let gain = curve.gain(last, 3.0 * last);
        let gained = drop * (last.powf(-exponent) - (3.0 * last).powf(-exponent));
        prop_assert!((gain.points - gained).abs() < 1e-4);
        prop_assert!(gain.interval[0] <= gain.points && gain.points <= gain.interval[1]);
    }

    #[test]
    fn any_points_give_numbers_and_later_ends_never_less(
        points in prop::collection::vec((1e-300..1e300_f64, 0.0..=1.0, 1..=u64::MAX), 4..9),
        near in prop::collection::vec((1e-3..1e3_f64, prop::sample::select(vec![0.0, 0.5, 1.0]), 1..9_u64), 4..9),
        odd in prop::sample::select(vec![0.0, -1.0, f64::NAN, f64::INFINITY, f64::MAX, f64::MIN_POSITIVE]),
    ) {
        for points in [points, near] {
            let points: Vec<CurvePoint> =
                points.iter().map(|&(at, accuracy, images)| CurvePoint { at, accuracy, images }).collect();
            let Some(curve) = LearningCurve::fit(&points) else { continue };
            prop_assert_eq!(&LearningCurve::fit(&points).unwrap(), &curve);
            let last = points.iter().fold(0.0, |last: f64, point| last.max(point.at));
            let mut before = [f64::NEG_INFINITY; 3];
            for step in 0..20 {
                let gain = curve.gain(last, last * 1.5_f64.powi(step - 5));
                let now = [gain.interval[0], gain.points, gain.interval[1]];
                for (before, now) in before.iter().zip(now) {
                    // Powers are rounded, so not to the last bit.
                    prop_assert!((-1.0..=1.0).contains(&now) && now >= before - 1e-12, "{now} after {before}");
                }
                prop_assert!(now[0] <= now[1] && now[1] <= now[2]);
                before = now;
            }
            prop_assert!((0.0..=1.0).contains(&curve.accuracy(odd)));
            for gain in [curve.gain(odd, last), curve.gain(last, odd), curve.gain(odd, odd)] {
                prop_assert!([gain.points, gain.interval[0], gain.interval[1]].iter().all(|value| value.abs() <= 1.0));
            }
        }
    }
}
