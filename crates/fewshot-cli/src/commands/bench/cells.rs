//! Spaces and architectures that the engine's own networks cover.

use std::sync::Arc;

use fewshot_nas::experiments::ExperimentError;
use fewshot_space::{Arch, CellSkeleton, CellSpace, Region, Space, random, suggest};

use super::images::{CHANNELS, CLASSES, SIDE};
use crate::failure::Failure;

/// The space called `name` for the benchmarks' images.
pub fn space(name: &str, width: usize, cells: usize) -> Result<Arc<CellSpace>, Failure> {
    let default = CellSkeleton::default_for(name).map_err(ExperimentError::from)?;
    let (image_height, image_width) = (SIDE, SIDE);
    let skeleton =
        CellSkeleton { image_height, image_width, channels_in: CHANNELS, classes: CLASSES, width, cells, ..default };
    Ok(Arc::new(CellSpace::by_name(name, skeleton).map_err(ExperimentError::from)?))
}

/// The random architecture number `index` of `seed`.
pub fn random_arch(space: &Arc<CellSpace>, seed: u64, index: u64) -> Result<Arch, Failure> {
    let mut rng = random::stream(seed, "bench architecture", index, 0);
    Ok(Region::full(space.clone()).sample(&mut rng).map_err(ExperimentError::from)?)
}

/// `random`, an operation for all edges, or an architecture's text.
pub fn arch(space: &Arc<CellSpace>, text: &str, seed: u64) -> Result<Arch, Failure> {
    if text == "random" {
        return random_arch(space, seed, 0);
    }
    let names: Vec<&str> = space.ops().iter().map(|op| op.name()).collect();
    if let Some(option) = names.iter().position(|name| *name == text) {
        return Ok(Arch::new(vec![option as u8; space.decisions().len()]));
    }
    if !text.contains(['|', '[']) {
        let hint = suggest::hint(text, names.into_iter().chain(["random"]));
        return Err(Failure::Usage(format!("--op {text}: no such operation; {hint}")));
    }
    Ok(space.parse(text).map_err(ExperimentError::from)?)
}
