//! The Inception Score of class probabilities.

use super::FidError;
use super::rows::{checked_rows, zeros};

/// How far the probabilities of an image may be from 1 in all: those of half precision are off by about 1e-3.
const SUM_TOLERANCE: f64 = 1e-2;

/// The Inception Score of some images, at least 1 and at most the number of classes; higher is better.
#[derive(Debug, Clone, PartialEq)]
pub struct InceptionScore {
    /// The mean over parts.
    pub mean: f64,
    /// The deviation of the parts around it (divided by their number, not by one less); 0 for one part.
    pub deviation: f64,
    /// The score of each part, in order.
    pub parts: Vec<f64>,
}

/// Collects class probabilities, image by image, towards an [`InceptionScore`].
///
/// With N images in `parts` parts, part i has the images from i N / parts up to (i + 1) N / parts, rounded down, in the order in
/// which they came (Salimans et al. 2016 and their code). torch-fidelity and torchmetrics shuffle first, and torchmetrics
/// divides the deviation by one less: their figures differ for the same images.
#[derive(Debug, Clone)]
pub struct InceptionTally {
    classes: usize,
    images: usize,
    parts: usize,
    /// Images so far.
    seen: usize,
    /// Images, sum of probabilities per class, and sum of p ln p over images and classes: of the part that is not full.
    in_part: usize,
    sums: Vec<f64>,
    negative_entropy: f64,
    scores: Vec<f64>,
}

impl InceptionTally {
    /// For `images` images, of which none is there yet; published scores are of 50,000 in 10 parts.
    ///
    /// # Errors
    /// [`FidError::Parts`] unless each part gets an image; [`FidError::NoClasses`]; [`FidError::Memory`].
    pub fn new(classes: usize, images: usize, parts: usize) -> Result<InceptionTally, FidError> {
        if classes == 0 {
            return Err(FidError::NoClasses);
        }
        if !(1..=images).contains(&parts) {
            return Err(FidError::Parts { images, parts });
        }
        let sums = zeros(classes, "class probabilities")?;
        Ok(InceptionTally {
            classes,
            images,
            parts,
            seen: 0,
            in_part: 0,
            sums,
            negative_entropy: 0.0,
            scores: Vec::new(),
        })
    }

    /// Adds images: `rows` has the class probabilities of one after those of another.
    ///
    /// # Errors
    /// [`FidError::Rows`], [`FidError::NotFinite`], [`FidError::NotProbabilities`], [`FidError::Count`] for more images than were
    /// announced; then none of `rows` was added.
    pub fn push<T: Copy + Into<f64>>(&mut self, rows: &[T]) -> Result<(), FidError> {
        let rows = checked_rows(rows, self.classes, self.seen as u64)?;
        if rows.len() > self.images - self.seen {
            return Err(FidError::Count { expected: self.images, found: self.seen.saturating_add(rows.len()) });
        }
        for (index, row) in rows.clone().enumerate() {
            check_probabilities(row, (self.seen + index) as u64)?;
        }
        for row in rows {
            self.add(row);
        }
        Ok(())
    }

    fn add<T: Copy + Into<f64>>(&mut self, probabilities: &[T]) {
        for (sum, &probability) in self.sums.iter_mut().zip(probabilities) {
            let p: f64 = probability.into();
            *sum += p;
            self.negative_entropy += times_log(p);
        }
        self.seen += 1;
        self.in_part += 1;
        // In 128 bits: no number of images is too large.
        let end = (self.scores.len() as u128 + 1) * self.images as u128 / self.parts as u128;
        if self.seen as u128 == end {
            self.end_part();
        }
    }

    /// exp of the mean over images of KL(p(y|x) || p(y)) = mean sum p ln p - sum q ln q, q = p(y) the mean of p.
    fn end_part(&mut self) {
        let count = self.in_part as f64;
        let marginal: f64 = self.sums.iter().map(|&sum| times_log(sum / count)).sum();
        self.scores.push((self.negative_entropy / count - marginal).exp());
        self.in_part = 0;
        self.negative_entropy = 0.0;
        self.sums.fill(0.0);
    }

    /// The score of all images.
    ///
    /// # Errors
    /// [`FidError::Count`] if fewer came than were announced.
    pub fn score(self) -> Result<InceptionScore, FidError> {
        if self.seen != self.images {
            return Err(FidError::Count { expected: self.images, found: self.seen });
        }
        let count = self.scores.len() as f64;
        let mean = self.scores.iter().sum::<f64>() / count;
        let squares: f64 = self.scores.iter().map(|score| (score - mean) * (score - mean)).sum();
        Ok(InceptionScore { mean, deviation: (squares / count).sqrt(), parts: self.scores })
    }
}

/// The [`InceptionScore`] of class probabilities that are all there: rows of `classes` numbers, in `parts` parts.
///
/// # Errors
/// As [`InceptionTally`].
pub fn inception_score<T: Copy + Into<f64>>(
    probabilities: &[T],
    classes: usize,
    parts: usize,
) -> Result<InceptionScore, FidError> {
    let images = probabilities.len().checked_div(classes).unwrap_or(0);
    let mut tally = InceptionTally::new(classes, images, parts)?;
    tally.push(probabilities)?;
    tally.score()
}

/// Class probabilities from logits, rows of `classes` numbers.
///
/// # Errors
/// [`FidError::NoClasses`], [`FidError::Rows`], [`FidError::NotFinite`], [`FidError::Memory`].
pub fn softmax<T: Copy + Into<f64>>(logits: &[T], classes: usize) -> Result<Vec<f64>, FidError> {
    if classes == 0 {
        return Err(FidError::NoClasses);
    }
    let rows = checked_rows(logits, classes, 0)?;
    let mut probabilities = zeros(logits.len(), "class probabilities")?;
    for (row, out) in rows.zip(probabilities.chunks_exact_mut(classes)) {
        let largest = row.iter().map(|&logit| logit.into()).fold(f64::NEG_INFINITY, f64::max);
        for (p, &logit) in out.iter_mut().zip(row) {
            *p = (logit.into() - largest).exp();
        }
        let sum: f64 = out.iter().sum();
        for p in out {
            *p /= sum;
        }
    }
    Ok(probabilities)
}

/// p ln p, which goes to 0 with p.
fn times_log(p: f64) -> f64 {
    if p > 0.0 { p * p.ln() } else { 0.0 }
}

fn check_probabilities<T: Copy + Into<f64>>(row: &[T], image: u64) -> Result<(), FidError> {
    let mut sum = 0.0;
    for (class, &probability) in row.iter().enumerate() {
        let p: f64 = probability.into();
        if p < 0.0 {
            let problem = format!("that of class {class} is {p}; of logits, take the softmax");
            return Err(FidError::NotProbabilities { row: image, problem });
        }
        sum += p;
    }
    if (sum - 1.0).abs() > SUM_TOLERANCE {
        let problem = format!("they sum to {sum}, not to 1; of logits, take the softmax");
        return Err(FidError::NotProbabilities { row: image, problem });
    }
    Ok(())
}

#[cfg(test)]
#[path = "inception_tests.rs"]
mod tests;
