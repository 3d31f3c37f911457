//! Sizes of values, windows over them, and numbers that can be told apart.

use std::hash::{Hash, Hasher};

/// Height, width and channels of a value; rows of values are 1×1 pixels.
pub type Size = [usize; 3];

/// Where a convolution or a pool looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Rows and columns of the window, at least 1.
    pub kernel: [usize; 2],
    /// Step between windows, at least 1.
    pub stride: usize,
    /// Pixels around the image: above and below, left and right.
    pub padding: [usize; 2],
    /// Distance between the taps of the window, at least 1.
    pub dilation: usize,
}

impl Window {
    /// A square window of odd side, padded so that stride 1 keeps the size.
    pub fn same(kernel: usize, stride: usize) -> Self {
        Self::square(kernel, stride, kernel / 2)
    }

    /// A square window.
    pub fn square(kernel: usize, stride: usize, padding: usize) -> Self {
        Self { kernel: [kernel; 2], stride, padding: [padding; 2], dilation: 1 }
    }

    /// The same with its taps so far apart; the padding grows with them.
    #[must_use]
    pub fn dilated(self, dilation: usize) -> Self {
        Self { padding: self.padding.map(|padding| padding * dilation), dilation, ..self }
    }

    /// Places that the window takes over an image of so many rows and columns; 1 at least.
    pub fn steps(self, [height, width]: [usize; 2]) -> [usize; 2] {
        let along = |axis: usize, side: usize| {
            let span = self.dilation * (self.kernel[axis].max(1) - 1) + 1;
            (side + 2 * self.padding[axis]).saturating_sub(span) / self.stride.max(1) + 1
        };
        [along(0, height), along(1, width)]
    }

    /// Whether rows and columns are treated alike: all that the kernels know.
    pub fn is_square(self) -> bool {
        self.kernel[0] == self.kernel[1] && self.padding[0] == self.padding[1]
    }
}

/// A number that is told apart by its bits, so that operations can be compared and hashed.
#[derive(Debug, Clone, Copy)]
pub struct Real(pub f32);

impl PartialEq for Real {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Real {}

impl Hash for Real {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}
