//! The entries that are read and written, by the names that they have in the archive.

/// The mean.
pub const MU: &str = "mu.npy";
/// The covariance.
pub const SIGMA: &str = "sigma.npy";
