//! Training of the kept network, and of those beside it, for as long as there is time.

use std::path::Path as FilePath;
use std::time::{Duration, Instant};

use burn::tensor::{Tensor, TensorData};
use fewshot_data::TrainLoader;
use fewshot_guard::read_file;
use fewshot_space::Arch;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::finalists::{FINALISTS, Taken};
use super::stages::{self, CHECKPOINT, Judge, Phase, Trained};
use super::{Lab, PipelineError, standalone};
use crate::nets::{Net, Path};
use crate::run::{FileError, StageContext, write_atomic};
use crate::train::{TrainConfig, Trainer};

/// Stage that trains what was taken.
pub const WINNER: &str = "winner";
/// How long a training is, in its stage's folder: measured once, so that a training that was cut goes on as it began.
const SCHEDULE: &str = "schedule.json";
/// The kept network as it was before it saw the held-out images, in the folder of the run.
pub const UNSEEN: &str = "before-held-out.safetensors";
/// Looks at held-out images during a training.
const LOOKS: u64 = 20;
/// Share of a budget that is kept for the test and for writing models, and seconds beside it.
const RESERVE: (f64, f64) = (0.02, 1.0);
/// Epochs that a budget chooses at most: more were never seen to help.
const MOST_EPOCHS: u64 = 2000;
/// Steps before those that are timed, after which none of the batches that were made ahead are left; fewer where they take long.
const WARM_UP: usize = 6;
/// Steps that are timed at least.
const FEWEST_TIMED: usize = 2;
/// How long a network is timed that is one of several.
pub const BRIEFLY: Duration = Duration::from_millis(350);
/// What a training is planned by is timed for this share of it, in seconds between these.
const TIMED: (f64, [f64; 2]) = (0.01, [0.35, 3.0]);

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

/// The recipe of networks alone for a training of `epochs`, which holds its learning rate and averages its weights as one of
/// `planned` does.
pub fn config(lab: &Lab, epochs: u64, planned: u64) -> TrainConfig {
    let own = &lab.recipe().standalone.train;
    let held = own.hold * planned as f64;
    let ema = own.ema * planned as f64 / epochs.max(1) as f64;
    let hold = (held / epochs.max(1) as f64).min(0.9);
    TrainConfig { epochs, hold, ema: ema.min(1.0), ..own.clone() }
}

/// Seconds of a training step of `net` along paths that `draw` gives, on all threads, the making of its batch included: the mean of
/// some in a row, since batches are made ahead, for about as long as given. `net` is not changed.
pub fn seconds_per_step(
    net: &Net,
    config: &TrainConfig,
    loader: &TrainLoader,
    time: Duration,
    mut draw: impl FnMut(usize) -> Result<Path, PipelineError>,
) -> Result<f64, PipelineError> {
    let mut trainer = Trainer::new(net.clone(), TrainConfig { epochs: 1, ..config.clone() }, 0)?;
    let mut began = Instant::now();
    let (mut is_warm, mut timed) = (false, 0);
    let batches = (0..).flat_map(|epoch| loader.epoch(epoch, 0));
    for (index, batch) in batches.enumerate() {
        if !is_warm && (index == WARM_UP || (index > 0 && began.elapsed() > time)) {
            is_warm = true;
            began = Instant::now();
        }
        let path = draw(index)?;
        let images = Tensor::from_data(TensorData::new(batch.images, batch.shape), net.weights().device());
        trainer.step_on(images, &batch.labels, &path, 1e-3)?;
        timed += usize::from(is_warm);
        if timed >= FEWEST_TIMED && began.elapsed() > time {
            break;
        }
    }
    Ok((began.elapsed().as_secs_f64() / timed.max(1) as f64).max(f64::MIN_POSITIVE))
}

/// Seconds of a training step of a network of `arch`, on all threads.
pub fn step_of(lab: &Lab, arch: &Arch, time: Duration) -> Result<f64, PipelineError> {
    lab.interrupt().check()?;
    let train = &lab.recipe().standalone.train;
    let loader = lab.search_loader(train, 0)?;
    seconds_per_step(&standalone::network(lab, arch)?, train, &loader, time, |_| Ok(Path::Shared(arch.clone())))
}

/// Epochs on all training images that fit into the given time, for a network from the start; measured once per stage.
pub fn epochs(
    lab: &Lab,
    context: &StageContext<'_>,
    net: &Net,
    arch: &Arch,
    wanted: Epochs,
) -> Result<u64, PipelineError> {
    let Some(seconds) = wanted.seconds else { return Ok(wanted.same_as.max(1)) };
    remembered(context, || {
        let config = &lab.recipe().standalone.train;
        let loader = lab.alone_loader(config, lab.seed("alone images"))?;
        let step = seconds_per_step(net, config, &loader, timing(seconds), |_| Ok(Path::Shared(arch.clone())))?;
        let epochs = (seconds / (step * loader.steps_per_epoch() as f64)).floor() as u64;
        Ok(epochs.clamp(1, MOST_EPOCHS))
    })
}

/// How long to time the steps of a training of so many seconds.
pub fn timing(seconds: f64) -> Duration {
    let (share, [least, most]) = TIMED;
    Duration::from_secs_f64((share * seconds).clamp(least, most))
}

