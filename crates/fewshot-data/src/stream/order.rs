//! In which order the images of an epoch come, so that files are read in pieces and not image by image.
//!
//! The pieces are shuffled; some of them at a time, as many as memory allows, are a *window*, whose images are shuffled among
//! each other. All of it depends on seed, epoch and the pieces alone: the image at any place of an epoch is known without the
//! epoch before that place.

use std::ops::Range;
use std::sync::Arc;

use fewshot_space::random;
use rand::seq::SliceRandom;

use crate::load::Run;

/// Images, by their places in a list, that are read together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub places: Range<u32>,
    pub bytes: u64,
}

/// What of `runs` the `rows` (ascending) are; places are those in `rows`.
pub(super) fn pieces(runs: &[Run], rows: impl Iterator<Item = u32>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut runs = runs.iter();
    let (mut run, mut is_new) = (runs.next(), true);
    for (place, row) in (0..).zip(rows) {
        while run.is_some_and(|run| run.rows.end <= row) {
            (run, is_new) = (runs.next(), true);
        }
        let whole = run.map_or(1, |run| (run.rows.end - run.rows.start).max(1));
        let share = run.map_or(0, |run| run.bytes.div_ceil(u64::from(whole)));
        match pieces.last_mut().filter(|_| !is_new) {
            Some(piece) => {
                piece.places.end = place + 1;
                piece.bytes = piece.bytes.saturating_add(share);
            }
            None => pieces.push(Piece { places: place..place + 1, bytes: share }),
        }
        is_new = false;
    }
    pieces
}

/// Most that is in one window. A piece that is larger alone is a window of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub bytes: u64,
    pub images: usize,
}

/// Seed and epoch of a shuffled order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shuffle {
    pub seed: u64,
    pub epoch: u64,
}

/// The order of one epoch.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pieces: Arc<[Piece]>,
    /// Which piece comes when.
    sequence: Vec<u32>,
    windows: Vec<Window>,
    images: usize,
    shuffle: Option<Shuffle>,
}

/// Pieces that follow each other in the sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Window {
    /// In the sequence.
    pieces: Range<usize>,
    /// Its images before all of which so many come.
    start: usize,
}

impl Order {
    /// The order in the epoch of `shuffle`; `None`: one after the other.
    pub fn new(pieces: Arc<[Piece]>, limits: Limits, shuffle: Option<Shuffle>) -> Order {
        let mut sequence: Vec<u32> = (0..).zip(pieces.iter()).map(|(piece, _)| piece).collect();
        if let Some(Shuffle { seed, epoch }) = shuffle {
            sequence.shuffle(&mut random::stream(seed, "data/stream-pieces", epoch, 0));
        }
        let (mut windows, mut images, mut window_bytes) = (Vec::<Window>::new(), 0, 0_u64);
        for (at, &piece) in sequence.iter().enumerate() {
            let Piece { places, bytes } = &pieces[piece as usize];
            let together = window_bytes.saturating_add(*bytes);
            let fits = |window: &&mut Window| {
                together <= limits.bytes && images - window.start + places.len() <= limits.images
            };
            match windows.last_mut().filter(fits) {
                Some(window) => (window.pieces.end, window_bytes) = (at + 1, together),
                None => {
                    windows.push(Window { pieces: at..at + 1, start: images });
                    window_bytes = *bytes;
                }
            }
            images += places.len();
        }
        Order { pieces, sequence, windows, images, shuffle }
    }

    /// The window that the image at `position` of the epoch is in; the number of windows if there is none there.
    pub fn window_at(&self, position: usize) -> usize {
        if position >= self.images {
            return self.windows.len();
        }
        self.windows.partition_point(|window| window.start <= position).saturating_sub(1)
    }

    /// Number of windows.
    pub fn windows(&self) -> usize {
        self.windows.len()
    }

    /// Position in the epoch of the first image of `window`.
    pub fn start(&self, window: usize) -> usize {
        self.windows[window].start
    }

    /// The images of `window` in their order, by their places in the list.
    pub fn places(&self, window: usize) -> Vec<u32> {
        let pieces = &self.sequence[self.windows[window].pieces.clone()];
        let mut places: Vec<u32> =
            pieces.iter().flat_map(|&piece| self.pieces[piece as usize].places.clone()).collect();
        if let Some(Shuffle { seed, epoch }) = self.shuffle {
            places.shuffle(&mut random::stream(seed, "data/stream-window", epoch, window as u64));
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn runs(lengths: &[u32]) -> Vec<Run> {
        let mut start = 0;
        let run = |&length: &u32| {
            start += length;
            Run { rows: start - length..start, bytes: u64::from(length) * 10 }
        };
        lengths.iter().map(run).collect()
    }

    #[test]
    fn pieces_are_what_of_the_runs_is_wanted() {
        let found = pieces(&runs(&[4, 3, 2]), [1, 2, 7, 8].into_iter());
        assert_eq!(found, [Piece { places: 0..2, bytes: 20 }, Piece { places: 2..4, bytes: 20 }]);
        assert_eq!(pieces(&runs(&[1, 1]), 0..2).len(), 2);
        assert_eq!(pieces(&runs(&[4]), [].into_iter()), []);
    }

    fn epoch(order: &Order) -> Vec<u32> {
        (0..order.windows()).flat_map(|window| order.places(window)).collect()
    }

    proptest! {
        /// Each image once, in windows within their limits, whatever the pieces are; other epochs and seeds in other orders.
        #[test]
        fn an_epoch_has_each_image_once(
            lengths in prop::collection::vec(1..20_u32, 1..60),
            bytes in 1..900_u64,
            images in 1..80_usize,
            seed in any::<u64>(),
        ) {
            let all: u32 = lengths.iter().sum();
            let pieces: Arc<[Piece]> = pieces(&runs(&lengths), 0..all).into();
            let limits = Limits { bytes, images };
            let order = |seed, epoch| Order::new(Arc::clone(&pieces), limits, Some(Shuffle { seed, epoch }));
            let one = order(seed, 3);
            let places = epoch(&one);
            let mut sorted = places.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..all).collect::<Vec<_>>());
            prop_assert_eq!(&epoch(&order(seed, 3)), &places);
            let straight = Order::new(Arc::clone(&pieces), limits, None);
            prop_assert_eq!(epoch(&straight), (0..all).collect::<Vec<_>>());
            for order in [&one, &straight] {
                for window in 0..order.windows() {
                    let Window { pieces: of_window, start } = order.windows[window].clone();
                    let held: u64 = order.sequence[of_window.clone()].iter().map(|&piece| pieces[piece as usize].bytes).sum();
                    let count = order.places(window).len();
                    prop_assert!(of_window.len() == 1 || (held <= bytes && count <= images), "{} {}", held, count);
                    for position in start..start + count {
                        prop_assert_eq!(order.window_at(position), window);
                    }
                }
                prop_assert_eq!(order.window_at(all as usize), order.windows());
            }
            if all > 20 {
                prop_assert_ne!(&epoch(&order(seed, 4)), &places);
                prop_assert_ne!(&epoch(&order(seed ^ 1, 3)), &places);
            }
        }
    }
}
