//! Loaders of streamed images: which come in which order, and what is done to them.

use std::fmt;
use std::sync::Arc;

use super::batches::{Change, Plan, StreamBatches, Workers, queue};
use super::order::{Limits, Order, Piece, Shuffle, pieces};
use super::reading::Reading;
use super::source::{Stream, ascending};
use crate::normalise::check_below;
use crate::plan::Randomness;
use crate::{Augment, CentreCrop, DataError, Normalise, ResizedCrop, Shape};

/// Bytes of encoded images in a window where nothing else is said.
const WINDOW_BYTES: u64 = 256 << 20;
/// Images in a window at most, for those that take no memory before they are decoded: the names of their files do.
const WINDOW_IMAGES: usize = 1 << 14;
/// Most threads that decode.
const MOST_WORKERS: usize = 256;

/// What both loaders have.
#[derive(Clone)]
struct Feed {
    stream: Arc<Stream>,
    /// Ascending.
    indices: Arc<[u32]>,
    pieces: Arc<[Piece]>,
    tables: Arc<[[f32; 256]]>,
    batch_size: usize,
    workers: Workers,
    limits: Limits,
}

impl Feed {
    fn new(stream: Arc<Stream>, indices: &[u32], normalise: &Normalise, batch_size: usize) -> Result<Feed, DataError> {
        check_below(indices, stream.len(), stream.name())?;
        if batch_size == 0 {
            return Err(DataError::setting("the batch size", 0, "at least 1"));
        }
        let tables = normalise.tables(stream.shape.channels)?.into();
        let indices: Arc<[u32]> = ascending(indices).into();
        let pieces = pieces(&stream.runs, indices.iter().map(|&index| stream.rows[index as usize])).into();
        let limits = Limits { bytes: WINDOW_BYTES, images: WINDOW_IMAGES };
        let workers = Workers::new(rayon::current_num_threads());
        Ok(Feed { stream, indices, pieces, tables, batch_size, workers, limits })
    }

    fn workers(self, threads: usize) -> Result<Feed, DataError> {
        if !(1..=MOST_WORKERS).contains(&threads) {
            return Err(DataError::setting("the number of decoding threads", threads, format!("1 to {MOST_WORKERS}")));
        }
        Ok(Feed { workers: Workers::new(threads), ..self })
    }

    fn window_bytes(self, bytes: u64) -> Feed {
        Feed { limits: Limits { bytes, ..self.limits }, ..self }
    }

    fn batches(
        &self,
        change: Change,
        shuffle: Option<Shuffle>,
        output: Shape,
        from: usize,
        end: usize,
    ) -> StreamBatches {
        let order = Order::new(Arc::clone(&self.pieces), self.limits, shuffle);
        let Feed { stream, indices, tables, batch_size, workers, .. } = self.clone();
        let plan = Plan {
            stream: Arc::clone(&stream),
            workers,
            tables,
            change,
            batch_size,
            images: indices.len(),
            next: from.min(end),
            end,
        };
        let first = plan.next.saturating_mul(batch_size);
        let reading = Reading { stream, indices, order, first };
        StreamBatches::new(plan, reading, self.batch_bytes(output))
    }

    fn batch_bytes(&self, output: Shape) -> usize {
        self.batch_size.saturating_mul(output.bytes()).saturating_mul(size_of::<f32>())
    }

    /// Two windows, images while they are decoded, and batches: one being made, those that wait, one that is used.
    fn memory(&self, output: Shape) -> u64 {
        let batch = self.batch_bytes(output);
        2 * self.limits.bytes + crate::decode::ROOM + (batch as u64).saturating_mul(queue(batch) as u64 + 2)
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let images = self.indices.len();
        f.debug_struct("Feed").field("stream", &self.stream).field("images", &images).finish_non_exhaustive()
    }
}

