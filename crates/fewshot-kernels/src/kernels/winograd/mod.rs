//! 3x3 convolutions of stride 1 by Winograd's F(4x4, 3x3): a quarter of the multiplications, for transforms before and
//! after them.
//!
//! Images are cut into tiles of 4x4 output pixels. Some rows of tiles at a time, few enough for the second-level cache:
//! the input tiles are transformed, multiplied with the transformed weights (one matrix product for each of the 36
//! places of a tile), and transformed back. The input's gradient is the same with the kernel turned round; the
//! weight's gradient is the sum over tiles of transformed input times transformed output gradient.
//!
//! A value that is not finite makes its whole tile so.

mod lanes;
mod product;
mod strip;
mod tiles;
mod tiling;
mod transform;
mod weights;

use rayon::prelude::*;

use super::batch::{image_of, images_per_piece, over_pieces, over_tasks};
use super::blocks::Blocks;
use super::fused::{Epilogue, OutputGradient};
use super::moments::Moments;
use super::shape::Shape;
use crate::memory::{Buffer, with_scratch};
use crate::simd::{Level, dispatch};
use product::{Accumulate, Multiply};
use strip::Strip;
use tiles::{ToImage, Transform};
use tiling::{PADDING, Segment, Tiling};
use transform::{OUT, PLACES};
use weights::{WeightGradient, Weights};

/// Fewer channels than this do not pay for the transforms.
const MIN_CHANNELS: usize = 4;

/// Whether this is the way to run a convolution.
pub(super) fn pays(shape: &Shape) -> bool {
    let tiles = shape.out[0].div_ceil(OUT) * shape.out[1].div_ceil(OUT);
    shape.kernel == [3, 3]
        && shape.conv.stride == 1
        && shape.conv.dilation == 1
        && shape.conv.padding == PADDING
        && shape.cin.min(shape.cout) >= MIN_CHANNELS
        && OUT * OUT * tiles <= 2 * shape.out[0] * shape.out[1]
}

/// The transformed weight and the floats from one of its places to the next.
fn weights(level: Level, weight: &[f32], [channels, columns]: [usize; 2], blocks: &Blocks) -> (Buffer, usize) {
    let place = channels * blocks.padded() + 16;
    let mut to = Buffer::new(PLACES * place);
    let kernel = Weights { lanes: blocks.lanes, weight, channels, columns, blocks: &blocks.widths, place, to: &mut to };
    dispatch(level, kernel);
    (to, place)
}

/// The weight of the input gradient's convolution: turned round, and its channels exchanged.
fn turned(shape: &Shape, weight: &[f32]) -> Buffer {
    let mut to = Buffer::new(weight.len());
    let matrix = shape.cin * shape.cout;
    let taps = to.par_chunks_exact_mut(matrix).zip(weight.par_chunks_exact(matrix).rev());
    taps.for_each(|(to, from)| {
        for (output, to) in to.chunks_exact_mut(shape.cin).enumerate() {
            for (input, to) in to.iter_mut().enumerate() {
                *to = from[input * shape.cout + output];
            }
        }
    });
    to
}

/// `y = conv(x, weight)`, with the moments of `y` when asked for; the epilogue comes after those.
pub(super) fn forward(
    level: Level,
    shape: &Shape,
    x: &[f32],
    weight: &[f32],
    y: &mut [f32],
    with_moments: bool,
    epilogue: Option<&Epilogue<'_>>,
) -> Option<Moments> {
    let tiling = Tiling::new(shape, level);
    let (weights, weights_place) = weights(level, weight, [shape.cin, shape.cout], &tiling.output_blocks);
    over_tasks(shape, tiling.images(), x, y, with_moments, |n, x, y, mut moments| {
        let lens = [tiling.strip_len(), tiling.input.len(), tiling.output.len()];
        with_scratch(lens, |[strip, input, output]| {
            let mut fresh = true;
            for chunk in tiling.chunks(y.len() / shape.out_len()) {
                for &segment in &chunk {
                    let image = &x[segment.image * shape.in_len()..][..shape.in_len()];
                    let (width, channels) = (shape.width, shape.cin);
                    let mut strip = Strip { level, tiling: &tiling, segment, width, channels, strip };
                    strip.fill(image, shape.height, shape.conv.relu_input);
                    strip.transform(Transform::Input, tiling.input, input);
                }
                let multiply = Multiply {
                    from: input,
                    from_layout: tiling.input,
                    channels: shape.cin,
                    weights: &weights,
                    weights_place,
                    blocks: &tiling.output_blocks.widths,
                    to: output,
                    to_layout: tiling.output,
                    used: tiling.used(&chunk),
                };
                dispatch(level, multiply);
                for segment in &chunk {
                    let covers = segment.covers(shape.out[1] * shape.cout, shape.out_len());
                    let first = segment.image * shape.out_len() + covers.start;
                    let y = &mut y[first..first + covers.len()];
                    let kernel = ToImage {
                        from: output,
                        layout: tiling.output,
                        first: segment.tile,
                        to: &mut *y,
                        width: shape.out[1],
                        channels: shape.cout,
                        mask: None,
                        moments: moments.as_deref_mut(),
                        fresh,
                    };
                    dispatch(level, kernel);
                    fresh = false;
                    if let Some(epilogue) = epilogue {
                        epilogue.apply(level, n * shape.out_len() + first, y);
                    }
                }
            }
        });
    })
}

