//! How the images of an order become batches.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use fewshot_space::random;
use rand::RngExt;

use crate::augment::{Draw, Key};
use crate::normalise::check_indices;
use crate::resample::Resampler;
use crate::{Augment, Batch, CentreCrop, DataError, Dataset, Normalise, ResizedCrop, Shape, Share};

/// Images in an order, and how their bytes become floats.
#[derive(Clone)]
pub(crate) struct Images {
    pub dataset: Arc<Dataset>,
    pub indices: Arc<[u32]>,
    tables: Arc<[[f32; 256]]>,
}

impl Images {
    pub fn new(
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

    /// The bytes, `[images, height, width, channels]`, of normalised pixels; the nearest where there is none between two.
    pub fn bytes(&self, values: &[f32]) -> Vec<u8> {
        let byte = |(value, table): (&f32, &[f32; 256])| {
            let (black, white) = (table[0], table[255]);
            ((value - black) / (white - black) * 255.0).round().clamp(0.0, 255.0) as u8
        };
        values.iter().zip(self.tables.iter().cycle()).map(byte).collect()
    }

    /// The same images in another order.
    pub fn in_order(&self, indices: Vec<u32>) -> Images {
        Images { indices: indices.into(), ..self.clone() }
    }
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let images = self.indices.len();
        f.debug_struct("Images").field("dataset", &self.dataset).field("images", &images).finish_non_exhaustive()
    }
}

/// What is done to images before they are normalised.
pub(crate) enum Change {
    Nothing,
    /// Cut and resized, all alike; the resampler keeps what all images need.
    Centre(CentreCrop, Box<Resampler>),
    /// Changed at random.
    Random(Randomness),
}

/// Where random changes come from.
pub(crate) struct Randomness {
    pub augment: Augment,
    /// Sides that are drawn from for each batch; empty: as `augment` says.
    pub sides: Arc<[usize]>,
    pub seed: u64,
    pub epoch: u64,
}

/// The batches that are still to be made.
pub(crate) struct Plan {
    pub images: Images,
    pub change: Change,
    pub batch_size: usize,
    pub next: usize,
    pub end: usize,
}

impl Iterator for Plan {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.next >= self.end {
            return None;
        }
        let step = self.next;
        self.next += 1;
        let start = step * self.batch_size;
        let positions = start..self.images.indices.len().min(start + self.batch_size);
        let images = &self.images;
        let shape = images.dataset.shape();
        let unchanged = Draw::nothing();
        Some(match &mut self.change {
            Change::Nothing => images.batch(positions, shape, |position, out| {
                unchanged.apply(images.at(position), shape, &images.tables, out);
            }),
            Change::Centre(crop, resampler) => {
                let output = crop.output(shape);
                images.batch(positions, output, |position, out| {
                    let centre = crop.of(images.at(position), shape, resampler);
                    unchanged.apply(&centre, output, &images.tables, out);
                })
            }
            Change::Random(random) => random.batch(images, step as u64, positions),
        })
    }
}

impl Images {
    fn at(&self, position: usize) -> &[u8] {
        self.dataset.image(self.indices[position] as usize)
    }

    fn label(&self, position: usize) -> u32 {
        self.dataset.label(self.indices[position] as usize)
    }

    /// The images at `positions` of the order, each of which `draw` writes with the shape `output`.
    fn batch(&self, positions: Range<usize>, output: Shape, mut draw: impl FnMut(usize, &mut [f32])) -> Batch {
        let mut images = vec![0.0; positions.len() * output.bytes()];
        for (position, out) in positions.clone().zip(images.chunks_exact_mut(output.bytes())) {
            draw(position, out);
        }
        let shape = [positions.len(), output.height, output.width, output.channels];
        let labels = positions.map(|position| self.label(position)).collect();
        Batch { images, shape, labels, mixed: Vec::new() }
    }
}

impl Randomness {
    /// The batch at `step` of the epoch, of the images at `positions`.
    fn batch(&self, images: &Images, step: u64, positions: Range<usize>) -> Batch {
        let Randomness { seed, epoch, .. } = *self;
        let augment = self.at_step(step);
        let shape = images.dataset.shape();
        let output = augment.output(shape);
        let draw = |position: usize, key: Key, out: &mut [f32]| {
            Draw::of(&augment, shape, key).apply(images.at(position), shape, &images.tables, out);
        };
        let key_of = |position: usize| Key { seed, epoch, position: position as u64 };
        if augment.cut_mix.is_none() && augment.mix_up.is_none() {
            return images.batch(positions, output, |position, out| draw(position, key_of(position), out));
        }
        let mut partner = vec![0.0; output.bytes()];
        let (first, mut mixed) = (positions.start, Vec::new());
        let batch = images.batch(positions, output, |position, out| {
            let key = key_of(position);
            draw(position, key, out);
            let mut shares = vec![(images.label(position), 1.0)];
            let mixtures = augment.mixtures(output, images.indices.len(), key);
            for (number, mixture) in mixtures.iter().enumerate() {
                draw(mixture.partner, key.of_partner(number), &mut partner);
                let stays = mixture.apply(out, &partner, output);
                shares.iter_mut().for_each(|(_, share)| *share *= stays);
                shares.push((images.label(mixture.partner), 1.0 - stays));
            }
            let image = position - first;
            mixed.extend(shares.into_iter().map(|(class, share)| Share { image, class, share: share as f32 }));
        });
        Batch { mixed, ..batch }
    }

    /// What is done to the images of the batch at `step`.
    pub fn at_step(&self, step: u64) -> Augment {
        let Some(crop) = self.augment.resized_crop.filter(|_| !self.sides.is_empty()) else { return self.augment };
        let drawn = random::stream(self.seed, "data/side", self.epoch, step).random_range(0..self.sides.len());
        Augment { resized_crop: Some(ResizedCrop { side: self.sides[drawn], ..crop }), ..self.augment }
    }
}
