//! Images that a generator makes, as bytes.

use burn::tensor::Tensor;
use fewshot_data::Shape;
use fewshot_fid::Gaussian;
use fewshot_kernels as kernels;

use super::error::GanError;
use super::judge::{FeatureNet, Judgement, Jury};
use crate::latent::{latent, pixel_bytes};
use crate::nets::{Calibration, Net, NormMode, Path, to_vec};
use crate::run::Interrupt;

/// Images that are made together.
pub const BATCH: usize = 100;

/// Batches by which batch norms are recalibrated for one architecture.
const CALIBRATION_BATCHES: u64 = 10;

/// Which statistics a shared generator's batch norms use when it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeneratorNorms {
    /// The running ones, which mix all architectures: as published.
    Running,
    /// Those of some batches of this very architecture.
    Recalibrated,
}

/// Which images are made and how they are judged.
#[derive(Debug, Clone, Copy)]
pub struct Drawing {
    /// Keys the latent numbers.
    pub seed: u64,
    /// A counter: images of one number are made of the same latent numbers, whatever the architecture.
    pub number: u64,
    /// How many.
    pub images: usize,
    /// Parts of the score.
    pub parts: usize,
    /// Whose statistics batch norms use.
    pub norms: GeneratorNorms,
}

/// A generator at work on one architecture.
pub struct Painter<'a> {
    net: &'a mut Net,
    path: Path,
    calibration: Option<Calibration>,
    shape: Shape,
}

impl<'a> Painter<'a> {
    /// For a path of the generator, which makes images of `shape`.
    ///
    /// # Errors
    /// When the path leaves the generator's region.
    pub fn new(net: &'a mut Net, path: Path, shape: Shape, norms: GeneratorNorms, seed: u64) -> Result<Self, GanError> {
        let calibration = match norms {
            GeneratorNorms::Running => None,
            GeneratorNorms::Recalibrated => {
                let mut calibration = Calibration::default();
                for batch in 0..CALIBRATION_BATCHES {
                    let rows = latent(net, BATCH, (seed, batch, 0), "calibration latent");
                    net.run(rows, &path, NormMode::Collect, Some(&mut calibration))?;
                }
                Some(calibration)
            }
        };
        Ok(Self { net, path, calibration, shape })
    }

    /// The images of some rows of latent numbers, bytes `[height, width, channels]` each.
    ///
    /// # Errors
    /// When the path leaves the generator's region, or a pixel is no number.
    pub fn paint(&mut self, rows: Tensor<2>) -> Result<Vec<u8>, GanError> {
        let mode = if self.calibration.is_some() { NormMode::Calibrated } else { NormMode::Running };
        let made = kernels::on_kernel_threads(|| self.net.run(rows, &self.path, mode, self.calibration.as_mut()))?;
        pixel_bytes(&to_vec(&made.into_map())).ok_or(GanError::NotFinite)
    }

    /// Images number `first` and on of a drawing.
    ///
    /// # Errors
    /// As [`Painter::paint`].
    pub fn draw(&mut self, drawing: &Drawing, first: usize, count: usize) -> Result<Vec<u8>, GanError> {
        let key = (drawing.seed, drawing.number, first as u64);
        let rows = latent(self.net, count, key, "judged latent");
        self.paint(rows)
    }

    /// What the images of a drawing are worth; `real` are the statistics of real images, where the distance is wanted.
    ///
    /// # Errors
    /// As [`Painter::paint`]; when the network cannot look at such images.
    pub fn judge(
        &mut self,
        judge: &mut dyn FeatureNet,
        drawing: &Drawing,
        real: Option<&Gaussian>,
        interrupt: &Interrupt,
    ) -> Result<Judgement, GanError> {
        let mut jury = Jury::new(judge, self.shape, drawing.images, drawing.parts, real.is_some())?;
        for first in (0..drawing.images).step_by(BATCH) {
            interrupt.check()?;
            jury.look(&self.draw(drawing, first, BATCH.min(drawing.images - first))?)?;
        }
        Ok(jury.judge(real)?.0)
    }
}