/// The number of epochs in the stage's folder; found and kept there the first time.
fn remembered(
    context: &StageContext<'_>,
    find: impl FnOnce() -> Result<u64, PipelineError>,
) -> Result<u64, PipelineError> {
    let file = context.file(SCHEDULE);
    if let Some(Schedule { epochs }) = stages::load_json(&file)? {
        return Ok(epochs);
    }
    let epochs = find()?;
    context.event("schedule", json!({ "epochs": epochs }))?;
    stages::save_json(&file, &Schedule { epochs })?;
    Ok(epochs)
}

/// Trains the taken network on from where it stood as a finalist, to the end of the budget: first on the search-train images,
/// followed on the held-out ones, then on all.
pub fn train(lab: &Lab, context: &StageContext<'_>) -> Result<Trained, PipelineError> {
    let taken: Taken = context.input(FINALISTS)?;
    let arch = lab.alone_space().parse(&taken.arch)?;
    let net = standalone::network(lab, &arch)?;
    let file = context.file(CHECKPOINT);
    if taken.epochs > 0 && !file.exists() {
        take_over(context, &context.input_file(FINALISTS, CHECKPOINT)?, &file)?;
    }
    let epochs = match lab.recipe().budget.decides_epochs() {
        true => remembered(context, || epochs_left(lab, context, &arch, taken.epochs))?,
        false => lab.recipe().standalone.train.epochs.max(taken.epochs),
    };
    let trained = train_to(lab, context, net, &arch, epochs, (taken.epochs, taken.planned))?;
    standalone::keep_untested(lab, context, &trained)?;
    Ok(trained)
}

/// Trains `arch` alone in both phases, to `epochs`, `begun` of which it has behind it, by the recipe for `planned`.
pub fn train_to(
    lab: &Lab,
    context: &StageContext<'_>,
    net: Net,
    arch: &Arch,
    epochs: u64,
    (begun, planned): (u64, u64),
) -> Result<Trained, PipelineError> {
    let config = config(lab, epochs, planned);
    let (first, all) = (
        lab.search_loader(&config, lab.seed("finalist images"))?,
        lab.alone_loader(&config, lab.seed("alone images"))?,
    );
    let set = lab.judging_set()?;
    let judge = Judge { set: &set, arch, every: epochs.div_ceil(LOOKS).max(1) };
    let switch = ((epochs as f64 * lab.recipe().standalone.all_images_from).round() as u64).clamp(begun, epochs);
    let phases = [
        Phase { until: switch, loader: &first, judge: Some(&judge) },
        Phase { until: epochs, loader: &all, judge: None },
    ];
    let seed = lab.seed("alone paths");
    if begun < switch && switch < epochs {
        let trained = stages::train_phases(context, net.clone(), &config, &phases[..1], seed)?;
        keep_unseen(context, trained.history.len() as u64 == switch)?;
    }
    let trained = stages::train_phases(context, net, &config, &phases, seed)?;
    Ok(Trained { arch: Some(lab.alone_space().format(arch)), ..trained })
}

/// Leaves the network as it is before it sees the held-out images, if it `is_unseen` still, to go on from later with images that
/// tell how good it gets. The stage keeps it for itself too: from what comes later it could not be made again.
fn keep_unseen(context: &StageContext<'_>, is_unseen: bool) -> Result<(), PipelineError> {
    let (own, published) = (context.file(UNSEEN), context.run().path().join(UNSEEN));
    if !own.exists() && is_unseen {
        take_over(context, &context.file(CHECKPOINT), &own)?;
    }
    if own.exists() {
        copy_whole(&own, &published)?;
    }
    // A run of a version that kept no second one may have it here alone.
    if published.exists() {
        context.publish(&published);
    }
    Ok(())
}

/// Copies a checkpoint of the run to a file of this stage, which it belongs to from then on.
pub fn take_over(context: &StageContext<'_>, from: &FilePath, to: &FilePath) -> Result<(), PipelineError> {
    Ok(context.save(context.load(from)?, to)?)
}

/// Copies a file, whole or not at all.
fn copy_whole(from: &FilePath, to: &FilePath) -> Result<(), PipelineError> {
    let bytes = read_file(from).map_err(|error| FileError::new("read", from, error))?;
    Ok(write_atomic(to, &bytes)?)
}

/// Epochs to which the network can be trained in what is left of the budget.
fn epochs_left(lab: &Lab, context: &StageContext<'_>, arch: &Arch, begun: u64) -> Result<u64, PipelineError> {
    let (budget, recipe) = (&lab.recipe().budget, &lab.recipe().standalone);
    // An event of now, so that the log tells the time.
    context.event("time", json!({}))?;
    let measuring = budget.plan.as_ref().map_or(0.0, |plan| plan.measuring);
    let spent = measuring + context.run().seconds()?;
    let left = budget.seconds() * (1.0 - RESERVE.0) - RESERVE.1 - spent;
    let first = lab.search_loader(&recipe.train, lab.seed("finalist images"))?;
    let all = lab.alone_loader(&recipe.train, lab.seed("alone images"))?;
    let step = step_of(lab, arch, timing(left))?;
    let left = left - timing(left).as_secs_f64();
    let [first, all] = [first, all].map(|loader| step * loader.steps_per_epoch() as f64);
    let share = recipe.all_images_from;
    // The last epochs are on all images, and what is begun was on the others.
    let epochs = (left + begun as f64 * first) / (share * first + (1.0 - share) * all);
    Ok((epochs.floor().max(0.0) as u64).clamp(begun + 1, MOST_EPOCHS.max(begun + 1)))
}
