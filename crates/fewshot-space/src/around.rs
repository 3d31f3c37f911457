use rand::Rng;

use crate::arch::{Arch, ArchError};
use crate::cost::Cost;
use crate::decision::Decision;
use crate::graph::Graph;
use crate::option_set::OptionSet;
use crate::relaxed::Relaxed;
use crate::space::Space;
use crate::text::ParseArchError;

/// Another space with something besides, such as measured latencies or how networks are built. Whatever is asked of a [`Space`] the
/// one inside answers, so that whoever has one of these never forgets to hand on a question.
pub trait Around: std::fmt::Debug + Send + Sync {
    /// The space inside.
    fn inside(&self) -> &dyn Space;

    /// Predicted time for one image in microseconds ([`Space::latency`]); by default what the space inside says.
    fn predicted(&self, arch: &Arch) -> Option<u64> {
        self.inside().latency(arch)
    }
}

impl<T: Around> Space for T {
    fn name(&self) -> &str {
        self.inside().name()
    }

    fn decisions(&self) -> &[Decision] {
        self.inside().decisions()
    }

    fn graph(&self, arch: &Arch) -> Graph {
        self.inside().graph(arch)
    }

    fn cost(&self, arch: &Arch) -> Cost {
        self.inside().cost(arch)
    }

    fn latency(&self, arch: &Arch) -> Option<u64> {
        self.predicted(arch)
    }

    fn structure(&self, arch: &Arch) -> String {
        self.inside().structure(arch)
    }

    fn vary(&self, arch: &Arch, rng: &mut dyn Rng) -> Option<Arch> {
        self.inside().vary(arch, rng)
    }

    fn encode(&self, arch: &Arch) -> Vec<f32> {
        self.inside().encode(arch)
    }

    fn drawn_together(&self) -> Vec<Vec<usize>> {
        self.inside().drawn_together()
    }

    fn relaxed(&self, allowed: &[OptionSet]) -> Box<dyn Relaxed> {
        self.inside().relaxed(allowed)
    }

    fn active(&self, arch: &Arch) -> Vec<bool> {
        self.inside().active(arch)
    }

    fn canonical(&self, arch: &Arch) -> Arch {
        self.inside().canonical(arch)
    }

    fn format(&self, arch: &Arch) -> String {
        self.inside().format(arch)
    }

    fn parse(&self, text: &str) -> Result<Arch, ParseArchError> {
        self.inside().parse(text)
    }

    fn validate(&self, arch: &Arch) -> Result<(), ArchError> {
        self.inside().validate(arch)
    }
}
