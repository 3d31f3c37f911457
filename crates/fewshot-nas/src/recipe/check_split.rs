//! Whether a recipe's space can be split as it says, as far as that is known before images are read.

use fewshot_space::{Feature, Partition, Region, RegionError};

use super::common::CommonRecipe;
use super::error::RecipeError;
use super::sections::SplitRecipe;
use super::split::{SplitError, regions};
use crate::families::OpenSpace;

/// Sides of images whose size is not known yet: small ones, and large ones as those of ImageNet. Which decisions there are may depend
/// on it; large ones have the most.
const SIDES: [usize; 2] = [32, 224];
/// Channels and classes of images that are not read yet. No space has other decisions with others.
const CHANNELS: usize = 3;
const CLASSES: usize = 10;

/// Under which keys a split stands.
pub struct SplitKeys<'a> {
    /// That of the decisions.
    pub decisions: &'a str,
    /// That of the listed parts.
    pub parts: &'a str,
    /// The table that all else of it stands in.
    pub within: &'a str,
}

impl CommonRecipe {
    /// Whether the networks that are searched have limits. What these leave is not known before the images are read.
    pub fn has_limits(&self) -> bool {
        !self.limits().is_empty()
    }

    /// The keys of the limits that the networks that are searched have.
    pub fn limits(&self) -> Vec<&'static str> {
        let search = &self.search;
        let all = [
            ("search.max_macs", search.max_macs > 0),
            ("search.max_params", search.max_params > 0),
            ("search.max_latency_ms", search.max_latency_ms > 0.0),
        ];
        all.into_iter().filter(|(_, is_set)| *is_set).map(|(key, _)| key).collect()
    }

    /// Whether the space has networks for images of the recipe's size, where it says one.
    pub(super) fn check_image_size(&self) -> Result<(), RecipeError> {
        let side = self.data.image_size;
        let opens = |side: usize| {
            let image = [side, side, CHANNELS];
            self.space_shared(image, CLASSES).and_then(|_| self.space_alone(image, CLASSES))
        };
        // What no size mends is not the size's fault, and is told when it is opened for the images.
        match opens(side) {
            Err(error) if side > 0 && SIDES.into_iter().any(|other| opens(other).is_ok()) => {
                Err(RecipeError::setting("data.image_size", format!("data.image_size = {side}: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a split that a run would refuse. Where `is_limited`, it is one of what limits leave: then only its names are looked at.
    pub fn check_split(&self, keys: &SplitKeys<'_>, split: &SplitRecipe, is_limited: bool) -> Result<(), RecipeError> {
        check_form(keys, split)?;
        let spaces = self.likely_spaces();
        self.check_names_of(keys, split, &spaces)?;
        if is_limited {
            return Ok(());
        }
        // Of images of unknown size one that can be split is enough.
        let mut error = None;
        for space in &spaces {
            match divides(space, split) {
                Ok(()) => return Ok(()),
                Err(other) => error = Some(other),
            }
        }
        let Some(error) = error else { return Ok(()) };
        let key = match &error {
            SplitError::Feature(_) => format!("{}.feature", keys.within),
            SplitError::Region(RegionError::Bounds { .. }) => format!("{}.bounds", keys.within),
            _ if split.parts.is_empty() => keys.decisions.to_string(),
            _ => keys.parts.to_string(),
        };
        let advice = match error {
            SplitError::Partition(_) => ": list parts that together hold each network once",
            _ => "",
        };
        Err(RecipeError::setting(&*key, format!("{key}: {error}{advice}")))
    }

    /// The spaces that the images may have, those that can be opened.
    fn likely_spaces(&self) -> Vec<OpenSpace> {
        let known = [self.data.image_size];
        let sides = if known == [0] { &SIDES[..] } else { &known[..] };
        sides.iter().filter_map(|&side| self.space_alone([side, side, CHANNELS], CLASSES).ok()).collect()
    }

    fn check_names_of(
        &self,
        keys: &SplitKeys<'_>,
        split: &SplitRecipe,
        spaces: &[OpenSpace],
    ) -> Result<(), RecipeError> {
        let mut decisions: Vec<&str> = Vec::new();
        for decision in spaces.iter().flat_map(|space| space.blueprint().decisions()) {
            if !decisions.contains(&decision.name.as_str()) {
                decisions.push(&decision.name);
            }
        }
        if decisions.is_empty() {
            return Ok(());
        }
        let (space, known) = (&self.space.name, decisions.join(", "));
        for (index, name) in split.decisions.iter().enumerate() {
            if !decisions.contains(&name.as_str()) {
                let key = format!("{}[{index}]", keys.decisions);
                let problem = format!("{key}: the space {space} has no decision `{name}`; it has {known}");
                return Err(RecipeError::setting(key, problem));
            }
        }
        for (index, part) in split.parts.iter().enumerate() {
            for (name, option) in
                part.iter().flat_map(|(name, options)| options.iter().map(move |option| (name, option)))
            {
                let has = |space: &OpenSpace| {
                    let mut decisions = space.blueprint().decisions().iter();
                    decisions.any(|decision| decision.name == *name && decision.options.contains(option))
                };
                if !spaces.iter().any(has) {
                    let key = format!("{}[{index}]", keys.parts);
                    let problem = format!(
                        "{key}: no decision `{name}` of the space {space} has the option `{option}`; its decisions are {known}"
                    );
                    return Err(RecipeError::setting(key, problem));
                }
            }
        }
        let feature = &split.feature;
        if !feature.is_empty()
            && let Err(error) = feature.parse::<Feature>()
        {
            let key = format!("{}.feature", keys.within);
            return Err(RecipeError::setting(&*key, format!("{key}: {error}")));
        }
        Ok(())
    }
}

/// Whether all of a space can be split so. Combinations of options and ranges are parts by the way they are made; listed ones are
/// proven to be.
fn divides(space: &OpenSpace, split: &SplitRecipe) -> Result<(), SplitError> {
    let whole = Region::full(space.blueprint().clone());
    let parts = regions(&whole, split)?;
    if !split.parts.is_empty() {
        Partition::new(whole, parts)?;
    }
    Ok(())
}

/// Whether parts that are listed are all that is split on, and say something each.
fn check_form(keys: &SplitKeys<'_>, split: &SplitRecipe) -> Result<(), RecipeError> {
    let key = keys.parts;
    let fail = |problem: String| Err(RecipeError::setting(key, format!("{key}: {problem}")));
    let decisions = keys.decisions.rsplit('.').next().unwrap_or(keys.decisions);
    let others = [(decisions, split.decisions.is_empty(), "[]"), ("feature", split.feature.is_empty(), "\"\"")];
    match split.parts.as_slice() {
        [] => Ok(()),
        parts => match others.into_iter().find(|(_, is_empty, _)| !is_empty) {
            Some((other, _, none)) => fail(format!(
                "listed parts are all that is split on: leave out `{other}`, or, where a base has it, set `{other} = {none}`"
            )),
            None if parts.len() == 1 => fail(String::from("one part is no split: list two or more, or none")),
            None if parts.iter().any(|part| part.values().any(Vec::is_empty) || part.is_empty()) => {
                fail(String::from("each part names one option or more of one decision or more"))
            }
            None => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::experiments::Layers;

    /// What is said of a recipe of these lines over the preset.
    fn said(preset: &str, text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        std::fs::write(&path, text).unwrap();
        let layers = Layers::preset(preset).unwrap().file(&path).unwrap();
        match layers.resolve() {
            Ok(_) => String::from("ok"),
            Err(error) => error.to_string().replace(&path.display().to_string(), "mine.toml"),
        }
    }

    #[test]
    fn parts_that_share_networks_or_leave_some_out_are_refused_where_they_stand() {
        let overlap = "[{ e0 = [\"none\", \"skip_connect\"] }, { e0 = [\"skip_connect\", \"nor_conv_1x1\", \"nor_conv_3x3\", \
                       \"avg_pool_3x3\"] }]";
        let gap = "[{ e0 = [\"none\"] }, { e0 = [\"nor_conv_1x1\", \"nor_conv_3x3\", \"avg_pool_3x3\"] }]";
        let space = "[space]\nname = \"nasbench201\"\n";
        let parts = |parts: &str| format!("{space}[split]\ndecisions = []\nparts = {parts}\n");
        let found = said("quick", &parts(overlap));
        assert!(found.starts_with("mine.toml, line 5: split.parts: regions 0 (e0=none|skip_connect) and 1"), "{found}");
        assert!(found.contains("overlap: both have") && found.ends_with("each network once"), "{found}");
        let found = said("quick", &parts(gap));
        assert!(found.starts_with("mine.toml, line 5: split.parts: no region has"), "{found}");
        // What limits leave of them is not known before the images are read.
        assert_eq!(said("quick", &format!("{}[search]\nmax_macs = 1000000\n", parts(overlap))), "ok");
        let arms = format!("[[arms]]\nname = \"parts\"\nsplit.parts = {overlap}\n");
        let found = said("nasbench201-laptop", &arms);
        assert!(found.starts_with("mine.toml, line 3: arms[0].split.parts: regions 0"), "{found}");
        let found = said("gradient-smoke", &format!("[gradient]\nsplit = []\nparts = {overlap}\n"));
        assert!(found.starts_with("mine.toml, line 3: gradient.parts: regions 0"), "{found}");
        let found = said("gradient-smoke", &format!("[gradient]\nparts = {overlap}\n"));
        assert!(found.contains("leave out `split`, or, where a base has it, set `split = []`"), "{found}");
    }

    #[test]
    fn decisions_and_ranges_that_cannot_be_split_on_are_refused_too() {
        let found = said("gradient-smoke", "[gradient]\nsplit = [\"e9\"]\n");
        assert!(
            found.starts_with("mine.toml, line 2: gradient.split[0]: the space nasbench201 has no decision"),
            "{found}"
        );
        let found = said("quick", "[split]\ndecisions = [\"e0\", \"e0\"]\n");
        assert!(found.starts_with("mine.toml, line 2: split.decisions: "), "{found}");
        let found = said("quick", "[split]\ndecisions = []\nfeature = \"live_convs\"\nbounds = [3, 1]\n");
        assert!(found.starts_with("mine.toml, line 4: split.bounds: "), "{found}");
        // A decision that small images leave no choice, and large ones do.
        let proxyless = "[space]\nname = \"proxyless\"\n[split]\ndecisions = [\"s3.b1\"]\n";
        assert_eq!(said("quick", proxyless), "ok");
    }

    #[test]
    fn images_of_a_size_that_the_space_has_no_networks_for_are_refused_by_that() {
        let found = said("autogan", "[data]\nimage_size = 28\n");
        assert!(found.starts_with("mine.toml, line 2: data.image_size = 28: "), "{found}");
        assert_eq!(said("autogan", "[data]\nimage_size = 48\n"), "ok");
    }
}
