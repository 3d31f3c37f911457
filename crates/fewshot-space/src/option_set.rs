use serde::{Deserialize, Serialize};
use std::fmt;

/// A set of option indices of one [`Decision`](crate::Decision), each below 64.
///
/// Serialised as the ascending list of its indices.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct OptionSet(u64);

impl OptionSet {
    /// One more than the largest index that a set can hold.
    pub const CAPACITY: usize = 64;

    /// The set without members.
    pub const EMPTY: OptionSet = OptionSet(0);

    /// The options `0..count`.
    ///
    /// # Panics
    /// When `count` is over [`OptionSet::CAPACITY`].
    pub const fn full(count: usize) -> OptionSet {
        assert!(count <= Self::CAPACITY, "an option set holds at most 64 options");
        match count {
            0 => OptionSet(0),
            _ => OptionSet(u64::MAX >> (Self::CAPACITY - count)),
        }
    }

    /// The set that holds just `option`.
    ///
    /// # Panics
    /// When `option` is not under [`OptionSet::CAPACITY`].
    pub const fn single(option: usize) -> OptionSet {
        assert!(option < Self::CAPACITY, "an option index is at most 63");
        OptionSet(1 << option)
    }

    /// Whether `option` is a member.
    pub const fn contains(self, option: usize) -> bool {
        option < Self::CAPACITY && self.0 >> option & 1 == 1
    }

    /// Number of members.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there are no members.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members of both sets.
    #[must_use]
    pub const fn intersect(self, other: OptionSet) -> OptionSet {
        OptionSet(self.0 & other.0)
    }

    /// The members of either set.
    #[must_use]
    pub const fn union(self, other: OptionSet) -> OptionSet {
        OptionSet(self.0 | other.0)
    }

    /// The members that `other` lacks.
    #[must_use]
    pub const fn difference(self, other: OptionSet) -> OptionSet {
        OptionSet(self.0 & !other.0)
    }

    /// Whether every member is in `other` too.
    pub const fn is_subset(self, other: OptionSet) -> bool {
        self.0 & !other.0 == 0
    }

    /// The smallest member.
    pub const fn first(self) -> Option<usize> {
        match self.0 {
            0 => None,
            bits => Some(bits.trailing_zeros() as usize),
        }
    }

    /// The smallest member above `option`.
    pub fn next_after(self, option: usize) -> Option<usize> {
        self.difference(OptionSet::full((option + 1).min(Self::CAPACITY))).first()
    }

    /// The members in ascending order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..Self::CAPACITY).filter(move |&option| self.contains(option))
    }
}

/// # Panics
/// When an index is not under [`OptionSet::CAPACITY`].
impl FromIterator<usize> for OptionSet {
    fn from_iter<I: IntoIterator<Item = usize>>(options: I) -> OptionSet {
        options.into_iter().map(OptionSet::single).fold(OptionSet::EMPTY, OptionSet::union)
    }
}

impl fmt::Debug for OptionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl From<OptionSet> for Vec<u8> {
    fn from(set: OptionSet) -> Vec<u8> {
        (0..OptionSet::CAPACITY as u8).filter(|&option| set.contains(option.into())).collect()
    }
}

impl TryFrom<Vec<u8>> for OptionSet {
    type Error = OptionSetError;

    fn try_from(options: Vec<u8>) -> Result<OptionSet, OptionSetError> {
        match options.iter().find(|&&option| usize::from(option) >= Self::CAPACITY) {
            Some(&option) => Err(OptionSetError { option }),
            None => Ok(options.into_iter().map(usize::from).collect()),
        }
    }
}

/// An option index that no [`OptionSet`] can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("option index {option} is too large: a decision has at most 64 options, 0 to 63")]
pub struct OptionSetError {
    /// The index that was given.
    pub option: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algebra_at_the_edges_of_the_word() {
        let all = OptionSet::full(64);
        assert_eq!((all.len(), OptionSet::full(0)), (64, OptionSet::EMPTY));
        assert_eq!(all.difference(OptionSet::full(63)), OptionSet::single(63));
        assert!(all.contains(63) && !all.contains(64));
        assert_eq!(all.next_after(62), Some(63));
        assert_eq!(all.next_after(63), None);
        let set: OptionSet = [0, 5, 63].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 5, 63]);
        assert_eq!((set.first(), set.next_after(0), set.next_after(5)), (Some(0), Some(5), Some(63)));
        assert!(set.is_subset(all) && !all.is_subset(set));
        assert_eq!(set.union(OptionSet::single(1)).intersect(OptionSet::full(6)), [0, 1, 5].into_iter().collect());
    }

    #[test]
    fn serialised_as_indices_and_checked() {
        let set: OptionSet = [2, 63].into_iter().collect();
        assert_eq!(serde_json::to_string(&set).unwrap(), "[2,63]");
        assert_eq!(serde_json::from_str::<OptionSet>("[2,63]").unwrap(), set);
        let error = serde_json::from_str::<OptionSet>("[64]").unwrap_err().to_string();
        assert!(error.contains("64 is too large"), "{error}");
    }
}
