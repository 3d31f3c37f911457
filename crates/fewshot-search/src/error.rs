//! What can go wrong in a search.

use fewshot_space::RegionError;
use thiserror::Error;

/// Why a search cannot be built, asked or restored.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SearchError {
    /// A name that is none of [`names`](super::names).
    #[error("there is no search strategy `{name}`; {hint}")]
    UnknownStrategy {
        /// The name given.
        name: String,
        /// A near name, or all of them.
        hint: String,
    },
    /// The region has no architecture to give.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// A parameter out of range.
    #[error("{parameter} of search strategy {strategy} must be at least 1")]
    Zero {
        /// Name of the strategy.
        strategy: &'static str,
        /// Name of the parameter.
        parameter: &'static str,
    },
    /// A saved state that does not belong to this search.
    #[error("the saved state does not fit search strategy {strategy}: {problem}")]
    State {
        /// Name of the strategy to be restored.
        strategy: &'static str,
        /// What does not fit.
        problem: String,
    },
}
