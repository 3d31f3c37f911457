//! Networks trained alone.

use std::path::{Path, PathBuf};

use fewshot_data::{TrainLoader, png_bytes};
use fewshot_guard::read_file;
use fewshot_space::Arch;

use super::training::{
    CHECKPOINT, Judge, Phase, Trained, load, steps, steps_done, take_over, train, train_in, train_phases,
};
use crate::lab::{ExperimentError, Lab};
use crate::nets::Net;
use crate::run::{FileError, Handle, StageContext, in_lanes, write_atomic};
use crate::train::{TrainConfig, Trainer};

/// The kept network as it was before it saw the held-out images, in the folder of the run.
pub const UNSEEN: &str = "before-held-out.safetensors";
/// What training does to images, as a picture in the folder of the run.
pub const AUGMENTED: &str = "augmented.png";
/// Images in it, each as it is and as it is changed.
const SHOWN: usize = 24;
/// Most of a training in which its learning rate is held: one that never falls leaves a worse network.
pub const MOST_HELD: f64 = 0.9;
/// Looks at held-out images during a training.
const LOOKS: u64 = 20;

/// A fresh network of `arch`.
pub fn network(lab: &Lab, arch: &Arch) -> Result<Net, ExperimentError> {
    Ok(Net::standalone(lab.alone_blueprint(), arch, lab.device(), lab.seed("alone weights"))?)
}

/// The recipe of networks alone for a training of `epochs`, which holds its learning rate and averages its weights as one of
/// `planned` does.
fn config(lab: &Lab, epochs: u64, planned: u64) -> TrainConfig {
    let own = &lab.recipe().standalone.train;
    let held = own.hold * planned as f64;
    let ema = own.ema * planned as f64 / epochs.max(1) as f64;
    let hold = (held / epochs.max(1) as f64).min(MOST_HELD);
    TrainConfig { epochs, hold, ema: ema.min(1.0), ..own.clone() }
}

/// Trains `net`, whose architecture is `arch` as text, on all training images. Every network of a run gets the same images in the
/// same order.
pub fn train_on_all(
    lab: &Lab,
    context: &StageContext<'_>,
    net: Net,
    arch: String,
    epochs: u64,
) -> Result<Trained, ExperimentError> {
    let config = config(lab, epochs, epochs);
    let loader = lab.alone_loader(&config, lab.seed("alone images"))?;
    let trained = train(context, net, &config, &loader, lab.seed("alone paths"))?;
    Ok(Trained { arch: Some(arch), ..trained })
}

/// How long a network is trained.
#[derive(Debug, Clone, Copy)]
pub struct Length {
    /// Epochs at the end.
    pub epochs: u64,
    /// Those that it has behind it.
    pub begun: u64,
    /// Epochs that its recipe is for.
    pub planned: u64,
}

/// Trains `arch` alone in both phases. With `beside`, the weights themselves are followed on the held-out images as well as their
/// moving average.
pub fn train_to(
    lab: &Lab,
    context: &StageContext<'_>,
    net: Net,
    arch: &Arch,
    Length { epochs, begun, planned }: Length,
    beside: bool,
) -> Result<Trained, ExperimentError> {
    let config = config(lab, epochs, planned);
    let (first, all) = (
        lab.judged_loader(&config, lab.seed("finalist images"))?,
        lab.alone_loader(&config, lab.seed("alone images"))?,
    );
    let set = lab.judging_set()?;
    let judge = Judge { set: &set, arch, every: epochs.div_ceil(LOOKS).max(1), beside };
    show_changes(context, &first)?;
    let switch = ((epochs as f64 * lab.recipe().standalone.all_images_from).round() as u64).clamp(begun, epochs);
    let phases = [
        Phase { until: switch, region: None, loader: &first, judge: Some(&judge) },
        Phase { until: epochs, region: None, loader: &all, judge: None },
    ];
    let seed = lab.seed("alone paths");
    if begun < switch && switch < epochs {
        let trained = train_phases(context, net.clone(), &config, &phases[..1], None, seed)?;
        keep_unseen(context, trained.history.len() as u64 == switch)?;
    }
    let trained = train_phases(context, net, &config, &phases, None, seed)?;
    Ok(Trained { arch: Some(lab.alone_space().format(arch)), ..trained })
}

/// Leaves a picture of what training does to images, where it can be drawn.
fn show_changes(context: &StageContext<'_>, loader: &TrainLoader) -> Result<(), ExperimentError> {
    let (pixels, shape) = loader.shown(SHOWN)?;
    if [1, 3].contains(&shape.channels) {
        let file = context.publish_folder().join(AUGMENTED);
        write_atomic(&file, &png_bytes(&pixels, shape)?)?;
        context.publish(&file);
    }
    Ok(())
}

/// Leaves the network as it is before it sees the held-out images, if it `is_unseen` still, to go on from later with images that
/// tell how good it gets. The stage keeps it for itself too: from what comes later it could not be made again.
fn keep_unseen(context: &StageContext<'_>, is_unseen: bool) -> Result<(), ExperimentError> {
    let (own, published) = (context.file(UNSEEN), context.publish_folder().join(UNSEEN));
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

/// Copies a file, whole or not at all.
fn copy_whole(from: &Path, to: &Path) -> Result<(), ExperimentError> {
    let bytes = read_file(from).map_err(|error| FileError::new("read", from, error))?;
    Ok(write_atomic(to, &bytes)?)
}

/// Trains several networks alone to the same epoch, side by side, each from its own file in the stage's folder.
pub fn train_several(
    lab: &Lab,
    context: &StageContext<'_>,
    archs: &[Arch],
    until: u64,
    loader: &TrainLoader,
) -> Result<Vec<Net>, ExperimentError> {
    let config = &lab.recipe().standalone.train;
    let phases = [Phase { until, region: None, loader, judge: None }];
    let jobs: Vec<(PathBuf, &Arch)> = archs
        .iter()
        .enumerate()
        .map(|(index, arch)| (context.file(&format!("network-{index}.safetensors")), arch))
        .collect();
    let done = jobs.iter().map(|(file, _)| steps_done(context, file)).sum::<Result<u64, ExperimentError>>()?;
    let counter = context.counter("training", "steps", done, Some(steps(&phases) * archs.len() as u64));
    let mut nets: Vec<Option<Net>> = vec![None; archs.len()];
    let one = |(file, arch): &(PathBuf, &Arch)| {
        let net = network(lab, arch)?;
        train_in(context, file, &counter, net, config, &phases, lab.seed("alone paths")).map(Trainer::into_net)
    };
    in_lanes(context.interrupt(), &jobs, one, |index, net| {
        nets[index] = Some(net);
        Ok::<_, ExperimentError>(())
    })?;
    Ok(nets.into_iter().flatten().collect())
}

/// The architecture that stage `stage` trained.
pub fn parse_trained(lab: &Lab, stage: &str, trained: &Trained) -> Result<Arch, ExperimentError> {
    let text = trained.arch.as_deref().ok_or_else(|| ExperimentError::State {
        path: format!("{stage}/done.json"),
        reason: "it names no architecture".to_string(),
    })?;
    Ok(lab.alone_space().parse(text)?)
}

/// What stage `stage` trained: architecture, network, and how that went.
pub fn trained_net(
    lab: &Lab,
    context: &StageContext<'_>,
    stage: &Handle<Trained>,
) -> Result<(Arch, Net, Trained), ExperimentError> {
    let trained = context.value(stage)?;
    let arch = parse_trained(lab, stage.name(), &trained)?;
    let net = load(context, stage, network(lab, &arch)?)?;
    Ok((arch, net, trained))
}
