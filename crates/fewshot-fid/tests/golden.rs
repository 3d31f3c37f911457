//! FID and Inception Score of features that a formula makes, against values from the definition (in NumPy, by singular values of
//! the samples themselves); `golden/fid-is.json` has those of common packages beside them.

use fewshot_fid::{Gaussian, Moments, frechet_distance, inception_score, softmax};
use serde_json::Value;

const FEATURES: usize = 8;
const IMAGES: usize = 40;
/// Relative, for all cases: packages are off by up to 1e-8 where ranks are deficient.
const TOLERANCE: f64 = 1e-10;

type Rows = Vec<[f64; FEATURES]>;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/fid-is.json")).unwrap()
}

/// Uniform numbers in 0..1 by a linear congruential generator.
fn uniform(seed: u32, count: usize) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    (0..count).map(|_| next()).collect()
}

fn real() -> Rows {
    uniform(1, IMAGES * FEATURES).as_chunks().0.to_vec()
}

fn fake() -> Rows {
    let numbers: Vec<f64> = uniform(2, IMAGES * FEATURES).iter().map(|u| 0.5 + u * 0.7).collect();
    numbers.as_chunks().0.to_vec()
}

fn dead(mut rows: Rows, channel: usize) -> Rows {
    rows.iter_mut().for_each(|row| row[channel] = 0.0);
    rows
}

fn twin(mut rows: Rows) -> Rows {
    rows.iter_mut().for_each(|row| row[7] = row[0]);
    rows
}

fn collapsed(rows: &Rows) -> Rows {
    vec![rows[0]; IMAGES]
}

fn gaussian(rows: &Rows) -> Gaussian {
    let mut moments = Moments::new(FEATURES).unwrap();
    moments.push(rows.as_flattened()).unwrap();
    moments.gaussian().unwrap()
}

fn inputs(case: &str) -> (Rows, Rows) {
    let (a, b) = (real(), fake());
    match case {
        "full rank" => (a, b),
        "same set" => (a.clone(), a),
        "one dead channel in both" => (dead(a, 3), dead(b, 3)),
        "dead channel 0 in both" => (dead(a, 0), dead(b, 0)),
        "dead last in both" => (dead(a, 7), dead(b, 7)),
        "dead in fake only" => (a, dead(b, 3)),
        "different dead" => (dead(a, 2), dead(b, 5)),
        "two equal channels" => (twin(a), twin(b)),
        "collapsed fake (all equal)" => (a, collapsed(&b)),
        "both collapsed" => (collapsed(&a), collapsed(&b)),
        "n=5 <d" => (a[..5].to_vec(), b[..5].to_vec()),
        "n=2" => (a[..2].to_vec(), b[..2].to_vec()),
        "same set n<d" => (a[..5].to_vec(), a[..5].to_vec()),
        other => panic!("no inputs for the case `{other}`"),
    }
}

#[test]
fn inputs_are_those_of_the_golden_values() {
    let check = &golden()["check"];
    let rows = real();
    let gaussian = gaussian(&rows);
    for channel in 0..FEATURES {
        assert_eq!(check["A_first"][channel], rows[0][channel]);
        assert!((check["mean_A"][channel].as_f64().unwrap() - gaussian.mean()[channel]).abs() < 1e-15);
    }
    assert!((check["cov_A_0_0"].as_f64().unwrap() - gaussian.covariance()[0]).abs() < 1e-15);
    assert!((check["cov_A_0_1"].as_f64().unwrap() - gaussian.covariance()[1]).abs() < 1e-15);
}

#[test]
fn frechet_distances_are_exact() {
    for case in golden()["fid"].as_array().unwrap() {
        let name = case["case"].as_str().unwrap();
        let exact = case["exact"].as_f64().unwrap();
        let (left, right) = inputs(name);
        let found = frechet_distance(&gaussian(&left), &gaussian(&right)).unwrap();
        // Of equal sets, whose distance is 0, against the variances.
        let scale = if exact.abs() < 1e-12 { 1.0 } else { exact };
        assert!((found - exact).abs() <= TOLERANCE * scale, "{name}: {found}, not {exact}");
        assert!(found >= 0.0, "{name}: {found}");
    }
}

#[test]
fn inception_scores_are_exact() {
    for case in golden()["inception_score"].as_array().unwrap() {
        let number = |key: &str| case[key].as_f64().unwrap();
        let (images, classes) = (case["n"].as_u64().unwrap() as usize, case["classes"].as_u64().unwrap() as usize);
        let logits: Vec<f64> = uniform(7, images * classes).iter().map(|u| 6.0 * u).collect();
        let probabilities = softmax(&logits, classes).unwrap();
        let ten = inception_score(&probabilities, classes, 10).unwrap();
        let one = inception_score(&probabilities, classes, 1).unwrap();
        for (found, exact) in [
            (ten.mean, number("in_order_floor_mean")),
            (ten.deviation, number("in_order_floor_std_ddof0")),
            (ten.parts[0], number("first_part")),
            (one.mean, number("one_part")),
        ] {
            assert!((found - exact).abs() <= 1e-13, "{images} images: {found}, not {exact}");
        }
        assert_eq!(one.deviation, 0.0);
    }
}
