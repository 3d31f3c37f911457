use crate::arch::{Arch, ArchError};
use crate::cost::Cost;
use crate::decision::{Decision, activity};
use crate::encoding::one_hot;
use crate::graph::Graph;
use crate::option_set::OptionSet;
use crate::relaxed::{Largest, Relaxed};
use crate::text::{self, ParseArchError};
use rand::Rng;

/// A search space: a list of [`Decision`]s and what each choice means, without any tensor.
///
/// A new space gives [`name`](Space::name), [`decisions`](Space::decisions), [`graph`](Space::graph) and
/// [`cost`](Space::cost); counting, sampling, variation, splitting and a text form follow from the decisions
/// ([`Region`](crate::Region)).
///
/// # Panics
/// Every method that takes an [`Arch`], but [`validate`](Space::validate), may panic when the architecture is not valid
/// for the space. [`parse`](Space::parse) and [`Region`](crate::Region) only hand out valid ones; check those that
/// come from elsewhere.
pub trait Space: std::fmt::Debug + Send + Sync {
    /// The name by which users choose the space.
    fn name(&self) -> &str;

    /// What there is to decide, in a fixed order. The first is the most significant one when architectures are listed.
    fn decisions(&self) -> &[Decision];

    /// The operations of one architecture, for [features](crate::Feature).
    fn graph(&self, arch: &Arch) -> Graph;

    /// Cost of the architecture as a stand-alone network. Operations count whether or not they are live.
    fn cost(&self, arch: &Arch) -> Cost;

    /// Predicted time for one image in microseconds; `None` where nobody measured ([`Timed`](crate::Timed) has it).
    fn latency(&self, _arch: &Arch) -> Option<u64> {
        None
    }

    /// A text that is equal only for architectures that compute the same function of images and weights. It need not
    /// find all such pairs. Without further knowledge it is the text form.
    fn structure(&self, arch: &Arch) -> String {
        self.format(&self.canonical(arch))
    }

    /// A random neighbour by a measure of the space's own; `None`, the same each time, where it has none. Canonical,
    /// and with exactly one decision changed of those that are active in both; those that this switches on may carry
    /// over what was elsewhere.
    ///
    /// [`Region::mutate`](crate::Region::mutate) draws from it, and keeps to the region.
    fn vary(&self, _arch: &Arch, _rng: &mut dyn Rng) -> Option<Arch> {
        None
    }

    /// Decisions that belong to one place of a network, so that a variation which draws a place anew draws them together. Every
    /// decision is in one group, and groups are in the order of their first decisions. By default each decision is a place of its own.
    fn drawn_together(&self) -> Vec<Vec<usize>> {
        (0..self.decisions().len()).map(|decision| vec![decision]).collect()
    }

    /// The architecture as numbers for a model that predicts accuracy, as many for each: by default one per option of every decision,
    /// 1 for the option that is taken, 0 for all options of a decision that is inert.
    fn encode(&self, arch: &Arch) -> Vec<f32> {
        one_hot(self.decisions(), arch, 0..self.decisions().len())
    }

    /// What a network weighs that runs at once all options `allowed` at each decision: those of a region of this space
    /// ([`Region::product`](crate::Region::product)). Without a relaxation of its own a space has a row per open decision.
    fn relaxed(&self, allowed: &[OptionSet]) -> Box<dyn Relaxed> {
        Box::new(Largest::new(allowed, |arch| self.cost(arch).macs))
    }

    /// Which decisions matter in this architecture; the others are inert.
    fn active(&self, arch: &Arch) -> Vec<bool> {
        activity(self.decisions(), arch.options())
    }

    /// The architecture with its inert decisions set to option 0: one representative of all that differ in nothing
    /// else. Regions count, draw and list these; leave this method as it is.
    fn canonical(&self, arch: &Arch) -> Arch {
        let keep = |(&option, active)| if active { option } else { 0 };
        Arch::new(arch.options().iter().zip(self.active(arch)).map(keep).collect())
    }

    /// The text form; without a form of its own, a space writes the active decisions as `name=option,name=option`.
    fn format(&self, arch: &Arch) -> String {
        text::format_assignments(self.decisions(), arch)
    }

    /// Reads any text form of the space. `parse(format(a))` is `canonical(a)`.
    ///
    /// # Errors
    /// [`ParseArchError`] says what is wrong and where.
    fn parse(&self, text: &str) -> Result<Arch, ParseArchError> {
        text::parse_assignments(self.name(), self.decisions(), text)
    }

    /// Checks that an architecture from outside fits the space.
    ///
    /// # Errors
    /// [`ArchError`] for a wrong number of options or an option that does not exist.
    fn validate(&self, arch: &Arch) -> Result<(), ArchError> {
        arch.check(self.name(), self.decisions())
    }
}
