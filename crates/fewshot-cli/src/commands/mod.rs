//! One module per group of commands.

pub mod bench;
pub mod lists;
pub mod model;
pub mod rank;
pub mod run;
pub mod shell;

use std::io::Write;

use serde::Serialize;

use crate::failure::Failure;

/// One JSON object on a line of its own.
fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(&serde_json::to_string(value)?)
}

/// Text and a newline; a closed pipe (`| head`) is an error like any other, not a panic.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.trim_end().as_bytes())?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}
