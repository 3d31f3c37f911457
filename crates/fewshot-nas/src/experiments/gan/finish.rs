//! The end: what real test images are worth, and the generator that is kept.

use serde::{Deserialize, Serialize};

use super::judging::JUDGE;
use super::result::DerivedRow;
use super::{Gan, derived};
use crate::adversarial::judge::{Judgement, judge_real};
use crate::adversarial::{Derivation, GanError};
use crate::export::{self, Format, export};
use crate::lab::{ExperimentError, ground};
use crate::latency::NetworkLatency;
use crate::model::{Card, MODEL, Model, Resize};
use crate::run::{Handle, RunError, Stage, StageContext, write_atomic};
use crate::stages::CHECKPOINT;

/// Stage that opens the test images, the last one.
pub static FINISH: Handle<Finished> = Handle::new("finish");
/// Images of the generator that is kept, in the run's folder.
const GRID: &str = "images.png";

/// What it leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// What real test images are worth; absent where there are too few.
    pub test: Option<Judgement>,
    /// The generator that is kept.
    pub best: DerivedRow,
    /// Its latency, where that is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<NetworkLatency>,
}

impl Gan {
    pub(super) fn finish_stage(&self) -> Stage<'_> {
        let trainings = self.trainings();
        let inputs = trainings.iter().map(|training| String::from(&training.stage())).chain([String::from(&JUDGE)]);
        Stage::of(&FINISH, |context| self.finish(context)).after(inputs).publishes([MODEL, GRID])
    }

    fn finish(&self, context: &StageContext<'_>) -> Result<Finished, ExperimentError> {
        let (mut judge, real) = (self.judge(context)?, self.real(context)?);
        let images = self.lab.open_test_images()?;
        let all: Vec<u32> = (0..images.len() as u32).collect();
        let parts = self.score_parts();
        let test = match all.len() >= parts.max(2) {
            true => Some(judge_real(judge.as_mut(), &images, &all, parts, Some(&real), context.interrupt())?.0),
            false => None,
        };
        let (training, best) = self.nearest(context)?;
        let latency = self.lab.network_latency(&self.lab.alone_space().parse(&best.arch)?)?;
        self.keep(context, training, &best)?;
        Ok(Finished { test, best, latency })
    }

    /// The generator whose images are nearest to real ones. Where latency is limited it keeps the limit when it is timed as a whole too;
    /// where none does, the nearest of all is kept, and that is told.
    fn nearest(&self, context: &StageContext<'_>) -> Result<(derived::Training, DerivedRow), ExperimentError> {
        let distance = |row: &DerivedRow| row.best.judgement.distance.unwrap_or(f64::INFINITY);
        let mut all: Vec<(derived::Training, DerivedRow)> = Vec::new();
        for training in self.trainings() {
            all.extend(context.value(&training.stage())?.map(|row| (training, row)));
        }
        // The first of several that are as near.
        all.sort_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b)));
        let mut place = 0;
        if self.lab.latency().is_some() {
            let space = self.lab.alone_space();
            while place < all.len() && !self.lab.is_fast_enough(&space.parse(&all[place].1.arch)?)? {
                place += 1;
            }
            if place == all.len() {
                let limit = self.lab.recipe().search.max_latency_ms;
                let text = format!(
                    "no generator takes at most {limit} ms when it is timed as a whole: the nearest is kept all the same"
                );
                context.progress().line(&text);
                place = 0;
            }
        }
        match all.is_empty() {
            true => Err(GanError::State("no generator was trained".to_string()).into()),
            false => Ok(all.swap_remove(place)),
        }
    }

    /// Leaves a generator as the run's model.
    fn keep(
        &self,
        context: &StageContext<'_>,
        training: derived::Training,
        row: &DerivedRow,
    ) -> Result<(), ExperimentError> {
        let lab = &self.lab;
        let space = lab.alone_space();
        let arch = space.parse(&row.arch)?;
        let seed = lab.seed_of(training.seed, "derived");
        let mut derivation = Derivation::new(self.derived_task(&arch, self.recipe.derived.plan, seed))?;
        derivation.restore(&context.load(&context.input_file(training.stage().name(), CHECKPOINT)?)?)?;
        let mut net = derivation.into_best()?;
        let run = context.publish_folder();
        let grid = run.join(GRID);
        write_atomic(&grid, &self.grid_of(&mut net, &arch)?).map_err(RunError::from)?;
        context.publish(&grid);
        let card = Card {
            format: Card::FORMAT,
            program: env!("CARGO_PKG_VERSION").to_string(),
            space: space.name().to_string(),
            arch: row.arch.clone(),
            skeleton: lab.skeleton().clone(),
            classes: lab.images().classes().to_vec(),
            normalise: lab.normalise().clone(),
            resize: Resize::CentreCropLanczos3,
            ground: ground(&lab.recipe().data)?,
            test_accuracy: None,
            chosen_on_test: false,
            held_out_accuracy: None,
            epochs: None,
        };
        let model = Model::new(card, net)?;
        model.save(&run.join(MODEL))?;
        context.publish(&run.join(MODEL));
        let files = export(&model, Format::Onnx { fold_norms: true }, &run.join(export::ONNX))?;
        files.iter().for_each(|file| context.publish(file));
        Ok(())
    }
}
