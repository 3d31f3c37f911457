//! Costs read off graphs.

use std::sync::Arc;

use burn::tensor::Device;
use fewshot_data::Normalise;
use fewshot_space::{Arch, Cost, Region};

use crate::blueprint::Blueprint;
use crate::net::Net;
use crate::net_error::NetError;

/// What a network of `arch` alone costs for an image of `[height, width, channels]`: all operations that its output depends on.
/// A space in which nothing is dead may have no other count of its own. It writes the graph each time, which takes some 10 to
/// 1000 microseconds; spaces that are searched by cost are faster with a formula.
///
/// # Errors
/// When the architecture is not one of the space.
pub fn live_cost(blueprint: Arc<dyn Blueprint>, arch: &Arch, image: [usize; 3]) -> Result<Cost, NetError> {
    let canonical = blueprint.canonical(arch);
    let region = Region::single(blueprint.clone(), arch)?;
    let net = Net::catalogue(blueprint, region, &Device::flex());
    let plain = Normalise { mean: vec![0.0; image[2]], std: vec![1.0; image[2]] };
    Ok(net.graph(&canonical, image, &plain)?.cost())
}
