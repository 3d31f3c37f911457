//! Architectures as numbers: what a network that runs all options at once weighs, and which architecture that means.

use std::fmt;

use crate::arch::Arch;
use crate::option_set::OptionSet;

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

    /// Multiply-adds of all that has no row, for one image.
    fn fixed_macs(&self) -> u64;

    /// What each option of a row adds to that, in their order: with shares as factors, the expected multiply-adds of what the numbers
    /// mean, which can be differentiated by them (Cai et al., ICLR 2019, section 3.3).
    fn macs(&self, row: usize) -> &[u64];
}

/// A row per decision that the region leaves open, and the option with the largest share: how cells with a fixed topology are
/// relaxed.
#[derive(Debug)]
pub struct Largest {
    rows: Vec<RelaxedRow>,
    /// What is settled, and the cheapest option of what is not.
    cheapest: Arch,
    fixed_macs: u64,
    /// Per row, what each option costs more than the cheapest, which all other rows have meanwhile.
    macs: Vec<Vec<u64>>,
}

impl Largest {
    /// Of the options `allowed` at each decision, as a region has them ([`product`](crate::Region::product)), where `macs` counts a
    /// network's multiply-adds: those of a supernet may be fewer than the region's own space says.
    pub fn new(allowed: &[OptionSet], macs: impl Fn(&Arch) -> u64) -> Self {
        let row = |(decision, options): (usize, &OptionSet)| RelaxedRow { decision, options: options.iter().collect() };
        let rows = allowed.iter().enumerate().map(row);
        let rows: Vec<RelaxedRow> = rows.filter(|row| row.options.len() > 1).collect();
        let first = |options: &OptionSet| options.first().unwrap_or(0) as u8;
        let mut cheapest: Vec<u8> = allowed.iter().map(first).collect();
        let macs_with = |options: &[u8], row: &RelaxedRow, option: usize| {
            let mut options = options.to_vec();
            options[row.decision] = option as u8;
            macs(&Arch::new(options))
        };
        for row in &rows {
            let least = row.options.iter().min_by_key(|&&option| macs_with(&cheapest, row, option));
            cheapest[row.decision] = least.map_or(0, |&option| option as u8);
        }
        let fixed_macs = macs(&Arch::new(cheapest.clone()));
        let added = |row: &RelaxedRow| {
            let of = |&option: &usize| macs_with(&cheapest, row, option).saturating_sub(fixed_macs);
            row.options.iter().map(of).collect()
        };
        let macs = rows.iter().map(added).collect();
        Self { rows, cheapest: Arch::new(cheapest), fixed_macs, macs }
    }
}

impl Relaxed for Largest {
    fn rows(&self) -> &[RelaxedRow] {
        &self.rows
    }

    fn derive(&self, shares: &[Vec<f64>], _: Option<&[f64]>) -> Arch {
        let mut options = self.cheapest.options().to_vec();
        for (row, shares) in self.rows.iter().zip(shares) {
            // The first of equal ones.
            let largest = (0..shares.len()).fold(0, |best, next| if shares[next] > shares[best] { next } else { best });
            options[row.decision] = row.options[largest] as u8;
        }
        Arch::new(options)
    }

    fn fixed_macs(&self) -> u64 {
        self.fixed_macs
    }

    fn macs(&self, row: usize) -> &[u64] {
        &self.macs[row]
    }
}
