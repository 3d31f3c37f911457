//! Architectures as numbers, for models that predict accuracy.

use crate::arch::Arch;
use crate::decision::{Decision, activity};

/// One number per option of the decisions at `places`, in that order: 1 for the option that is taken, else 0. All are 0 for a
/// decision that is inert.
///
/// # Panics
/// When a place is none of `decisions`, or `arch` is not valid for these.
pub fn one_hot(decisions: &[Decision], arch: &Arch, places: impl IntoIterator<Item = usize>) -> Vec<f32> {
    let active = activity(decisions, arch.options());
    let mut encoded = Vec::new();
    for place in places {
        let start = encoded.len();
        encoded.resize(start + decisions[place].options.len(), 0.0);
        if active[place] {
            encoded[start + arch.get(place)] = 1.0;
        }
    }
    encoded
}
