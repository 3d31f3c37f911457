//! What is drawn for an image.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::levels::Chance;
use super::{AutoForm, levels, policy};
use crate::Shape;
use crate::augment::key::Key;
use crate::augment::operation::Operation;

/// Operations on bytes after flip and crop, drawn from the policy that was found for CIFAR-10 (E. D. Cubuk et al.,
/// "AutoAugment: Learning Augmentation Strategies from Data", CVPR 2019).
///
/// Each image gets one of 25 sub-policies, all equally likely, and each of its two operations with a probability of its own.
/// Images of any size and of 1 or 3 channels can be changed; in grey ones the saturation of colours is not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AutoAugment {
    /// Whose magnitudes, filling and interpolation. Default [`AutoForm::Pil`].
    pub form: AutoForm,
}

impl AutoAugment {
    /// The operations for the image of `key`, of `shape`.
    ///
    /// For each step the same numbers are drawn whatever the form is and whether it is applied.
    pub(in crate::augment) fn draw(&self, shape: Shape, key: Key) -> [Option<Operation>; 2] {
        let mut random = key.stream("data/auto-augment");
        let sub_policy = policy::CIFAR10[random.random_range(0..policy::CIFAR10.len())];
        sub_policy.map(|step| {
            let applied = random.random_range(0..10) < step.tenths;
            let chance = Chance { negative: random.next_u32() & 1 == 1, within: random.random() };
            applied.then(|| levels::operation(self.form, step.kind, step.level, chance, shape))
        })
    }
}
