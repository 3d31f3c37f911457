//! The sizes of one convolution.

use crate::Conv;

/// The shapes of one convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub batch: usize,
    pub height: usize,
    pub width: usize,
    pub cin: usize,
    pub kernel: [usize; 2],
    pub cout: usize,
    pub out: [usize; 2],
    pub conv: Conv,
}

impl Shape {
    /// The shapes for an input `[batch, height, width, cin]` and a weight
    /// `[kernel_h, kernel_w, cin, cout]` that fit each other.
    pub(crate) fn new(x: [usize; 4], weight: [usize; 4], conv: Conv) -> Self {
        let [batch, height, width, cin] = x;
        let [kernel_h, kernel_w, _, cout] = weight;
        let out = |size, kernel| {
            conv.output_size(size, kernel).expect("the public function has checked that the kernel fits")
        };
        Self {
            batch,
            height,
            width,
            cin,
            kernel: [kernel_h, kernel_w],
            cout,
            out: [out(height, kernel_h), out(width, kernel_w)],
            conv,
        }
    }

    /// Shape of the output.
    pub(crate) fn out_dims(&self) -> [usize; 4] {
        [self.batch, self.out[0], self.out[1], self.cout]
    }

    /// Floats of one input image.
    pub(crate) fn in_len(&self) -> usize {
        self.height * self.width * self.cin
    }

    /// Floats of one output image.
    pub(crate) fn out_len(&self) -> usize {
        self.out[0] * self.out[1] * self.cout
    }

    /// Rows of the weight as a matrix `[kernel_h * kernel_w * cin, cout]`.
    pub(crate) fn weight_rows(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.cin
    }
}
