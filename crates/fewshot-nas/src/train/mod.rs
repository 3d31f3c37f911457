//! Training of supernets and stand-alone networks: the same loop for both.

mod average;
mod config;
mod descent;
mod error;
mod progress;
mod sampler;
mod teacher;
mod trainer;

pub(crate) use average::averaged_values;
pub use config::{ConfigError, PATHS, Sampling, Schedule, TrainConfig, Unsampled};
pub(crate) use descent::whole_if_possible;
pub use descent::{Objective, Slopes, StepRecord, descend};
pub use error::TrainError;
pub use progress::{EpochRecord, Progress};
pub use sampler::{LISTED, Sampler};
pub use teacher::Teacher;
pub use trainer::{Observer, Trainer};

#[cfg(test)]
mod tests;
