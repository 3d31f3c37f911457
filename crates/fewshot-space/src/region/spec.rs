use super::error::RegionError;
use super::part::Region;
use crate::feature::Filter;
use crate::option_set::OptionSet;
use crate::space::Space;
use crate::suggest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A region by names, for run files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionSpec {
    /// Name of the space.
    pub space: String,
    /// The restricted decisions with the names of their allowed options.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub allowed: BTreeMap<String, Vec<String>>,
    /// The filters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Filter>,
}

impl Region {
    /// The region by names. [`from_spec`](Region::from_spec) gives it back, unless two filters on one feature had nothing in
    /// common: a region that is empty for that reason is not worth a file.
    pub fn spec(&self) -> RegionSpec {
        let decisions = self.space.decisions().iter().zip(&self.allowed);
        let restricted = decisions.filter(|(decision, allowed)| decision.option_set() != **allowed);
        let named = restricted.map(|(decision, allowed)| {
            let options = allowed.iter().map(|option| decision.options[option].clone()).collect();
            (decision.name.clone(), options)
        });
        RegionSpec { space: self.space.name().into(), allowed: named.collect(), filters: self.filters.clone() }
    }

    /// The region of `space` that `spec` describes.
    ///
    /// # Errors
    /// [`RegionError::OtherSpace`]; [`RegionError::UnknownDecision`]; [`RegionError::UnknownOption`];
    /// [`RegionError::NoOption`] when a decision is given no option; [`RegionError::EmptyFilter`] when a filter's `min` is
    /// above its `max`.
    pub fn from_spec(space: Arc<dyn Space>, spec: &RegionSpec) -> Result<Region, RegionError> {
        if spec.space != space.name() {
            let expected = space.name().into();
            return Err(RegionError::OtherSpace { expected, found: spec.space.clone() });
        }
        let mut region = Region::full(space);
        for (name, options) in &spec.allowed {
            let index = region.decision(name)?;
            let allowed = options.iter().map(|option| region.option(index, option));
            region = region.restrict(index, allowed.collect::<Result<OptionSet, _>>()?)?;
        }
        for &filter in &spec.filters {
            if filter.min > filter.max {
                return Err(RegionError::EmptyFilter(filter));
            }
            region = region.filtered(filter);
        }
        Ok(region)
    }

    /// The index of the option `name` of decision `index`, which must exist.
    fn option(&self, index: usize, name: &str) -> Result<usize, RegionError> {
        let decision = &self.space.decisions()[index];
        decision.options.iter().position(|option| option == name).ok_or_else(|| RegionError::UnknownOption {
            space: self.space.name().into(),
            decision: decision.name.clone(),
            name: name.into(),
            hint: suggest::hint(name, decision.options.iter().map(String::as_str)),
        })
    }
}
