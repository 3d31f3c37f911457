//! Channels of feature maps put side by side, taken apart and appended.

use rayon::prelude::*;

/// Where some neighbouring channels of a map begin.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Channels of the map.
    pub channels: usize,
    /// The first of them.
    pub first: usize,
}

impl Part {
    /// A map's channels from the first on.
    pub(crate) fn of(channels: usize) -> Self {
        Self { channels, first: 0 }
    }
}

/// Pixels of one job: some thousand floats, enough to be worth a thread.
fn job(channels: usize) -> usize {
    (8192 / channels.max(1)).max(1)
}

/// Copies `count` channels of each pixel; the others of `to` stay as they are.
pub(crate) fn copy(from: &[f32], source: Part, count: usize, to: &mut [f32], target: Part) {
    assert!(source.first + count <= source.channels && target.first + count <= target.channels);
    let pixels = job(target.channels);
    let jobs = to.par_chunks_mut(pixels * target.channels).zip(from.par_chunks(pixels * source.channels));
    jobs.for_each(|(to, from)| {
        for (to, from) in to.chunks_exact_mut(target.channels).zip(from.chunks_exact(source.channels)) {
            to[target.first..target.first + count].copy_from_slice(&from[source.first..source.first + count]);
        }
    });
}

/// Sets all channels from the one numbered `first` on to 0.
pub(crate) fn clear(to: &mut [f32], Part { channels, first }: Part) {
    to.par_chunks_mut(job(channels) * channels).for_each(|to| {
        for pixel in to.chunks_exact_mut(channels) {
            pixel[first..].fill(0.0);
        }
    });
}
