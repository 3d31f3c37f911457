//! The thread that reads images, one window ahead of those that are being decoded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::Stream;
use super::order::Order;
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
