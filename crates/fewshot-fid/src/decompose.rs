//! The two decompositions behind the Fréchet distance, from `faer`, each checked against the matrix it is of.
//!
//! Both are iterations that may not end, and a wrong result would look like any other distance. So eigenvectors must give their
//! matrix back, and singular values its Frobenius norm; singular values have a second way.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::evd::{self, ComputeEigenvectors};
use faer::linalg::matmul::matmul;
use faer::linalg::svd::{self, ComputeSvdVectors};
use faer::{Accum, Mat, MatRef, Par};

use super::{FidError, Gaussian};

/// How far what a decomposition gives back may be off, against the norm of the matrix. Rounding is below 1e-13 at 2048.
const CLOSE: f64 = 1e-10;
/// The least eigenvalue that a covariance in single precision may have, against the largest: rounding of 1e-7 per entry.
const NEGATIVE: f64 = -1e-4;

/// H (d x r) with H H^T = covariance: the eigenvectors times the roots of their eigenvalues, of those above
/// d * eps * (the largest). What is below is rounding of 0, whose root would be 1e-8 of the largest.
pub(crate) fn factor(gaussian: &Gaussian) -> Result<Mat<f64>, FidError> {
    let d = gaussian.features();
    let covariance = MatRef::from_row_major_slice(gaussian.covariance(), d, d);
    let (values, vectors) = eigen(covariance)?;
    let largest = values.iter().copied().fold(0.0, f64::max);
    let least = values.iter().copied().fold(0.0, f64::min);
    if least < NEGATIVE * largest {
        let problem = format!("the covariance has the eigenvalues {largest} and {least}, none may be negative");
        return Err(FidError::NotStatistics { problem });
    }
    let threshold = d as f64 * f64::EPSILON * largest;
    let kept: Vec<usize> = (0..d).filter(|&index| values[index] > threshold).collect();
    Ok(Mat::from_fn(d, kept.len(), |row, column| vectors[(row, kept[column])] * values[kept[column]].sqrt()))
}

/// The sum of the singular values of left^T right.
pub(crate) fn nuclear_norm_of_product(left: &Mat<f64>, right: &Mat<f64>) -> Result<f64, FidError> {
    let mut product = Mat::zeros(left.ncols(), right.ncols());
    matmul(product.as_mut(), Accum::Replace, left.transpose(), right.as_ref(), 1.0, Par::Seq);
    let norm = product.norm_l2();
    if norm == 0.0 {
        return Ok(0.0);
    }
    let is_right = |values: &[f64]| {
        let found = values.iter().map(|value| (value / norm) * (value / norm)).sum::<f64>();
        (found - 1.0).abs() <= CLOSE
    };
    if let Some(values) = singular_values(product.as_ref())?
        && is_right(&values)
    {
        return Ok(values.iter().sum());
    }
    singular_values_by_eigen(product.as_ref())
}

/// None if the iteration did not end.
fn singular_values(matrix: MatRef<'_, f64>) -> Result<Option<Vec<f64>>, FidError> {
    let (rows, columns) = (matrix.nrows(), matrix.ncols());
    let none = ComputeSvdVectors::No;
    let mut memory = scratch(svd::svd_scratch::<f64>(rows, columns, none, none, Par::Seq, Default::default()))?;
    let mut values = Diag::zeros(rows.min(columns));
    let stack = MemStack::new(&mut memory);
    let ended = svd::svd(matrix, values.as_mut(), None, None, Par::Seq, stack, Default::default());
    Ok(ended.is_ok().then(|| values.column_vector().iter().copied().collect()))
}

/// The sum of singular values of M by another iteration: they are the positive eigenvalues of [[0, M], [M^T, 0]], whose others
/// are the same with the other sign, and zeros (Golub and Van Loan, Matrix Computations, 8.6.1).
fn singular_values_by_eigen(matrix: MatRef<'_, f64>) -> Result<f64, FidError> {
    let (rows, columns) = (matrix.nrows(), matrix.ncols());
    let mut both = Mat::zeros(rows + columns, rows + columns);
    both.as_mut().submatrix_mut(0, rows, rows, columns).copy_from(matrix);
    both.as_mut().submatrix_mut(rows, 0, columns, rows).copy_from(matrix.transpose());
    let (values, _) = eigen(both.as_ref())?;
    Ok(values.iter().map(|value| value.abs()).sum::<f64>() / 2.0)
}

/// Eigenvalues and, as columns, eigenvectors of a symmetric matrix.
fn eigen(matrix: MatRef<'_, f64>) -> Result<(Vec<f64>, Mat<f64>), FidError> {
    let d = matrix.nrows();
    let failed = FidError::Decomposition { what: "eigenvalues", rows: d, columns: d };
    let wanted = ComputeEigenvectors::Yes;
    let mut memory = scratch(evd::self_adjoint_evd_scratch::<f64>(d, wanted, Par::Seq, Default::default()))?;
    let mut values = Diag::zeros(d);
    let mut vectors = Mat::zeros(d, d);
    let stack = MemStack::new(&mut memory);
    let ended =
        evd::self_adjoint_evd(matrix, values.as_mut(), Some(vectors.as_mut()), Par::Seq, stack, Default::default());
    if ended.is_err() {
        return Err(failed);
    }
    let values: Vec<f64> = values.column_vector().iter().copied().collect();
    let scaled = Mat::from_fn(d, d, |row, column| vectors[(row, column)] * values[column]);
    let mut rest = matrix.to_owned();
    matmul(rest.as_mut(), Accum::Add, scaled.as_ref(), vectors.transpose(), -1.0, Par::Seq);
    // Not "greater": what is no number is not close either.
    let is_close = rest.norm_l2() <= CLOSE * matrix.norm_l2();
    if is_close { Ok((values, vectors)) } else { Err(failed) }
}

fn scratch(needed: StackReq) -> Result<MemBuffer, FidError> {
    MemBuffer::try_new(needed)
        .map_err(|_| FidError::Memory { what: "a decomposition", bytes: needed.unaligned_bytes_required() })
}

#[cfg(test)]
#[path = "decompose_tests.rs"]
mod tests;
