//! How well do scores rank architectures? Ranking metrics on paired scores and truths, always
//! beside what costs nothing: the number of parameters, the number of multiply-adds, and chance.
//!
//! A *score* is what an estimator says of an architecture, a *truth* what stand-alone training
//! measured; both are higher-is-better (negate a loss or a latency first). [`Paired`] checks the
//! pairs once and owns the metrics, [`RankReport`] collects them for one score column and for the
//! three baselines.
//!
//! # Ties
//! No metric depends on the order in which the pairs are given, to the last bit:
//! - tau-b and Spearman handle ties in the standard way (pairs tied in either column count for
//!   neither side; average ranks);
//! - where a metric cuts the list by *score* (the top 5 %, the ten best, the best one) and the
//!   cut goes through a group of equal scores, the metric is the expected value over a uniformly
//!   random order within the group;
//! - where a set is cut by *truth* (the true top 5 % or 10 %), every architecture as good as the
//!   last one inside belongs to it, so that a perfect score is never punished for a tie.

mod correlation;
mod error;
mod paired;
mod report;
mod top;

pub use error::RankError;
pub use paired::Paired;
pub use report::{Baselines, Metrics, RankReport};

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
