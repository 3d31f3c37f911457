//! Faults put into the files and processes of runs.

mod child;
mod cluster;
mod crowd;
mod disk;
mod kill;
mod lines;
mod outputs;
mod plans;
mod published;
mod runs;
mod states;
mod toy;
