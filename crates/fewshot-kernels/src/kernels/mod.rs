//! The kernels: plain slices in, plain slices out; nothing here knows of Burn.

pub(crate) mod conv;
pub(crate) mod depthwise;
mod direct;
pub(crate) mod elementwise;
pub(crate) mod head;
pub(crate) mod layout;
pub(crate) mod norm;
pub(crate) mod outer;
pub(crate) mod pack;
pub(crate) mod plan;
mod pointwise;
pub(crate) mod pool;
pub(crate) mod resample;
pub(crate) mod tile;
mod winograd;

/// At most this many pieces carry partial sums of their own. It is fixed, so that the order of a
/// sum depends on the shape alone and not on the number of threads.
const PIECES: usize = 16;

/// How many images one piece of a batch holds.
pub(crate) fn images_per_piece(batch: usize) -> usize {
    batch.div_ceil(PIECES).max(1)
}
