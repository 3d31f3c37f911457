//! What stands between the files of strangers and the program.
//!
//! Images, tables, recipes and models may come from anybody. A path may name a pipe that never ends, and a text may hold
//! characters that act on whoever reads it. So every file is opened by [`open_file`] or [`read_file`], which take regular ones
//! only, and every text from a file is shown through [`printable`]. What all crates say alike is here too ([`counted`]).
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod counted;
pub mod printable;
mod regular;

pub use counted::counted;
pub use regular::{open_file, read_file};
