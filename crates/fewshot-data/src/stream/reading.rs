//! The thread that reads images, one window ahead of those that are being decoded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::order::Order;
use super::source::Stream;
use crate::DataError;
use crate::load::Record;

/// An image that was read and not decoded.
pub(super) struct Item {
    pub label: u32,
    pub record: Record,
}

/// What is read.
pub(super) struct Reading {
    pub stream: Arc<Stream>,
    /// Which of the stream's images, ascending: the list whose places `order` is of.
    pub indices: Arc<[u32]>,
    pub order: Order,
    /// Position in the epoch of the first image that is wanted.
    pub first: usize,
}

/// Windows that a thread reads. Dropping it ends the thread.
pub(super) struct Windows {
    /// `None` once it is over.
    windows: Option<Receiver<Result<Vec<Item>, DataError>>>,
    stop: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Windows {
    /// Starts to read. At most two windows are in memory: one that is handed out, and one that is read.
    pub fn start(reading: Reading) -> Result<Windows, DataError> {
        // No place in the queue: a window that was read waits in the hands of its reader.
        let (send, windows) = sync_channel(0);
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let work = move || {
            for window in reading.order.window_at(reading.first)..reading.order.windows() {
                let read = reading.window(window, &seen);
                let is_last = read.is_err();
                // An error of `send` means that nobody wants the rest.
                if send.send(read).is_err() || is_last {
                    return;
                }
            }
        };
        let reader =
            Builder::new().name("stream".into()).spawn(work).map_err(|source| DataError::NoThread { source })?;
        Ok(Windows { windows: Some(windows), stop, reader: Some(reader) })
    }

    /// The next window; `None` after the last one. Should the thread have panicked, so does the caller.
    pub fn next(&mut self) -> Option<Result<Vec<Item>, DataError>> {
        let window = self.windows.as_ref()?.recv().ok();
        if window.is_none() {
            self.finish();
        }
        window
    }

    fn finish(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // First the queue, or a reader that waits for someone to take its window would never end.
        self.windows = None;
        if let Some(Err(panic)) = self.reader.take().map(JoinHandle::join)
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Drop for Windows {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Reading {
    /// The images of `window` in their order, without those that come before the first wanted one.
    fn window(&self, window: usize, stop: &AtomicBool) -> Result<Vec<Item>, DataError> {
        let Reading { stream, indices, order, first } = self;
        let mut places = order.places(window);
        places.drain(..first.saturating_sub(order.start(window)).min(places.len()));
        // Files are gone through from front to back, so rows ascend; each image then goes to its turn.
        let index_of = |turn: u32| indices[places[turn as usize] as usize];
        let mut turns: Vec<u32> = (0..).zip(&places).map(|(turn, _)| turn).collect();
        turns.sort_unstable_by_key(|&turn| places[turn as usize]);
        let rows: Vec<u32> = turns.iter().map(|&turn| stream.rows[index_of(turn) as usize]).collect();
        let mut items: Vec<Option<Item>> = places.iter().map(|_| None).collect();
        let mut at = turns.iter();
        stream.images.visit(&rows, &mut |record| {
            if stop.load(Ordering::Relaxed) {
                return Err(DataError::Stopped);
            }
            if let Some(&turn) = at.next() {
                items[turn as usize] = Some(Item { label: stream.labels[index_of(turn) as usize], record });
            }
            Ok(())
        })?;
        let read = items.iter().flatten().count();
        let fewer = || DataError::Inconsistent {
            name: stream.name.clone(),
            reason: format!(
                "its files hold {read} of {} images that they held before: they were changed",
                places.len()
            ),
        };
        items.into_iter().collect::<Option<Vec<Item>>>().ok_or_else(fewer)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::AtomicUsize;

    use sha2::Sha256;

    use super::*;
    use crate::load::{Content, Images, Run, Sink};
    use crate::stream::order::{Limits, Shuffle, pieces};
    use crate::{Place, Shape};

    /// Images of one byte, their row, that count how often they are visited; the one at `gone` is not there.
    struct Counting {
        visits: Arc<AtomicUsize>,
        gone: Option<u32>,
    }

    impl Images for Counting {
        fn size(&self) -> Option<(usize, usize)> {
            None
        }

        fn visit(&self, rows: &[u32], sink: &mut Sink<'_>) -> Result<(), DataError> {
            self.visits.fetch_add(1, Ordering::Relaxed);
            assert!(rows.is_sorted());
            rows.iter().filter(|&&row| Some(row) != self.gone).try_for_each(|&row| {
                sink(Record { place: Place::file(Path::new("x")), content: Content::Encoded(vec![row as u8]) })
            })
        }

        fn identify(&self, _: &[u32], _: &mut Sha256) -> Result<(), DataError> {
            Ok(())
        }
    }

    fn reading(first: usize, gone: Option<u32>) -> (Reading, Arc<AtomicUsize>) {
        let visits = Arc::new(AtomicUsize::new(0));
        let runs: Arc<[Run]> = (0..20).map(|run| Run { rows: 5 * run..5 * run + 5, bytes: 5 }).collect();
        let pieces = pieces(&runs, 0..100).into();
        let limits = Limits { bytes: 10, images: 100 };
        let stream = Stream {
            name: "counting".into(),
            classes: vec!["a".into()],
            shape: Shape { height: 1, width: 1, channels: 1 },
            ground: None,
            images: Arc::new(Counting { visits: Arc::clone(&visits), gone }),
            rows: (0..100).collect(),
            labels: (0..100).collect(),
            runs,
            fingerprint: String::new(),
        };
        let order = Order::new(pieces, limits, Some(Shuffle { seed: 1, epoch: 2 }));
        (Reading { stream: Arc::new(stream), indices: (0..100).collect(), order, first }, visits)
    }

    /// Labels of the items of a window, each of which must be that of its image.
    fn labels(window: Vec<Item>) -> Vec<u32> {
        let label = |item: Item| match item.record.content {
            Content::Encoded(bytes) if bytes == [item.label as u8] => item.label,
            _ => panic!("the label of image {} is another one's", item.label),
        };
        window.into_iter().map(label).collect()
    }

    #[test]
    fn no_more_than_one_window_is_read_ahead() {
        let (reading, visits) = reading(0, None);
        let mut windows = Windows::start(reading).unwrap();
        let mut seen = Vec::new();
        let mut taken = 0;
        while let Some(window) = windows.next() {
            taken += 1;
            assert!(visits.load(Ordering::Relaxed) <= taken + 1);
            seen.extend(labels(window.unwrap()));
        }
        assert_eq!(taken, 10);
        seen.sort_unstable();
        assert_eq!(seen, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn what_comes_before_the_first_wanted_image_is_not_read() {
        let all = |first| -> Vec<u32> {
            let mut windows = Windows::start(reading(first, None).0).unwrap();
            std::iter::from_fn(|| windows.next()).flat_map(|window| labels(window.unwrap())).collect()
        };
        let (uncut, (reading, visits)) = (all(0), reading(37, None));
        drop(Windows::start(reading).map(|mut windows| while windows.next().is_some() {}));
        assert_eq!(visits.load(Ordering::Relaxed), 7);
        for first in [1, 10, 37, 99, 100] {
            assert_eq!(all(first), uncut[first..], "from {first}");
        }
    }

    #[test]
    fn images_that_are_gone_are_no_smaller_epoch() {
        let mut windows = Windows::start(reading(0, Some(42)).0).unwrap();
        let error = std::iter::from_fn(|| windows.next()).find_map(Result::err).unwrap().to_string();
        assert!(error.contains("9 of 10 images"), "{error}");
        assert!(windows.next().is_none());
    }
}
