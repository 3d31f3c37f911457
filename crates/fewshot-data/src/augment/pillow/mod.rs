//! Pillow's image operations on bytes, pixel by pixel as Pillow computes them.
//!
//! Published recipes were run with these, and their rounding is part of what networks were trained on: enhancements cut
//! off where one would round, geometry counts in 1/65536 pixel, equalization of 32x32 pixels has four grey levels a step.
//! The functions take images of 1 or 3 channels, of any size, and keep their size.

mod enhance;
mod geometry;
mod hue;
mod levels;

pub(super) use enhance::{brightness, color, contrast, sharpness};
pub(super) use geometry::{Affine, warp};
pub(super) use hue::hue;
pub(super) use levels::{auto_contrast, equalize, invert, posterize, solarize};
