//! Where the stages of a run are worked on: in this process, by several of this machine, or by the jobs of a cluster.
//!
//! Whoever launches them, the truth about a run is its folder, and what comes out is the same bits. A driver (the process that
//! [`Launcher::launch`] runs in) keeps nothing that matters: it may be killed at any time, and another one, or two at once, go
//! on from what the folder tells.

mod launcher;
mod local;
mod sharing;
mod slurm;

pub use launcher::{InProcess, Launcher};
pub use local::{LocalWorkers, WorkerSeat};
pub use slurm::{
    Cancelled, Installed, LeftJobs, Queue, QueuedJob, Requeued, Said, SlurmCalls, SlurmJobs, SlurmSettings,
    cancel_jobs, requeue_this_job,
};