/// Gradients of the input and of the weight, those that are wanted.
pub(super) fn backward(
    level: Level,
    shape: &Shape,
    x: &[f32],
    weight: &[f32],
    dy: &OutputGradient<'_>,
    dx: Option<&mut [f32]>,
    want_weight: bool,
) -> Option<Buffer> {
    let tiling = Tiling::new(shape, level);
    let weights =
        dx.is_some().then(|| weights(level, &turned(shape, weight), [shape.cout, shape.cin], &tiling.input_blocks));
    let piece = images_per_piece(shape.batch).max(tiling.images());
    let job = Backward { level, shape, tiling: &tiling, x, dy, weights: weights.as_ref() };
    let padded = tiling.output_blocks.padded();
    over_pieces(shape, piece, padded, dx, want_weight, |images, dx, dw| job.piece(images, dx, dw))
}

/// What all pieces of a backward pass share.
struct Backward<'a> {
    level: Level,
    shape: &'a Shape,
    tiling: &'a Tiling,
    x: &'a [f32],
    dy: &'a OutputGradient<'a>,
    /// The turned weights, transformed, and the floats of one place.
    weights: Option<&'a (Buffer, usize)>,
}

impl Backward<'_> {
    /// The gradients of some images.
    fn piece(&self, images: std::ops::Range<usize>, mut dx: Option<&mut [f32]>, dw: Option<&mut [f32]>) {
        let (level, shape, tiling) = (self.level, self.shape, self.tiling);
        let sums = if dw.is_some() { Accumulate::len(&tiling.input, &tiling.output) } else { 0 };
        let rows = (tiling.chunk * OUT + 2 * PADDING) * shape.out[1] * shape.cout;
        let [input, output] = [tiling.input.len(), tiling.output.len()];
        with_scratch([tiling.strip_len(), rows, output, output, input, sums], |scratch| {
            let [strip, rows, turned, gradient, input, sums] = scratch;
            let mut fresh = true;
            for chunk in tiling.chunks(images.len()) {
                for &segment in &chunk {
                    let (width, channels) = (shape.out[1], shape.cout);
                    let mut dy = Strip { level, tiling, segment, width, channels, strip: &mut *strip };
                    let first = (images.start + segment.image) * shape.out_len();
                    dy.fill_gradient(self.dy, first, shape.out[0], rows);
                    if dx.is_some() {
                        dy.transform(Transform::Input, tiling.output, turned);
                    }
                    if dw.is_some() {
                        dy.transform(Transform::Gradient { at: PADDING }, tiling.output, gradient);
                        let (width, channels) = (shape.width, shape.cin);
                        let mut image = Strip { level, tiling, segment, width, channels, strip: &mut *strip };
                        let x = image_of(self.x, images.start + segment.image, shape.in_len());
                        image.fill(x, shape.height, shape.conv.relu_input);
                        image.transform(Transform::Input, tiling.input, input);
                    }
                }
                let used = tiling.used(&chunk);
                if dw.is_some() {
                    let accumulate = Accumulate {
                        input,
                        input_layout: tiling.input,
                        channels: shape.cin,
                        gradient,
                        gradient_layout: tiling.output,
                        blocks: &tiling.output_blocks.widths,
                        fresh,
                        used,
                        to: sums,
                    };
                    dispatch(level, accumulate);
                    fresh = false;
                }
                if let Some(dx) = &mut dx {
                    // The transformed input has served; its place takes the transformed gradient of the input.
                    self.input_gradient(&chunk, images.start, turned, input, dx);
                }
            }
            if let Some(to) = dw {
                let kernel = WeightGradient {
                    lanes: tiling.output.lanes,
                    from: sums,
                    place: Accumulate::place(&tiling.input, &tiling.output),
                    channels: shape.cin,
                    padded: tiling.output_blocks.padded(),
                    to,
                };
                dispatch(level, kernel);
            }
        });
    }

    /// The gradient of the input in one chunk of the piece that begins with image `first`, from the transformed gradient of
    /// the output.
    fn input_gradient(&self, chunk: &[Segment], first: usize, from: &[f32], product: &mut [f32], dx: &mut [f32]) {
        let (level, shape, tiling) = (self.level, self.shape, self.tiling);
        let Some((weights, weights_place)) = self.weights else { return };
        let multiply = Multiply {
            from,
            from_layout: tiling.output,
            channels: shape.cout,
            weights,
            weights_place: *weights_place,
            blocks: &tiling.input_blocks.widths,
            to: product,
            to_layout: tiling.input,
            used: tiling.used(chunk),
        };
        dispatch(level, multiply);
        for segment in chunk {
            let covers = segment.covers(shape.width * shape.cin, shape.in_len());
            let image = image_of(self.x, first + segment.image, shape.in_len());
            let mask = shape.conv.relu_input.then(|| &image[covers.clone()]);
            let dx = &mut dx[segment.image * shape.in_len()..][covers];
            let kernel = ToImage {
                from: product,
                layout: tiling.input,
                first: segment.tile,
                mask,
                to: dx,
                width: shape.width,
                channels: shape.cin,
                moments: None,
                fresh: false,
            };
            dispatch(level, kernel);
        }
    }
}
