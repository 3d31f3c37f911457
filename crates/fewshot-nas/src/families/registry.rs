//! The list of families, and spaces by the names in it.

use std::sync::{Arc, PoisonError, RwLock};

use fewshot_space::{SpaceError, suggest};
use serde_json::Value;

use super::cells::CellFamily;
use super::darts::DartsFamily;
use super::generators::GeneratorFamily;
use super::mbconv::MbFamily;
use super::stages::StageFamily;
use super::{Family, OpenSpace, Settings, Skeleton};
use crate::nets::Blueprint;

/// The families that come with the program, the default one first.
const BUILTIN: [&dyn Family; 7] = [
    &StageFamily,
    &CellFamily::NASBENCH201,
    &CellFamily::CELL1296,
    &DartsFamily,
    &MbFamily::OFA_MBV3,
    &MbFamily::PROXYLESS,
    &GeneratorFamily,
];

/// Those from elsewhere, in the order in which they came.
static OWN: RwLock<Vec<&'static dyn Family>> = RwLock::new(Vec::new());

/// Adds a family for as long as the program runs.
///
/// # Errors
/// [`SpaceError::Settings`] when there is one of this name.
pub fn register(family: impl Family + 'static) -> Result<(), SpaceError> {
    let name = family.name();
    if self::family(name).is_ok() {
        return Err(SpaceError::Settings {
            space: name.into(),
            reason: "there is a family of this name already".into(),
        });
    }
    // A list that somebody left in a panic is whole all the same.
    OWN.write().unwrap_or_else(PoisonError::into_inner).push(Box::leak(Box::new(family)));
    Ok(())
}

/// All families, the default one first.
pub fn all() -> Vec<&'static dyn Family> {
    let own = OWN.read().unwrap_or_else(PoisonError::into_inner);
    BUILTIN.iter().chain(own.iter()).copied().collect()
}

/// Their names.
pub fn names() -> Vec<&'static str> {
    all().into_iter().map(Family::name).collect()
}

/// The names of those whose networks tell what is on images.
pub fn classifiers() -> Vec<&'static str> {
    all().into_iter().filter(|family| !family.makes_images()).map(Family::name).collect()
}

/// The family called `name`.
///
/// # Errors
/// [`SpaceError::Unknown`], with the name that was probably meant.
pub fn family(name: &str) -> Result<&'static dyn Family, SpaceError> {
    let unknown = || SpaceError::Unknown { name: name.into(), hint: suggest::hint(name, names()) };
    all().into_iter().find(|family| family.name() == name).ok_or_else(unknown)
}

/// The space called `name` for networks of `skeleton`; settings that this leaves out are the family's own.
///
/// # Errors
/// [`SpaceError`]: no such family, no such setting, or one that is out of its range.
pub fn open(name: &str, skeleton: Skeleton) -> Result<OpenSpace, SpaceError> {
    let family = family(name)?;
    let skeleton = completed(family, skeleton)?;
    Ok(OpenSpace::new(family.open(&skeleton)?, skeleton))
}

/// The settings of the family called `name`, each with what it is by default.
///
/// # Errors
/// [`SpaceError::Unknown`], as [`family`].
pub fn settings(name: &str) -> Result<Settings, SpaceError> {
    Ok(family(name)?.settings())
}

/// Fewest classes of images that networks of the space called `name` can do with: those that make images tell none apart.
pub fn least_classes(name: &str) -> usize {
    if family(name).is_ok_and(Family::makes_images) { 1 } else { 2 }
}

/// The skeleton, checked, with all of the family's settings.
fn completed(family: &dyn Family, mut skeleton: Skeleton) -> Result<Skeleton, SpaceError> {
    let (name, mut settings) = (family.name(), family.settings());
    skeleton.check(least_classes(name)).map_err(|error| SpaceError::Skeleton { space: name.into(), error })?;
    for (key, value) in skeleton.settings {
        match settings.get_mut(&key) {
            Some(known) => *known = value,
            None => return Err(SpaceError::Settings { space: name.into(), reason: no_setting(&key, &settings) }),
        }
    }
    skeleton.settings = settings;
    Ok(skeleton)
}

/// The space called `name` for images of 32x32 pixels and 10 classes, with the family's own settings: to look at.
///
/// # Errors
/// [`SpaceError::Unknown`].
pub fn default_space(name: &str) -> Result<Arc<dyn Blueprint>, SpaceError> {
    Ok(open(name, Skeleton::of_images([32, 32, 3], 10))?.blueprint().clone())
}

/// Whether `key` is a setting that counts channels or cells. The sizes of a recipe are such numbers; multipliers are not.
pub fn is_count(settings: &Settings, key: &str) -> bool {
    settings.get(key).is_some_and(Value::is_u64)
}

/// What is wrong with a setting that is none of those known, with the name that was probably meant.
pub fn no_setting(key: &str, known: &Settings) -> String {
    if known.is_empty() {
        return format!("no setting `{key}`: nothing about its networks is given beside the images, all is decided");
    }
    format!("no setting `{key}`, {}", suggest::hint(key, known.keys().map(String::as_str)))
}

