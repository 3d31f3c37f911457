//! What a run searches: the space within the limits, and its parts.

use std::sync::Arc;

use burn::tensor::Device;
use fewshot_data::Dataset;
use fewshot_space::{
    Arch, ENUMERATION_LIMIT, Feature, Filter, OptionSet, Partition, Region, RegionError, Space, StageSkeleton, Timed,
    random,
};

use super::error::ExperimentError;
use crate::families::{self, OpenSpace, Skeleton};
use crate::latency::{self, LatencyModel};
use crate::nets::Blueprint;
use crate::recipe::{CommonRecipe, SplitRecipe, SupernetReduction};

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
    parts(whole, &recipe.split)
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

/// One part per combination of the decisions' options and range of the feature; none is empty.
pub fn parts(whole: Region, split: &SplitRecipe) -> Result<Partition, ExperimentError> {
    let space = whole.space().clone();
    if !split.parts.is_empty() {
        return listed(whole, split);
    }
    let decisions = split.decisions.iter().map(|name| decision(space.as_ref(), name));
    let decisions = decisions.collect::<Result<Vec<_>, _>>()?;
    let mut parts = whole.split(&decisions)?;
    if !split.feature.is_empty() {
        let feature: Feature = split.feature.parse()?;
        let ranges = parts.iter().map(|part| part.split_by(feature, &split.bounds));
        parts = ranges.collect::<Result<Vec<_>, _>>()?.concat();
    }
    if !parts.iter().all(|part| part.filters().is_empty()) {
        // A limit or a range can leave a part nothing: no supernet is trained for that.
        let empty = parts.iter().map(Region::is_empty).collect::<Result<Vec<_>, _>>()?;
        parts = parts.into_iter().zip(empty).filter(|(_, is_empty)| !is_empty).map(|(part, _)| part).collect();
    }
    Ok(Partition::new(whole, parts)?)
}

/// The parts that a recipe lists. Those of which the limits of `whole` leave nothing are left out.
fn listed(whole: Region, split: &SplitRecipe) -> Result<Partition, ExperimentError> {
    let space = whole.space().clone();
    let mut parts = Vec::with_capacity(split.parts.len());
    for part in &split.parts {
        let mut region = Some(whole.clone());
        for (name, options) in part {
            let decision = decision(space.as_ref(), name)?;
            let options = options.iter().map(|option| place_of(space.as_ref(), decision, option));
            let options = options.collect::<Result<OptionSet, ExperimentError>>()?;
            region = match region.map(|region| region.restrict(decision, options)).transpose() {
                Ok(restricted) => restricted,
                Err(RegionError::NoOption { .. }) => None,
                Err(error) => return Err(error.into()),
            };
        }
        if let Some(region) = region
            && (region.filters().is_empty() || !region.is_empty()?)
        {
            parts.push(region);
        }
    }
    Ok(Partition::new(whole, parts)?)
}

/// The place of a decision.
fn decision(space: &dyn Space, wanted: &str) -> Result<usize, ExperimentError> {
    let place = space.decisions().iter().position(|decision| decision.name == wanted);
    place.ok_or_else(|| ExperimentError::UnknownDecision {
        name: wanted.to_string(),
        space: space.name().to_string(),
        known: space.decisions().iter().map(|decision| decision.name.as_str()).collect::<Vec<_>>().join(", "),
    })
}

