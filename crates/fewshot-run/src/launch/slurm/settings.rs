//! How jobs are submitted.

use std::time::Duration;

use super::arguments::Arguments;
use crate::spread::SpreadError;

/// How jobs are submitted.
#[derive(Debug, Clone)]
pub struct SlurmSettings {
    /// More arguments of `sbatch`: partition, account, time, memory, GPUs; of `--array` only how many tasks run at once, `--array=%4`.
    pub sbatch_args: Vec<String>,
    /// Lines of the script before the worker: modules, environments. The shell reads them.
    pub prologue: Vec<String>,
    /// Words before those of the worker: a program that runs it, such as a container's, and hands signals on to it. No shell reads them.
    pub wrapper: Vec<String>,
    /// Stages that one task works on, one after the other; `None`: as many as fill [`SlurmSettings::task`], as far as stages of the same
    /// kind have been done, else one.
    pub stages_per_task: Option<usize>,
    /// How long a task should last at least.
    pub task: Duration,
    /// How long before its time limit a job is told to save.
    pub grace: Duration,
    /// How often the queue is asked.
    pub poll: Duration,
    /// A job that runs for so long with nobody at work on its stages, or waits for what is done, is ended and submitted again. Longer
    /// than a worker takes to read its data.
    pub idle: Duration,
    /// How long a cluster whose limits are reached is asked to take jobs, after the last of the run's jobs was seen.
    pub refused: Duration,
}

impl SlurmSettings {
    /// Makes sure that the cluster can be told all that they say.
    ///
    /// # Errors
    /// [`SpreadError::Argument`].
    pub fn check(&self) -> Result<(), SpreadError> {
        Arguments::read(&self.sbatch_args).map(drop)
    }
}

impl Default for SlurmSettings {
    /// Tasks of five minutes, told to save two minutes before the limit, the queue asked twice a minute, jobs ended that did nothing for
    /// a quarter of an hour, an hour of limits that are reached.
    fn default() -> Self {
        Self {
            sbatch_args: Vec::new(),
            prologue: Vec::new(),
            wrapper: Vec::new(),
            stages_per_task: None,
            task: Duration::from_secs(300),
            grace: Duration::from_secs(120),
            poll: Duration::from_secs(30),
            idle: Duration::from_secs(900),
            refused: Duration::from_secs(3600),
        }
    }
}
