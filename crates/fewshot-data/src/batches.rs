//! Batches, made off the training thread.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, JoinHandle};

use crate::batch::Batch;
use crate::plan::Plan;

/// Finished batches that wait at most: enough to hide a hiccup, few enough for the cache.
const QUEUE: usize = 3;

/// Iterator over batches that a background thread makes. Dropping it ends the thread.
pub struct Batches {
    source: Source,
    /// Batches that are still to come.
    left: usize,
}

enum Source {
    Thread {
        batches: Receiver<Batch>,
        worker: JoinHandle<()>,
    },
    /// The batches are made by the caller: the system had no thread to give.
    Caller(Box<Plan>),
    Done,
}

impl Batches {
    pub(crate) fn new(plan: Plan) -> Batches {
        let left = plan.end.saturating_sub(plan.next);
        // The plan goes through a channel, not into the closure, so that it is still here if no thread can be started.
        let (hand_over, take_over) = sync_channel::<Plan>(1);
        let (send, batches) = sync_channel(QUEUE);
        let work = move || {
            if let Ok(plan) = take_over.recv() {
                // An error of `send` means that nobody wants the rest.
                let _ = { plan }.try_for_each(|batch| send.send(batch));
            }
        };
        let source = match Builder::new().name("batches".into()).spawn(work) {
            Ok(worker) => match hand_over.send(plan) {
                Ok(()) => Source::Thread { batches, worker },
                Err(refused) => Source::Caller(Box::new(refused.0)),
            },
            Err(_) => Source::Caller(Box::new(plan)),
        };
        Batches { source, left }
    }
}

impl Iterator for Batches {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let batch = match &mut self.source {
            Source::Thread { batches, .. } => batches.recv().ok(),
            Source::Caller(plan) => plan.next(),
            Source::Done => None,
        };
        match batch {
            Some(_) => self.left -= 1,
            None => self.finish(),
        }
        batch
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Batches {}

impl Batches {
    /// Ends the thread. Should it have panicked, so does the caller: a missing batch must not pass for the end of an
    /// epoch.
    fn finish(&mut self) {
        if let Source::Thread { batches, worker } = std::mem::replace(&mut self.source, Source::Done) {
            // First the queue, or a worker that waits for a place in it would never end.
            drop(batches);
            if let Err(panic) = worker.join()
                && !std::thread::panicking()
            {
                resume_unwind(panic);
            }
        }
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        self.finish();
    }
}

impl fmt::Debug for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches").field("left", &self.left).finish_non_exhaustive()
    }
}
