//! The network that judges: trained on the run's images, or given.

use fewshot_fid::{Gaussian, frechet_distance, npz};
use serde::{Deserialize, Serialize};

use super::Gan;
use super::given::Given;
use super::recipe::JUDGES;
use super::result::doubt;
use crate::adversarial::judge::{FeatureNet, Judge, Judgement, judge_real};
use crate::estimate::NormPolicy;
use crate::families::{self, Skeleton};
use crate::lab::{ExperimentError, ground};
use crate::model::{Card, Model, Resize};
use crate::nets::Net;
use crate::run::{FileError, Handle, RunError, Stage, StageContext, write_atomic};
use crate::stages::{CHECKPOINT, load_from, train};

/// Stage that makes the judge ready.
pub static JUDGE: Handle<Judged> = Handle::new("judge");
/// The judge, in the stage's folder.
pub const JUDGE_MODEL: &str = "judge.safetensors";
/// Statistics of its features of real training images.
pub const REAL: &str = "real.npz";

/// What is known of the judge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// What its numbers are called.
    pub names: [String; 2],
    /// SHA-256 of it.
    pub digest: String,
    /// Numbers per image.
    pub features: usize,
    /// Whether it was given, and not trained in this run.
    #[serde(default)]
    pub given: bool,
    /// Share of images that it was not trained on which it tells rightly, where that is known.
    pub accuracy: Option<f64>,
    /// What real training images are worth.
    pub training: Judgement,
}

impl Gan {
    /// The stage of the judge.
    pub(super) fn judge_stage(&self) -> Stage<'_> {
        Stage::of(&JUDGE, |context| self.prepare_judge(context)).produces([JUDGE_MODEL, REAL])
    }

    fn prepare_judge(&self, context: &StageContext<'_>) -> Result<Judged, ExperimentError> {
        let given = Given::open(&self.recipe.judge, self.lab.device())?;
        let is_given = given.judge.is_some();
        let Judge { net: mut judge, bytes } = match given.judge {
            None => Judge::of_model(self.train_judge(context)?)?,
            Some(judge) => judge,
        };
        let accuracy = judge.accuracy();
        let told = accuracy.map(|accuracy| {
            let told =
                format!("the judge tells {:.1} % of images that it was not trained on rightly", 100.0 * accuracy);
            doubt(accuracy).unwrap_or(told)
        });
        told.iter().for_each(|line| context.progress().line(line));
        write_atomic(&context.file(JUDGE_MODEL), &bytes).map_err(RunError::from)?;
        let (lab, indices) = (&self.lab, self.lab.all_indices());
        let (mut training, mut real) =
            judge_real(judge.as_mut(), lab.image_handle(), &indices, self.score_parts(), None, context.interrupt())?;
        if let Some(read) = given.statistics {
            read.notes.iter().for_each(|note| context.progress().line(note));
            // Statistics of another network's features are refused here, before hours of training.
            training.distance = Some(frechet_distance(&real, &read.gaussian)?);
            real = read.gaussian;
        }
        let file = context.file(REAL);
        let bytes = npz::to_bytes(&real).map_err(|error| FileError::new("write", &file, error))?;
        write_atomic(&file, &bytes).map_err(RunError::from)?;
        Ok(Judged {
            names: judge.names().map(str::to_string),
            digest: judge.digest().to_string(),
            features: judge.features(),
            given: is_given,
            accuracy,
            training,
        })
    }

    /// Trains a classifier of the recipe's architecture on the images that are not held out; its card says how many of these it tells
    /// rightly.
    fn train_judge(&self, context: &StageContext<'_>) -> Result<Model, ExperimentError> {
        let lab = &self.lab;
        let images = lab.images();
        let image = [images.height(), images.width(), images.channels()];
        let skeleton = Skeleton::of_images(image, images.classes().len());
        let space = families::open(JUDGES, skeleton)?;
        let arch = space.blueprint().parse(&self.recipe.judge.arch)?;
        let net = Net::standalone(space.blueprint().clone(), &arch, lab.device(), lab.seed("judge weights"))?;
        let config = &lab.recipe().standalone.train;
        let loader = lab.judged_loader(config, lab.seed("judge images"))?;
        let trained = train(context, net.clone(), config, &loader, lab.seed("judge paths"))?;
        let mut net = load_from(&context.load(&context.file(CHECKPOINT))?, net)?;
        let accuracy = lab.judging_set()?.metric(&mut net, &arch, NormPolicy::Running)?;
        let card = Card {
            format: Card::FORMAT,
            program: env!("CARGO_PKG_VERSION").to_string(),
            space: space.blueprint().name().to_string(),
            arch: space.blueprint().format(&arch),
            skeleton: space.skeleton().clone(),
            classes: images.classes().to_vec(),
            normalise: lab.normalise().clone(),
            resize: Resize::CentreCropLanczos3,
            ground: ground(&lab.recipe().data)?,
            test_accuracy: None,
            chosen_on_test: false,
            held_out_accuracy: Some(accuracy),
            epochs: Some(trained.history.len() as u64),
        };
        Ok(Model::new(card, net)?)
    }

    /// The judge, in a stage that waits for [`JUDGE`].
    pub(super) fn judge(&self, context: &StageContext<'_>) -> Result<Box<dyn FeatureNet>, ExperimentError> {
        let file = context.input_file(JUDGE.name(), JUDGE_MODEL)?;
        Ok(Judge::open(&file, self.lab.device())?.net)
    }

    /// The statistics of real images, in such a stage.
    pub(super) fn real(&self, context: &StageContext<'_>) -> Result<Gaussian, ExperimentError> {
        Ok(npz::read(&context.input_file(JUDGE.name(), REAL)?)?.gaussian)
    }

    /// Parts of the scores of real and of derived images.
    pub(super) fn score_parts(&self) -> usize {
        self.recipe.derived.plan.parts
    }
}
