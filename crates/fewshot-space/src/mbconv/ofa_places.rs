//! Where the decisions of `ofa-mbv3` stand: depths, kernels, expansions, the resolution.

/// Positions of decisions, in networks of so many stages and slots.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfaPlaces {
    pub stages: usize,
    pub slots: usize,
}

impl OfaPlaces {
    /// The depth of a stage.
    pub fn depth_of(self, stage: usize) -> usize {
        stage
    }

    /// The kernel at a slot.
    pub fn kernel_of(self, slot: usize) -> usize {
        self.stages + slot
    }

    /// The expansion at a slot.
    pub fn expansion_of(self, slot: usize) -> usize {
        self.stages + self.slots + slot
    }

    /// The resolution, which is the last.
    pub fn resolution(self) -> usize {
        self.stages + 2 * self.slots
    }
}
