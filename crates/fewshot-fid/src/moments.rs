//! Mean and covariance of features, collected while images are generated.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, MatMut, MatRef, Par};

use super::error::FidError;
use super::gaussian::Gaussian;
use super::limits::MOST_FEATURES;
use super::rows::{checked_rows, zeros};

/// Rows that are gathered before they enter the sums, as one matrix product. Part of the result's last bits.
const BLOCK_ROWS: usize = 128;

/// Count, mean and sums of products of the features of some images.
///
/// Rows are gathered into blocks; each block is centred on its own mean and joined to what came before by the update of Chan,
/// Golub and LeVeque (1979), so that no digits are lost where the mean is large against the spread. Features that are the same
/// number in all images get a variance of exactly 0. The result depends on the order of rows and merges, and on nothing else:
/// not on how many rows a call brings, nor on threads.
///
/// Memory: 8 d^2 bytes for d features (32 MiB for 2048).
///
/// ```
/// let mut moments = fewshot_fid::Moments::new(2)?;
/// moments.push(&[1.0_f32, 10.0, 3.0, 10.0])?;
/// let gaussian = moments.gaussian()?;
/// assert_eq!(gaussian.mean(), [2.0, 10.0]);
/// assert_eq!(gaussian.covariance(), [2.0, 0.0, 0.0, 0.0]);
/// # Ok::<(), fewshot_fid::FidError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Moments {
    features: usize,
    /// Images that are in `mean` and `scatter`; those in `block` come on top.
    count: u64,
    mean: Vec<f64>,
    /// Sum of (x - mean)(x - mean)^T, d x d: the lower triangle, by columns.
    scatter: Vec<f64>,
    /// Rows that wait for their block to be full.
    block: Vec<f64>,
}

impl Moments {
    /// Of no image yet.
    ///
    /// # Errors
    /// [`FidError::Features`] unless 1 to [`MOST_FEATURES`]; [`FidError::Memory`].
    pub fn new(features: usize) -> Result<Moments, FidError> {
        if !(1..=MOST_FEATURES).contains(&features) {
            return Err(FidError::Features { features });
        }
        let scatter = zeros(features * features, "the covariance")?;
        // One row more than a block: the step between means.
        let mut block = zeros((BLOCK_ROWS + 1) * features, "a block of features")?;
        block.clear();
        Ok(Moments { features, count: 0, mean: vec![0.0; features], scatter, block })
    }

    /// Numbers per image.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Images so far.
    pub fn count(&self) -> u64 {
        self.count + self.waiting() as u64
    }

    fn waiting(&self) -> usize {
        self.block.len() / self.features
    }

    /// Adds images: `rows` has the features of one after those of another.
    ///
    /// # Errors
    /// [`FidError::Rows`], [`FidError::NotFinite`]; then none of `rows` was added.
    pub fn push<T: Copy + Into<f64>>(&mut self, rows: &[T]) -> Result<(), FidError> {
        for row in checked_rows(rows, self.features, self.count())? {
            self.block.extend(row.iter().map(|&value| value.into()));
            if self.waiting() == BLOCK_ROWS {
                self.absorb_block();
            }
        }
        Ok(())
    }

    /// Adds the images of `other`, which come after those here.
    ///
    /// # Errors
    /// [`FidError::DifferentFeatures`]; then nothing was added.
    pub fn merge(&mut self, mut other: Moments) -> Result<(), FidError> {
        if self.features != other.features {
            return Err(FidError::DifferentFeatures { left: self.features, right: other.features });
        }
        self.absorb_block();
        other.absorb_block();
        if other.count == 0 {
            return Ok(());
        }
        for (sum, &added) in self.scatter.iter_mut().zip(&other.scatter) {
            *sum += added;
        }
        let step = self.move_mean(&other.mean, other.count);
        self.add_products(&step);
        Ok(())
    }

    /// Mean and unbiased covariance (divided by count - 1).
    ///
    /// # Errors
    /// [`FidError::TooFewImages`] for less than two; [`FidError::Overflow`].
    pub fn gaussian(mut self) -> Result<Gaussian, FidError> {
        self.absorb_block();
        if self.count < 2 {
            return Err(FidError::TooFewImages { count: self.count });
        }
        let divisor = (self.count - 1) as f64;
        let d = self.features;
        let mut covariance = self.scatter;
        for column in 0..d {
            for row in column..d {
                let value = covariance[column * d + row] / divisor;
                covariance[column * d + row] = value;
                covariance[row * d + column] = value;
            }
        }
        let are_finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
        if !(are_finite(&self.mean) && are_finite(&covariance)) {
            return Err(FidError::Overflow);
        }
        Gaussian::new(self.mean, covariance)
    }

    /// Moves the rows of `block` into the sums.
    fn absorb_block(&mut self) {
        let rows = self.waiting();
        if rows == 0 {
            return;
        }
        let mut block = std::mem::take(&mut self.block);
        let mean = block_mean(&block, self.features);
        for row in block.chunks_exact_mut(self.features) {
            for (value, &centre) in row.iter_mut().zip(&mean) {
                *value -= centre;
            }
        }
        let step = self.move_mean(&mean, rows as u64);
        block.extend_from_slice(&step);
        self.add_products(&block);
        block.clear();
        self.block = block;
    }

    /// Takes `count` images with mean `mean` into mean and count. Returns what the distance of the two means adds to the
    /// scatter, as one more centred row.
    fn move_mean(&mut self, mean: &[f64], count: u64) -> Vec<f64> {
        let (before, added) = (self.count as f64, count as f64);
        let share = added / (before + added);
        let weight = (before * share).sqrt();
        self.count += count;
        let mut step = Vec::with_capacity(self.features);
        for (old, &new) in self.mean.iter_mut().zip(mean) {
            let difference = new - *old;
            *old += difference * share;
            step.push(difference * weight);
        }
        step
    }

    /// Adds the products of centred rows with themselves to the scatter.
    fn add_products(&mut self, rows: &[f64]) {
        let d = self.features;
        let scatter = MatMut::from_column_major_slice_mut(&mut self.scatter, d, d);
        let rows = MatRef::from_row_major_slice(rows, rows.len() / d, d);
        let whole = BlockStructure::Rectangular;
        let lower = BlockStructure::TriangularLower;
        triangular::matmul(scatter, lower, Accum::Add, rows.transpose(), whole, rows, whole, 1.0, Par::Seq);
    }
}

/// The mean of some rows, as differences from the first: equal rows give their own value, to the bit.
fn block_mean(rows: &[f64], features: usize) -> Vec<f64> {
    let first = &rows[..features];
    let count = (rows.len() / features) as f64;
    let mut differences = vec![0.0; features];
    for row in rows.chunks_exact(features) {
        for ((sum, &value), &start) in differences.iter_mut().zip(row).zip(first) {
            *sum += value - start;
        }
    }
    for (mean, &start) in differences.iter_mut().zip(first) {
        *mean = start + *mean / count;
    }
    differences
}

#[cfg(test)]
#[path = "moments_tests.rs"]
mod tests;
