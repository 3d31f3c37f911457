//! Accuracy of one path of a network on held-out images.

use burn::tensor::{Device, Tensor, TensorData};
use fewshot_data::Batch;
use fewshot_space::Arch;
use serde::{Deserialize, Serialize};

use super::EstimateError;
use crate::nets::{Calibration, Net, NormMode, Path};
use crate::train::count_correct;

/// Which statistics batch norms use while a network is scored.
///
/// A supernet's running statistics mix all its networks, so a single path scored with them is off. Batch statistics
/// are free of that but depend on the batch size; recalibration costs some forward passes per architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormPolicy {
    /// Statistics of each scoring batch, everywhere.
    Batch,
    /// Running statistics where the network keeps them, batch statistics elsewhere: the published protocol.
    Running,
    /// Statistics of some training batches on this very path.
    Recalibrated,
}

/// The images to score on, on the device once and for all, and those to recalibrate with.
#[derive(Debug, Clone)]
pub struct ScoreSet {
    batches: Vec<(Tensor<4>, Vec<u32>)>,
    calibration: Vec<Tensor<4>>,
    images: u64,
}

impl ScoreSet {
    /// Moves batches to `device`. `calibration` holds training batches, used by [`NormPolicy::Recalibrated`] only.
    pub fn new(
        score: impl IntoIterator<Item = Batch>,
        calibration: impl IntoIterator<Item = Batch>,
        device: &Device,
    ) -> Self {
        let upload = |batch: Batch| {
            let images = Tensor::<4>::from_data(TensorData::new(batch.images, batch.shape), device);
            (images, batch.labels)
        };
        let batches: Vec<_> = score.into_iter().map(upload).collect();
        let images = batches.iter().map(|(_, labels)| labels.len() as u64).sum();
        let calibration = calibration.into_iter().map(|batch| upload(batch).0).collect();
        Self { batches, calibration, images }
    }

    /// Images scored per architecture.
    pub fn images(&self) -> u64 {
        self.images
    }

    /// Top-1 accuracy of `arch` in `net`, 0 to 1.
    ///
    /// # Errors
    /// When the architecture lies outside the net's region, or there are no images.
    pub fn accuracy(&self, net: &mut Net, arch: &Arch, policy: NormPolicy) -> Result<f64, EstimateError> {
        if self.images == 0 {
            return Err(EstimateError::NoImages);
        }
        let path = Path::Shared(arch.clone());
        let mut calibration = Calibration::default();
        let mode = match policy {
            NormPolicy::Batch => NormMode::Batch,
            NormPolicy::Running => NormMode::Running,
            NormPolicy::Recalibrated => {
                for images in &self.calibration {
                    net.score(images.clone(), &path, NormMode::Collect, Some(&mut calibration))?;
                }
                NormMode::Calibrated
            }
        };
        let mut correct = 0;
        for (images, labels) in &self.batches {
            let logits = net.score(images.clone(), &path, mode, Some(&mut calibration))?;
            correct += count_correct(&logits, labels);
        }
        Ok(correct as f64 / self.images as f64)
    }
}
