//! The program as its users start it.

mod common;
#[cfg(unix)]
mod kill;
mod rank;
mod search;
