//! The files that a recipe names to judge by.

use std::path::Path;

use burn::tensor::Device;
use fewshot_data::Shape;
use fewshot_fid::FidError;
use fewshot_fid::npz::{self, Statistics};

use super::recipe::JudgeRecipe;
use crate::adversarial::GanError;
use crate::adversarial::judge::Judge;
use crate::lab::ExperimentError;
use crate::recipe::CommonRecipe;

/// What was given to judge by.
pub struct Given {
    /// A network; without one, one is trained.
    pub judge: Option<Judge>,
    /// Statistics of its features of real images; without these, those of the training images are taken.
    pub statistics: Option<Statistics>,
}

impl Given {
    /// Reads what the recipe names.
    ///
    /// # Errors
    /// When a file cannot be read or used, or the network is another than when the run began.
    pub fn open(recipe: &JudgeRecipe, device: &Device) -> Result<Self, ExperimentError> {
        let JudgeRecipe { model, digest, statistics, .. } = recipe;
        let judge = (!model.is_empty()).then(|| Judge::named(Path::new(model), device)).transpose()?;
        if let Some(judge) = judge.as_ref().filter(|judge| !digest.is_empty() && judge.net.digest() != digest) {
            let (path, found, expected) = (model.clone(), judge.net.digest().to_string(), digest.clone());
            return Err(GanError::JudgeChanged { path, found, expected }.into());
        }
        let statistics = (!statistics.is_empty()).then(|| npz::read(Path::new(statistics))).transpose()?;
        Ok(Self { judge, statistics })
    }

    /// Whether the network can look at images of one of these shapes, and the statistics are of as many features as it has; its digest,
    /// empty where none is given.
    ///
    /// # Errors
    /// When not.
    pub fn looked_at(self, shapes: &[Shape]) -> Result<String, ExperimentError> {
        let Some(Judge { mut net, .. }) = self.judge else { return Ok(String::new()) };
        if net.classes() < 2 {
            return Err(GanError::OneClass.into());
        }
        let mut refused = None;
        for &shape in shapes {
            match net.look(&vec![0; shape.bytes()], shape) {
                Ok(_) => {
                    refused = None;
                    break;
                }
                Err(error) => refused = Some(error),
            }
        }
        if let Some(error) = refused {
            return Err(error.into());
        }
        let features = self.statistics.map_or(net.features(), |statistics| statistics.gaussian.features());
        if features != net.features() {
            return Err(FidError::DifferentFeatures { left: net.features(), right: features }.into());
        }
        Ok(net.digest().to_string())
    }
}

/// Looks at those of the files that are there: whoever checks a recipe may have them elsewhere.
///
/// # Errors
/// As [`Given::open`] and [`Given::looked_at`].
pub fn check_files(recipe: &JudgeRecipe, common: &CommonRecipe) -> Result<(), ExperimentError> {
    let there = |path: &String| if Path::new(path).exists() { path.clone() } else { String::new() };
    let (model, statistics) = (there(&recipe.model), there(&recipe.statistics));
    let side = common.data.image_size;
    // Whether images are grey is not known before they are read.
    let shapes = [3, 1].map(|channels| Shape { height: side, width: side, channels });
    let given = Given::open(&JudgeRecipe { model, statistics, ..recipe.clone() }, &Device::flex())?;
    given.looked_at(if side > 0 { &shapes } else { &[] })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use fewshot_fid::Gaussian;
    use fewshot_space::{Region, random};

    use super::*;
    use crate::experiments::{Experiment, Layers};
    use crate::model::fixture;

    /// A recipe whose judge is the file at `path`.
    fn judged_by(path: &Path) -> JudgeRecipe {
        let recipe = Layers::preset("autogan-smoke").unwrap().resolve().unwrap().into_inner();
        let Experiment::Gan(own) = recipe.experiment else { panic!("a search for generators") };
        JudgeRecipe { model: path.display().to_string(), ..own.judge }
    }

    #[test]
    fn a_judge_is_known_by_its_digest_and_looks_at_images_of_its_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let space = fixture::space("stages", [8, 8, 3]);
        let arch = Region::full(space.blueprint().clone()).sample(&mut random::stream(1, "judge", 0, 0)).unwrap();
        std::fs::write(&path, fixture::model(&space, &arch, 1).to_bytes().unwrap()).unwrap();
        let recipe = judged_by(&path);
        let device = Device::flex();
        let [fits, other] = [8, 12].map(|side| Shape { height: side, width: side, channels: 3 });
        let digest = Given::open(&recipe, &device).unwrap().looked_at(&[fits]).unwrap();
        assert_eq!(digest.len(), 64);
        let refused = Given::open(&recipe, &device).unwrap().looked_at(&[other]).unwrap_err().to_string();
        assert!(refused.contains("takes 8x8x3, and the generator makes 12x12x3"), "{refused}");
        assert!(Given::open(&recipe, &device).unwrap().looked_at(&[other, fits]).is_ok());

        // Statistics of features that it does not have.
        let statistics = folder.path().join("real.npz");
        std::fs::write(&statistics, npz::to_bytes(&Gaussian::new(vec![0.0], vec![1.0]).unwrap()).unwrap()).unwrap();
        let with = JudgeRecipe { statistics: statistics.display().to_string(), ..recipe.clone() };
        let refused = Given::open(&with, &device).unwrap().looked_at(&[fits]).unwrap_err().to_string();
        assert!(refused.contains("cannot be compared with 1"), "{refused}");

        // The same file, then another in its place.
        let known = JudgeRecipe { digest, ..recipe };
        assert!(Given::open(&known, &device).is_ok());
        std::fs::write(&path, fixture::model(&space, &arch, 2).to_bytes().unwrap()).unwrap();
        let refused = Given::open(&known, &device).err().unwrap().to_string();
        assert!(refused.contains("another network than when the run began"), "{refused}");
    }

    #[test]
    fn a_check_looks_at_what_is_there_alone() {
        let folder = tempfile::tempdir().unwrap();
        let common = Layers::preset("autogan-smoke").unwrap().resolve().unwrap().into_inner().common;
        assert!(check_files(&judged_by(&folder.path().join("elsewhere")), &common).is_ok());
        let path = folder.path().join("weights.pth");
        std::fs::write(&path, b"PK").unwrap();
        let refused = check_files(&judged_by(&path), &common).unwrap_err().to_string();
        assert!(refused.starts_with("gan.judge.model: `"), "{refused}");
    }
}
