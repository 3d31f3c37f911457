//! Training of supernets and stand-alone networks: the same loop for both.

mod average;
mod config;
mod loss;

mod sampler;
mod trainer;

pub(crate) use average::averaged_values;
pub use config::{ConfigError, Sampling, Schedule, TrainConfig, Unsampled};
pub use loss::{StepRecord, Targets, descend};
pub(crate) use loss::{count_correct, likeliest, log_likelihood, loss};
pub use sampler::{LISTED, Sampler};
pub use trainer::{EpochRecord, Observer, Progress, TrainError, Trainer};

#[cfg(test)]
mod tests;
