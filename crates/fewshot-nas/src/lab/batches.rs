//! The batches that stages train and score on.

use std::collections::BTreeSet;
use std::sync::Arc;

use fewshot_data::{Dataset, EvalLoader, TrainLoader, stratified_subset};

use super::error::ExperimentError;
use super::{Lab, images};
use crate::estimate::{FineTune, ScoreSet};
use crate::gradient::Feeds;
use crate::recipe::FineTuneRecipe;
use crate::train::TrainConfig;

impl Lab {
    /// Number of images that supernets are trained on: the search-train ones, but for the published protocol.
    pub fn search_images(&self) -> usize {
        self.search_indices().len()
    }

    /// All held-out images, to judge networks trained alone.
    ///
    /// # Errors
    /// When there are none.
    pub fn judging_set(&self) -> Result<ScoreSet, ExperimentError> {
        let held_out: Arc<[u32]> = self.splits.search_val.clone().into();
        let loader = EvalLoader::new(self.train.clone(), held_out, self.normalise.clone(), self.recipe.scoring.batch)?;
        Ok(ScoreSet::new(loader.batches(), [], &self.device).for_task(self.task()).stopped_by(&self.interrupt))
    }

    /// How many images [`Lab::judging_set`] has.
    pub fn judging_images(&self) -> usize {
        self.splits.search_val.len()
    }

    fn search_indices(&self) -> Vec<u32> {
        if self.recipe.scoring.on_test { self.all_indices() } else { self.splits.search_train.clone() }
    }

    /// All training images that the recipe's limit leaves, by place.
    pub fn all_indices(&self) -> Vec<u32> {
        let mut all = self.splits.search_train.clone();
        all.extend_from_slice(&self.splits.search_val);
        all.sort_unstable();
        all
    }

    /// Images that there are for supernets to score on.
    pub fn scorable_images(&self) -> usize {
        if self.recipe.scoring.on_test { self.test.len() } else { self.splits.search_val.len() }
    }

    /// Batches of the search-train images (under the published protocol of all training images), to train supernets.
    ///
    /// # Errors
    /// When there are fewer than two images.
    pub fn search_loader(&self, config: &TrainConfig, seed: u64) -> Result<TrainLoader, ExperimentError> {
        self.loader(self.search_indices(), config, seed)
    }

    /// Batches of the search-train images under any protocol, to train networks alone that held-out images judge.
    ///
    /// # Errors
    /// When there are fewer than two images.
    pub fn judged_loader(&self, config: &TrainConfig, seed: u64) -> Result<TrainLoader, ExperimentError> {
        self.loader(self.splits.search_train.clone(), config, seed)
    }

    /// Number of images that such networks are trained on.
    pub fn judged_images(&self) -> usize {
        self.splits.search_train.len()
    }

    /// Batches of all training images, to train networks alone.
    ///
    /// # Errors
    /// When there are fewer than two images.
    pub fn alone_loader(&self, config: &TrainConfig, seed: u64) -> Result<TrainLoader, ExperimentError> {
        self.loader(self.all_indices(), config, seed)
    }

    /// For gradient-based searches: batches of the search-train images for the weights, and of `held_out` of the held-out ones,
    /// augmented alike, for the architecture. The same order for all methods and parts of one repetition.
    ///
    /// # Errors
    /// When there are fewer than two images of either.
    pub fn feeds(&self, config: &TrainConfig, held_out: usize, repetition: u64) -> Result<Feeds, ExperimentError> {
        let loader = |indices: &[u32], batch: usize, purpose: &str| {
            let config = TrainConfig { batch, ..config.clone() };
            self.loader(indices.to_vec(), &config, self.seed_of(repetition, purpose))
        };
        Ok(Feeds {
            train: loader(&self.splits.search_train, config.batch, "gradient images")?,
            val: loader(&self.splits.search_val, held_out, "gradient held-out images")?,
        })
    }

    /// Images that nothing is scored on: the search-train ones, and those held-out ones that `scoring.images` leaves out.
    ///
    /// # Errors
    /// When there are fewer held-out images than are to be scored on.
    pub fn unscored(&self) -> Result<Vec<u32>, ExperimentError> {
        let scored: BTreeSet<u32> = self.scored()?.1.into_iter().collect();
        Ok(self.all_indices().into_iter().filter(|index| !scored.contains(index)).collect())
    }

