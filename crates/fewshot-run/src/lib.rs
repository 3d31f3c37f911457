//! Run folders: what a long job writes so that it can be cut at any moment and go on.
//!
//! A *run* is one folder:
//!
//! ```text
//! RUN/
//!   run.toml             resolved recipe (every default written out), versions, data fingerprint
//!   plan.json            the stages of the run and the checksum of run.toml, fixed at the first start
//!   moved.json           where data is now that lay elsewhere when the run began
//!   stages/NN-name/      files of one stage: checkpoints, weights; `done.json` (written last) marks its end
//!   events.jsonl         what happened when (one JSON object a line)
//!   attempts/            there once several processes shared the run: claims on stages, and stages as they are worked on
//!   history.jsonl        what the search saw: arch, score, cost, seconds
//!   result.json          the answer
//!   model.safetensors    the trained network, with all that is needed to use it; model.onnx is the same for others
//!   report.html          all of it for people, written by the program
//!   .lock                held by the one process that works on the run, holds its id
//! ```
//!
//! and a *plan* is a small graph of [`Stage`]s over it. A stage that is done is never repeated: its
//! value is read back from `done.json`. A stage that was cut finds its folder as it was and goes on
//! from the last [`Checkpoint`] in it. So a run killed at any moment, and resumed, ends with the
//! same files, bit for bit, as a run that was never cut, as long as each stage is a function of its
//! inputs, the recipe and its checkpoint.
//!
//! What later numbers come from is believed only with its checksum ([`Checked`]), and a checkpoint only where it was written.
//! What a stage leaves for people ([`StageContext::publish`]) and is lost or damaged later is made again by that stage.
//!
//! What makes that hold:
//! - Whole files appear by [`write_atomic`] (temporary file, fsync, rename, fsync of the folder).
//! - Line files ([`JsonLines`]) lose a torn last line when they are opened again.
//! - A stage sees its inputs only as read back from disk, in the first process as in a later one.
//! - [`Interrupt`] turns the first Ctrl-C or SIGTERM into a flag that long loops check.
//!
//! Errors print as one whole line that names the file and says what to do. Causes are also given
//! by `source()` so that code can look at them; a program that prints the line need not print the
//! causes again.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod atomic;
mod checked;
mod checkpoint;
mod checkpoint_error;
mod done;
mod error;
mod fault;
mod file_error;
mod folder;
mod graph;
mod handle;
mod interrupt;
mod lanes;
mod launch;
mod lock;
mod log;
mod output;
mod plan;
mod plan_file;
mod progress;
mod reader;
mod settings;
mod spread;
mod stage;
mod toml_file;

#[cfg(test)]
mod tests;

pub use atomic::{clean_leftovers, create_folder, write_atomic, write_atomic_alone, write_json};
pub use checked::{Checked, hex};

pub use checkpoint::{Checkpoint, TensorF32};
pub use checkpoint_error::CheckpointError;
pub use done::RecordedStage;
pub use error::{PlanError, RunError, StageError};
pub use file_error::FileError;
pub use folder::{Answer, RunFolder};
pub use handle::Handle;
pub use interrupt::{INTERRUPTED_EXIT_CODE, Interrupt, Interrupted, is_interrupted, outlive_file_size_limit};
pub use lanes::{NoThreads, in_lanes, start_threads, thread_pool};
pub use launch::{
    Cancelled, InProcess, Installed, Launcher, LeftJobs, LocalWorkers, Queue, QueuedJob, Requeued, Said, SlurmCalls,
    SlurmJobs, SlurmSettings, WorkerSeat, cancel_jobs, requeue_this_job,
};
pub use log::{Event, EventLog, JsonLines, LogError, read_lines};
pub use output::write_output;
pub use plan::Plan;
pub use progress::{Counter, NoProgress, Position, Progress, StageEnd, StageInfo};
pub use reader::{HISTORY, RunReader};
pub use settings::{Fingerprint, Origin};
pub use spread::{
    Attempted, Claimed, Holder, Member, Patience, SpreadError, StageState, StageStatus, Standing, Survey, Work,
    ask_to_stop, begin_session, is_asked_to_stop,
};
pub use stage::{Clock, Stage, StageContext};
pub use toml_file::{TomlError, parse_toml};
