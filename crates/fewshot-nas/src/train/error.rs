//! Why a training failed.

use fewshot_space::RegionError;

use super::config::ConfigError;
use crate::nets::{NetError, WeightsError};
use crate::run::{CheckpointError, Interrupted};

/// Why a training ended early.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A setting is out of range.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The network cannot run what it was given.
    #[error(transparent)]
    Net(#[from] NetError),
    /// No architecture could be drawn.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// The sampling lists the region, and the region is too large for that.
    #[error("this sampling lists the region, and {size} architectures are too many: use \"per_network\"")]
    Unlisted {
        /// Architectures in the region.
        size: u128,
    },
    /// What is to be drawn is not all held.
    #[error("the network holds the options of {held}, and not all of {region}: draw from a part of what it holds")]
    NotHeld {
        /// What is to be drawn from.
        region: String,
        /// What the network was built for.
        held: String,
    },
    /// The stored state belongs to another network.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The loss is no longer a number.
    #[error("the loss became {loss} in epoch {epoch}, step {step}: lower the learning rate or set `clip`")]
    Diverged {
        /// The loss.
        loss: f64,
        /// Epoch, from 0.
        epoch: u64,
        /// Step in the epoch, from 0.
        step: usize,
    },
    /// Someone asked to stop; the state is that of a whole step.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The observer could not write a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}
