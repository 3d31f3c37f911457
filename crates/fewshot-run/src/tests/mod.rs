//! Faults put into the files and processes of runs.

mod child;
mod cluster;
mod cluster_faults;
mod crowd;
mod disk;
mod entry;
mod kill;
mod lines;
mod outputs;
mod plans;
mod published;
mod runs;
#[cfg(unix)]
mod signals;
mod states;
#[cfg(unix)]
mod takeover;
mod toy;
