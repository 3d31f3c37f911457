//! Training of the kept network, and of those beside it, for as long as there is time.

use fewshot_space::Arch;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::finalists::FINALISTS;
use crate::lab::{ExperimentError, Lab};
use crate::nets::{Net, Path};
use crate::run::{Handle, StageContext};
use crate::stages::{
    self, CHECKPOINT, Length, MOST_EPOCHS, Trained, affordable_epochs, alone_epoch_seconds, keep_untested, network,
    seconds_per_step, step_of, take_over, timing, train_to,
};

/// Stage that trains what was taken.
pub static WINNER: Handle<Trained> = Handle::new("winner");
/// How long a training is, in its stage's folder: measured once, so that a training that was cut goes on as it began.
const SCHEDULE: &str = "schedule.json";
/// Share of a budget that is kept for the test and for writing models, and seconds beside it.
const RESERVE: (f64, f64) = (0.02, 1.0);

/// How long to train.
pub struct Epochs {
    /// Where no time is given.
    pub same_as: u64,
    /// Seconds, from now.
    pub seconds: Option<f64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Schedule {
    epochs: u64,
}

/// Epochs on all training images that fit into the given time, for a network from the start; measured once per stage.
pub fn epochs(
    lab: &Lab,
    context: &StageContext<'_>,
    net: &Net,
    arch: &Arch,
    wanted: Epochs,
) -> Result<u64, ExperimentError> {
    let Some(seconds) = wanted.seconds else { return Ok(wanted.same_as.max(1)) };
    remembered(context, || {
        let config = &lab.recipe().standalone.train;
        let loader = lab.alone_loader(config, lab.seed("alone images"))?;
        let step = seconds_per_step(net, config, &loader, timing(seconds), |_| Ok(Path::Shared(arch.clone())))?;
        Ok(affordable_epochs(seconds / (step * loader.steps_per_epoch() as f64)))
    })
}

/// The number of epochs in the stage's folder; found and kept there the first time.
fn remembered(
    context: &StageContext<'_>,
    find: impl FnOnce() -> Result<u64, ExperimentError>,
) -> Result<u64, ExperimentError> {
    let schedule = stages::remembered(&context.file(SCHEDULE), || {
        let epochs = find()?;
        context.event("schedule", json!({ "epochs": epochs }))?;
        Ok(Schedule { epochs })
    })?;
    Ok(schedule.epochs)
}

/// Trains the taken network on from where it stood as a finalist, to the end of the budget: first on the search-train images,
/// followed on the held-out ones, then on all.
pub fn train(lab: &Lab, context: &StageContext<'_>) -> Result<Trained, ExperimentError> {
    let taken = context.value(&FINALISTS)?;
    let arch = lab.alone_space().parse(&taken.arch)?;
    let net = network(lab, &arch)?;
    let file = context.file(CHECKPOINT);
    if taken.epochs > 0 && !file.exists() {
        take_over(context, &context.input_file(FINALISTS.name(), CHECKPOINT)?, &file)?;
    }
    let epochs = match lab.recipe().budget.decides_epochs() {
        true => remembered(context, || epochs_left(lab, context, &arch, taken.epochs))?,
        false => lab.recipe().standalone.train.epochs.max(taken.epochs),
    };
    let length = Length { epochs, begun: taken.epochs, planned: taken.planned };
    let trained = train_to(lab, context, net, &arch, length, false)?;
    keep_untested(lab, context, &trained)?;
    Ok(trained)
}

/// Epochs to which the network can be trained in what is left of the budget.
fn epochs_left(lab: &Lab, context: &StageContext<'_>, arch: &Arch, begun: u64) -> Result<u64, ExperimentError> {
    let budget = &lab.recipe().budget;
    // An event of now, so that the log tells the time.
    context.event("time", json!({}))?;
    let measuring = budget.plan.as_ref().map_or(0.0, |plan| plan.measuring);
    let spent = measuring + context.run().seconds()?;
    let left = budget.seconds() * (1.0 - RESERVE.0) - RESERVE.1 - spent;
    let step = step_of(lab, arch, timing(left))?;
    let left = left - timing(left).as_secs_f64();
    let epoch = alone_epoch_seconds(lab, step)?;
    // The last epochs are on all images, and what is begun was on the others.
    let epochs = affordable_epochs((left + begun as f64 * epoch.judged) / epoch.kept);
    // A run of an earlier version may have begun more than a budget chooses.
    Ok(epochs.clamp(begun + 1, MOST_EPOCHS.max(begun + 1)))
}
