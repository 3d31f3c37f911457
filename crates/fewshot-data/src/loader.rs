//! Batches, made off the training thread.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, JoinHandle};

use fewshot_space::random;
use rand::seq::SliceRandom;

use crate::augment::Draw;
use crate::normalise::check_indices;
use crate::split::balanced;
use crate::{Augment, DataError, Dataset, Normalise};

/// Images and labels that go through a network together.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Normalised pixels, `[images, height, width, channels]`.
    pub images: Vec<f32>,
    /// Images, height, width, channels.
    pub shape: [usize; 4],
    /// One label an image, an index into the classes of the data set.
    pub labels: Vec<u32>,
}

/// Finished batches that wait at most: enough to hide a hiccup, few enough for the cache.
const QUEUE: usize = 3;

/// Makes the batches of training epochs: shuffled, augmented, normalised.
///
/// An epoch's order depends on (seed, epoch), the augmentation of an image on (seed, epoch, position in the order), and
/// on nothing else. So an epoch can be taken up at any step and gives the very batches of an epoch that was not cut.
///
/// One background thread makes about 400,000 CIFAR images (32x32x3, flip and crop) or 1,000,000 Fashion-MNIST images
/// (28x28x1) a second on one AMD EPYC core, and a quarter of that with zoom and light: `cargo run --release -p fewshot-data
/// --example loader_speed`.
#[derive(Debug, Clone)]
pub struct TrainLoader {
    images: Images,
    augment: Augment,
    batch_size: usize,
    seed: u64,
    drop_last: bool,
    balanced: bool,
}

impl TrainLoader {
    /// A loader of the images at `indices` in batches of `batch_size`.
    ///
    /// A last batch that is shorter than `batch_size` is kept if it has at least two images: batch normalisation of a
    /// single image is not a statistic. See [`drop_last`](TrainLoader::drop_last).
    ///
    /// # Errors
    /// [`DataError::Setting`] if `indices` is empty or goes beyond the data set, `batch_size` is 0, `normalise` is for
    /// another number of channels, `augment` does not suit the size of the images, or an epoch would have no batch (a
    /// single image with a `batch_size` above 1).
    pub fn new(
        dataset: Arc<Dataset>,
        indices: Arc<[u32]>,
        normalise: Normalise,
        augment: Augment,
        batch_size: usize,
        seed: u64,
    ) -> Result<TrainLoader, DataError> {
        let images = Images::new(dataset, indices, &normalise, batch_size)?;
        augment.check(images.dataset.shape())?;
        TrainLoader { images, augment, batch_size, seed, drop_last: false, balanced: false }.checked()
    }

    /// Leaves a short last batch out, whatever its size (`true`), or as said at [`new`](TrainLoader::new) (`false`,
    /// default).
    ///
    /// # Errors
    /// [`DataError::Setting`] if an epoch would have no batch.
    pub fn drop_last(self, drop_last: bool) -> Result<TrainLoader, DataError> {
        TrainLoader { drop_last, ..self }.checked()
    }

    /// Draws all classes equally often (`true`), or every image once (`false`, default).
    ///
    /// A balanced epoch has as many images as another one. Each of the classes that occur among the loader's images has
    /// the same share of it, up to one image: of a large class some images are left out (others in each epoch), those of
    /// a small one are repeated, each about equally often and augmented anew each time. If the classes are balanced
    /// already, each image comes once, in another order than without this.
    #[must_use]
    pub fn balanced(self, balanced: bool) -> TrainLoader {
        TrainLoader { balanced, ..self }
    }

    fn checked(self) -> Result<TrainLoader, DataError> {
        match self.steps_per_epoch() {
            0 => {
                let wanted = format!("at least a batch ({}), or 2 if short batches are kept", self.batch_size);
                Err(DataError::setting("the number of training images", self.images.indices.len(), wanted))
            }
            _ => Ok(self),
        }
    }

    /// Number of batches of an epoch, at least 1.
    pub fn steps_per_epoch(&self) -> usize {
        let (full, rest) = (self.images.indices.len() / self.batch_size, self.images.indices.len() % self.batch_size);
        full + usize::from(rest >= 2 && !self.drop_last)
    }