#[cfg(test)]
mod tests {
    use fewshot_space::Arch;
    use serde_json::json;

    use super::super::testing::check_family;
    use super::*;

    fn opened(name: &str, settings: serde_json::Value) -> Result<OpenSpace, String> {
        let serde_json::Value::Object(settings) = settings else { unreachable!("an object") };
        let skeleton = Skeleton { settings, ..Skeleton::of_images([16, 16, 1], 3) };
        open(name, skeleton).map_err(|error| error.to_string())
    }

    #[test]
    fn every_family_opens_by_its_name_with_its_own_settings() {
        for family in all() {
            check_family(family);
            let opened = opened(family.name(), json!({})).unwrap();
            assert_eq!(opened.skeleton().settings, family.settings());
        }
        assert_eq!(
            family("nasbench21").err().unwrap().to_string(),
            "unknown space `nasbench21`; did you mean `nasbench201`?"
        );
    }

    #[test]
    fn stages_of_inverted_bottlenecks_fit_the_images() {
        for (side, layers) in [(32, 6), (95, 6), (96, 21), (224, 21)] {
            let opened = open("proxyless", Skeleton::of_images([side, side, 3], 10)).unwrap();
            assert_eq!(opened.blueprint().decisions().len(), layers, "{side}");
        }
        let macs = |side: usize| {
            let opened = open("proxyless", Skeleton::of_images([side, side, 3], 10)).unwrap();
            let first = Arch::new(vec![0; opened.blueprint().decisions().len()]);
            opened.blueprint().cost(&first).macs
        };
        // The stem of the larger images halves them.
        assert_eq!(macs(32), macs(64));
    }

    #[test]
    fn generators_are_as_large_as_their_images() {
        let opened = open("autogan", Skeleton::of_images([32, 32, 3], 10)).unwrap();
        let arch = opened.blueprint().parse("1 0 1 1 1 0 0 1 1 1 0 1 0 3").unwrap();
        assert_eq!(opened.blueprint().cost(&arch).params, 4_405_251);
        let uneven = open("autogan", Skeleton::of_images([28, 28, 3], 10)).unwrap_err().to_string();
        assert!(uneven.contains("a multiple of 8 pixels a side"), "{uneven}");
        assert!(!classifiers().contains(&"autogan"));
    }

    #[test]
    fn settings_are_checked_by_name_kind_and_range() {
        let cells = opened("nasbench201", json!({ "width": 8, "cells": 2, "reduction": "pool" })).unwrap();
        let skeleton = cells.cells().unwrap().skeleton();
        assert_eq!((skeleton.width, skeleton.cells, skeleton.image_height), (8, 2, 16));
        for (name, settings, words) in [
            ("nasbench201", json!({ "widht": 8 }), "no setting `widht`, did you mean `width`?"),
            ("nasbench201", json!({ "width": 0 }), "width = 0 is out of range"),
            ("nasbench201", json!({ "width": "wide" }), "invalid type"),
            ("nasbench201", json!({ "reduction": "none" }), "unknown variant `none`"),
            ("stages", json!({ "width": 8 }), "all is decided"),
            ("darts", json!({ "cells": 2 }), "cells = 2 is out of range: give 3 to 100"),
            ("darts", json!({ "drop_path": 1.0 }), "drop_path = 1 is out of range: give 0 up to but not including 1"),
            ("darts", json!({ "auxiliary": 1 }), "invalid type"),
            ("darts", json!({ "design": "nasnet" }), "unknown variant `nasnet`"),
        ] {
            let error = opened(name, settings).unwrap_err();
            assert!(error.contains(words) && error.starts_with(&format!("space {name}: ")), "{error}");
        }
        for (name, settings, words) in [
            ("ofa-mbv3", json!({ "width": 8 }), "width = 8 is out of range: give 0.1 to 4"),
            ("ofa-mbv3", json!({ "resolutions": "16;32" }), "give sides as `128,160,192`"),
            ("ofa-mbv3", json!({ "resolutions": "32,16" }), "list each once, ascending"),
            ("proxyless", json!({ "scale": "huge" }), "unknown variant `huge`"),
            ("proxyless", json!({ "stem_stride": 3 }), "stem_stride = 3 is out of range"),
        ] {
            let error = opened(name, settings).unwrap_err();
            assert!(error.contains(words) && error.starts_with(&format!("space {name}: ")), "{error}");
        }
        let oblong = open("ofa-mbv3", Skeleton::of_images([28, 31, 1], 2)).unwrap_err().to_string();
        assert!(oblong.contains("give it square ones with `--image-size`"), "{oblong}");
        let none = Skeleton::of_images([16, 16, 1], 1);
        assert_eq!(
            open("stages", none).unwrap_err().to_string(),
            "space stages: classes = 1 is out of range: give 2 to 1000000"
        );
        let uneven = open("cell1296", Skeleton::of_images([28, 31, 1], 2)).unwrap_err().to_string();
        assert!(uneven.contains("28x31 pixels halve unevenly"), "{uneven}");
    }
}