/// Makes the batches of training epochs from images on disk: shuffled, decoded, augmented, normalised.
///
/// **Order.** Files are not read image by image in a random order. What lies together on disk (an archive's images of 1 MiB, a
/// Parquet file's rows of 4 MiB, one image file) is a piece. Pieces are shuffled by (seed, epoch), and those of 256 MiB, at most
/// 16,384 images, are a window, whose images are shuffled among each other. So image files come wholly at random; archives and
/// Parquet files whose images are sorted by class are better shuffled once when they are written.
///
/// As with [`TrainLoader`](crate::TrainLoader) all of it depends on seed and counters alone: an epoch taken up at any step gives
/// the very batches of one that was not cut, on any number of threads, and of what came before just the window in which it
/// stands is looked at.
///
/// **Changes.** With [`resized_crop`](Augment::resized_crop) the part is cut out of the image as it is on disk, as torchvision
/// does it; else the image first gets the size of the data set. What is mixed into an image
/// ([`CutMix`](crate::CutMix), [`MixUp`](crate::MixUp)) is another one of its batch.
///
/// **Memory** is bounded by [`memory`](StreamLoader::memory), whatever the number of images.
#[derive(Debug, Clone)]
pub struct StreamLoader {
    feed: Feed,
    augment: Augment,
    sides: Arc<[usize]>,
    seed: u64,
    drop_last: bool,
}

impl StreamLoader {
    /// A loader of the images at `indices`, in whatever order, in batches of `batch_size`. A last batch of a single image is left
    /// out unless `batch_size` is 1.
    ///
    /// # Errors
    /// [`DataError::Setting`] if `indices` is empty or goes beyond the data set, `batch_size` is 0, `normalise` is for another
    /// number of channels, `augment` does not suit the size of the images, or an epoch would have no batch.
    pub fn new(
        stream: Arc<Stream>,
        indices: &[u32],
        normalise: &Normalise,
        augment: Augment,
        batch_size: usize,
        seed: u64,
    ) -> Result<StreamLoader, DataError> {
        augment.check(stream.shape)?;
        let feed = Feed::new(stream, indices, normalise, batch_size)?;
        StreamLoader { feed, augment, sides: Arc::from([]), seed, drop_last: false }.checked()
    }

    /// See [`TrainLoader::sides`](crate::TrainLoader::sides).
    ///
    /// # Errors
    /// Likewise.
    pub fn sides(self, sides: &[usize]) -> Result<StreamLoader, DataError> {
        let Some(crop) = self.augment.resized_crop else {
            return Err(DataError::setting("`resized_crop`", "off", "on if there are several sides"));
        };
        for &side in sides {
            let augment = Augment { resized_crop: Some(ResizedCrop { side, ..crop }), ..self.augment };
            augment.check(self.feed.stream.shape)?;
        }
        Ok(StreamLoader { sides: sides.into(), ..self })
    }

    /// Leaves a short last batch out, whatever its size (`true`), or as said at [`new`](StreamLoader::new) (`false`, default).
    ///
    /// # Errors
    /// [`DataError::Setting`] if an epoch would have no batch.
    pub fn drop_last(self, drop_last: bool) -> Result<StreamLoader, DataError> {
        StreamLoader { drop_last, ..self }.checked()
    }

    /// Threads that decode images, 1 to 256. Default: as many as rayon has. They change no bit.
    ///
    /// # Errors
    /// [`DataError::Setting`] if the number is out of range.
    pub fn workers(self, threads: usize) -> Result<StreamLoader, DataError> {
        Ok(StreamLoader { feed: self.feed.workers(threads)?, ..self })
    }

    /// Bytes of encoded images that a window has at most, default 256 MiB. Another number gives another order.
    #[must_use]
    pub fn window_bytes(self, bytes: u64) -> StreamLoader {
        StreamLoader { feed: self.feed.window_bytes(bytes), ..self }
    }

    /// Bytes that an epoch takes at most, beside the index: two windows, 512 MiB for images that are being decoded, and
    /// the batches that are made, that wait, and that one that is used. A single image of more than that comes on top, and of
    /// Parquet files a page.
    pub fn memory(&self) -> u64 {
        self.feed.memory(self.largest())
    }

    /// The largest shape that images get.
    fn largest(&self) -> Shape {
        let output = self.augment.output(self.feed.stream.shape);
        match self.sides.iter().max() {
            Some(&side) => Shape { height: side, width: side, ..output },
            None => output,
        }
    }

