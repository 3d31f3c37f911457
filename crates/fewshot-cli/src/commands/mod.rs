//! One module per group of commands.

pub mod bench;
pub mod cancel;
mod comparison;
pub mod cost;
mod folders;
pub mod generate;
mod generators;
pub mod launch;
mod layered;
pub mod lists;
pub mod model;
pub mod outcome;
mod queue;
pub mod rank;
pub mod reproduce;
pub mod run;
pub mod search;
mod series;
pub mod settings;
pub mod shell;
pub mod train;
mod words;

use fewshot_guard::printable;
use serde::Serialize;

use crate::console;
use crate::failure::Failure;

/// Makes the threads that all work runs on; 0 for one per core.
fn use_threads(threads: usize) -> Result<(), Failure> {
    Ok(fewshot_nas::run::start_threads(threads)?)
}

/// One JSON object on a line of its own.
fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(&printable::json(&serde_json::to_string(value)?))
}

/// Text and a newline on standard output. No character of it acts on a terminal but line breaks, so that whoever lays out
/// lines escapes those of names ([`printable::line`]).
fn print(text: &str) -> Result<(), Failure> {
    Ok(console::print(&printable::lines(text))?)
}
