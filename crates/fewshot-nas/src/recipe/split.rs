//! The parts that a split makes of a region.

use fewshot_space::{Feature, OptionSet, Partition, PartitionError, Region, RegionError, Space, UnknownFeature};

use super::sections::SplitRecipe;

/// Why a region cannot be split so.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// The split names a decision that the space lacks.
    #[error("the space {space} has no decision `{name}` to split on; it has {known}")]
    UnknownDecision {
        /// What was asked for.
        name: String,
        /// The space.
        space: String,
        /// All decisions.
        known: String,
    },
    /// A listed part names an option that its decision lacks.
    #[error(
        "the decision `{decision}` of the space {space} has no option `{option}` to split on; for these images it has {known}"
    )]
    UnknownOption {
        /// What was asked for.
        option: String,
        /// Of which decision.
        decision: String,
        /// The space.
        space: String,
        /// All its options.
        known: String,
    },
    /// It names a feature that does not exist.
    #[error("split: {0}")]
    Feature(#[from] UnknownFeature),
    /// It cannot be split on these decisions or ranges.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// What comes out does not hold each network once.
    #[error(transparent)]
    Partition(#[from] PartitionError),
}

/// One part per combination of the decisions' options and range of the feature, or those that are listed; none is empty.
///
/// # Errors
/// [`SplitError`].
pub fn parts(whole: Region, split: &SplitRecipe) -> Result<Partition, SplitError> {
    let mut parts = regions(&whole, split)?;
    if !parts.iter().all(|part| part.filters().is_empty()) {
        // A limit or a range can leave a part nothing: no supernet is trained for that.
        let empty = parts.iter().map(Region::is_empty).collect::<Result<Vec<_>, _>>()?;
        parts = parts.into_iter().zip(empty).filter(|(_, is_empty)| !is_empty).map(|(part, _)| part).collect();
    }
    Ok(Partition::new(whole, parts)?)
}

/// The same before it is known whether filters leave a part nothing, and whether together they hold each network once.
///
/// # Errors
/// [`SplitError`], but for those of partitions.
pub fn regions(whole: &Region, split: &SplitRecipe) -> Result<Vec<Region>, SplitError> {
    if !split.parts.is_empty() {
        return listed(whole, split);
    }
    let decisions = split.decisions.iter().map(|name| decision(whole.space().as_ref(), name));
    let parts = whole.split(&decisions.collect::<Result<Vec<_>, _>>()?)?;
    if split.feature.is_empty() {
        return Ok(parts);
    }
    let feature: Feature = split.feature.parse()?;
    let ranges = parts.iter().map(|part| part.split_by(feature, &split.bounds));
    Ok(ranges.collect::<Result<Vec<_>, _>>()?.concat())
}

/// The parts that a recipe lists. Those of which the options of `whole` leave nothing are left out.
fn listed(whole: &Region, split: &SplitRecipe) -> Result<Vec<Region>, SplitError> {
    let space = whole.space().as_ref();
    let mut parts = Vec::with_capacity(split.parts.len());
    for part in &split.parts {
        let mut region = Some(whole.clone());
        for (name, options) in part {
            let decision = decision(space, name)?;
            let options = options.iter().map(|option| place_of(space, decision, option));
            let options = options.collect::<Result<OptionSet, SplitError>>()?;
            region = match region.map(|region| region.restrict(decision, options)).transpose() {
                Ok(restricted) => restricted,
                Err(RegionError::NoOption { .. }) => None,
                Err(error) => return Err(error.into()),
            };
        }
        parts.extend(region);
    }
    Ok(parts)
}

/// The place of a decision.
fn decision(space: &dyn Space, wanted: &str) -> Result<usize, SplitError> {
    let place = space.decisions().iter().position(|decision| decision.name == wanted);
    place.ok_or_else(|| SplitError::UnknownDecision {
        name: wanted.to_string(),
        space: space.name().to_string(),
        known: space.decisions().iter().map(|decision| decision.name.as_str()).collect::<Vec<_>>().join(", "),
    })
}

/// The place of an option of a decision.
fn place_of(space: &dyn Space, decision: usize, wanted: &str) -> Result<usize, SplitError> {
    let decision = &space.decisions()[decision];
    decision.options.iter().position(|option| option == wanted).ok_or_else(|| SplitError::UnknownOption {
        option: wanted.to_string(),
        decision: decision.name.clone(),
        space: space.name().to_string(),
        known: decision.options.join(", "),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

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
        let gates = Layers::preset("mbconv-gates-paper").unwrap().resolve().unwrap();
        let Experiment::Gradient(own) = &gates.experiment else { panic!("a gradient-based search") };
        let whole = Region::full(Arc::new(ProxylessSpace::new(ProxylessSkeleton::imagenet()).unwrap()));
        assert_eq!(labels(parts(whole, &own.split()).unwrap().regions()), published);
        // Together as many epochs with gates as the whole had.
        for method in &own.methods {
            let of_parts = 5 * own.part_epochs(method, crate::experiments::Mode::FewShotTransfer);
            assert_eq!((method.train.epochs - 40, of_parts), (120, 120), "{}", method.name);
        }
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
        assert!(matches!(gap, SplitError::Partition(_)), "{gap}");
        let unknown = split(&[&[("s9.b1.k", small)], &[("s1.b1.k", rest)]]).unwrap_err();
        assert!(matches!(unknown, SplitError::UnknownDecision { .. }), "{unknown}");
        let misspelt = split(&[&[("s1.b1.k", &["3", "9"])], &[("s1.b1.k", rest)]]).unwrap_err().to_string();
        assert!(misspelt.contains("no option `9`") && misspelt.contains("3, 5, 7"), "{misspelt}");
    }
}
