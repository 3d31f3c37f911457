//! Jobs of a Slurm cluster.
//!
//! The driver submits every stage that is not done and that no job of the run is left to, in one array for each set of stages
//! that wait for the same, and lets the arrays wait for each other: so the run goes on without a driver. What it submitted stands
//! in the run's folder, a file per array; what is alive, it asks by the names of its jobs. One driver submits at a time, by a
//! claim like that on a stage; a second one watches, and takes over if the first dies.
//!
//! What Slurm says of a job is never taken for what became of a stage: a job that ended well may have saved and stopped, one
//! that is unknown satisfies what waits for it, and one that was requeued may run twice.

mod arguments;
mod calls;
mod driver;
mod jobs;
mod look;
mod queue;
mod refusals;
mod script;
mod settings;
mod stalls;
mod submissions;

pub use calls::{Installed, Said, SlurmCalls};
pub use driver::SlurmJobs;
pub use jobs::{Cancelled, LeftJobs, Requeued, cancel_jobs, requeue_this_job};
pub use look::{Queue, QueuedJob};
pub use settings::SlurmSettings;
