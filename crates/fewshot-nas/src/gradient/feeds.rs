//! The images of a search.

use fewshot_data::{Batch, Batches, TrainLoader};

/// The images of a search: weights are trained on the one half, architectures on the other, both augmented.
///
/// Each training batch is paired with the next of a shuffled walk through the validation images. (The published code
/// draws a partner for every image with replacement.)
#[derive(Debug, Clone)]
pub struct Feeds {
    /// For the weights.
    pub train: TrainLoader,
    /// For the architecture.
    pub val: TrainLoader,
}

impl Feeds {
    /// An endless walk through the validation images, from its batch number `at` on.
    pub fn validation(&self, at: u64) -> Walk<'_> {
        let steps = self.val.steps_per_epoch() as u64;
        let epoch = at / steps;
        Walk { loader: &self.val, epoch, batches: self.val.epoch(epoch, (at % steps) as usize) }
    }
}

/// Batches without an end.
pub struct Walk<'a> {
    loader: &'a TrainLoader,
    epoch: u64,
    batches: Batches,
}

impl Walk<'_> {
    /// The next batch.
    pub fn next(&mut self) -> Batch {
        loop {
            if let Some(batch) = self.batches.next() {
                return batch;
            }
            // An epoch has at least one batch, so this ends.
            self.epoch += 1;
            self.batches = self.loader.epoch(self.epoch, 0);
        }
    }
}