    fn checked(self) -> Result<StreamLoader, DataError> {
        match self.steps_per_epoch() {
            0 => {
                let wanted = format!("at least a batch ({}), or 2 if short batches are kept", self.feed.batch_size);
                Err(DataError::setting("the number of training images", self.feed.indices.len(), wanted))
            }
            _ => Ok(self),
        }
    }

    /// Number of batches of an epoch, at least 1.
    pub fn steps_per_epoch(&self) -> usize {
        let Feed { indices, batch_size, .. } = &self.feed;
        let (full, rest) = (indices.len() / batch_size, indices.len() % batch_size);
        full + usize::from(rest >= 2 && !self.drop_last)
    }

    /// The batches `from_step`.. of epoch `epoch`; none if `from_step` is at or beyond the end.
    pub fn epoch(&self, epoch: u64, from_step: usize) -> StreamBatches {
        let (augment, sides, seed) = (self.augment, Arc::clone(&self.sides), self.seed);
        let change = Change::Random(Randomness { augment, sides, seed, epoch });
        let shuffle = Some(Shuffle { seed, epoch });
        self.feed.batches(change, shuffle, self.largest(), from_step, self.steps_per_epoch())
    }
}

/// Makes batches for evaluation from images on disk: in their order, not augmented, every image once.
#[derive(Debug, Clone)]
pub struct StreamEval {
    feed: Feed,
    crop: Option<CentreCrop>,
}

impl StreamEval {
    /// A loader of the images at `indices`, in ascending order, in batches of `batch_size`, the last of which may be shorter.
    ///
    /// # Errors
    /// [`DataError::Setting`] if `indices` is empty or goes beyond the data set, `batch_size` is 0, or `normalise` is for another
    /// number of channels.
    pub fn new(
        stream: Arc<Stream>,
        indices: &[u32],
        normalise: &Normalise,
        batch_size: usize,
    ) -> Result<StreamEval, DataError> {
        Ok(StreamEval { feed: Feed::new(stream, indices, normalise, batch_size)?, crop: None })
    }

    /// A loader of all images.
    ///
    /// # Errors
    /// As [`new`](StreamEval::new).
    pub fn all(stream: Arc<Stream>, normalise: &Normalise, batch_size: usize) -> Result<StreamEval, DataError> {
        let indices: Vec<u32> = (0..).zip(stream.labels()).map(|(index, _)| index).collect();
        StreamEval::new(stream, &indices, normalise, batch_size)
    }

    /// Resizes each image as it is on disk, and cuts its centre out. `None`, default: each gets the size of the data set as
    /// [`open`](crate::open) gives it.
    ///
    /// # Errors
    /// [`DataError::Setting`] if something is wrong with `crop`.
    pub fn centre_crop(self, crop: Option<CentreCrop>) -> Result<StreamEval, DataError> {
        crop.map_or(Ok(()), |crop| crop.check(self.feed.stream.shape))?;
        Ok(StreamEval { crop, ..self })
    }

    /// See [`StreamLoader::workers`].
    ///
    /// # Errors
    /// Likewise.
    pub fn workers(self, threads: usize) -> Result<StreamEval, DataError> {
        Ok(StreamEval { feed: self.feed.workers(threads)?, ..self })
    }

    /// See [`StreamLoader::window_bytes`]; the order is always that of the images.
    #[must_use]
    pub fn window_bytes(self, bytes: u64) -> StreamEval {
        StreamEval { feed: self.feed.window_bytes(bytes), ..self }
    }

    /// See [`StreamLoader::memory`].
    pub fn memory(&self) -> u64 {
        self.feed.memory(self.output())
    }

    fn output(&self) -> Shape {
        let shape = self.feed.stream.shape;
        self.crop.map_or(shape, |crop| crop.output(shape))
    }

    /// Number of batches, at least 1.
    pub fn steps(&self) -> usize {
        self.feed.indices.len().div_ceil(self.feed.batch_size)
    }

    /// All batches, made by threads of their own as those of [`StreamLoader::epoch`].
    pub fn batches(&self) -> StreamBatches {
        let change = self.crop.map_or(Change::Fit, Change::Centre);
        self.feed.batches(change, None, self.output(), 0, self.steps())
    }
}
