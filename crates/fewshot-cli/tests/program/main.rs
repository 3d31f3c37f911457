//! The program as its users start it.

mod believed;
mod bench;
mod budget;
mod common;
mod cost;
mod faults;
mod gradient;
mod images;
#[cfg(unix)]
mod kill;
mod lost_output;
mod mend;
mod model;
mod own_family;
mod rank;
mod ranking;
mod released;
mod report;
mod search;
mod shell;
mod shortage;
mod strategies;
