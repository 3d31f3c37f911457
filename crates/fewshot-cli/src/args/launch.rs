//! Runs that several processes share: where their stages are worked on, how they stand, and how they are stopped.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::number;

/// Where the stages of a run are worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Where {
    /// In this process, one after the other
    Here,
    /// In several processes of this machine
    Local,
    /// In jobs of a Slurm cluster whose machines see the run's folder, the data and this program under the same paths
    Slurm,
}

/// Where stages are worked on.
#[derive(Debug, Clone, Args)]
pub struct LaunchArgs {
    /// Where the stages of the run are worked on; its numbers do not depend on it
    #[arg(long, value_name = "WHERE", value_enum, default_value_t = Where::Here)]
    pub launch: Where,
    /// Processes of --launch local, which share the threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = number::at_least_one, allow_negative_numbers = true)]
    pub workers: Option<u32>,
    /// More arguments of `sbatch` for --launch slurm, e.g. "--partition=gpu --time=4:00:00 --cpus-per-task=8", with quotes as in a
    /// shell; repeatable
    #[arg(long, value_name = "ARGUMENTS", allow_hyphen_values = true)]
    pub sbatch_args: Vec<String>,
    /// A line of the script of --launch slurm before its work, e.g. "module load gcc/13"; repeatable
    #[arg(long, value_name = "LINE", allow_hyphen_values = true)]
    pub prologue: Vec<String>,
    /// What runs the worker of a job of --launch slurm, e.g. "apptainer exec image.sif", with quotes as in a shell
    #[arg(long, value_name = "COMMAND")]
    pub wrapper: Option<String>,
}

/// `fewshot work`
#[derive(Debug, Args)]
pub struct WorkArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Work on this stage, whose inputs must be done; repeatable [default: on whatever is ready, until all is done]
    #[arg(long, value_name = "NAME")]
    pub stage: Vec<String>,
    /// The file, in the run's folder, that this process says things in, for `fewshot status`
    #[arg(long, value_name = "FILE")]
    pub log: Option<String>,
    /// Save and stop when standard input ends, as it does with the process at its other end
    #[arg(long)]
    pub with_parent: bool,
    /// Worker threads; results do not depend on it [default: those of the Slurm task, or of the run]
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
    /// Where tensors live
    #[arg(long, default_value = "cpu")]
    pub device: String,
}

/// `fewshot status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The run's folder, or that of a comparison of several runs; they may be unfinished
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Look again every two seconds, until all is done
    #[arg(long, conflicts_with = "json")]
    pub watch: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `fewshot cancel`
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// The run's folder, or that of a comparison of several runs
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
}
