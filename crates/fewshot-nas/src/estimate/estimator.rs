//! What estimators are, and why they may fail.

use fewshot_space::Arch;

use crate::nets::NetError;

/// Predicts how good networks are.
pub trait Estimator {
    /// One score per architecture, in order; higher is better.
    ///
    /// # Errors
    /// When an architecture is not covered by the estimator.
    fn estimate(&mut self, archs: &[Arch]) -> Result<Vec<f64>, EstimateError>;
}

/// Why an architecture has no score.
#[derive(Debug, thiserror::Error)]
pub enum EstimateError {
    /// No part of the partition owns it.
    #[error("no sub-supernet owns {0}: the architecture lies outside the searched region")]
    Unrouted(String),
    /// The network cannot run it.
    #[error(transparent)]
    Net(#[from] NetError),
    /// There is nothing to score on.
    #[error("no images to score on: the search-validation split is empty; raise `val_fraction` or give more images")]
    NoImages,
    /// There is nothing that a predictor could learn from.
    #[error(
        "a predictor learns from 2 scored networks at least, and has {0}: raise `scoring.predictor`, or set it to 0"
    )]
    NoPairs(usize),
    /// There is nothing to recalibrate with.
    #[error("no batches to recalibrate batch norms with: set `scoring.calibration_batches` to 1 or more")]
    NoCalibration,
    /// What the network answers, or its score, is no number.
    #[error(
        "{0} answers with NaN or infinity, so that it has no score: its training diverged; lower the learning rate or set `clip`"
    )]
    NotFinite(String),
    /// Training the architecture alone failed.
    #[error(transparent)]
    Train(#[from] crate::train::TrainError),
    /// The system gives no threads.
    #[error(transparent)]
    Threads(#[from] crate::run::NoThreads),
    /// Asked to stop.
    #[error(transparent)]
    Interrupted(#[from] crate::run::Interrupted),
    /// The table does not list it.
    #[error(transparent)]
    Table(#[from] crate::table::TableError),
}
