//! A network that others learn from.

use burn::tensor::Tensor;

use crate::nets::{Net, NetError, NormMode, Path};

/// A trained network whose answers to a batch others are to give too (Hinton et al. 2015). It stays as it is, and its batch norms go
/// by the batch, as those of who learns from it do (Once-for-All: Cai et al., ICLR 2020).
#[derive(Debug, Clone)]
pub struct Teacher {
    net: Net,
    path: Path,
}

impl Teacher {
    /// What `path` is in `net`.
    ///
    /// # Errors
    /// When the path leaves the network's region.
    pub fn new(net: Net, path: Path) -> Result<Self, NetError> {
        net.check(&path)?;
        Ok(Self { net, path })
    }

    /// Its answers `[images, numbers]` to images `[images, height, width, channels]`, of the resolution that `learner`, a path of the
    /// same step, sees them in.
    ///
    /// # Errors
    /// When it cannot run.
    pub fn answers(&mut self, images: Tensor<4>, learner: &Path) -> Result<Tensor<2>, NetError> {
        let path = self.net.in_step_with(&self.path, learner);
        self.net.score(images, &path, NormMode::Batch, None)
    }
}