    /// The batches `from_step`.. of epoch `epoch`; none if `from_step` is at or beyond the end.
    ///
    /// They are made by a thread that stays up to three batches ahead and ends with the iterator, finished or not.
    pub fn epoch(&self, epoch: u64, from_step: usize) -> Batches {
        let Images { dataset, indices, .. } = &self.images;
        let mut order = match self.balanced {
            true => balanced(dataset.labels(), indices, self.seed, epoch),
            false => indices.to_vec(),
        };
        order.shuffle(&mut random::stream(self.seed, "data/shuffle", epoch, 0));
        Batches::new(Plan {
            images: Images { indices: order.into(), ..self.images.clone() },
            augment: Some((self.augment, self.seed, epoch)),
            batch_size: self.batch_size,
            next: from_step,
            end: self.steps_per_epoch(),
        })
    }
}

/// Makes batches for evaluation: in the order of the indices, not augmented, every image once.
#[derive(Debug, Clone)]
pub struct EvalLoader {
    images: Images,
    batch_size: usize,
}

impl EvalLoader {
    /// A loader of the images at `indices` in batches of `batch_size`, the last of which may be shorter.
    ///
    /// # Errors
    /// [`DataError::Setting`] if `indices` is empty or goes beyond the data set, `batch_size` is 0, or `normalise` is
    /// for another number of channels.
    pub fn new(
        dataset: Arc<Dataset>,
        indices: Arc<[u32]>,
        normalise: Normalise,
        batch_size: usize,
    ) -> Result<EvalLoader, DataError> {
        Ok(EvalLoader { images: Images::new(dataset, indices, &normalise, batch_size)?, batch_size })
    }

    /// A loader of all images of `dataset`, in their order.
    ///
    /// # Errors
    /// As [`new`](EvalLoader::new).
    pub fn all(dataset: Arc<Dataset>, normalise: Normalise, batch_size: usize) -> Result<EvalLoader, DataError> {
        let indices = (0..).zip(dataset.labels()).map(|(index, _)| index).collect();
        EvalLoader::new(dataset, indices, normalise, batch_size)
    }

    /// Number of batches, at least 1.
    pub fn steps(&self) -> usize {
        self.images.indices.len().div_ceil(self.batch_size)
    }

    /// All batches, made by a thread of their own as those of [`TrainLoader::epoch`].
    pub fn batches(&self) -> Batches {
        let (images, batch_size, end) = (self.images.clone(), self.batch_size, self.steps());
        Batches::new(Plan { images, augment: None, batch_size, next: 0, end })
    }
}

/// Images in an order, and how their bytes become floats.
#[derive(Clone)]
struct Images {
    dataset: Arc<Dataset>,
    indices: Arc<[u32]>,
    tables: Arc<[[f32; 256]]>,
}

impl Images {
    fn new(
        dataset: Arc<Dataset>,
        indices: Arc<[u32]>,
        normalise: &Normalise,
        batch_size: usize,
    ) -> Result<Images, DataError> {
        check_indices(&dataset, &indices)?;
        if batch_size == 0 {
            return Err(DataError::setting("the batch size", 0, "at least 1"));
        }
        let tables = normalise.tables(dataset.channels())?.into();
        Ok(Images { dataset, indices, tables })
    }
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let images = self.indices.len();
        f.debug_struct("Images").field("dataset", &self.dataset).field("images", &images).finish_non_exhaustive()
    }
}

/// The batches that are still to be made.
struct Plan {
    images: Images,
    /// With seed and epoch.
    augment: Option<(Augment, u64, u64)>,
    batch_size: usize,
    next: usize,
    end: usize,
}

impl Iterator for Plan {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.next >= self.end {
            return None;
        }
        let Images { dataset, indices, tables } = &self.images;
        let start = self.next * self.batch_size;
        let indices = &indices[start..indices.len().min(start + self.batch_size)];
        let shape = dataset.shape();
        let mut images = vec![0.0; indices.len() * shape.bytes()];
        for ((position, &index), out) in (start as u64..).zip(indices).zip(images.chunks_exact_mut(shape.bytes())) {
            let draw = match &self.augment {
                Some((augment, seed, epoch)) => Draw::of(augment, shape, *seed, *epoch, position),
                None => Draw::nothing(),
            };
            draw.apply(dataset.image(index as usize), shape, tables, out);
        }
        let labels = indices.iter().map(|&index| dataset.label(index as usize)).collect();
        self.next += 1;
        Some(Batch { images, shape: [indices.len(), shape.height, shape.width, shape.channels], labels })
    }
}

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
    Caller(Plan),
    Done,
}

impl Batches {
    fn new(plan: Plan) -> Batches {
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
                Err(refused) => Source::Caller(refused.0),
            },
            Err(_) => Source::Caller(plan),
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
