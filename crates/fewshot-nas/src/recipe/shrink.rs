//! Progressive shrinking: a supernet trained in phases, each with more of its networks than the one before.

use std::collections::{BTreeMap, BTreeSet};

use fewshot_space::{Arch, OptionSet, Region, RegionError, Space, suggest};
use serde::{Deserialize, Serialize};

use super::error::RecipeError;
use crate::train::{PATHS, TrainConfig};

/// A phase of the supernet's training (Once-for-All: Cai et al., ICLR 2020, section 3.3). It starts from the weights of the phase before
/// it, with a new optimizer. What it does not say is as `[supernet]` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShrinkPhase {
    /// What its stage is called: lower-case letters, digits and `-`; each its own.
    pub name: String,
    /// How many options are open, counted from the last one, by the kind of decision: what stands behind the last point of its name,
    /// e.g. `{ k = 1, depth = 2 }`. All options of what is not named are open.
    #[serde(default)]
    pub last: BTreeMap<String, usize>,
    /// Its part of `supernet.epochs`, beside those of the other phases; above 0. It has an epoch at least.
    pub share: f64,
    /// Its learning rates, as shares of `supernet.lr` and `supernet.lr_min`; above 0.
    #[serde(default = "all")]
    pub lr: f64,
    /// Epochs in which the rate rises, 0 or more.
    #[serde(default)]
    pub warmup: f64,
    /// Sub-networks of each step, 1 to 64.
    #[serde(default = "one")]
    pub paths: usize,
    /// What being unlike the teacher counts beside 1 for the labels, 0 (none) or more. The teacher is the largest network, as the first
    /// phase leaves it.
    #[serde(default)]
    pub distill: f64,
    /// Whether channels are sorted by what they matter before it, as before phases that add widths.
    #[serde(default)]
    pub sort: bool,
}

fn all() -> f64 {
    1.0
}

fn one() -> usize {
    1
}

impl ShrinkPhase {
    /// The networks of `held` that the phase trains, whatever their costs: large networks teach those that keep a limit.
    ///
    /// # Errors
    /// None where the phase was checked for the space.
    pub fn region(&self, held: &Region) -> Result<Region, RegionError> {
        let decisions = held.space().decisions();
        let mut region = Region::full(held.space().clone());
        for (index, decision) in decisions.iter().enumerate() {
            let allowed: Vec<usize> = held.allowed(index).iter().collect();
            let open = self.last.get(kind(&decision.name)).copied().unwrap_or(allowed.len()).max(1);
            let last: OptionSet = allowed.iter().rev().take(open).copied().collect();
            region = region.restrict(index, last)?;
        }
        Ok(region)
    }

    /// Its training, of one whose phases have such shares in all.
    pub fn config(&self, supernet: &TrainConfig, shares: f64) -> TrainConfig {
        let epochs = ((self.share / shares * supernet.epochs as f64).round() as u64).max(1);
        TrainConfig {
            epochs,
            lr: self.lr * supernet.lr,
            lr_min: self.lr * supernet.lr_min,
            warmup: self.warmup,
            paths: self.paths,
            distill: self.distill,
            ..supernet.clone()
        }
    }

    /// How many passes one of its steps takes, the teacher's forward pass being a third.
    pub fn passes(&self) -> f64 {
        passes(self.paths, self.distill > 0.0)
    }
}

/// Passes of a step with so many sub-networks; a teacher's forward pass is a third.
pub fn passes(paths: usize, is_taught: bool) -> f64 {
    paths as f64 + if is_taught { 1.0 / 3.0 } else { 0.0 }
}

/// What stands behind the last point of a decision's name.
pub fn kind(decision: &str) -> &str {
    decision.rsplit('.').next().unwrap_or(decision)
}

/// The largest network of a region, its last option everywhere.
pub fn largest(region: &Region) -> Arch {
    let decisions = region.space().decisions().len();
    let last = |decision: usize| region.allowed(decision).iter().max().unwrap_or(0) as u8;
    region.space().canonical(&Arch::new((0..decisions).map(last).collect()))
}

/// Checks ranges and names of all phases for a space, and that each has the networks of the one before and the last one all.
///
/// # Errors
/// The first setting that cannot be.
pub fn check(phases: &[ShrinkPhase], space: &dyn Space) -> Result<(), RecipeError> {
    let kinds: BTreeSet<&str> = space.decisions().iter().map(|decision| kind(&decision.name)).collect();
    let mut names = BTreeSet::new();
    let mut before: Option<&ShrinkPhase> = None;
    for (index, phase) in phases.iter().enumerate() {
        let fail = |key: &str, problem: String| {
            let key = format!("shrink[{index}].{key}");
            Err(RecipeError::setting(key.clone(), format!("{key}: {problem}")))
        };
        let is_word = !phase.name.is_empty()
            && phase.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !is_word || !names.insert(phase.name.as_str()) {
            let problem = format!("`{}`: give each phase a name of its own, of a to z, 0 to 9 and -", phase.name);
            return fail("name", problem);
        }
        for (name, count) in &phase.last {
            if !kinds.contains(name.as_str()) {
                let hint = suggest::hint(name, kinds.iter().copied());
                return fail("last", format!("{} has no decisions `{name}`, {hint}", space.name()));
            }
            let widened = before.is_none_or(|before| before.last.get(name).is_some_and(|least| least <= count));
            if *count == 0 || !widened {
                return fail("last", format!("{name} = {count}: 1 or more, and no less than in the phase before"));
            }
        }
        let positive = |key, value: f64| match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => fail(key, format!("{value} is out of range: above 0")),
        };
        positive("share", phase.share)?;
        positive("lr", phase.lr)?;
        let or_none = |key, value: f64| match value >= 0.0 && value.is_finite() {
            true => Ok(()),
            false => fail(key, format!("{value} is out of range: 0 (none) or more")),
        };
        or_none("warmup", phase.warmup)?;
        or_none("distill", phase.distill)?;
        if !PATHS.contains(&phase.paths) {
            let problem = format!("{} is out of range: {} to {}", phase.paths, PATHS.start(), PATHS.end());
            return fail("paths", problem);
        }
        if before.is_none() && phase.distill > 0.0 {
            return fail("distill", "the first phase trains the teacher and has none: leave it out".to_string());
        }
        before = Some(phase);
    }
    match before {
        Some(last) if !last.last.is_empty() => {
            let key = format!("shrink[{}].last", phases.len() - 1);
            let problem = format!("{key}: the last phase trains all networks: leave it out");
            Err(RecipeError::setting(key, problem))
        }
        _ => Ok(()),
    }
}
