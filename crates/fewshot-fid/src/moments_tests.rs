use super::*;

/// Rows that a formula gives, with a mean that is large against their spread.
fn rows(count: usize, features: usize, offset: f64) -> Vec<f64> {
    let mut state = 7_u32;
    let mut uniform = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    (0..count * features).map(|index| offset * (index % features) as f64 + uniform()).collect()
}

/// By definition, in two passes.
fn expected(rows: &[f64], features: usize) -> (Vec<f64>, Vec<f64>) {
    let count = (rows.len() / features) as f64;
    let mean: Vec<f64> =
        (0..features).map(|column| rows.iter().skip(column).step_by(features).sum::<f64>() / count).collect();
    let mut covariance = vec![0.0; features * features];
    for row in rows.chunks_exact(features) {
        for (at, sum) in covariance.iter_mut().enumerate() {
            let (i, j) = (at / features, at % features);
            *sum += (row[i] - mean[i]) * (row[j] - mean[j]) / (count - 1.0);
        }
    }
    (mean, covariance)
}

fn moments(rows: &[f64], features: usize) -> Moments {
    let mut moments = Moments::new(features).unwrap();
    moments.push(rows).unwrap();
    moments
}

fn assert_close(found: &[f64], wanted: &[f64], tolerance: f64) {
    for (index, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        assert!((found - wanted).abs() <= tolerance, "{index}: {found}, not {wanted}");
    }
}

#[test]
fn moments_are_those_of_the_definition() {
    for count in [2, 3, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 1000] {
        for features in [1, 2, 7] {
            let rows = rows(count, features, 1.0);
            let gaussian = moments(&rows, features).gaussian().unwrap();
            let (mean, covariance) = expected(&rows, features);
            assert_close(gaussian.mean(), &mean, 1e-13);
            assert_close(gaussian.covariance(), &covariance, 1e-13);
        }
    }
}

#[test]
fn a_mean_far_from_zero_costs_no_digits() {
    let (near, far) = (rows(1000, 3, 0.0), rows(1000, 3, 1e6));
    let near = moments(&near, 3).gaussian().unwrap();
    let far = moments(&far, 3).gaussian().unwrap();
    // The rows themselves are rounded, by 1e-10 at 1e6.
    assert_close(far.covariance(), near.covariance(), 1e-10);
}

#[test]
fn the_size_of_calls_changes_no_bit() {
    let rows = rows(500, 5, 3.0);
    let whole = moments(&rows, 5).gaussian().unwrap();
    for images in [1, 3, 128, 200] {
        let mut parts = Moments::new(5).unwrap();
        for chunk in rows.chunks(images * 5) {
            parts.push(chunk).unwrap();
        }
        assert_eq!(parts.count(), 500);
        assert_eq!(parts.gaussian().unwrap(), whole);
    }
}

#[test]
fn merged_parts_are_the_whole() {
    let rows = rows(700, 4, 2.0);
    let whole = moments(&rows, 4).gaussian().unwrap();
    for images in [0, 1, 130, 699, 700] {
        let (first, second) = rows.split_at(images * 4);
        let mut merged = moments(first, 4);
        merged.merge(moments(second, 4)).unwrap();
        assert_eq!(merged.count(), 700);
        let merged = merged.gaussian().unwrap();
        assert_close(merged.mean(), whole.mean(), 1e-13);
        assert_close(merged.covariance(), whole.covariance(), 1e-13);
    }
}

#[test]
fn equal_features_have_no_variance_at_all() {
    // 0.1 has no exact form, and no exact sum.
    let mut collapsed = Moments::new(3).unwrap();
    for _ in 0..1000 {
        collapsed.push(&[0.1, -7.3, 1e9]).unwrap();
    }
    let mut other = Moments::new(3).unwrap();
    other.push(&[0.1, -7.3, 1e9].repeat(77)).unwrap();
    collapsed.merge(other).unwrap();
    let gaussian = collapsed.gaussian().unwrap();
    assert_eq!(gaussian.mean(), [0.1, -7.3, 1e9]);
    assert_eq!(gaussian.covariance(), [0.0; 9]);
}

#[test]
fn single_precision_is_widened() {
    let mut single = Moments::new(2).unwrap();
    single.push(&[1.5_f32, 2.0, 2.5, 4.0]).unwrap();
    assert_eq!(single.gaussian().unwrap(), moments(&[1.5, 2.0, 2.5, 4.0], 2).gaussian().unwrap());
}

#[test]
fn what_has_no_moments_is_refused() {
    let message = |error: FidError| error.to_string();
    for features in [0, MOST_FEATURES + 1, usize::MAX] {
        assert!(message(Moments::new(features).unwrap_err()).contains("give 1 to 8192"));
    }
    let mut moments = Moments::new(2).unwrap();
    assert!(message(moments.push(&[1.0]).unwrap_err()).contains("no whole rows of 2"));
    moments.push(&[1.0, 2.0]).unwrap();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = message(moments.push(&[1.0, 2.0, 3.0, value]).unwrap_err());
        assert!(error.contains("image 2, number 1") && error.contains(&value.to_string()), "{error}");
    }
    assert_eq!(moments.count(), 1, "a refused call adds nothing");
    assert!(message(moments.merge(Moments::new(3).unwrap()).unwrap_err()).contains("2 features"));
    assert!(message(moments.clone().gaussian().unwrap_err()).contains("at least 2"));
    moments.push(&[1e300, 0.0]).unwrap();
    assert!(message(moments.gaussian().unwrap_err()).contains("too large"));
}
