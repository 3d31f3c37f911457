//! What this crate makes of statistics files: `tools/check-fid.py` compares it with NumPy and SciPy.
//!
//!     fid distance LEFT.npz RIGHT.npz    prints the distance
//!     fid copy FROM.npz TO.npz           reads one file and writes the other
#![allow(clippy::print_stdout, reason = "a program")]

use std::error::Error;
use std::path::Path;

use fewshot_fid::{frechet_distance, npz};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [command, from, to] = arguments.as_slice() else {
        return Err("give `distance LEFT RIGHT` or `copy FROM TO`".into());
    };
    let first = npz::read(Path::new(from))?;
    match command.as_str() {
        "copy" => npz::write(Path::new(to), &first.gaussian)?,
        "distance" => println!("{:?}", frechet_distance(&first.gaussian, &npz::read(Path::new(to))?.gaussian)?),
        other => return Err(format!("no command `{other}`").into()),
    }
    Ok(())
}
