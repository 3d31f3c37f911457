//! Networks of any family of spaces: one alone, or all of them mixed.

use std::sync::Arc;

use burn::tensor::Device;
use fewshot_nas::experiments::ExperimentError;
use fewshot_nas::families::{self, Skeleton};
use fewshot_nas::gradient::{self, GradientSearch, MethodSettings};
use fewshot_nas::nets::{Blueprint, Net, NormMode, Path};
use fewshot_nas::train::Trainer;
use fewshot_space::{Region, random};

use super::args::StepArgs;
use super::images::{CHANNELS, CLASSES, SIDE};
use super::subject::{Named, Subject, config};
use crate::commands::settings::given;
use crate::failure::Failure;

/// The method whose steps are timed: it runs all operations, for the architecture and for the weights.
const METHOD: &str = "darts-v1";

/// What `--arch` or `--mixed` asks for.
pub fn named(args: &StepArgs, device: &Device) -> Result<Named, Failure> {
    let settings = given(&args.space, &args.settings)?;
    let skeleton = Skeleton { settings, ..Skeleton::of_images([SIDE, SIDE, CHANNELS], CLASSES) };
    let opened = families::open(&args.space, skeleton).map_err(ExperimentError::from)?;
    if families::family(&args.space).is_ok_and(|family| family.makes_images()) {
        let usable = families::classifiers().join(", ");
        let why =
            format!("--space {}: its networks make images, and steps are timed that tell classes apart", args.space);
        return Err(Failure::Usage(format!("{why}; choose one of {usable}")));
    }
    let space = opened.blueprint();
    let (subject, architecture) = match &args.arch {
        None => (mixed(space.clone(), args, device)?, "all operations mixed".to_string()),
        Some(text) => {
            let arch = match text.as_str() {
                "random" => {
                    let mut rng = random::stream(args.seed, "bench architecture", 0, 0);
                    Region::full(space.clone()).sample(&mut rng).map_err(ExperimentError::from)?
                }
                text => space.parse(text).map_err(ExperimentError::from)?,
            };
            let net = Net::standalone(space.clone(), &arch, device, args.seed).map_err(ExperimentError::from)?;
            let trainer = Trainer::new(net, config(args.batch as usize), args.seed).map_err(ExperimentError::from)?;
            let architecture = space.format(&arch);
            (Subject::Engine { trainer: Box::new(trainer), path: Path::Shared(arch) }, architecture)
        }
    };
    Ok(Named { subject, architecture, width: None, cells: None })
}

fn mixed(space: Arc<dyn Blueprint>, args: &StepArgs, device: &Device) -> Result<Subject, Failure> {
    let info = gradient::method(METHOD).map_err(ExperimentError::from)?;
    let settings = MethodSettings { train: config(args.batch as usize), ..(info.published)() };
    let net = Net::supernet(space.clone(), Region::full(space), device, args.seed);
    // Said before the first step.
    net.sums().map_err(|error| Failure::Usage(format!("--mixed: {error}")))?;
    let search = GradientSearch::new(info, net, settings, NormMode::Batch, args.seed).map_err(ExperimentError::from)?;
    Ok(Subject::Search(Box::new(search)))
}
