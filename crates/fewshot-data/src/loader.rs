//! Loaders: which images come in which order, and what is done to them.

use std::sync::Arc;

use fewshot_space::random;
use rand::seq::SliceRandom;

use crate::plan::{Change, Images, Plan, Randomness};
use crate::resample::Resampler;
use crate::split::balanced;
use crate::{Augment, Batches, CentreCrop, DataError, Dataset, Normalise, ResizedCrop, Shape, grid};

/// Images in a row of [`TrainLoader::shown`].
const SHOWN_IN_A_ROW: usize = 8;

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
    sides: Arc<[usize]>,
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
        let sides = Arc::from([]);
        TrainLoader { images, augment, batch_size, sides, seed, drop_last: false, balanced: false }.checked()
    }

    /// Draws a side for each batch, uniformly from `sides`, in place of that of
    /// [`resized_crop`](Augment::resized_crop): the elastic resolution of Once-for-All. It depends on seed, epoch and step
    /// alone, as does [`Batch::shape`](crate::Batch::shape). None: the one of the setting.
    ///
    /// # Errors
    /// [`DataError::Setting`] if resized crop is off, or something is wrong with one of the sides.
    pub fn sides(self, sides: &[usize]) -> Result<TrainLoader, DataError> {
        let Some(crop) = self.augment.resized_crop else {
            return Err(DataError::setting("`resized_crop`", "off", "on if there are several sides"));
        };
        for &side in sides {
            let augment = Augment { resized_crop: Some(ResizedCrop { side, ..crop }), ..self.augment };
            augment.check(self.images.dataset.shape())?;
        }
        Ok(TrainLoader { sides: sides.into(), ..self })
    }

    /// Leaves a short last batch out, whatever its size (`true`), or as said at [`new`](TrainLoader::new) (`false`,
    /// default).
    ///
    /// # Errors
    /// [`DataError::Setting`] if an epoch would have no batch.
    pub fn drop_last(self, drop_last: bool) -> Result<TrainLoader, DataError> {
        TrainLoader { drop_last, ..self }.checked()
    }

    /// The same images in the same order, without any change but that of their size.
    #[must_use]
    pub fn unchanged(&self) -> TrainLoader {
        let augment = Augment { resized_crop: self.augment.resized_crop, ..Augment::none() };
        TrainLoader { augment, ..self.clone() }
    }

    /// What training sees, to look at: some images of its first batch, at most `count`, in rows of eight; below each row the same
    /// images as they are changed. One picture, `[height, width, channels]`.
    ///
    /// Where pixels are blanked they are shown as the network gets them: as the mean of all images.
    ///
    /// # Errors
    /// [`DataError::Inconsistent`] if `count` is 0.
    pub fn shown(&self, count: usize) -> Result<(Vec<u8>, Shape), DataError> {
        let mut shape = self.images.dataset.shape();
        let mut first = |loader: &TrainLoader| {
            let Some(batch) = loader.epoch(0, 0).next() else { return Vec::new() };
            let [_, height, width, channels] = batch.shape;
            shape = Shape { height, width, channels };
            let bytes = self.images.bytes(&batch.images);
            bytes.chunks_exact(shape.bytes()).take(count).map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        let (before, after) = (first(&self.unchanged()), first(self));
        let columns = before.len().min(SHOWN_IN_A_ROW);
        let rows = before.chunks_exact(columns.max(1)).zip(after.chunks_exact(columns.max(1)));
        let images: Vec<Vec<u8>> = rows.flat_map(|(before, after)| [before, after].concat()).collect();
        grid(&images, shape, columns)
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
            images: self.images.in_order(order),
            change: Change::Random(Randomness {
                augment: self.augment,
                sides: Arc::clone(&self.sides),
                seed: self.seed,
                epoch,
            }),
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
    crop: Option<CentreCrop>,
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
        Ok(EvalLoader { images: Images::new(dataset, indices, &normalise, batch_size)?, batch_size, crop: None })
    }

    /// Resizes each image and cuts its centre out (`None`, default: each stays as it is).
    ///
    /// # Errors
    /// [`DataError::Setting`] if something is wrong with `crop`, or it does not suit the images.
    pub fn centre_crop(self, crop: Option<CentreCrop>) -> Result<EvalLoader, DataError> {
        crop.map_or(Ok(()), |crop| crop.check(self.images.dataset.shape()))?;
        Ok(EvalLoader { crop, ..self })
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
        let change = match self.crop {
            Some(crop) => Change::Centre(crop, Box::<Resampler>::default()),
            None => Change::Nothing,
        };
        Batches::new(Plan { images, change, batch_size, next: 0, end })
    }
}
