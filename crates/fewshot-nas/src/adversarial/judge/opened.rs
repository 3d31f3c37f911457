//! A network that judges, from the file that a user gives.

use std::path::Path;

use burn::tensor::Device;
use sha2::{Digest, Sha256};

use super::classifier::Classifier;
use super::feature_net::FeatureNet;
use super::inception::Inception;
use crate::adversarial::error::GanError;
use crate::model::Model;
use crate::run::{Checkpoint, CheckpointError, hex};

/// A network that judges, and the bytes of a file that gives it again.
pub struct Judge {
    /// It.
    pub net: Box<dyn FeatureNet>,
    /// Its file.
    pub bytes: Vec<u8>,
}

impl Judge {
    /// Reads a trained classifier of this program (its file, or its run's folder), or Inception v3 as `tools/inception.py` writes it.
    ///
    /// # Errors
    /// When it is neither, naming the file and what is wrong.
    pub fn open(path: &Path, device: &Device) -> Result<Self, GanError> {
        if !path.is_dir() {
            let checkpoint = Checkpoint::load(path)?;
            if Inception::is_one(&checkpoint) {
                let bytes = checkpoint.to_bytes()?;
                return Ok(Self { net: Box::new(Inception::new(checkpoint, digest_of(&bytes), device)?), bytes });
            }
        }
        Self::of_model(Model::open(path, device)?)
    }

    /// [`Judge::open`] of what a user named: a file that is not of this program is not damaged.
    ///
    /// # Errors
    /// As [`Judge::open`], and [`GanError::NoJudge`].
    pub fn named(path: &Path, device: &Device) -> Result<Self, GanError> {
        Self::open(path, device).map_err(|error| match error {
            GanError::Checkpoint(CheckpointError::Damaged { path, .. } | CheckpointError::Foreign { path }) => {
                GanError::NoJudge { path }
            }
            other => other,
        })
    }

    /// A trained classifier.
    ///
    /// # Errors
    /// When its network has no features to look at.
    pub fn of_model(model: Model) -> Result<Self, GanError> {
        let bytes = model.to_bytes()?;
        Ok(Self { net: Box::new(Classifier::new(model, digest_of(&bytes))?), bytes })
    }
}

fn digest_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_another_program_is_not_called_damaged() {
        let folder = tempfile::tempdir().unwrap();
        for content in [&b"garbage"[..], b"", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "] {
            let path = folder.path().join("model.onnx");
            std::fs::write(&path, content).unwrap();
            let Err(error) = Judge::named(&path, &Device::flex()) else { panic!("taken") };
            let said = error.to_string();
            assert!(said.starts_with("gan.judge.model: `") && said.contains("model.onnx` holds no weights"), "{said}");
        }
        let Err(error) = Judge::named(&folder.path().join("none"), &Device::flex()) else { panic!("taken") };
        assert!(error.to_string().contains("cannot read"), "{error}");
    }
}
