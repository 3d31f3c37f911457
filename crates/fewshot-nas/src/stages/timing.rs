//! What training takes on this machine, and budgets of time.

use std::time::{Duration, Instant};

use burn::tensor::{Tensor, TensorData};
use fewshot_data::TrainLoader;
use fewshot_guard::counted;
use fewshot_space::Arch;

use super::alone::network;
use crate::lab::{ExperimentError, Lab};
use crate::nets::{Net, Path};
use crate::train::{TrainConfig, Trainer};

/// Epochs that a budget chooses at most: more were never seen to help.
pub const MOST_EPOCHS: u64 = 2000;
/// Share of a budget for what is neither trained nor scored: reading back, judging, testing, writing.
pub const REST: f64 = 0.05;
/// Steps before those that are timed, after which none of the batches that were made ahead are left; fewer where they take long.
const WARM_UP: usize = 6;
/// Share of the time before steps are timed, at least: paths of a supernet need buffers of many sizes, and the first of each are slow.
const WARMING: f64 = 0.4;
/// Steps that are timed at least.
const FEWEST_TIMED: usize = 2;
/// How long a network is timed that is one of several.
pub const BRIEFLY: Duration = Duration::from_millis(350);
/// What a training is planned by is timed for this share of it, in seconds between these.
const TIMED: (f64, [f64; 2]) = (0.01, [0.35, 3.0]);

