//! What a network costs.

use burn::tensor::Device;
use fewshot_guard::printable;
use fewshot_nas::experiments::ExperimentError;
use fewshot_nas::families::{self, Skeleton};
use fewshot_nas::latency;
use fewshot_nas::nets::live_cost;
use serde::Serialize;

use super::settings::given;
use super::{print, print_json, use_threads};
use crate::args::CostArgs;
use crate::failure::Failure;

/// One architecture's cost for one image.
#[derive(Serialize)]
struct CostLine {
    space: String,
    arch: String,
    /// Images, classes and settings of the space.
    network: Skeleton,
    /// Of all of its operations, as benchmarks and limits count.
    macs: u64,
    params: u64,
    /// Of those that the logits depend on, which are what is run and exported.
    live_macs: u64,
    live_params: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
}

pub fn cost(args: CostArgs) -> Result<(), Failure> {
    use_threads(1)?;
    let side = args.image_size as usize;
    let image = [side, side, args.channels as usize];
    let settings = given(&args.space, &args.settings)?;
    let skeleton = Skeleton { settings, ..Skeleton::of_images(image, args.classes as usize) };
    let counted = families::count(&args.space, skeleton).map_err(ExperimentError::from)?;
    let space = &counted.space;
    let arch = space.parse(&args.arch).map_err(ExperimentError::from)?;
    let (cost, device) = (space.cost(&arch), Device::flex());
    let live = match &counted.blueprint {
        Some(blueprint) => live_cost(blueprint.clone(), &arch, image).map_err(ExperimentError::from)?,
        None => cost,
    };
    let latency_ms = match (&counted.blueprint, args.latency) {
        (_, false) => None,
        (Some(blueprint), true) => {
            Some(latency::time(blueprint, &arch, image, &device).map_err(ExperimentError::from)?)
        }
        (None, true) => {
            let problem = format!("--latency: networks of {} can be counted, and not yet run", args.space);
            return Err(Failure::Usage(problem));
        }
    };
    let line = CostLine {
        space: args.space.clone(),
        arch: space.format(&arch),
        network: counted.skeleton.clone(),
        macs: cost.macs,
        params: cost.params,
        live_macs: live.macs,
        live_params: live.params,
        latency_ms,
    };
    if args.json {
        return print_json(&line);
    }
    let settings =
        line.network.settings.iter().map(|(key, value)| format!(", {key} {}", printable::line(&value.to_string())));
    let [height, width, channels] = image;
    let mut text = format!(
        "{}\nfor images of {height}x{width}x{channels}, {} classes{}\n{} multiply-adds, {} parameters",
        line.arch,
        args.classes,
        settings.collect::<String>(),
        line.macs,
        line.params
    );
    if live != cost {
        let CostLine { live_macs, live_params, .. } = line;
        text +=
            &format!("\n{live_macs} multiply-adds, {live_params} parameters of operations that its output depends on");
    }
    if let Some(ms) = line.latency_ms {
        text += &format!("\n{ms:.3} ms for one image on one thread of this machine");
    }
    print(&text)
}
