use crate::arch::Arch;
use crate::decision::Decision;
use crate::option_set::OptionSet;
use rand::{Rng, RngExt};

/// How many members a product of option sets has, per decision and option.
///
/// A member is a canonical architecture: every active decision takes an allowed option. Since conditions form a forest,
/// with `a_d` the options allowed at decision `d` and `C(d, o)` the decisions that option `o` of `d` switches on,
///
/// ```text
/// total(d) = sum over o in a_d of weight(d, o),   weight(d, o) = product over c in C(d, o) of total(c),
/// ```
///
/// and the product of `total` over the unconditional decisions counts all members. Drawing each active decision in
/// proportion to its weights is uniform over members. Sets may be empty here: nothing passes through such a decision, but
/// members in which it is inert remain.
pub(crate) struct Counts<'a> {
    decisions: &'a [Decision],
    /// Per decision and option; 0 for options that are not allowed.
    weights: Vec<Vec<u128>>,
    /// Per decision.
    totals: Vec<u128>,
    all: u128,
}

/// More members than a `u128` counts.
#[derive(Debug)]
pub(crate) struct Overflow;

impl<'a> Counts<'a> {
    pub fn new(decisions: &'a [Decision], allowed: &[OptionSet]) -> Result<Counts<'a>, Overflow> {
        let is_allowed = |(decision, set): (&Decision, &OptionSet)| {
            (0..decision.options.len()).map(|option| set.contains(option).into()).collect()
        };
        let mut weights: Vec<Vec<u128>> = decisions.iter().zip(allowed).map(is_allowed).collect();
        let mut totals = vec![0; decisions.len()];
        let mut all: u128 = 1;
        // Conditions point backwards, so from the back every decision comes after all that depend on it.
        for (index, decision) in decisions.iter().enumerate().rev() {
            let sum = |sum: u128, &weight: &u128| sum.checked_add(weight);
            let total = weights[index].iter().try_fold(0, sum).ok_or(Overflow)?;
            totals[index] = total;
            match decision.active_if {
                None => all = all.checked_mul(total).ok_or(Overflow)?,
                Some(condition) => {
                    for option in condition.options.iter() {
                        if let Some(weight) = weights[condition.decision].get_mut(option) {
                            *weight = weight.checked_mul(total).ok_or(Overflow)?;
                        }
                    }
                }
            }
        }
        Ok(Counts { decisions, weights, totals, all })
    }

    /// Number of members.
    pub fn all(&self) -> u128 {
        self.all
    }

    /// A uniformly drawn member, if there is one.
    pub fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Option<Arch> {
        self.walk(|total, weights| {
            let mut left = rng.random_range(0..total);
            let holds = |&weight: &u128| match left.checked_sub(weight) {
                Some(rest) => {
                    left = rest;
                    false
                }
                None => true,
            };
            weights.iter().position(holds)
        })
    }

    /// A member whose every active decision was drawn by itself, uniformly among the options that lead to a member, if there is one.
    pub fn draw_by_decision<R: Rng + ?Sized>(&self, rng: &mut R) -> Option<Arch> {
        self.walk(|_, weights| {
            let open: Vec<usize> = (0..weights.len()).filter(|&option| weights[option] > 0).collect();
            (!open.is_empty()).then(|| open[rng.random_range(0..open.len())])
        })
    }

    /// The first member in the order of listing, if there is one.
    pub fn first(&self) -> Option<Arch> {
        self.walk(|_, weights| weights.iter().position(|&weight| weight > 0))
    }

    /// Takes at each active decision what `choose` picks from its total and weights, at least one of them positive.
    fn walk(&self, mut choose: impl FnMut(u128, &[u128]) -> Option<usize>) -> Option<Arch> {
        if self.all == 0 {
            return None;
        }
        let mut active = Vec::with_capacity(self.decisions.len());
        let mut options = Vec::with_capacity(self.decisions.len());
        for (index, decision) in self.decisions.iter().enumerate() {
            active.push(decision.is_active(&active, &options));
            let option = if active[index] { choose(self.totals[index], &self.weights[index])? } else { 0 };
            options.push(option as u8);
        }
        Some(Arch::new(options))
    }
}
