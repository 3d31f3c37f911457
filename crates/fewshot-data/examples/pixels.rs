//! Prints the pixels of image files as `fewshot predict` sees them, for `tools/check-pixels.py`.
//!
//! `cargo run --release -p fewshot-data --example pixels -- HEIGHT WIDTH CHANNELS FILE ..`
//!
//! The bytes of all images go to the standard output, one image after the other, each `[height, width, channels]`.

use std::error::Error;
use std::io::Write;

use fewshot_data::{Shape, read_image};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [height, width, channels, files @ ..] = arguments.as_slice() else {
        return Err("usage: pixels HEIGHT WIDTH CHANNELS FILE ..".into());
    };
    let shape = Shape { height: height.parse()?, width: width.parse()?, channels: channels.parse()? };
    let mut out = std::io::stdout().lock();
    for file in files {
        out.write_all(&read_image(file, shape, None)?)?;
    }
    Ok(())
}
