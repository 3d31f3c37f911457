use proptest::prelude::*;

use super::*;

#[test]
fn identical_images_score_1() {
    let score = inception_score(&[0.7, 0.2, 0.1].repeat(20), 3, 10).unwrap();
    assert!((score.mean - 1.0).abs() < 1e-14 && score.deviation < 1e-14, "{score:?}");
    assert_eq!(score.parts.len(), 10);
}

#[test]
fn balanced_certain_classes_score_their_number() {
    let rows: Vec<f32> =
        (0..60).flat_map(|image| (0..6).map(move |class| if image % 6 == class { 1.0 } else { 0.0 })).collect();
    let score = inception_score(&rows, 6, 10).unwrap();
    assert!((score.mean - 6.0).abs() < 1e-13, "{score:?}");
}

#[test]
fn the_deviation_is_that_of_all_parts() {
    // Two parts, of scores 1 and 2.
    let rows = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0];
    let score = inception_score(&rows, 2, 2).unwrap();
    assert!((score.mean - 1.5).abs() < 1e-14 && (score.deviation - 0.5).abs() < 1e-14, "{score:?}");
}

#[test]
fn what_has_no_score_is_refused() {
    let message = |rows: &[f64], classes, parts| inception_score(rows, classes, parts).unwrap_err().to_string();
    assert!(message(&[1.0, 0.0], 2, 0).contains("split into 0 parts"));
    assert!(message(&[1.0, 0.0], 2, 2).contains("1 images cannot be split into 2"));
    assert!(message(&[1.0, 0.0, 1.0], 2, 1).contains("no whole rows"));
    assert!(message(&[1.0], 0, 1).contains("no classes"));
    assert!(
        message(&[0.5, 0.5, 2.0, -1.0], 2, 1).contains("image 1") && message(&[2.0, -1.0], 2, 1).contains("softmax")
    );
    assert!(message(&[0.5, 0.6], 2, 1).contains("sum to 1.1"));
    assert!(message(&[0.5, f64::NAN], 2, 1).contains("NaN"));
    let mut tally = InceptionTally::new(2, 2, 1).unwrap();
    tally.push(&[1.0, 0.0]).unwrap();
    assert!(tally.clone().push(&[1.0; 4]).unwrap_err().to_string().contains("2 were announced"));
    assert!(tally.score().unwrap_err().to_string().contains("1 images came where 2"));
    assert!(softmax(&[1.0], 0).is_err() && softmax(&[f64::INFINITY], 1).is_err());
}

#[test]
fn large_logits_do_not_overflow() {
    assert_eq!(softmax(&[1e300, 0.0, -1e308, 1e308], 2).unwrap(), [1.0, 0.0, 0.0, 1.0]);
}

proptest! {
    #[test]
    fn the_score_lies_between_1_and_the_classes(
        logits in prop::collection::vec(-20.0..20.0, 30 * 4),
        parts in 1..=30_usize,
        call in 1..=30_usize,
    ) {
        let probabilities = softmax(&logits, 4).unwrap();
        let score = inception_score(&probabilities, 4, parts).unwrap();
        prop_assert_eq!(score.parts.len(), parts);
        for part in &score.parts {
            prop_assert!((1.0 - 1e-12..=4.0 + 1e-12).contains(part));
        }
        let mut tally = InceptionTally::new(4, 30, parts).unwrap();
        for rows in probabilities.chunks(call * 4) {
            tally.push(rows).unwrap();
        }
        prop_assert_eq!(tally.score().unwrap(), score);
    }
}
