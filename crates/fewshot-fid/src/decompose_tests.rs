use super::*;

/// A matrix of some rank with entries that a formula gives.
fn matrix(rows: usize, columns: usize, rank: usize, seed: u32) -> Mat<f64> {
    let mut state = seed;
    let mut uniform = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24) - 0.5
    };
    let left = Mat::from_fn(rows, rank, |_, _| uniform());
    let right = Mat::from_fn(rank, columns, |_, _| uniform());
    left * right
}

#[test]
fn both_ways_to_singular_values_agree() {
    for (rows, columns, rank) in [(1, 1, 1), (5, 3, 2), (30, 30, 30), (30, 30, 7), (40, 200, 40), (150, 150, 20)] {
        let matrix = matrix(rows, columns, rank, 1);
        let direct: f64 = singular_values(matrix.as_ref()).unwrap().unwrap().iter().sum();
        let other = singular_values_by_eigen(matrix.as_ref()).unwrap();
        assert!((direct - other).abs() <= 1e-13 * direct * rows as f64, "{rows} x {columns}: {direct}, {other}");
    }
}

#[test]
fn nothing_has_no_singular_values() {
    let (some, none) = (matrix(4, 2, 2, 1), Mat::<f64>::zeros(4, 0));
    for (left, right) in [(&some, &none), (&none, &some), (&none, &none)] {
        assert_eq!(nuclear_norm_of_product(left, right).unwrap(), 0.0);
    }
}

#[test]
fn ranks_are_found() {
    for rank in 0..6 {
        let samples = matrix(6, 40, rank, 3);
        let product = &samples * samples.transpose();
        let covariance = (0..36).map(|at| product[(at / 6, at % 6)]).collect();
        let gaussian = Gaussian::new(vec![0.0; 6], covariance).unwrap();
        let factor = factor(&gaussian).unwrap();
        assert_eq!(factor.ncols(), rank);
        assert!((&factor * factor.transpose() - product).norm_max() < 1e-13);
    }
}

#[test]
fn what_is_no_covariance_is_refused() {
    let gaussian = Gaussian::new(vec![0.0; 2], vec![1.0, 2.0, 2.0, 1.0]).unwrap();
    let error = factor(&gaussian).unwrap_err().to_string();
    assert!(error.contains("eigenvalues 3") && error.contains("compute the statistics again"), "{error}");
}
