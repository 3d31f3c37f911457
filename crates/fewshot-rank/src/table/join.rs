//! Pairing two tables by architecture.

use fewshot_space::Arch;

use super::entries::Table;
use super::error::TableError;

/// The architectures that two tables have in common, in the order of the first one, with both
/// numbers; and how many were left over.
#[derive(Debug, Clone, PartialEq)]
pub struct Joined {
    /// The common architectures, at least one.
    pub archs: Vec<Arch>,
    /// The first table's number of each.
    pub left: Vec<f64>,
    /// The second table's number of each.
    pub right: Vec<f64>,
    /// How many architectures only the first table has.
    pub only_left: usize,
    /// How many architectures only the second table has.
    pub only_right: usize,
}

impl Table {
    /// Pairs this table's numbers with another's.
    ///
    /// # Errors
    /// [`TableError::Spaces`] when they are about different spaces, [`TableError::Disjoint`] when
    /// they have no architecture in common.
    pub fn join(&self, other: &Table) -> Result<Joined, TableError> {
        let (left, right) = (self.title().to_owned(), other.title().to_owned());
        if self.space().name() != other.space().name() {
            return Err(TableError::Spaces {
                left,
                left_space: self.space().name().to_owned(),
                right,
                right_space: other.space().name().to_owned(),
            });
        }
        let mut joined = Joined { archs: Vec::new(), left: Vec::new(), right: Vec::new(), only_left: 0, only_right: 0 };
        for (arch, value) in self.iter() {
            match other.get(arch) {
                Some(partner) => {
                    joined.archs.push(arch.clone());
                    joined.left.push(value);
                    joined.right.push(partner);
                }
                None => joined.only_left += 1,
            }
        }
        if joined.archs.is_empty() {
            return Err(TableError::Disjoint { left, right });
        }
        joined.only_right = other.len() - joined.archs.len();
        Ok(joined)
    }
}
