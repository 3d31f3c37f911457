//! How much is taken at most.

/// The most features that a row may have: a covariance of that many takes 512 MiB.
pub const MOST_FEATURES: usize = 8192;
