//! Networks trained alone: the winner of a search, random ones beside it, and runs of kind `train`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fewshot_data::TrainLoader;
use fewshot_space::Arch;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::stages::{self, Phase, Trained};
use super::{Lab, PipelineError, images, kept};
use crate::estimate::{Evaluation, NormPolicy, ScoreSet};
use crate::export::{self, Format, export};
use crate::model::{Card, MODEL, Model, Resize};
use crate::nets::Net;
use crate::run::{Interrupt, RunFolder, Stage, StageContext, in_lanes};
use crate::train::{Observer, TrainError, Trainer};

/// Stage of a `train` run.
const TRAIN: &str = "train";
/// Stage that opens the test set, the last of every run.
pub const TEST: &str = "test";

/// What a run of kind `train` ends with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainResult {
    /// The architecture.
    pub arch: String,
    /// Its space.
    pub space: String,
    /// Top-1 accuracy on the test images, 0 to 1; absent unless they were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_accuracy: Option<f64>,
    /// What it made of each class of the test images; absent where runs did not say so yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Evaluation>,
    /// Accuracy on images held out from the training, 0 to 1, when it was last looked at; absent where none were held out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out_accuracy: Option<f64>,
    /// Epochs of the training; 0 in results that did not say so yet.
    #[serde(default)]
    pub epochs: u64,
    /// Multiply-adds per image.
    pub macs: u64,
    /// Trainable parameters.
    pub params: u64,
    /// Working time of all processes of the run.
    pub seconds: f64,
    /// The run's seed.
    pub seed: u64,
}

/// Trains `arch` alone on all training images. Every network of a run gets the same images in the same order.
pub fn train_alone(lab: &Lab, context: &StageContext<'_>, arch: &Arch, epochs: u64) -> Result<Trained, PipelineError> {
    let config = kept::config(lab, epochs, epochs);
    let loader = lab.alone_loader(&config, lab.seed("alone images"))?;
    let trained = stages::train(context, network(lab, arch)?, &config, &loader, lab.seed("alone paths"))?;
    Ok(Trained { arch: Some(lab.alone_space().format(arch)), ..trained })
}

/// Trains `arch` alone on all training images with the seed of one repetition, and gives its accuracy on `set`, 0 to 1.
///
/// Nothing of it is kept: for many small trainings, each repeated when it is cut.
pub fn train_and_test(
    lab: &Lab,
    arch: &Arch,
    repetition: u64,
    set: &ScoreSet,
    interrupt: &Interrupt,
) -> Result<f64, PipelineError> {
    let config = &lab.recipe().standalone.train;
    let loader = lab.alone_loader(config, lab.seed_of(repetition, "alone images"))?;
    let weights = lab.seed_of(repetition, "alone weights");
    let net = Net::standalone(lab.alone_blueprint(), arch, lab.device(), weights)?;
    let mut trainer = Trainer::new(net, config.clone(), lab.seed_of(repetition, "alone paths"))?;
    trainer.run(&loader, &mut StopWhenAsked(interrupt))?;
    Ok(set.accuracy(&mut trainer.into_net(), arch, NormPolicy::Running)?)
}

/// Trains several networks alone to the same epoch, side by side, each from its own file in the stage's folder.
pub fn train_several(
    lab: &Lab,
    context: &StageContext<'_>,
    archs: &[Arch],
    until: u64,
    loader: &TrainLoader,
) -> Result<Vec<Net>, PipelineError> {
    let config = &lab.recipe().standalone.train;
    let phases = [Phase { until, loader, judge: None }];
    let jobs: Vec<(PathBuf, &Arch)> = archs
        .iter()
        .enumerate()
        .map(|(index, arch)| (context.file(&format!("network-{index}.safetensors")), arch))
        .collect();
    let done = jobs.iter().map(|(file, _)| stages::steps_done(context, file)).sum::<Result<u64, PipelineError>>()?;
    let counter = context.counter("training", "steps", done, Some(stages::steps(&phases) * archs.len() as u64));
    let mut nets: Vec<Option<Net>> = vec![None; archs.len()];
    let train = |(file, arch): &(PathBuf, &Arch)| {
        let net = network(lab, arch)?;
        stages::train_in(context, file, &counter, net, config, &phases, lab.seed("alone paths")).map(Trainer::into_net)
    };
    in_lanes(context.interrupt(), &jobs, train, |index, net| {
        nets[index] = Some(net);
        Ok::<_, PipelineError>(())
    })?;
    Ok(nets.into_iter().flatten().collect())
}

struct StopWhenAsked<'a>(&'a Interrupt);

impl Observer for StopWhenAsked<'_> {
    fn step_done(&mut self, _: &Trainer, _: usize) -> Result<(), TrainError> {
        Ok(self.0.check()?)
    }
}

/// A fresh network of `arch`.
pub fn network(lab: &Lab, arch: &Arch) -> Result<Net, PipelineError> {
    Ok(Net::standalone(lab.alone_blueprint(), arch, lab.device(), lab.seed("alone weights"))?)
}

/// Accuracy of the network that stage `stage` trained.
pub fn accuracy(
    lab: &Lab,
    context: &StageContext<'_>,
    stage: &str,
    set: &ScoreSet,
) -> Result<(Arch, f64), PipelineError> {
    let trained: Trained = context.input(stage)?;
    let arch = parse_trained(lab, stage, &trained)?;
    let mut net = stages::load(context, stage, network(lab, &arch)?)?;
    let accuracy = set.accuracy(&mut net, &arch, NormPolicy::Running)?;
    Ok((arch, accuracy))
}

