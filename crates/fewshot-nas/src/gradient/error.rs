//! Why a gradient-based search failed.

use crate::estimate::EstimateError;
use crate::nets::{NetError, WeightsError};
use crate::run::{CheckpointError, Interrupted};
use crate::train::ConfigError;

/// Why a gradient-based search ended early.
#[derive(Debug, thiserror::Error)]
pub enum GradientError {
    /// No such method.
    #[error("no gradient-based method `{name}`, {hint}")]
    UnknownMethod {
        /// What was asked for.
        name: String,
        /// "did you mean ..?", or all names.
        hint: String,
    },
    /// A setting is out of range.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The network cannot run what it was given.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The chosen architectures cannot be scored.
    #[error(transparent)]
    Estimate(#[from] EstimateError),
    /// Nothing can be drawn from the region.
    #[error(transparent)]
    Region(#[from] fewshot_space::RegionError),
    /// The stored state belongs to another network.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The stored state is not one of this method.
    #[error("the stored state of the method is damaged: {0}")]
    State(String),
    /// The loss is no longer a number.
    #[error("the loss became {loss} in epoch {epoch}, step {step}: lower the learning rate or set `clip`")]
    Diverged {
        /// The loss.
        loss: f64,
        /// Epoch, from 0.
        epoch: u64,
        /// Step in the epoch, from 0.
        step: u64,
    },
    /// The method lists its region, which is too large for that.
    #[error("SETN ranks all architectures, and {0} are too many: split the supernet, or take another method")]
    Unlisted(u128),
    /// Someone asked to stop; the state is that of a whole step.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A checkpoint could not be written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}
