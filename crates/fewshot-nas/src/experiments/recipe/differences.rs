//! In which settings two recipes differ, as far as these decide what a run finds.

use std::fmt;

use serde_json::Value;

use super::document::{Experiment, Recipe};
use crate::lab::absolute;

/// Letters of a value that are shown.
const SHOWN: usize = 60;

/// A setting that two recipes have differently.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The setting, say `ranking.seeds`.
    pub key: String,
    /// What the one has; none where it leaves the setting out.
    pub there: Option<Value>,
    /// What the other has.
    pub here: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<Value>| match value.as_ref().map(Value::to_string) {
            None => String::from("not set"),
            Some(text) if text.chars().count() > SHOWN => {
                format!("{}..", text.chars().take(SHOWN).collect::<String>())
            }
            Some(text) => text,
        };
        write!(f, "`{}` is {} there and {} here", self.key, shown(&self.there), shown(&self.here))
    }
}

impl Recipe {
    /// In which settings the recipe of a run differs from one that is wanted, by their names. What a run only
    /// found in its images and files, and what does not decide its numbers, is no difference.
    pub fn differences(&self, wanted: &Recipe) -> Vec<Difference> {
        let mut found = Vec::new();
        let value = |recipe: &Recipe| serde_json::to_value(recipe).unwrap_or_default();
        walk("", Some(&value(&self.as_wanted(wanted))), Some(&value(&wanted.with_absolute_paths())), &mut found);
        found
    }

    /// This recipe of a run, with what it found, and what decides nothing, as in `wanted`.
    fn as_wanted(&self, wanted: &Recipe) -> Recipe {
        let mut own = self.with_absolute_paths();
        let wanted = wanted.with_absolute_paths();
        let (known, common) = (&mut own.common, &wanted.common);
        let (path, limit, side) = (known.data.path.clone(), known.data.limit, known.data.image_size);
        // What else is said of the images may follow from them.
        known.data = common.data.clone();
        (known.data.path, known.data.limit) = (path, limit);
        if common.data.image_size > 0 {
            known.data.image_size = side;
        }
        known.threads = common.threads;
        known.launch = common.launch.clone();
        known.latency = common.latency.clone();
        known.ranking.truth_digest = common.ranking.truth_digest.clone();
        if let (Experiment::Gan(known), Experiment::Gan(wanted)) = (&mut own.experiment, &wanted.experiment) {
            known.judge.digest = wanted.judge.digest.clone();
        }
        own
    }

    /// Runs keep absolute paths.
    fn with_absolute_paths(&self) -> Recipe {
        let mut own = self.clone();
        let mut paths = vec![&mut own.common.data.path, &mut own.common.ranking.truth];
        match &mut own.experiment {
            Experiment::Gan(own) => paths.extend([&mut own.judge.model, &mut own.judge.statistics]),
            Experiment::Strategies(own) => paths.extend(own.modes.iter_mut().map(|mode| &mut mode.table)),
            _ => {}
        }
        for path in paths {
            *path = absolute(path);
        }
        own
    }
}

fn walk(key: &str, there: Option<&Value>, here: Option<&Value>, found: &mut Vec<Difference>) {
    match (there, here) {
        (Some(Value::Object(there)), Some(Value::Object(here))) => {
            let only_here = here.keys().filter(|key| !there.contains_key(*key));
            for name in there.keys().chain(only_here) {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                walk(&key, there.get(name), here.get(name), found);
            }
        }
        (Some(Value::Array(there)), Some(Value::Array(here))) if there.len() == here.len() => {
            for (index, (there, here)) in there.iter().zip(here).enumerate() {
                walk(&format!("{key}[{index}]"), Some(there), Some(here), found);
            }
        }
        (there, here) if there != here => {
            found.push(Difference { key: key.to_string(), there: there.cloned(), here: here.cloned() });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::Layers;

    fn recipe(preset: &str, set: impl Fn(Layers) -> Layers) -> Recipe {
        set(Layers::preset(preset).unwrap()).resolve().unwrap().into_inner()
    }

    #[test]
    fn a_difference_says_key_and_both_values() {
        let began = recipe("mbconv-gates-smoke", |layers| layers);
        assert_eq!(began.differences(&began), []);
        let wanted = recipe("mbconv-gates-smoke", |layers| layers.set("ranking.seeds", 2).set("standalone.randoms", 4));
        let found: Vec<String> = began.differences(&wanted).iter().map(Difference::to_string).collect();
        assert_eq!(found, ["`ranking.seeds` is 1 there and 2 here", "`standalone.randoms` is 3 there and 4 here"]);
        let chosen = ["proxyless".to_string(), "proxyless-full".to_string()];
        let fewer = recipe("mbconv-gates-smoke", |layers| layers.choose("--methods", "gradient.methods", &chosen));
        let found = began.differences(&fewer);
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().starts_with("`gradient.methods` is [{"), "{}", found[0]);
    }

    #[test]
    fn what_a_run_found_or_where_it_is_worked_on_is_no_difference() {
        let wanted = recipe("quick", |layers| layers.set("data.path", "images").set("threads", 2));
        let mut began = wanted.clone();
        began.common.data.path = absolute("images");
        (began.common.data.image_size, began.common.threads) = (28, 7);
        began.common.ranking.truth_digest = String::from("x");
        began.common.launch.shards = 64;
        assert_eq!(began.differences(&wanted), []);
        began.common.data.limit = 5;
        assert_eq!(began.differences(&wanted)[0].key, "data.limit");
    }
}