/// The architecture that stage `stage` trained.
pub fn parse_trained(lab: &Lab, stage: &str, trained: &Trained) -> Result<Arch, PipelineError> {
    let text = trained.arch.as_deref().ok_or_else(|| PipelineError::State {
        path: format!("{stage}/done.json"),
        reason: "it names no architecture".to_string(),
    })?;
    Ok(lab.alone_space().parse(text)?)
}

/// Tests the network of stage `stage`, and leaves it as the run's model, for this program and for others.
pub fn test_and_keep(
    lab: &Lab,
    context: &StageContext<'_>,
    stage: &str,
    set: &ScoreSet,
) -> Result<Evaluation, PipelineError> {
    let trained: Trained = context.input(stage)?;
    let arch = parse_trained(lab, stage, &trained)?;
    let mut net = stages::load(context, stage, network(lab, &arch)?)?;
    let evaluation = set.evaluate(&mut net, &arch, lab.images().classes())?;
    let measured = Measured { test_accuracy: Some(evaluation.top1), ..Measured::of(&trained) };
    keep(lab, context, net, &arch, measured, context.run().path())?;
    Ok(evaluation)
}

/// What is known of a trained network.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Epochs that it was trained.
    pub epochs: u64,
    /// Accuracy on held-out images when that was last looked at, 0 to 1.
    pub held_out_accuracy: Option<f64>,
    /// Accuracy on the test images, 0 to 1, where they were looked at.
    pub test_accuracy: Option<f64>,
}

impl Measured {
    /// Before the test.
    pub fn of(trained: &Trained) -> Self {
        let epochs = trained.history.len() as u64;
        Self { epochs, held_out_accuracy: trained.held_out_accuracy(), test_accuracy: None }
    }
}

/// Leaves a network in `folder`, that of the run or one in it, as a model.
pub fn keep(
    lab: &Lab,
    context: &StageContext<'_>,
    net: Net,
    arch: &Arch,
    measured: Measured,
    folder: &Path,
) -> Result<(), PipelineError> {
    let space = lab.alone_space();
    let card = Card {
        format: Card::FORMAT,
        program: env!("CARGO_PKG_VERSION").to_string(),
        space: space.name().to_string(),
        arch: space.format(arch),
        skeleton: lab.skeleton().clone(),
        classes: lab.images().classes().to_vec(),
        normalise: lab.normalise().clone(),
        resize: Resize::CentreCropLanczos3,
        ground: images::ground(&lab.recipe().data)?,
        test_accuracy: measured.test_accuracy,
        held_out_accuracy: measured.held_out_accuracy,
        epochs: Some(measured.epochs),
    };
    let model = Model::new(card, net)?;
    model.save(&folder.join(MODEL))?;
    context.publish(&folder.join(MODEL));
    let files = export(&model, Format::Onnx { fold_norms: true }, &folder.join(export::ONNX))?;
    files.iter().for_each(|file| context.publish(file));
    Ok(())
}

/// Leaves the network that this stage has trained as the run's model, as yet untested.
pub fn keep_untested(lab: &Lab, context: &StageContext<'_>, trained: &Trained) -> Result<(), PipelineError> {
    let arch = parse_trained(lab, context.name(), trained)?;
    let net = stages::load_own(context, network(lab, &arch)?)?;
    keep(lab, context, net, &arch, Measured::of(trained), context.run().path())
}

/// The stages of a `train` run.
pub fn stages(lab: &Lab) -> Vec<Stage<'_>> {
    let train = stages::training_stage(TRAIN, move |context| {
        let recipe = &lab.recipe().standalone;
        let arch = lab.alone_space().parse(&recipe.arch)?;
        let mut net = network(lab, &arch)?;
        // What is under way needs the weights that it began with no more.
        if !recipe.from.is_empty() && !context.file(stages::CHECKPOINT).exists() {
            net = stages::load_from(Path::new(&recipe.from), net)?;
        }
        let trained = kept::train_to(lab, context, net, &arch, recipe.train.epochs, (0, recipe.train.epochs))?;
        keep_untested(lab, context, &trained)?;
        Ok(trained)
    });
    let mut all = vec![train.publishes([MODEL])];
    if lab.recipe().standalone.test {
        let test = stages::stage(TEST, move |context| {
            let set = lab.open_test()?;
            test_and_keep(lab, context, TRAIN, &set)
        });
        all.push(test.after([TRAIN]).publishes([MODEL]));
    }
    all
}

/// The result of a `train` run.
pub fn result(lab: &Lab, run: &RunFolder, values: &BTreeMap<String, Value>) -> Result<TrainResult, PipelineError> {
    let trained: Trained = stages::value(values, TRAIN)?;
    let arch = parse_trained(lab, TRAIN, &trained)?;
    let cost = lab.alone_space().cost(&arch);
    let test: Option<Evaluation> = values.contains_key(TEST).then(|| stages::value(values, TEST)).transpose()?;
    Ok(TrainResult {
        arch: lab.alone_space().format(&arch),
        space: lab.alone_space().name().to_string(),
        test_accuracy: test.as_ref().map(|test| test.top1),
        test,
        held_out_accuracy: trained.held_out_accuracy(),
        epochs: trained.history.len() as u64,
        macs: cost.macs,
        params: cost.params,
        seconds: run.seconds()?,
        seed: lab.recipe().seed,
    })
}
