//! What a run searches: the space within the limits, and its parts.

use std::sync::Arc;

use burn::tensor::Device;
use fewshot_data::Dataset;
use fewshot_space::{
    Arch, ENUMERATION_LIMIT, Feature, Filter, OptionSet, Partition, Region, Space, StageSkeleton, Timed, random,
};

use super::error::ExperimentError;
use crate::latency::{self, LatencyModel};
use crate::nets::Blueprint;
use crate::recipe::{CommonRecipe, parts};

/// Networks of a large space that are looked at for the smallest one.
const LOOKED_AT: u64 = 10_000;
/// Networks near a limit that are enough to search.
const ENOUGH: u128 = 64;

/// Latency of the networks of `space`, when it is limited. What has to be measured for that goes into the recipe.
pub fn latency(
    recipe: &mut CommonRecipe,
    blueprint: &Arc<dyn Blueprint>,
    image: [usize; 3],
    device: &Device,
) -> Result<Option<LatencyModel>, ExperimentError> {
    if recipe.search.max_latency_ms <= 0.0 {
        return Ok(None);
    }
    let table = match recipe.latency.take() {
        Some(table) => table,
        None => {
            let region = latency::plausible(blueprint, image, recipe.search.max_latency_ms, device)?;
            latency::measure(blueprint, &region, image, device, recipe.seed)?
        }
    };
    recipe.latency = Some(table.clone());
    Ok(Some(LatencyModel::new(blueprint.clone(), image, table, device)?))
}

/// The space whose regions are searched: that of the networks trained alone, with their latency where it is known.
pub fn searched_space(space: &Arc<dyn Blueprint>, latency: Option<Arc<LatencyModel>>) -> Arc<dyn Space> {
    match latency {
        None => space.clone(),
        Some(model) => Arc::new(Timed::new(space.clone(), move |arch| model.predict(arch).map(microseconds))),
    }
}

fn microseconds(ms: f64) -> u64 {
    (1000.0 * ms).round() as u64
}

/// The space within the recipe's limits, split as it says.
pub fn partition(recipe: &CommonRecipe, space: Arc<dyn Space>) -> Result<Partition, ExperimentError> {
    let mut whole = Region::full(space.clone());
    let limits = [
        (Feature::Macs, recipe.search.max_macs),
        (Feature::Params, recipe.search.max_params),
        // A limit of less than a microsecond is one all the same.
        (
            Feature::Latency,
            microseconds(recipe.search.max_latency_ms.max(0.0)).max((recipe.search.max_latency_ms > 0.0).into()),
        ),
    ];
    for (feature, limit) in limits.into_iter().filter(|(_, limit)| *limit > 0) {
        whole = whole.filtered(Filter::at_most(feature, limit));
    }
    if !whole.filters().is_empty() && whole.is_empty()? {
        return Err(too_tight(&space, &whole));
    }
    if recipe.search.fill > 0.0 {
        whole = filled(whole, recipe.search.fill)?;
        if !whole.filters().is_empty() {
            whole = tightened(whole)?;
        }
    }
    Ok(parts(whole, &recipe.split)?)
}

/// What of the region uses at least this share of the first of its limits that enough networks come near to.
fn filled(whole: Region, share: f64) -> Result<Region, ExperimentError> {
    for feature in [Feature::Latency, Feature::Macs, Feature::Params] {
        if let Some(limit) = whole.filters().iter().find(|filter| filter.feature == feature) {
            let (min, max) = ((share * limit.max as f64).ceil() as u64, limit.max);
            let near = whole.clone().filtered(Filter { feature, min, max });
            if near.extent()?.is_at_least(ENOUGH) {
                return Ok(near);
            }
        }
    }
    Ok(whole)
}

/// The region without options that none of its members takes, so that supernets need not hold them. A region that is too large to
/// be listed stays as it is.
fn tightened(region: Region) -> Result<Region, ExperimentError> {
    if Region::full(region.space().clone()).size()? > ENUMERATION_LIMIT {
        return Ok(region);
    }
    let mut taken = vec![OptionSet::default(); region.space().decisions().len()];
    for arch in region.iter() {
        // What it says of inert decisions it does not take.
        let active = region.space().active(&arch);
        for (decision, taken) in taken.iter_mut().enumerate().filter(|(decision, _)| active[*decision]) {
            *taken = taken.union(OptionSet::single(arch.get(decision)));
        }
    }
    let mut tight = region;
    for (decision, options) in taken.into_iter().enumerate().filter(|(_, options)| !options.is_empty()) {
        tight = tight.restrict(decision, options)?;
    }
    Ok(tight)
}

/// What the smallest networks of the space cost (of a space that is too large to be listed: of some of it), for a user whose limits
/// leave none.
fn too_tight(space: &Arc<dyn Space>, limited: &Region) -> ExperimentError {
    let whole = Region::full(space.clone());
    let is_listable = whole.size().is_ok_and(|size| size <= ENUMERATION_LIMIT);
    let least = |feature: Feature| {
        let of = |arch: Arch| feature.of(space.as_ref(), &arch);
        let drawn = (0..LOOKED_AT).filter_map(|draw| whole.sample(&mut random::stream(0, "least", draw, 0)).ok());
        let smallest = if is_listable { whole.iter().map(of).min() } else { drawn.map(of).min() };
        smallest.unwrap_or(0)
    };
    let timed = limited.filters().iter().any(|filter| filter.feature == Feature::Latency);
    ExperimentError::TooTight {
        limits: in_flags(limited),
        macs: least(Feature::Macs),
        params: least(Feature::Params),
        latency: if timed {
            format!(", the fastest takes {} microseconds", least(Feature::Latency))
        } else {
            String::new()
        },
    }
}

/// The limits of a region as they are given to the program, and as files have them.
fn in_flags(limited: &Region) -> String {
    let flags = limited.filters().iter().filter_map(|filter| match filter.feature {
        Feature::Macs => Some(format!("--max-macs {}", filter.max)),
        Feature::Params => Some(format!("--max-params {}", filter.max)),
        Feature::Latency => Some(format!("--max-latency-ms {}", filter.max as f64 / 1000.0)),
        _ => None,
    });
    let flags: Vec<String> = flags.collect();
    match flags.is_empty() {
        true => limited.label(),
        false => format!("{} ({})", flags.join(" "), limited.label()),
    }
}

/// What is given of hand-made networks for these images.
pub fn stage_skeleton(images: &Dataset) -> StageSkeleton {
    StageSkeleton {
        image_height: images.height(),
        image_width: images.width(),
        channels_in: images.channels(),
        classes: images.classes().len(),
    }
}

/// All networks of a space, where they can be listed; `advice` says what to do where they cannot.
pub fn all_networks(space: Arc<dyn Space>, advice: &'static str) -> Result<Vec<Arch>, ExperimentError> {
    let region = Region::full(space);
    let (size, limit) = (region.size()?, ENUMERATION_LIMIT);
    if size > limit {
        let space = region.space().name().to_string();
        return Err(ExperimentError::TooMany { space, size, limit, advice });
    }
    Ok(region.iter().collect())
}
