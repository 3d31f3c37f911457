//! Every so many pixels of a feature map.

use rayon::prelude::*;

/// The pixels at `offset + stride * o` along each axis, for every `o` with `stride * o` inside the image; what lies beyond its
/// end is zero.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subsample {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub stride: usize,
    /// Rows and columns left out before the first pixel.
    pub offset: [usize; 2],
}

impl Subsample {
    /// Height and width of the output.
    pub(crate) fn out(&self) -> [usize; 2] {
        [self.height.div_ceil(self.stride), self.width.div_ceil(self.stride)]
    }

    fn in_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    fn out_len(&self) -> usize {
        let [rows, columns] = self.out();
        rows * columns * self.channels
    }

    /// Where output pixel `[row, column]` begins in an input image.
    fn source(&self, [row, column]: [usize; 2]) -> Option<usize> {
        let y = self.offset[0] + row * self.stride;
        let x = self.offset[1] + column * self.stride;
        (y < self.height && x < self.width).then_some((y * self.width + x) * self.channels)
    }

    /// The places of all output pixels, in order.
    fn sources(&self) -> Vec<Option<usize>> {
        let [rows, columns] = self.out();
        (0..rows * columns).map(|pixel| self.source([pixel / columns, pixel % columns])).collect()
    }

    /// Picks the pixels.
    pub(crate) fn forward(&self, x: &[f32], out: &mut [f32]) {
        let sources = self.sources();
        out.par_chunks_exact_mut(self.out_len()).zip(x.par_chunks_exact(self.in_len())).for_each(|(out, x)| {
            for (out, source) in out.chunks_exact_mut(self.channels).zip(&sources) {
                match *source {
                    Some(at) => out.copy_from_slice(&x[at..at + self.channels]),
                    None => out.fill(0.0),
                }
            }
        });
    }

    /// Puts their gradients back, zeros elsewhere.
    pub(crate) fn backward(&self, g: &[f32], dx: &mut [f32]) {
        let sources = self.sources();
        dx.par_chunks_exact_mut(self.in_len()).zip(g.par_chunks_exact(self.out_len())).for_each(|(dx, g)| {
            dx.fill(0.0);
            for (g, source) in g.chunks_exact(self.channels).zip(&sources) {
                if let Some(at) = *source {
                    dx[at..at + self.channels].copy_from_slice(g);
                }
            }
        });
    }
}
