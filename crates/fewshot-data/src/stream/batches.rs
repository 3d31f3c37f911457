//! From images that were read to batches.

use std::collections::VecDeque;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, JoinHandle};

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::reading::{Item, Reading, Windows};
use super::source::{Stream, coloured};
use crate::augment::{Draw, Key};
use crate::load::{self, Record};
use crate::plan::Randomness;
use crate::resample::Resampler;
use crate::resize::Fitter;
use crate::{Augment, Batch, CentreCrop, DataError, Shape, Share};

/// Finished batches wait up to this number, and up to these bytes.
const QUEUE: usize = 3;
const QUEUE_BYTES: usize = 256 << 20;

/// Finished batches of `bytes` each that wait at most.
pub(super) fn queue(bytes: usize) -> usize {
    (QUEUE_BYTES / bytes.max(1)).clamp(1, QUEUE)
}

/// Threads that decode; `None` where the system has none to give: then the thread that makes batches does it all.
#[derive(Clone)]
pub(super) struct Workers(Option<Arc<ThreadPool>>);

impl Workers {
    pub fn new(threads: usize) -> Workers {
        let name = |number| format!("decode {number}");
        Workers(ThreadPoolBuilder::new().num_threads(threads).thread_name(name).build().ok().map(Arc::new))
    }

    fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.0 {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

/// What is done to images.
pub(super) enum Change {
    /// Brought to the size of the data set.
    Fit,
    /// Their centre is cut out.
    Centre(CentreCrop),
    /// Changed at random.
    Random(Randomness),
}

/// The batches that are still to be made.
pub(super) struct Plan {
    pub stream: Arc<Stream>,
    pub workers: Workers,
    pub tables: Arc<[[f32; 256]]>,
    pub change: Change,
    pub batch_size: usize,
    /// Images of the epoch.
    pub images: usize,
    pub next: usize,
    pub end: usize,
}

/// Iterator over batches of a [`Stream`] that background threads make. Dropping it ends the threads.
///
/// An error, of the first image in the order of the epoch that has one, ends it.
pub struct StreamBatches {
    batches: Option<Receiver<Result<Batch, DataError>>>,
    worker: Option<JoinHandle<()>>,
    /// The error of a thread that could not be started.
    failed: Option<DataError>,
    left: usize,
}

impl StreamBatches {
    pub(super) fn new(plan: Plan, reading: Reading, batch_bytes: usize) -> StreamBatches {
        let left = plan.end.saturating_sub(plan.next);
        let (send, batches) = sync_channel(queue(batch_bytes));
        let work = move || {
            let made = Windows::start(reading).map(|windows| Making { plan, windows, waiting: VecDeque::new() });
            match made {
                // An error of `send` means that nobody wants the rest.
                Ok(mut making) => {
                    let _ = making.try_for_each(|batch| send.send(batch));
                }
                Err(error) => {
                    let _ = send.send(Err(error));
                }
            }
        };
        match Builder::new().name("batches".into()).spawn(work) {
            Ok(worker) => StreamBatches { batches: Some(batches), worker: Some(worker), failed: None, left },
            Err(source) => {
                let failed = Some(DataError::NoThread { source });
                StreamBatches { batches: None, worker: None, failed, left }
            }
        }
    }

    fn finish(&mut self) {
        // First the queue, or a worker that waits for a place in it would never end.
        self.batches = None;
        self.left = 0;
        if let Some(Err(panic)) = self.worker.take().map(JoinHandle::join)
            && !std::thread::panicking()
        {
            resume_unwind(panic);
        }
    }
}

impl Iterator for StreamBatches {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.failed.take() {
            self.left = 0;
            return Some(Err(error));
        }
        let batch = self.batches.as_ref()?.recv().ok();
        match &batch {
            Some(Ok(_)) => self.left -= 1,
            Some(Err(_)) | None => self.finish(),
        }
        batch
    }

    /// An error takes the place of all batches from it on.
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left.min(1), Some(self.left))
    }
}

impl Drop for StreamBatches {
    fn drop(&mut self) {
        self.finish();
    }
}

impl fmt::Debug for StreamBatches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamBatches").field("left", &self.left).finish_non_exhaustive()
    }
}

/// Makes one batch after the other, in the thread of its own.
struct Making {
    plan: Plan,
    windows: Windows,
    /// Images that were read and are in no batch yet, in their order.
    waiting: VecDeque<Item>,
}

impl Iterator for Making {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.plan.next >= self.plan.end {
            return None;
        }
        let step = self.plan.next;
        self.plan.next += 1;
        let batch = self.take(step).and_then(|items| self.plan.batch(step, items));
        if batch.is_err() {
            self.plan.next = self.plan.end;
        }
        Some(batch)
    }
}

