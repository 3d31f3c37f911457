//! Training of supernets and stand-alone networks: the same loop for both.

mod average;
mod config;
mod sampler;
mod sgd;
mod trainer;

pub(crate) use average::averaged_values;
pub use config::{ConfigError, Sampling, Schedule, TrainConfig, Unsampled};
pub use sampler::{LISTED, Sampler};
pub use sgd::{Sgd, StepRecord};
pub(crate) use sgd::{count_correct, likeliest, log_likelihood, loss};
pub use trainer::{EpochRecord, Observer, Progress, TrainError, Trainer};

#[cfg(test)]
mod tests;
