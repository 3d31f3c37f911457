//! How the images of a batch are spread over the threads, in pieces that their number does not change.

use std::ops::Range;

use rayon::prelude::*;

use super::moments::Moments;
use super::shape::Shape;
use crate::memory::Buffer;

/// At most this many pieces carry partial sums of their own. It is fixed, so that the order of a
/// sum depends on the shape alone and not on the number of threads.
const PIECES: usize = 16;

/// How many images one piece of a batch holds.
pub(crate) fn images_per_piece(batch: usize) -> usize {
    batch.div_ceil(PIECES).max(1)
}

/// Image `n` of `len` floats; nothing where there are no images, since a gradient that needs neither a ReLU nor the weight's
/// gradient reads none.
pub(super) fn image_of(images: &[f32], n: usize, len: usize) -> &[f32] {
    if images.is_empty() { images } else { &images[n * len..(n + 1) * len] }
}

/// Runs `task` for `images` images at a time: with its first image, its input, its output, and where the moments go
/// when they are wanted. Returns the moments of the whole batch.
pub(super) fn over_tasks(
    shape: &Shape,
    images: usize,
    x: &[f32],
    y: &mut [f32],
    with_moments: bool,
    task: impl Fn(usize, &[f32], &mut [f32], Option<&mut [[f64; 3]]>) + Sync,
) -> Option<Moments> {
    let tasks = x.par_chunks(images * shape.in_len()).zip(y.par_chunks_mut(images * shape.out_len())).enumerate();
    if !with_moments {
        tasks.for_each(|(n, (x, y))| task(n * images, x, y, None));
        return None;
    }
    let mut parts = vec![[0.0; 3]; shape.batch.div_ceil(images) * shape.cout];
    let each = tasks.zip(parts.par_chunks_exact_mut(shape.cout));
    each.for_each(|((n, (x, y)), part)| task(n * images, x, y, Some(part)));
    let pixels = shape.out[0] * shape.out[1];
    let counts = (0..shape.batch).step_by(images).map(|first| images.min(shape.batch - first) * pixels);
    Some(Moments::merge(&parts, &counts.collect::<Vec<_>>(), shape.cout))
}

/// Runs `work` for `piece` images at a time: with their numbers, where the gradient of their input goes, and a zeroed
/// place for their part of the weight's gradient, `[kernel_h * kernel_w * cin][padded]`. Returns the sum of the parts.
pub(super) fn over_pieces(
    shape: &Shape,
    piece: usize,
    padded: usize,
    dx: Option<&mut [f32]>,
    want_weight: bool,
    work: impl Fn(Range<usize>, Option<&mut [f32]>, Option<&mut [f32]>) + Sync,
) -> Option<Buffer> {
    let pieces = shape.batch.div_ceil(piece);
    let len = if want_weight { shape.weight_rows() * padded } else { 0 };
    let mut parts = Buffer::zeros(pieces * len);
    let dx: Vec<Option<&mut [f32]>> = match dx {
        Some(dx) => dx.chunks_mut(piece * shape.in_len()).map(Some).collect(),
        None => (0..pieces).map(|_| None).collect(),
    };
    let dw: Vec<Option<&mut [f32]>> = match want_weight {
        true => parts.chunks_exact_mut(len).map(Some).collect(),
        false => (0..pieces).map(|_| None).collect(),
    };
    dx.into_par_iter().zip(dw).enumerate().for_each(|(p, (dx, dw))| {
        work(p * piece..((p + 1) * piece).min(shape.batch), dx, dw);
    });
    want_weight.then(|| sum_parts(&parts, pieces, padded, shape.cout))
}

/// Sums the pieces' weight gradients in order and drops the padding of the channels.
pub(crate) fn sum_parts(parts: &[f32], pieces: usize, padded: usize, cout: usize) -> Buffer {
    let len = parts.len().checked_div(pieces).unwrap_or(0);
    let rows = len / padded.max(1);
    let mut dw = Buffer::zeros(rows * cout);
    // Some rows per job; each element is summed in the order of the pieces all the same.
    let job = (4096 / padded.max(1)).max(1);
    dw.par_chunks_mut(job * cout.max(1)).enumerate().for_each(|(index, dw)| {
        for part in parts.chunks_exact(len.max(1)) {
            let part = &part[index * job * padded..];
            for (to, from) in dw.chunks_exact_mut(cout).zip(part.chunks_exact(padded)) {
                for (to, from) in to.iter_mut().zip(from) {
                    *to += from;
                }
            }
        }
    });
    dw
}