impl Making {
    /// The images of the batch at `step`.
    fn take(&mut self, step: usize) -> Result<Vec<Item>, DataError> {
        let count = self.plan.batch_size.min(self.plan.images - step * self.plan.batch_size);
        while self.waiting.len() < count {
            match self.windows.next() {
                Some(window) => self.waiting.extend(window?),
                // All windows together are the epoch: it ends here only where the reader was stopped.
                None => return Err(DataError::Stopped),
            }
        }
        Ok(self.waiting.drain(..count).collect())
    }
}

/// What a decoding thread keeps from image to image.
#[derive(Default)]
struct Tools {
    fitter: Fitter,
    resampler: Resampler,
}

impl Plan {
    fn batch(&self, step: usize, items: Vec<Item>) -> Result<Batch, DataError> {
        let drawn = match &self.change {
            Change::Fit => Each::Fit,
            Change::Centre(crop) => Each::Centre(*crop),
            Change::Random(random) => Each::Random(random.at_step(step as u64), random),
        };
        let output = drawn.output(self.stream.shape);
        let first = step * self.batch_size;
        let labels: Vec<u32> = items.iter().map(|item| item.label).collect();
        let mut images = vec![0.0; items.len() * output.bytes()];
        let each = images.par_chunks_exact_mut(output.bytes()).zip(items).enumerate();
        let make = |tools: &mut Tools, (at, (out, item)): (usize, (&mut [f32], Item))| {
            self.image(&drawn, first + at, item.record, tools, out)
        };
        let results: Vec<_> = self.workers.run(|| each.map_init(Tools::default, make).collect());
        results.into_iter().collect::<Result<(), DataError>>()?;
        let mixed = match &drawn {
            Each::Random(augment, random) => mix(augment, random, first, output, &labels, &mut images),
            Each::Fit | Each::Centre(_) => Vec::new(),
        };
        let shape = [labels.len(), output.height, output.width, output.channels];
        Ok(Batch { images, shape, labels, mixed })
    }

    /// Decodes the image at `position` of the epoch and writes what it becomes.
    fn image(
        &self,
        each: &Each<'_>,
        position: usize,
        record: Record,
        tools: &mut Tools,
        out: &mut [f32],
    ) -> Result<(), DataError> {
        let stream = &self.stream;
        let channels = stream.shape.channels;
        let place = record.place.clone();
        let decoded = load::decoded(record, stream.ground)?;
        match each {
            Each::Random(augment, random) => {
                let Randomness { seed, epoch, .. } = **random;
                let key = Key { seed, epoch, position: position as u64 };
                let image = match augment.resized_crop {
                    Some(_) => coloured(load::in_channels(decoded.raster, Some(channels)), channels),
                    None => stream.fitted(decoded, &mut tools.fitter),
                };
                Draw::of(augment, image.shape(), key).apply(&image.pixels, image.shape(), &self.tables, out);
            }
            Each::Centre(crop) => {
                let image = coloured(load::in_channels(decoded.raster, Some(channels)), channels);
                crop.check(image.shape()).map_err(|error| DataError::Image { place, reason: error.to_string() })?;
                let centre = crop.of(&image.pixels, image.shape(), &mut tools.resampler);
                Draw::nothing().apply(&centre, crop.output(image.shape()), &self.tables, out);
            }
            Each::Fit => {
                let image = stream.fitted(decoded, &mut tools.fitter);
                Draw::nothing().apply(&image.pixels, image.shape(), &self.tables, out);
            }
        }
        Ok(())
    }
}

/// What is done to each image of one batch.
enum Each<'a> {
    Fit,
    Centre(CentreCrop),
    Random(Augment, &'a Randomness),
}

impl Each<'_> {
    fn output(&self, fitted: Shape) -> Shape {
        match self {
            Each::Fit => fitted,
            Each::Centre(crop) => crop.output(fitted),
            Each::Random(augment, _) => augment.output(fitted),
        }
    }
}

/// Mixes the images of a batch, which are changed already, with each other, as the published code of both methods does: an image
/// of elsewhere would have to be read for it. The first of them comes at position `first` of the epoch.
fn mix(
    augment: &Augment,
    random: &Randomness,
    first: usize,
    shape: Shape,
    labels: &[u32],
    images: &mut [f32],
) -> Vec<Share> {
    if augment.cut_mix.is_none() && augment.mix_up.is_none() {
        return Vec::new();
    }
    let unmixed = images.to_vec();
    let mut mixed = Vec::new();
    for (image, out) in images.chunks_exact_mut(shape.bytes()).enumerate() {
        let key = Key { seed: random.seed, epoch: random.epoch, position: (first + image) as u64 };
        let mut shares = vec![(labels[image], 1.0)];
        for mixture in augment.mixtures(shape, labels.len(), key) {
            let stays = mixture.apply(out, &unmixed[mixture.partner * shape.bytes()..][..shape.bytes()], shape);
            shares.iter_mut().for_each(|(_, share)| *share *= stays);
            shares.push((labels[mixture.partner], 1.0 - stays));
        }
        mixed.extend(shares.into_iter().map(|(class, share)| Share { image, class, share: share as f32 }));
    }
    mixed
}