/// Seconds of a training step of `net` along paths that `draw` gives, on all threads, the making of its batch included: the mean of
/// some in a row, since batches are made ahead. It takes about one and a half times as long as given. `net` is not changed.
pub fn seconds_per_step(
    net: &Net,
    config: &TrainConfig,
    loader: &TrainLoader,
    time: Duration,
    mut draw: impl FnMut(usize) -> Result<Path, ExperimentError>,
) -> Result<f64, ExperimentError> {
    let mut trainer = Trainer::new(net.clone(), TrainConfig { epochs: 1, ..config.clone() }, 0)?;
    let mut began = Instant::now();
    let (mut is_warm, mut timed) = (false, 0);
    let batches = (0..).flat_map(|epoch| loader.epoch(epoch, 0));
    for (index, batch) in batches.enumerate() {
        let past = began.elapsed();
        if !is_warm && ((index >= WARM_UP && past > time.mul_f64(WARMING)) || (index > 0 && past > time)) {
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
pub fn step_of(lab: &Lab, arch: &Arch, time: Duration) -> Result<f64, ExperimentError> {
    lab.interrupt().check()?;
    let train = &lab.recipe().standalone.train;
    let loader = lab.judged_loader(train, 0)?;
    seconds_per_step(&network(lab, arch)?, train, &loader, time, |_| Ok(Path::Shared(arch.clone())))
}

/// How long to time the steps of a training of so many seconds.
pub fn timing(seconds: f64) -> Duration {
    let (share, [least, most]) = TIMED;
    Duration::from_secs_f64((share * seconds).clamp(least, most))
}

/// Seconds of an epoch of a network alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpochSeconds {
    /// On the images that it is trained on while held-out ones judge it.
    pub judged: f64,
    /// On all training images.
    pub all: f64,
    /// Of the kept network, on average over its training: the last epochs are on all images.
    pub kept: f64,
}

/// What epochs of a network alone take whose steps take so long. The last step of an epoch may have fewer images than a whole batch,
/// so epochs are counted in steps.
///
/// # Errors
/// When there are fewer than two images.
pub fn alone_epoch_seconds(lab: &Lab, step: f64) -> Result<EpochSeconds, ExperimentError> {
    let recipe = &lab.recipe().standalone;
    let judged = step * lab.judged_loader(&recipe.train, 0)?.steps_per_epoch() as f64;
    let all = step * lab.alone_loader(&recipe.train, 0)?.steps_per_epoch() as f64;
    let share = recipe.all_images_from;
    Ok(EpochSeconds { judged, all, kept: share * judged + (1.0 - share) * all })
}

/// What has passed of a budget when it is shared.
pub struct Passed {
    /// Before the clock of the run began, in seconds.
    pub before: f64,
    /// By that clock, when `at` it was looked at.
    pub on_clock: f64,
    /// When.
    pub at: Instant,
}

impl Passed {
    /// In seconds.
    pub fn until_now(&self) -> f64 {
        self.before + self.on_clock + self.at.elapsed().as_secs_f64()
    }
}

/// The epochs that are chosen where there is time for so many.
pub fn affordable_epochs(affordable: f64) -> u64 {
    // A number that is none, or below 0, is 0 as an integer.
    (affordable.floor() as u64).clamp(1, MOST_EPOCHS)
}

/// Chooses epochs that are left open, where there is time for so many.
pub fn fill(epochs: &mut u64, affordable: f64) {
    if *epochs == 0 {
        *epochs = affordable_epochs(affordable);
    }
}

/// What is told of a training that is the last of a budget, where there is time for more epochs than are chosen: its settings stand
/// under `key`, and an epoch takes `seconds`.
pub fn unneeded(key: &str, affordable: f64, seconds: f64) -> Option<String> {
    let beyond = affordable.floor() - MOST_EPOCHS as f64;
    (beyond > 0.0).then(|| {
        format!(
            "{key}.epochs is {MOST_EPOCHS}, the most that a budget chooses, since more were never seen to help: about {} of it will \
             not be needed",
            duration(beyond * seconds)
        )
    })
}

/// Most of a training whose length was chosen in which its learning rate rises: one that is all rise has learned nothing.
const RISING: f64 = 0.1;

/// Fits the rise of the learning rate of a training, whose settings stand under `key`, to its epochs, and says what was done. Where
/// these were chosen, a tenth of them at most is left for it; where they are given, a rise that is longer is only told.
pub fn fit_warmup(key: &str, train: &mut TrainConfig, is_chosen: bool) -> Option<String> {
    let TrainConfig { warmup, epochs, .. } = *train;
    let most = RISING * epochs as f64;
    if is_chosen && warmup > most {
        train.warmup = most;
        return Some(format!(
            "{key}.warmup is {most:.1} epochs in place of {warmup}: a tenth of the {epochs} that there is time for"
        ));
    }
    train.check_warmup().is_err().then(|| {
        format!(
            "{key}.warmup = {warmup} of {}: the learning rate does not get to where it should rise",
            counted(epochs, "epoch")
        )
    })
}

/// `3.2 M`, `450 K`.
pub fn short(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => format!("{:.0} K", count as f64 / 1e3),
        _ => format!("{:.1} M", count as f64 / 1e6),
    }
}

/// `90 s`, `5 min`, `2 h 5 min`.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 if seconds.is_multiple_of(60) || seconds > 1200 => format!("{} min", (seconds + 30) / 60),
        120..7200 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// What is told of an experiment without a budget.
pub fn about(seconds: f64) -> String {
    format!("about {} on this machine, by some of its steps", duration(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::Layers;

    #[test]
    fn times_and_counts_are_told_shortly() {
        assert_eq!(
            [90.0, 119.4, 150.0, 300.0, 1230.0, 7500.0].map(duration),
            ["90 s", "119 s", "2 min 30 s", "5 min", "21 min", "2 h 5 min"]
        );
        assert_eq!([12, 4_400, 3_000_000].map(short), ["12", "4 K", "3.0 M"]);
    }

    #[test]
    fn a_budget_chooses_from_one_epoch_to_as_many_as_help() {
        assert_eq!([f64::NAN, -3.0, 0.4, 12.9, 1e5, f64::INFINITY].map(affordable_epochs), [1, 1, 1, 12, 2000, 2000]);
        let filled = |mut epochs: u64| {
            fill(&mut epochs, 3e6);
            epochs
        };
        assert_eq!([0, 5, 30_000].map(filled), [2000, 5, 30_000], "what is given stays");
        assert_eq!(unneeded("supernet", 2000.9, 1.0), None);
        let told = unneeded("standalone.train", 2600.2, 0.5).unwrap();
        assert!(told.starts_with("standalone.train.epochs is 2000,") && told.contains("about 5 min of it"), "{told}");
    }

    #[test]
    fn a_rate_rises_in_a_tenth_of_epochs_that_were_chosen() {
        let fitted = |warmup: f64, epochs: u64, is_chosen: bool| {
            let recipe = Layers::preset("quick").unwrap().resolve().unwrap();
            let mut train = TrainConfig { warmup, epochs, ..recipe.common.supernet.clone() };
            let told = fit_warmup("supernet", &mut train, is_chosen);
            (train.warmup, told.unwrap_or_default())
        };
        assert_eq!(fitted(1.0, 10, true), (1.0, String::new()));
        let (warmup, told) = fitted(1.0, 1, true);
        assert_eq!(
            (warmup, told.contains("supernet.warmup is 0.1 epochs in place of 1: a tenth of the 1")),
            (0.1, true)
        );
        // Given epochs are as somebody wants them.
        assert_eq!(fitted(1.0, 1, false), (1.0, String::new()));
        let (warmup, told) = fitted(2.0, 1, false);
        assert_eq!((warmup, told.contains("does not get to where it should rise")), (2.0, true));
    }
}
