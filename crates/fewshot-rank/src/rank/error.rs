//! What can be wrong with a list of scores and truths.

use thiserror::Error;

/// Why scores and truths cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RankError {
    /// The lists do not pair up.
    #[error(
        "{archs} architectures, {scores} scores and {truths} truths do not pair up: \
         give one score and one truth for each architecture"
    )]
    Unpaired {
        /// Number of architectures.
        archs: usize,
        /// Number of scores.
        scores: usize,
        /// Number of truths.
        truths: usize,
    },
    /// There is nothing to rank.
    #[error("there is nothing to rank: no architecture has both a score and a truth")]
    Empty,
    /// A score or a truth is NaN or infinite.
    #[error(
        "the {column} of architecture `{arch}` is {value}, which cannot be ranked: \
         repair the value or leave the architecture out"
    )]
    NotFinite {
        /// `score` or `truth`.
        column: &'static str,
        /// Text of the architecture.
        arch: String,
        /// The value as text: `NaN`, `inf` or `-inf`.
        value: String,
    },
}