    /// Batches of the unscored images, to train weights that are judged on the scored ones.
    ///
    /// # Errors
    /// As [`Lab::unscored`]; when there are fewer than two images.
    pub fn unscored_loader(&self, config: &TrainConfig, seed: u64) -> Result<TrainLoader, ExperimentError> {
        self.loader(self.unscored()?, config, seed)
    }

    fn loader(&self, indices: Vec<u32>, config: &TrainConfig, seed: u64) -> Result<TrainLoader, ExperimentError> {
        let data = &self.recipe.data;
        let augment = images::augment(data, self.train.height().min(self.train.width()));
        let normalise = self.normalise.clone();
        let loader = TrainLoader::new(self.train.clone(), indices.into(), normalise, augment, config.batch, seed)?;
        Ok(loader.balanced(data.balance))
    }

    /// The held-out images that supernets score on (under the published protocol the test images), and training batches to recalibrate with.
    ///
    /// # Errors
    /// When there are too few images.
    pub fn score_set(&self) -> Result<ScoreSet, ExperimentError> {
        let scoring = &self.recipe.scoring;
        let (images, scored) = self.scored()?;
        let score = EvalLoader::new(images, scored.into(), self.normalise.clone(), scoring.batch)?;
        let config = TrainConfig { batch: scoring.batch, ..self.recipe.supernet.clone() };
        let calibration = self.search_loader(&config, self.seed("calibration"))?;
        let calibration = calibration.epoch(0, 0).take(scoring.calibration_batches);
        Ok(ScoreSet::new(score.batches(), calibration, &self.device).for_task(self.task()).stopped_by(&self.interrupt))
    }

    /// What each network is trained with before it is scored, where the recipe wants that: batches of its supernet's images, for
    /// one of several repetitions, and the settings of the supernets' own training.
    ///
    /// # Errors
    /// When there are fewer than two images.
    pub fn fine_tune(
        &self,
        recipe: &FineTuneRecipe,
        train: &TrainConfig,
        repetition: u64,
    ) -> Result<Option<Arc<FineTune>>, ExperimentError> {
        if recipe.steps == 0 {
            return Ok(None);
        }
        let loader = self.search_loader(train, self.seed_of(repetition, "fine-tuning images"))?;
        // As training has them, the last one of an epoch with what is left over; more epochs than one where there are few images.
        let batches = (0..).flat_map(|epoch| loader.epoch(epoch, 0));
        let config = TrainConfig { lr: recipe.lr, ..train.clone() };
        let fine_tune = FineTune::new(batches.take(recipe.steps), config, &self.device);
        Ok(Some(Arc::new(fine_tune.stopped_by(&self.interrupt))))
    }

    /// The images that supernets score on: a data set, and which of its images.
    ///
    /// # Errors
    /// When there are fewer than are wanted.
    pub fn scored(&self) -> Result<(Arc<Dataset>, Vec<u32>), ExperimentError> {
        let scoring = &self.recipe.scoring;
        let (images, mut scored) = match scoring.on_test {
            true => {
                let test = Arc::new(self.test.open()?);
                let all = (0..test.len() as u32).collect();
                (test, all)
            }
            false => (self.train.clone(), self.splits.search_val.clone()),
        };
        if scoring.images > 0 {
            let labels: Vec<u32> = scored.iter().map(|&index| images.label(index as usize)).collect();
            let chosen = stratified_subset(&labels, scoring.images, self.seed("scored images"))?;
            scored = chosen.into_iter().filter_map(|at| scored.get(at as usize).copied()).collect();
        }
        Ok((images, scored))
    }

    /// Opens the test set. Only the last stage of a run calls this, and the one stage of a truth.
    ///
    /// # Errors
    /// When the test images cannot be read.
    pub fn open_test(&self) -> Result<ScoreSet, ExperimentError> {
        let test = Arc::new(self.test.open()?);
        let loader = EvalLoader::all(test, self.normalise.clone(), self.recipe.scoring.batch)?;
        Ok(ScoreSet::new(loader.batches(), [], &self.device).for_task(self.task()).stopped_by(&self.interrupt))
    }
}
