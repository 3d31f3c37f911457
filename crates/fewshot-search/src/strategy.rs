//! What every search is to those who drive it.

use fewshot_space::Arch;
use serde_json::Value;

use super::error::SearchError;

/// A search that is asked for architectures and told their scores.
///
/// Any number may be asked for before anything is told, and scores may be told in any order, for
/// asked architectures or for others (known from elsewhere). What is asked next depends only on
/// the strategy's region and seed, on how often it was asked and on what it was told, in order:
/// no clock and no thread has a say. A caller that evaluates in parallel tells in the order of
/// asking.
///
/// # Scores
/// Higher is better. A score that is NaN or infinite stands for an evaluation that failed: it
/// counts as evaluated, and as worse than every number. A score of an architecture outside of the
/// region is ignored.
pub trait Strategy: Send {
    /// The name by which [`build`](super::build) knows the strategy.
    fn name(&self) -> &'static str;

    /// The next `n` architectures to evaluate, all in the region and in canonical form. Asking
    /// for 5 is the same as asking for 2 and, with nothing told between, for 3. Whether an
    /// architecture may come twice is for the strategy to say.
    ///
    /// # Errors
    /// [`SearchError::Region`] when the region gives none, say because no architecture passes its
    /// filters.
    fn ask(&mut self, n: usize) -> Result<Vec<Arch>, SearchError>;

    /// Hands in the score of an architecture.
    fn tell(&mut self, arch: &Arch, score: f64);

    /// All that the strategy has to know to go on, at any moment, also with scores outstanding.
    /// It may be written as JSON text and read back.
    fn state(&self) -> Value;

    /// Goes on where [`state`](Strategy::state) was taken: from there, both ask the same for ever.
    /// The strategy must have been built with the same name, region and seed.
    ///
    /// # Errors
    /// [`SearchError::State`] when the state is of another search or damaged; the strategy is
    /// unchanged then. [`SearchError::Region`] as for [`ask`](Strategy::ask).
    fn restore(&mut self, state: &Value) -> Result<(), SearchError>;
}
