//! The list of methods.

use fewshot_space::suggest;

use super::gate_settings::GateRule;
use super::{GradientError, GradientMethod, MethodSettings, darts, enas, gates, gdas, rsps, setn};
use crate::nets::Net;
use crate::train::ConfigError;

/// The method whose supernets are trained along uniform paths and no other way, so that any search can score networks in them.
pub const UNIFORM: &str = "rsps";

type Make = fn(&MethodSettings, &Net, u64) -> Result<Box<dyn GradientMethod>, GradientError>;

/// A method that can be chosen by name.
pub struct MethodInfo {
    /// Name to choose it by.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// One channel in so many goes through the operations of a decision with a choice.
    pub partial: usize,
    /// Whether zeros can compete with the options of each row ([`MethodSettings::none`]).
    pub weighs_zeros: bool,
    /// The published settings; of those that changed, the older ones, which made the published figures.
    pub published: fn() -> MethodSettings,
    make: Make,
}

impl MethodInfo {
    /// The method on `net`, which must be built with [`MethodInfo::partial`].
    ///
    /// # Errors
    /// When the space has no mixed forward pass and the method needs one.
    pub fn build(
        &self,
        settings: &MethodSettings,
        net: &Net,
        seed: u64,
    ) -> Result<Box<dyn GradientMethod>, GradientError> {
        (self.make)(settings, net, seed)
    }
}

const METHODS: &[MethodInfo] = &[
    MethodInfo {
        name: "darts-v1",
        about: "DARTS, first order: α follows the validation loss at the present weights",
        partial: 1,
        weighs_zeros: true,
        published: || MethodSettings::darts("darts-v1"),
        make: darts::first_order,
    },
    MethodInfo {
        name: "darts-v2",
        about: "DARTS, second order: α follows the validation loss one weight step ahead",
        partial: 1,
        weighs_zeros: true,
        published: || MethodSettings::darts("darts-v2"),
        make: darts::second_order,
    },
    MethodInfo {
        name: "darts-v1-original",
        about: "DARTS, first order, as first published for CIFAR-10: α moves before the weights",
        partial: 1,
        weighs_zeros: true,
        published: || MethodSettings::darts_original("darts-v1-original"),
        make: darts::original_first_order,
    },
    MethodInfo {
        name: "darts-v2-original",
        about: "DARTS, second order, as first published for CIFAR-10",
        partial: 1,
        weighs_zeros: true,
        published: || MethodSettings::darts_original("darts-v2-original"),
        make: darts::second_order,
    },
    MethodInfo {
        name: "pc-darts",
        about: "PC-DARTS as few-shot NAS ran it: a quarter of the channels, second order, no edge weights, no warm-up",
        partial: darts::PARTIAL,
        weighs_zeros: true,
        published: || MethodSettings::darts("pc-darts"),
        make: darts::second_order,
    },
    MethodInfo {
        name: "pc-darts-original",
        about: "PC-DARTS as first published: a quarter of the channels, first order, edge weights, 15 epochs of warm-up",
        partial: darts::PARTIAL,
        weighs_zeros: true,
        published: MethodSettings::pc_darts_original,
        make: darts::original_partial,
    },
    MethodInfo {
        name: "gdas",
        about: "GDAS: one operation per edge drawn by Gumbel noise, straight-through gradient",
        partial: 1,
        weighs_zeros: false,
        published: || MethodSettings { train: MethodSettings::longer(), ..MethodSettings::darts("gdas") },
        make: gdas::build,
    },
    MethodInfo {
        name: "setn",
        about: "SETN: uniform paths train the weights, the mixed network trains α, the best of the likeliest wins",
        partial: 1,
        weighs_zeros: false,
        published: MethodSettings::setn,
        make: setn::build,
    },
    MethodInfo {
        name: "enas",
        about: "ENAS: a controller learns by REINFORCE which paths score well",
        partial: 1,
        weighs_zeros: false,
        published: MethodSettings::enas,
        make: enas::build,
    },
    MethodInfo {
        name: "proxyless",
        about: "ProxylessNAS: one path per step by binary gates, two paths of each edge compared at a time",
        partial: 1,
        weighs_zeros: false,
        published: || MethodSettings::proxyless("proxyless", GateRule::TwoPaths),
        make: gates::build,
    },
    MethodInfo {
        name: "proxyless-full",
        about: "ProxylessNAS, all paths of each edge compared at a time",
        partial: 1,
        weighs_zeros: false,
        published: || MethodSettings::proxyless("proxyless-full", GateRule::AllPaths),
        make: gates::build,
    },
    MethodInfo {
        name: "proxyless-reinforce",
        about: "ProxylessNAS, gates that learn by REINFORCE from what networks score and cost",
        partial: 1,
        weighs_zeros: false,
        published: || MethodSettings::proxyless("proxyless-reinforce", GateRule::Reinforce),
        make: gates::build,
    },
    MethodInfo {
        name: UNIFORM,
        about: "random search with weight sharing: uniform paths train the weights, the best of 100 random ones wins",
        partial: 1,
        weighs_zeros: false,
        published: || MethodSettings { train: MethodSettings::longer(), ..MethodSettings::darts("rsps") },
        make: rsps::build,
    },
];

/// All methods, in the order in which to list them.
pub fn methods() -> &'static [MethodInfo] {
    METHODS
}

/// The method called `name`.
///
/// # Errors
/// [`GradientError::UnknownMethod`], with the name that was probably meant.
pub fn method(name: &str) -> Result<&'static MethodInfo, GradientError> {
    METHODS.iter().find(|info| info.name == name).ok_or_else(|| GradientError::UnknownMethod {
        name: name.to_string(),
        hint: suggest::hint(name, METHODS.iter().map(|info| info.name)),
    })
}

impl MethodSettings {
    /// Checks all ranges, and that the method exists.
    ///
    /// # Errors
    /// The first setting that is out of its range.
    pub fn check(&self) -> Result<(), GradientError> {
        let info = method(&self.name)?;
        self.check_ranges()?;
        if self.none && !info.weighs_zeros {
            let allowed = "false: this method has no numbers for zeros";
            return Err(ConfigError { key: "none", value: self.none.to_string(), allowed }.into());
        }
        match (&self.gates, (info.published)().gates) {
            (Some(gates), Some(_)) => gates.check()?,
            (None, None) => {}
            (given, _) => {
                let allowed =
                    if given.is_some() { "none: this method has no gates" } else { "a table: this method has gates" };
                let value = if given.is_some() { "a table" } else { "none" }.to_string();
                return Err(ConfigError { key: "gates", value, allowed }.into());
            }
        }
        Ok(())
    }
}
