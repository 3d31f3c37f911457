//! Real images, at the size of a level, in the range of generators.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use fewshot_data::{Augment, Batches, Dataset, Filter, Normalise, TrainLoader};

use super::error::GanError;

/// Batches of real images with values from -1 to 1, one after the other over as many epochs as are asked for. Which one is a function
/// of seed and number alone.
pub struct RealImages {
    loader: TrainLoader,
    /// Batches of the epoch under way, and the number of the next one.
    ahead: Option<(u64, Batches)>,
    device: Device,
}

impl RealImages {
    /// Those at `indices` of `images`, made `side`×`side` by a bilinear filter, in batches of so many.
    ///
    /// # Errors
    /// When there are fewer than two images.
    pub fn new(
        images: &Arc<Dataset>,
        indices: Arc<[u32]>,
        side: usize,
        batch: usize,
        device: &Device,
        seed: u64,
    ) -> Result<Self, GanError> {
        let images = match images.height() == side && images.width() == side {
            true => images.clone(),
            false => Arc::new(images.resized((side, side), Filter::Bilinear)?),
        };
        let channels = images.channels();
        let signed = Normalise { mean: vec![0.5; channels], std: vec![0.5; channels] };
        let loader = TrainLoader::new(images, indices, signed, Augment::none(), batch, seed)?;
        Ok(Self { loader, ahead: None, device: device.clone() })
    }

    /// Batches of an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.loader.steps_per_epoch() as u64
    }

    /// Batch number `number`, `[batch, side, side, channels]`. Batches in a row are made ahead.
    pub fn batch(&mut self, number: u64) -> Tensor<4> {
        let steps = self.steps_per_epoch();
        loop {
            if self.ahead.as_ref().is_none_or(|(next, _)| *next != number) {
                self.ahead = Some((number, self.loader.epoch(number / steps, (number % steps) as usize)));
            }
            let Some((next, batches)) = &mut self.ahead else { continue };
            if let Some(batch) = batches.next() {
                *next += 1;
                // A new epoch is begun when it is asked for.
                if next.is_multiple_of(steps) {
                    self.ahead = None;
                }
                return Tensor::from_data(TensorData::new(batch.images, batch.shape), &self.device);
            }
            self.ahead = None;
        }
    }
}
