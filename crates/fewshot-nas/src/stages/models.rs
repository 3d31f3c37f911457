//! Trained networks kept as models, for this program and for others.

use std::path::Path;

use fewshot_space::Arch;

use super::alone::{network, parse_trained, trained_net};
use super::training::{CHECKPOINT, Trained, load_from};
use crate::estimate::{Evaluation, ScoreSet};
use crate::export::{self, Format, export};
use crate::lab::{ExperimentError, Lab, ground};
use crate::model::{Card, MODEL, Model, Resize};
use crate::nets::Net;
use crate::run::{Handle, StageContext};

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
) -> Result<(), ExperimentError> {
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
        ground: ground(&lab.recipe().data)?,
        test_accuracy: measured.test_accuracy,
        chosen_on_test: lab.recipe().scoring.sees_test(),
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
pub fn keep_untested(lab: &Lab, context: &StageContext<'_>, trained: &Trained) -> Result<(), ExperimentError> {
    let arch = parse_trained(lab, context.name(), trained)?;
    let net = load_from(&context.load(&context.file(CHECKPOINT))?, network(lab, &arch)?)?;
    keep(lab, context, net, &arch, Measured::of(trained), context.publish_folder())
}

/// Tests the network of stage `stage`, and leaves it as the run's model.
pub fn test_and_keep(
    lab: &Lab,
    context: &StageContext<'_>,
    stage: &Handle<Trained>,
    set: &ScoreSet,
) -> Result<Evaluation, ExperimentError> {
    let (arch, mut net, trained) = trained_net(lab, context, stage)?;
    let evaluation = set.evaluate(&mut net, &arch, lab.images().classes())?;
    let measured = Measured { test_accuracy: Some(evaluation.top1), ..Measured::of(&trained) };
    keep(lab, context, net, &arch, measured, context.publish_folder())?;
    Ok(evaluation)
}
