//! What a set of images is to the Fréchet distance: the normal distribution with the mean and covariance of its features.

use super::error::FidError;
use super::limits::MOST_FEATURES;

/// How far two mirrored entries may be apart, against the largest variance. Covariances in single precision, by a product that
/// knows no symmetry, are apart by about 1e-6.
const ASYMMETRY: f64 = 1e-4;

/// Mean and covariance of the features of many images, all finite; the covariance is symmetric to the bit.
#[derive(Debug, Clone, PartialEq)]
pub struct Gaussian {
    mean: Vec<f64>,
    covariance: Vec<f64>,
}

impl Gaussian {
    /// From d means and d x d covariances. Where the covariance differs from its mirror by rounding, both become their mean.
    ///
    /// # Errors
    /// [`FidError::Features`] unless d is 1 to [`MOST_FEATURES`]; [`FidError::NotStatistics`] where sizes do not fit, a value is
    /// not finite, a variance is negative or the matrix is not symmetric. (A matrix with negative eigenvalues is found by
    /// [`super::frechet_distance`].)
    pub fn new(mean: Vec<f64>, mut covariance: Vec<f64>) -> Result<Gaussian, FidError> {
        let d = mean.len();
        if !(1..=MOST_FEATURES).contains(&d) {
            return Err(FidError::Features { features: d });
        }
        if covariance.len() != d * d {
            let problem = format!("{d} means and a covariance of {} numbers, not {d} x {d}", covariance.len());
            return Err(FidError::NotStatistics { problem });
        }
        if let Some(at) = mean.iter().position(|value| !value.is_finite()) {
            return Err(FidError::NotStatistics { problem: format!("the mean of feature {at} is {}", mean[at]) });
        }
        if let Some(at) = covariance.iter().position(|value| !value.is_finite()) {
            let problem = format!("the covariance of features {} and {} is {}", at / d, at % d, covariance[at]);
            return Err(FidError::NotStatistics { problem });
        }
        if let Some(at) = (0..d).find(|at| covariance[at * d + at] < 0.0) {
            let problem = format!("the variance of feature {at} is {}", covariance[at * d + at]);
            return Err(FidError::NotStatistics { problem });
        }
        symmetrize(&mut covariance, d)?;
        Ok(Gaussian { mean, covariance })
    }

    /// Numbers per image.
    pub fn features(&self) -> usize {
        self.mean.len()
    }

    /// The mean, d numbers.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The covariance, d x d numbers.
    pub fn covariance(&self) -> &[f64] {
        &self.covariance
    }

    /// The sum of all variances.
    pub(crate) fn trace(&self) -> f64 {
        self.covariance.iter().step_by(self.features() + 1).sum()
    }
}

fn symmetrize(covariance: &mut [f64], d: usize) -> Result<(), FidError> {
    let largest = (0..d).map(|at| covariance[at * d + at]).fold(0.0, f64::max);
    for row in 0..d {
        for column in 0..row {
            let (lower, upper) = (covariance[row * d + column], covariance[column * d + row]);
            if (lower - upper).abs() > ASYMMETRY * largest {
                let problem = format!(
                    "the covariance of features {row} and {column} is {lower}, that of {column} and {row} is {upper}"
                );
                return Err(FidError::NotStatistics { problem });
            }
            let mean = if lower == upper { lower } else { f64::midpoint(lower, upper) };
            covariance[row * d + column] = mean;
            covariance[column * d + row] = mean;
        }
    }
    Ok(())
}
