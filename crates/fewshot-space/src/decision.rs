use crate::option_set::OptionSet;

/// A named place of a space with the options to choose from: a compound edge, a kernel size, a depth, a norm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Unique in its space, short, without blanks, `,` and `=`: it appears in region labels and text forms.
    pub name: String,
    /// Names of the options, unique within the decision, 1 to 64 of them. The position is the option's index.
    pub options: Vec<String>,
    /// When the decision matters; `None`: always.
    pub active_if: Option<Activation>,
}

/// The condition under which a decision matters: an earlier decision is itself active and takes one of some options.
///
/// A block slot past the end of its stage, for instance, is inert: whatever it says, the network is the same. Conditions
/// point backwards to one decision each, so that they form a forest; that is what makes exact counting and uniform
/// sampling of distinct networks cheap ([`Region`](crate::Region)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activation {
    /// Index of the earlier decision.
    pub decision: usize,
    /// The options of it that switch this decision on.
    pub options: OptionSet,
}

impl Decision {
    /// A decision that always matters.
    pub fn new(name: impl Into<String>, options: impl IntoIterator<Item = impl Into<String>>) -> Decision {
        Decision { name: name.into(), options: options.into_iter().map(Into::into).collect(), active_if: None }
    }

    /// The same decision, inert unless decision `decision` (which comes before it in the space) takes one of `options`.
    #[must_use]
    pub fn active_if(self, decision: usize, options: OptionSet) -> Decision {
        Decision { active_if: Some(Activation { decision, options }), ..self }
    }

    /// All its options.
    pub fn option_set(&self) -> OptionSet {
        OptionSet::full(self.options.len())
    }

    /// Whether it is active when the decisions before it are active as in `active` and take the options `taken`.
    pub(crate) fn is_active(&self, active: &[bool], taken: &[u8]) -> bool {
        self.active_if.is_none_or(|condition| {
            active[condition.decision] && condition.options.contains(taken[condition.decision].into())
        })
    }
}

/// Which decisions are active when the options `taken` are chosen.
pub(crate) fn activity(decisions: &[Decision], taken: &[u8]) -> Vec<bool> {
    let mut active = Vec::with_capacity(decisions.len());
    for decision in decisions {
        active.push(decision.is_active(&active, taken));
    }
    active
}
