//! Disjoint regions that cover a whole.

mod error;
mod proof;

pub use error::PartitionError;

use crate::arch::Arch;
use crate::region::Region;

/// Regions that are disjoint and together hold every member of a whole, and nothing else: proven when it is made.
///
/// Thus every architecture of the whole has exactly one owner, the region whose supernet scores it. A region may be empty
/// where filters leave it nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    whole: Region,
    regions: Vec<Region>,
}

impl Partition {
    /// Takes `regions` as a partition of `whole`, after proving that they are one.
    ///
    /// Regions that differ in their options are compared by counting with exact set algebra, regions that differ in the
    /// range of one feature by comparing ranges; the two may be combined, a product split first and ranges of one feature
    /// within each product. Neither looks at single architectures, so both work in spaces of any countable size. Anything
    /// else is checked one architecture at a time, up to [`ENUMERATION_LIMIT`](crate::ENUMERATION_LIMIT).
    ///
    /// All regions must share one space object: make them from `whole`.
    ///
    /// # Errors
    /// [`PartitionError`], with an architecture that shows what is wrong.
    pub fn new(whole: Region, regions: Vec<Region>) -> Result<Partition, PartitionError> {
        if regions.is_empty() {
            return Err(PartitionError::NoRegions);
        }
        if let Some(index) = regions.iter().position(|region| !region.same_space(&whole)) {
            let space = whole.space().name().into();
            return Err(PartitionError::OtherSpace { region: regions[index].label(), index, space });
        }
        proof::prove(&whole, &regions)?;
        Ok(Partition { whole, regions })
    }

    /// What is partitioned.
    pub fn whole(&self) -> &Region {
        &self.whole
    }

    /// The regions, in the order given.
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// The index of the region that owns `arch`; `None` when `arch` is not in the whole.
    pub fn route(&self, arch: &Arch) -> Option<usize> {
        self.regions.iter().position(|region| region.contains(arch))
    }
}
