//! Architectures as numbers: what a network that runs all options at once weighs, and which architecture that means.

use std::fmt;

use crate::arch::Arch;
use crate::region::Region;

/// A choice that is weighed: one number per option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelaxedRow {
    /// Position of the [`Decision`](crate::Decision).
    pub decision: usize,
    /// Its options that are weighed, two or more.
    pub options: Vec<usize>,
}

/// The rows of numbers that stand for the architectures of a region, as gradient-based searches move them (Liu et al., ICLR 2019),
/// and how an architecture is derived from them.
pub trait Relaxed: fmt::Debug + Send + Sync {
    /// What is weighed. Decisions without a row are settled, or follow from the rows.
    fn rows(&self) -> &[RelaxedRow];

    /// The architecture that is meant by each row's shares: one per option, 0 to 1, with sum 1. `strengths` has a number above 0
    /// per row where rows that lead to one sum were weighed against each other.
    ///
    /// # Panics
    /// When there are not as many shares as rows and options.
    fn derive(&self, shares: &[Vec<f64>], strengths: Option<&[f64]>) -> Arch;
}

/// A row per decision that the region leaves open, and the option with the largest share: how cells with a fixed topology are
/// relaxed.
#[derive(Debug)]
pub struct Largest {
    rows: Vec<RelaxedRow>,
    /// What is settled, and the first option of what is not.
    first: Arch,
}

impl Largest {
    /// Of a region.
    pub fn new(region: &Region) -> Self {
        let decisions = region.space().decisions().len();
        let allowed = |decision: usize| region.allowed(decision).iter().collect::<Vec<usize>>();
        let rows = (0..decisions).map(|decision| RelaxedRow { decision, options: allowed(decision) });
        let first = (0..decisions).map(|decision| region.allowed(decision).first().unwrap_or(0) as u8);
        Self { first: Arch::new(first.collect()), rows: rows.filter(|row| row.options.len() > 1).collect() }
    }
}

impl Relaxed for Largest {
    fn rows(&self) -> &[RelaxedRow] {
        &self.rows
    }

    fn derive(&self, shares: &[Vec<f64>], _: Option<&[f64]>) -> Arch {
        let mut options = self.first.options().to_vec();
        for (row, shares) in self.rows.iter().zip(shares) {
            // The first of equal ones.
            let largest = (0..shares.len()).fold(0, |best, next| if shares[next] > shares[best] { next } else { best });
            options[row.decision] = row.options[largest] as u8;
        }
        Arch::new(options)
    }
}
