use crate::decision::Decision;
use serde::{Deserialize, Serialize};

/// An architecture: one option index per [`Decision`] of a space, in the space's order.
///
/// An `Arch` does not know its space. Everything that reads one from outside checks it first: with
/// [`Space::validate`](crate::Space::validate), or by [`Space::parse`](crate::Space::parse), which checks by itself.
/// Serialised as the list of indices.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Arch(Vec<u8>);

impl Arch {
    /// The architecture that takes option `options[i]` of decision `i`.
    pub fn new(options: Vec<u8>) -> Arch {
        Arch(options)
    }

    /// The option index of every decision.
    pub fn options(&self) -> &[u8] {
        &self.0
    }

    /// The option index of one decision.
    ///
    /// # Panics
    /// When there is no such decision.
    pub fn get(&self, decision: usize) -> usize {
        self.0[decision].into()
    }

    /// Checks length and indices against `decisions`; `space` is the name used in the error.
    pub(crate) fn check(&self, space: &str, decisions: &[Decision]) -> Result<(), ArchError> {
        if self.0.len() != decisions.len() {
            return Err(ArchError::Length { space: space.into(), expected: decisions.len(), found: self.0.len() });
        }
        for (decision, &option) in decisions.iter().zip(&self.0) {
            if usize::from(option) >= decision.options.len() {
                return Err(ArchError::Option {
                    space: space.into(),
                    decision: decision.name.clone(),
                    options: decision.options.len(),
                    found: option,
                });
            }
        }
        Ok(())
    }
}

/// Why an [`Arch`] is none of a space's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchError {
    /// Too few or too many options.
    #[error(
        "an architecture of {space} has {expected} decisions, this one has {found}: was it made for another space?"
    )]
    Length {
        /// Name of the space.
        space: String,
        /// The space's number of decisions.
        expected: usize,
        /// The architecture's.
        found: usize,
    },
    /// An option index that the decision does not have.
    #[error("decision {decision} of {space} has options 0 to {}, not {found}: was the architecture made for another space?", .options - 1)]
    Option {
        /// Name of the space.
        space: String,
        /// Name of the decision.
        decision: String,
        /// Number of options that it has.
        options: usize,
        /// The index given.
        found: u8,
    },
}
