//! Estimators: Arch → Score, higher is better.

mod estimator;
mod evaluation;
mod fine_tune;
mod fused;
mod perceptron;
mod predictor;
mod scorer;
mod standalone;
mod supernet;
mod table;

pub use estimator::{EstimateError, Estimator};
pub use evaluation::{Evaluation, Tally};
pub use fine_tune::FineTune;
pub use fused::Fused;
pub use predictor::{FitProgress, Foresight, Predictor, PredictorFit};
pub(crate) use scorer::different;
pub use scorer::{Measure, NormPolicy, ScoreSet};
pub use standalone::Standalone;
pub use supernet::{FewShot, OneShot, Routed};
pub use table::Table;

#[cfg(test)]
mod tests;
