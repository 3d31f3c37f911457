//! The bytes of an image file to pixels.

mod any;
mod format;
mod jpeg;
mod limits;
mod orientation;
mod others;
mod png;
mod raster;
mod room;

pub(crate) use any::{decode, dimensions};
pub(crate) use format::{Format, hex};
pub use raster::Ground;
pub(crate) use raster::{Alpha, Decoded, Raster};
pub(crate) use room::ROOM;

#[cfg(test)]
mod tests;
