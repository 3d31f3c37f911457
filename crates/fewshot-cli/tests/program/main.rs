//! The program as its users start it.

mod believed;
mod bench;
mod budget;
mod cifar10_nasnet;
mod common;
mod cost;
mod faults;
mod gan;
mod gradient;
mod images;
#[cfg(unix)]
mod kill;
mod launch;
mod lost_output;
mod mbconv;
mod mend;
mod model;
mod own_family;
// The example's own test runs as one of these: were it a test of the example, cargo would not build the program itself, which
// `own_family` starts.
#[expect(dead_code, reason = "its `main` starts a program of its own")]
#[path = "../../examples/own_space.rs"]
mod own_space;
#[cfg(unix)]
mod queue;
mod rank;
mod ranking;
mod released;
mod report;
mod search;
mod shell;
mod shortage;
#[cfg(unix)]
mod slurm;
mod strategies;
