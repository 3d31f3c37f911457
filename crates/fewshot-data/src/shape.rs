//! The size of an image.

use std::fmt;

/// Size of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Rows, at least 1.
    pub height: usize,
    /// Pixels a row, at least 1.
    pub width: usize,
    /// 1 (greyscale) or 3 (red, green, blue).
    pub channels: usize,
}

impl Shape {
    /// Bytes of one image: `height * width * channels`.
    pub fn bytes(&self) -> usize {
        self.height * self.width * self.channels
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.height, self.width, self.channels)
    }
}