/// The place of an option of a decision.
fn place_of(space: &dyn Space, decision: usize, wanted: &str) -> Result<usize, ExperimentError> {
    let decision = &space.decisions()[decision];
    decision.options.iter().position(|option| option == wanted).ok_or_else(|| ExperimentError::UnknownOption {
        option: wanted.to_string(),
        decision: decision.name.clone(),
        space: space.name().to_string(),
        known: decision.options.join(", "),
    })
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

/// The space of the recipe for these images, at a size where that is no decision.
pub fn space_for(
    recipe: &CommonRecipe,
    images: &Dataset,
    width: usize,
    cells: usize,
    reduction: SupernetReduction,
) -> Result<OpenSpace, ExperimentError> {
    let name = &recipe.space.name;
    let mut settings = families::family(name)?.settings();
    let count = |key: &str, size: usize| families::is_count(&settings, key).then(|| size.into());
    let sizes =
        [("width", count("width", width)), ("cells", count("cells", cells)), ("reduction", reduction.setting())];
    for (key, value) in sizes {
        if let (Some(known), Some(value)) = (settings.get_mut(key), value) {
            *known = value;
        }
    }
    settings.extend(recipe.space.settings.clone());
    let shape = Skeleton::of_images([images.height(), images.width(), images.channels()], images.classes().len());
    Ok(families::open(name, Skeleton { settings, ..shape })?)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fewshot_space::{OfaMbv3Skeleton, OfaMbv3Space, OfaSplit, ProxylessSkeleton, ProxylessSpace};

    use super::*;
    use crate::experiments::{Experiment, Layers};

    /// The listed parts of a preset.
    fn of_preset(name: &str) -> SplitRecipe {
        let recipe = Layers::preset(name).unwrap().resolve().unwrap();
        let Experiment::Ranking(arms) = &recipe.experiment else { panic!("a ranking") };
        arms[1].split.clone()
    }

    fn labels(regions: &[Region]) -> Vec<String> {
        regions.iter().map(Region::label).collect()
    }

    fn listed_parts(parts: &[&[(&str, &[&str])]]) -> SplitRecipe {
        let part = |part: &&[(&str, &[&str])]| -> BTreeMap<String, Vec<String>> {
            part.iter()
                .map(|(name, options)| (name.to_string(), options.iter().map(|o| o.to_string()).collect()))
                .collect()
        };
        SplitRecipe { parts: parts.iter().map(part).collect(), ..SplitRecipe::default() }
    }

    #[test]
    fn the_five_parts_of_the_comparisons_are_those_of_the_spaces() {
        for (preset, skeleton) in
            [("mbconv-ofa-smoke", OfaMbv3Skeleton::tiny()), ("mbconv-ofa-paper", OfaMbv3Skeleton::imagenet())]
        {
            let space = Arc::new(OfaMbv3Space::new(skeleton).unwrap());
            let whole = Region::full(space.clone());
            let partition = parts(whole.clone(), &of_preset(preset)).unwrap();
            assert_eq!(labels(partition.regions()), labels(&space.split(&whole, OfaSplit::Tree).unwrap()), "{preset}");
            assert_eq!(partition.regions().len(), 5);
            let networks = partition.regions().iter().map(|part| part.size().unwrap()).sum::<u128>();
            assert_eq!(networks, whole.size().unwrap(), "{preset}");
        }
        let proxyless = |preset: &str, skeleton: ProxylessSkeleton| {
            let space = Arc::new(ProxylessSpace::new(skeleton).unwrap());
            let whole = Region::full(space.clone());
            let partition = parts(whole.clone(), &of_preset(preset)).unwrap();
            assert_eq!(partition.regions().len(), 5, "{preset}");
            (labels(partition.regions()), labels(&space.split(&whole).unwrap()))
        };
        let (listed, published) = proxyless("mbconv-proxyless-paper", ProxylessSkeleton::imagenet());
        assert_eq!(listed, published);
        // Small images leave four candidates of the block that is split there; the one behind it may be left out too.
        proxyless("mbconv-proxyless-smoke", ProxylessSkeleton::tiny());
    }

    #[test]
    fn listed_parts_are_proven_where_a_decision_is_not_always_there() {
        let space: Arc<dyn Space> = Arc::new(OfaMbv3Space::new(OfaMbv3Skeleton::tiny()).unwrap());
        let whole = Region::full(space);
        let split = |list: &[&[(&str, &[&str])]]| parts(whole.clone(), &listed_parts(list));
        let (small, rest): (&[&str], &[&str]) = (&["3"], &["5", "7"]);
        assert_eq!(split(&[&[("s1.b1.k", small)], &[("s1.b1.k", rest)]]).unwrap().regions().len(), 2);
        // The second block of a stage is not in every network, and those without it would be in both parts.
        let error = split(&[&[("s1.b2.k", small)], &[("s1.b2.k", rest)]]).unwrap_err().to_string();
        assert!(error.contains("both"), "{error}");
        let gap = split(&[&[("s1.b1.k", small)], &[("s1.b1.k", &["7"])]]).unwrap_err();
        assert!(matches!(gap, ExperimentError::Partition(_)), "{gap}");
        let unknown = split(&[&[("s9.b1.k", small)], &[("s1.b1.k", rest)]]).unwrap_err();
        assert!(matches!(unknown, ExperimentError::UnknownDecision { .. }), "{unknown}");
        let misspelt = split(&[&[("s1.b1.k", &["3", "9"])], &[("s1.b1.k", rest)]]).unwrap_err().to_string();
        assert!(misspelt.contains("no option `9`") && misspelt.contains("3, 5, 7"), "{misspelt}");
    }
}
